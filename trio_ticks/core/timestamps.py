"""One rule for every timestamp that a vendor, a file or a command line may hold.

Between 1990 and 2200 an instant counted in seconds, milliseconds, microseconds or nanoseconds since 1970 has
a magnitude that fits exactly one of the four units: each range ends far below where the next begins. So the
number itself says its unit. What falls between the ranges, before 1990 or in 2200 and later is no time of a
trade and is refused.

Digits below the microsecond are cut off, never rounded: rounding could move a tick past one that came later.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_S: Final = int((datetime(1990, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
_END_S: Final = int((datetime(2200, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())

FIRST_MS: Final = _FIRST_S * 10**3
END_MS: Final = _END_S * 10**3
"""The integers from the first up to and not including the end are milliseconds, by the rule above."""

# For each unit its range, and the factor and the divisor that make it microseconds. Milliseconds, the
# commonest, come first.
_UNITS: Final = (
    (FIRST_MS, END_MS, 1_000, 1),
    (_FIRST_S * 10**6, _END_S * 10**6, 1, 1),
    (_FIRST_S * 10**9, _END_S * 10**9, 1, 1_000),
    (_FIRST_S, _END_S, 1_000_000, 1),
)

# No form needs more: 19 digits of nanoseconds, or an ISO date with an offset and thirty digits of fraction.
# Without a bound, the work would grow with what a stranger sends.
_MAX_CHARS: Final = 64

# How much of a refused value an error shows: enough to recognise it, little enough for one line.
_SHOWN_CHARS: Final = 40
_SHOWN_BITS: Final = 128

# Trades that come together share their second or nearly so; the memory is for a few that come late.
_SECONDS_KEPT: Final = 64
_SECOND_CHARS: Final = len("2021-04-17T16:43:30")

_DAY_H: Final = 24
_HOUR_MIN: Final = 60

_NUMBER: Final = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
_ISO: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
    r"([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)


def to_us(value: object) -> int:
    """Return an instant as UTC microseconds since 1970.

    Accepted are integers and decimal numbers in seconds, milliseconds, microseconds or nanoseconds, whose
    unit follows from their magnitude; the same as text, with ASCII digits only and no sign, exponent, blank
    or underscore; and ISO 8601 in its extended form: ``2021-04-17T16:43:30.244075Z``, with any offset (none
    means UTC), with any number of digits after the second, with a blank for the ``T``, without seconds, or
    the date alone, which means its midnight. Leap seconds are refused, as Unix time has no place for them.
    A text has 64 characters at most.

    Integers and texts are converted exactly. A float is read as the shortest decimal text that stands for it,
    so ``1700000000.123456`` means what it says; near today a float in seconds still tells microseconds apart.

    Args:
        value: The timestamp, as a vendor sent it.

    Returns:
        Microseconds since 1970-01-01T00:00:00Z, from 1990 up to and not including 2200.

    Raises:
        ValueError: It is none of these, or before 1990, or in 2200 or later. One line.
    """
    if isinstance(value, int):  # the commonest by far; a bool is in no unit's range
        return _from_number(value, "", value)
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, float):
        return _from_float(value)
    raise ValueError(f"time of type {type(value).__name__} is neither a number nor a text")


def _from_number(whole: int, fraction: str, value: object) -> int:
    """Return the instant of `whole`.`fraction` in the unit that its magnitude belongs to."""
    for first, end, factor, divisor in _UNITS:
        if first <= whole < end:
            time_us = whole * factor // divisor
            return time_us + _micro(fraction) * factor // 1_000_000 if fraction else time_us
    raise ValueError(f"time {_shown(value)} is in no unit between 1990 and 2200")


def _micro(fraction: str) -> int:
    """Return the digits after a point as millionths."""
    return int(fraction[:6].ljust(6, "0"))


def _from_float(value: float) -> int:
    if not _FIRST_S <= value < _END_S * 10**9:  # false for NaN, too
        raise ValueError(f"time {value!r} is in no unit between 1990 and 2200")
    if value.is_integer():
        return _from_number(int(value), "", value)
    # A float with a fraction is below 2**53, where repr writes plain digits.
    whole, _, fraction = repr(float(value)).partition(".")
    return _from_number(int(whole), fraction, value)


def _from_text(text: str) -> int:
    if len(text) > _MAX_CHARS:
        raise ValueError(f"time {_shown(text)} is longer than {_MAX_CHARS} characters")
    if text.isdigit() and text.isascii():  # a short cut past the pattern, as is the next
        return _from_number(int(text), "", text)
    if text.endswith("Z") and (time_us := _from_common_iso(text)) is not None:
        return time_us
    if number := _NUMBER.fullmatch(text):
        return _from_number(int(number[1]), number[2] or "", text)
    if iso := _ISO.fullmatch(text):
        return _from_iso(iso, text)
    raise ValueError(f"time {_shown(text)} is neither a number nor ISO 8601")


def _from_common_iso(text: str) -> int | None:
    """Return the instant of a text such as ``2021-04-17T16:43:30.244075Z``; None where it is of another form."""
    point, fraction = text[_SECOND_CHARS : _SECOND_CHARS + 1], text[_SECOND_CHARS + 1 : -1]
    if point != "." or not (fraction.isdigit() and fraction.isascii()):
        return None
    second_us = _second_us(text[:_SECOND_CHARS])
    return None if second_us is None else second_us + _micro(fraction)


@functools.lru_cache(_SECONDS_KEPT)
def _second_us(text: str) -> int | None:
    """Return the instant of a text such as ``2021-04-17T16:43:30`` in UTC; None where there is none."""
    iso = _ISO.fullmatch(text + "Z")
    try:
        return None if iso is None else _from_iso(iso, text)
    except ValueError:
        return None


def _from_iso(parts: re.Match[str], text: str) -> int:
    year, month, day, hour, minute, second = (int(part or 0) for part in parts.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise ValueError(f"time {_shown(text)} is not on the calendar or the clock") from None
    since = moment - _EPOCH
    seconds = since.days * 86_400 + since.seconds - _offset_s(parts[8], text)
    if not _FIRST_S <= seconds < _END_S:
        raise ValueError(f"time {_shown(text)} is not between 1990 and 2200")
    return seconds * 1_000_000 + _micro(parts[7] or "")


def _offset_s(offset: str | None, text: str) -> int:
    """Return how far the clock was ahead of UTC."""
    if offset is None or offset in "Zz":
        return 0
    hours, minutes = int(offset[1:3]), int(offset[3:].lstrip(":") or 0)
    if hours >= _DAY_H or minutes >= _HOUR_MIN:
        raise ValueError(f"time {_shown(text)} has an offset that no clock has")
    seconds = (hours * _HOUR_MIN + minutes) * 60
    return -seconds if offset[0] == "-" else seconds


def _shown(value: object) -> str:
    """Return a value as one short line, at a cost that does not grow with it."""
    if isinstance(value, int) and value.bit_length() > _SHOWN_BITS:
        return f"of {value.bit_length()} bits"
    if isinstance(value, str) and len(value) > _SHOWN_CHARS:
        return f"{value[:_SHOWN_CHARS]!r}…"
    return repr(value)
