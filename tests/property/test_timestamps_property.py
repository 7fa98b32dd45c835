"""`to_us` is exact for every unit and form, and fails in one way only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.core.timestamps import to_us

FIRST_US = 631_152_000 * 10**6
END_US = 7_258_118_400 * 10**6
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

instants = st.integers(FIRST_US, END_US - 1)
digits = st.text("0123456789", max_size=12)
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59)


@pytest.mark.parametrize(("per_second", "us"), [(1, 10**6), (10**3, 10**3), (10**6, 1)])
@given(time_us=instants)
def test_integers_round_trip_in_units_of_a_microsecond_and_above(per_second: int, us: int, time_us: int) -> None:
    """to_us(t in a unit) is t, for every t that the unit can hold; as integer and as text."""
    value = time_us // us
    assert to_us(value) == value * us
    assert to_us(str(value)) == value * us
    assert value * us // 10**6 == value // per_second


@given(time_us=instants, below=st.integers(0, 999))
def test_nanoseconds_are_cut_to_microseconds(time_us: int, below: int) -> None:
    """Nanoseconds lose exactly their last three digits; as integer and as text."""
    assert to_us(time_us * 1000 + below) == time_us
    assert to_us(str(time_us * 1000 + below)) == time_us


@given(time_us=instants, more=digits, zeros=st.integers(0, 5))
def test_decimal_texts_are_exact(time_us: int, more: str, zeros: int) -> None:
    """A decimal text in seconds or milliseconds keeps six or three digits and loses the rest."""
    seconds, micros = divmod(time_us, 10**6)
    assert to_us(f"{'0' * zeros}{seconds}.{micros:06}{more}") == time_us
    millis, micros = divmod(time_us, 1000)
    assert to_us(f"{'0' * zeros}{millis}.{micros:03}{more}") == time_us


@given(time_us=instants, more=digits, minutes=offsets, sep=st.sampled_from("T t"), colon=st.booleans())
def test_iso_texts_are_exact(time_us: int, more: str, minutes: int, sep: str, colon: bool) -> None:
    """ISO 8601 with any offset and any number of digits names the instant exactly."""
    zone = timezone(timedelta(minutes=minutes))
    local = (EPOCH + timedelta(microseconds=time_us)).astimezone(zone)
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    offset = f"{sign}{hours:02}{':' if colon else ''}{rest:02}"
    text = f"{local:%Y-%m-%d}{sep}{local:%H:%M:%S.%f}{more}"
    assert to_us(text + offset) == time_us
    if minutes == 0:
        assert to_us(text) == to_us(text + "Z") == time_us


def outcome(text: str) -> int | None:
    """Return the instant of a text; None where it is refused."""
    try:
        return to_us(text)
    except ValueError:
        return None


strange = st.sampled_from("0123456789:.,-+TZz \u0660\u00b2")


@given(time_us=instants, cut=st.integers(0, 7), places=st.lists(st.tuples(st.integers(0, 27), strange), max_size=2))
def test_the_commonest_iso_form_is_no_special_case(time_us: int, cut: int, places: list[tuple[int, str]]) -> None:
    """Whatever stands before it, Z means the same as z, which is not so common: no short cut accepts more or less."""
    text = f"{EPOCH + timedelta(microseconds=time_us):%Y-%m-%dT%H:%M:%S.%f}"[: 26 - cut]
    for place, mark in places:
        text = text[:place] + mark + text[place + 1 :]
    assert outcome(text + "Z") == outcome(text + "z")


@given(
    time_us=instants, us=st.sampled_from([10**6, 10**3, 1, 10**12]), more=st.sampled_from(["", "0", "_", "\u0661"])
)
def test_digits_alone_are_no_special_case(time_us: int, us: int, more: str) -> None:
    """Digits mean the same with a fraction of zero, and what is refused is refused with one."""
    text = f"{time_us // us}{more}"
    assert outcome(text) == outcome(text + ".0")


@given(time_us=instants)
def test_floats_in_seconds_are_true_to_the_microsecond(time_us: int) -> None:
    """Up to the resolution of a float, seconds as a float name the microsecond that was written."""
    value = time_us / 10**6
    assert abs(to_us(value) - time_us) <= 1
    assert to_us(value) == to_us(repr(value))


@given(first=instants, second=instants)
def test_order_is_kept(first: int, second: int) -> None:
    """A later instant never comes out earlier, whatever unit it is given in."""
    for us in (10**6, 10**3, 1):
        early, late = sorted((first, second))
        assert to_us(early // us) <= to_us(late // us)


junk = st.one_of(
    st.text(max_size=80),
    st.text("0123456789+-:.TZ _e", max_size=40),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.binary(max_size=20),
    st.lists(st.integers(), max_size=2),
)


@given(junk)
def test_nothing_but_value_error_ever_comes_out(value: object) -> None:
    """For any input: an instant from 1990 up to 2200, or ValueError in one line."""
    time_us, complaint = FIRST_US, "one line"
    try:
        time_us = to_us(value)
    except ValueError as error:
        complaint = str(error)
    assert type(time_us) is int
    assert FIRST_US <= time_us < END_US
    assert len(complaint.splitlines()) == 1
