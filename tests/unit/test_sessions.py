"""Sessions and days by the clocks of their place, where clocks change."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfoNotFoundError

import pytest

from trio_ticks import ConfigError
from trio_ticks.core.bars.intervals import cut_of, slots_of
from trio_ticks.core.bars.sessions import session_of

HOUR_US = 3_600_000_000


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


# Session, day, and when it takes place in UTC; the offsets are those of the zones' laws.
DAYS = [
    ("09:30-16:00 America/New_York", "2025-03-07", "2025-03-07T14:30", "2025-03-07T21:00"),
    ("09:30-16:00 America/New_York", "2025-03-10", "2025-03-10T13:30", "2025-03-10T20:00"),
    ("00:00-24:00 America/New_York", "2025-03-09", "2025-03-09T05:00", "2025-03-10T04:00"),  # 23 hours
    ("00:00-24:00 America/New_York", "2025-11-02", "2025-11-02T04:00", "2025-11-03T05:00"),  # 25
    ("00:00-24:00 Europe/Berlin", "2025-03-30", "2025-03-29T23:00", "2025-03-30T22:00"),
    ("00:00-24:00 Europe/Berlin", "2025-10-26", "2025-10-25T22:00", "2025-10-26T23:00"),
    ("00:00-24:00 Australia/Lord_Howe", "2025-10-05", "2025-10-04T13:30", "2025-10-05T13:00"),  # 23 1/2
    ("00:00-24:00 Australia/Lord_Howe", "2025-04-06", "2025-04-05T13:00", "2025-04-06T13:30"),  # 24 1/2
    ("18:00-17:00 America/New_York", "2025-03-10", "2025-03-09T22:00", "2025-03-10T21:00"),  # of the day it ends
    ("18:00-17:00 America/New_York", "2025-03-09", "2025-03-08T23:00", "2025-03-09T21:00"),  # 22 hours, one skipped
    ("17:00-17:00 America/New_York", "2025-11-02", "2025-11-01T21:00", "2025-11-02T22:00"),
    ("02:30-04:00 America/New_York", "2025-03-09", "2025-03-09T07:00", "2025-03-09T08:00"),  # 02:30 is skipped
    ("02:10-02:50 America/New_York", "2025-03-09", "2025-03-09T07:00", "2025-03-09T07:00"),  # as a whole
    ("02:10-03:00 Australia/Lord_Howe", "2025-10-05", "2025-10-04T15:30", "2025-10-04T16:00"),
    ("01:30-03:00 America/New_York", "2025-11-02", "2025-11-02T05:30", "2025-11-02T08:00"),  # 01:30 is shown twice
    ("00:00-24:00 Pacific/Apia", "2011-12-30", "2011-12-30T10:00", "2011-12-30T10:00"),  # a day that never was
    ("00:00-24:00 utc", "2025-03-09", "2025-03-09T00:00", "2025-03-10T00:00"),
]


@pytest.mark.parametrize(("text", "day", "start", "end"), DAYS)
def test_a_session_follows_the_clocks_of_its_zone(text: str, day: str, start: str, end: str) -> None:
    """It begins and ends when they show it, however long that takes."""
    assert session_of(text).on(date.fromisoformat(day).toordinal()) == (us(start), us(end))


@pytest.mark.parametrize(
    "text", sorted({text for text, *_ in DAYS} | {"03:00-02:30 America/New_York", "21:00-22:00 America/New_York"})
)
@pytest.mark.parametrize(
    "around", ["2025-03-09", "2025-03-30", "2025-04-06", "2025-10-05", "2025-10-26", "2025-11-02"]
)
def test_every_instant_is_in_one_session_or_between_two(text: str, around: str) -> None:
    """Sessions do not overlap, and what is said of an instant is true of the whole stretch that is named."""
    session = session_of(text)
    day = date.fromisoformat(around).toordinal()
    sessions = [session.on(day + n) for n in range(-3, 5)]
    assert all(a[0] <= a[1] <= b[0] for a, b in itertools.pairwise(sessions))
    for time_us in range(us(around) - 24 * HOUR_US, us(around) + 48 * HOUR_US, HOUR_US // 4):
        (start_us, end_us), inside = session.around(time_us)
        assert start_us <= time_us < end_us
        assert (
            [(start_us, end_us)] == [s for s in sessions if s[0] <= time_us < s[1]]
            if inside
            else not any(s[0] < end_us and start_us < s[1] for s in sessions if s[0] < s[1])
        )
        following = session.following(time_us)
        assert following == next(s for s in sessions if s[0] >= time_us and s[0] < s[1])


def test_intervals_count_from_the_session_and_end_with_it() -> None:
    """Six hours and a half in hours: the last one is short. Behind it comes the next day's first."""
    slots = slots_of(cut_of("1h"), "09:30-16:00 America/New_York")
    assert slots is not None
    slot = slots.of(us("2025-03-07T14:30"))
    found = []
    for _ in range(8):
        assert slot is not None
        found.append(slot)
        slot = slots.after(slot[1])
    assert found[0] == (us("2025-03-07T14:30"), us("2025-03-07T15:30"))
    assert found[6] == (us("2025-03-07T20:30"), us("2025-03-07T21:00"))
    assert found[7] == (us("2025-03-08T14:30"), us("2025-03-08T15:30"))
    assert slots.of(us("2025-03-07T21:00")) is None


