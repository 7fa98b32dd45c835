"""Instants as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.core.instants import instant_us

NOW_US = 1_732_190_400_000_000
"""2024-11-21 12:00 UTC"""
BERLIN = ZoneInfo("Europe/Berlin")
HOUR_US = 3_600_000_000

TABLE = [
    ("-90s", NOW_US - 90_000_000),
    ("-30m", NOW_US - HOUR_US // 2),
    ("-12h", NOW_US - 12 * HOUR_US),
    ("-7d", NOW_US - 7 * 24 * HOUR_US),
    ("-2w", NOW_US - 14 * 24 * HOUR_US),
    (" 2024-11-21 ", NOW_US - 12 * HOUR_US),
    ("2024-11-21T12:00:00.000001", NOW_US + 1),
    ("2024-11-21 13:00+01:00", NOW_US),
    ("1732190400", NOW_US),
    ("1732190400000001", NOW_US + 1),
    (NOW_US, NOW_US),
    (5, 5),
    (datetime(2024, 11, 21, 12, tzinfo=UTC), NOW_US),
    (datetime(2024, 11, 21, 7, tzinfo=timezone(timedelta(hours=-5))), NOW_US),
    (datetime(2024, 11, 21, 12), NOW_US),  # noqa: DTZ001 - that is the case
]


@pytest.mark.parametrize(("value", "expected"), TABLE)
def test_an_instant_is_what_it_says(value: str | int | datetime, expected: int) -> None:
    """Relative to now, ISO 8601 in UTC unless it says otherwise, a datetime, or a number; it is a whole number."""
    found = instant_us(value, now_us=NOW_US)
    assert (type(found), found) == (int, expected)


@pytest.mark.parametrize(
    ("value", "shift_h"),
    [("2024-11-21", 1), ("2024-07-21T10:00", 2), (datetime(2024, 7, 21), 2), ("2024-07-21 10:00Z", 0), ("-1h", 0)],  # noqa: DTZ001
)
def test_a_clock_without_an_offset_stands_in_the_zone(value: str | datetime, shift_h: int) -> None:
    """Summer time included; what says its offset, or is relative, is no other instant for it."""
    utc = instant_us(value, now_us=NOW_US)
    assert instant_us(value, now_us=NOW_US, tz=BERLIN) == utc - shift_h * HOUR_US


@pytest.mark.parametrize("value", ["", "soon", "-1y", "-h", "1h", "2024-13-01", True, None, 1.5])
def test_what_is_no_instant_is_refused_with_what_is_accepted(value: object) -> None:
    """In one line."""
    with pytest.raises(ValueError, match="accepted: an ISO 8601 time") as refusal:
        instant_us(value, now_us=NOW_US)  # type: ignore[arg-type]  # that is the case
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("value", "kind"), [(True, "bool"), (None, "NoneType"), (1.5, "float")])
def test_what_is_of_another_kind_is_refused_by_its_kind(value: object, kind: str) -> None:
    """Its value may be long, and says less."""
    with pytest.raises(ValueError, match=f"^{kind} is no instant"):
        instant_us(value, now_us=NOW_US)  # type: ignore[arg-type]  # that is the case


@pytest.mark.parametrize("value", [1_732_190_400, 1_732_190_400_000])
def test_a_number_in_another_unit_is_not_taken_for_microseconds(value: int) -> None:
    """A range that was to begin today would be everything; as a text the number says its unit."""
    with pytest.raises(ValueError, match=f"is in 1970; in seconds or milliseconds say it as a text, '{value}'"):
        instant_us(value, now_us=NOW_US)
    assert instant_us(str(value), now_us=NOW_US) == 1_732_190_400_000_000


@pytest.mark.parametrize("unit", [1, 1_000])
def test_the_years_of_another_unit_are_1990_to_2100(unit: int) -> None:
    """Both instants belong to them, and what lies outside is an instant of 1970 that somebody may mean."""
    for within in (631_152_000 * unit, 4_102_444_800 * unit):
        with pytest.raises(ValueError, match="is in 1970"):
            instant_us(within, now_us=NOW_US)
    for beyond in (631_152_000 * unit - 1, 4_102_444_800 * unit + 1):
        assert instant_us(beyond, now_us=NOW_US) == beyond


@given(st.datetimes(datetime(1991, 1, 1), datetime(2199, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_every_datetime_and_its_text_are_one_instant(moment: datetime) -> None:
    """To the microsecond."""
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    expected = since // timedelta(microseconds=1)
    assert instant_us(moment, now_us=NOW_US) == expected
    assert instant_us(moment.astimezone(UTC).isoformat(), now_us=NOW_US) == expected