@pytest.mark.parametrize(
    ("session", "at", "start", "end"),
    [
        ("09:20-16:00 UTC", "2025-03-07T10:00", "2025-03-07T09:20", "2025-03-07T10:20"),
        ("09:20-16:00 UTC", "2025-03-07T10:20", "2025-03-07T10:20", "2025-03-07T11:20"),
        ("00:00-24:00 UTC", "1970-01-01T00:00", "1970-01-01T00:00", "1970-01-01T01:00"),
    ],
)
def test_the_first_instant_that_is_asked_for_is_in_its_interval(session: str, at: str, start: str, end: str) -> None:
    """Whatever the session's first minute is, and even at the beginning of time."""
    slots = slots_of(cut_of("1h"), session)
    assert slots is not None
    assert slots.of(us(at)) == (us(start), us(end))


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25), ("2025-06-01", 24)])
def test_a_day_has_as_many_hours_as_it_has(day: str, hours: int) -> None:
    """Each is an hour long, and together they are the day."""
    slots = slots_of(cut_of("1h"), "00:00-24:00 Europe/Berlin")
    whole = slots_of(cut_of("1d"), "00:00-24:00 Europe/Berlin")
    assert slots is not None
    assert whole is not None
    noon_us = us(day) + 12 * HOUR_US
    found = {slots.of(noon_us + n * HOUR_US // 2) for n in range(-60, 60)}
    inside = [slot for slot in found if slot is not None and whole.of(slot[0]) == whole.of(noon_us)]
    assert len(inside) == hours
    assert {slot[1] - slot[0] for slot in inside} == {HOUR_US}


@pytest.mark.parametrize(
    "text",
    ["", "09:30-16:00", "9-16 Europe/Berlin", "09:60-16:00 UTC", "09:30-24:01 UTC", "24:01-16:00 UTC",
     "09:30-16:00 Europe/Atlantis", "09:30-16:00 ../x", "09:30-16:00 Europe"],
)  # fmt: skip
def test_what_is_no_session_is_refused(text: str) -> None:
    """In one line that names it and says what is accepted."""
    with pytest.raises(ConfigError, match="accepted is a session such as '09:30-16:00 America/New_York'") as caught:
        session_of(text)
    assert str(caught.value).startswith(f"session = {text!r}: ")
    assert "\n" not in str(caught.value)


def test_a_machine_without_zones_says_what_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the zone and the package; UTC needs neither."""

    def unknown(name: str) -> None:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr("trio_ticks.core.bars.sessions.ZoneInfo", unknown)
    monkeypatch.setattr("trio_ticks.core.bars.sessions.available_timezones", set)
    with pytest.raises(ConfigError, match="neither Asia/Tokyo; pip install tzdata"):
        session_of("09:00-15:00 Asia/Tokyo")
    assert session_of("09:00-15:00 UTC").zone == UTC
