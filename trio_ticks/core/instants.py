"""Instants as people give them: absolute or relative to now, in a time zone of theirs or in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, TypeAlias

from trio_ticks.core.timestamps import to_us

Instant: TypeAlias = "str | int | datetime"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RELATIVE: Final = re.compile(r"-([0-9]{1,9})([smhdw])")
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
# A date alone ends like an offset; an offset only follows a time of day, which has a colon.
_OFFSET: Final = re.compile(r":.*(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)$")
# From 1990 to 2100, in seconds and in milliseconds.
_OTHER_UNITS: Final = tuple((631_152_000 * unit, 4_102_444_800 * unit) for unit in (1, 1_000))

ACCEPTED: Final = "an ISO 8601 time, microseconds since 1970, or -30m, -12h, -7d before now"


def instant_us(value: Instant, *, now_us: int, tz: tzinfo = UTC) -> int:
    """Return an instant as UTC microseconds.

    Args:
        value: ISO 8601, a ``datetime``, ``-90s``, ``-30m``, ``-12h``, ``-7d`` or ``-2w`` before now, or a number. An
            ``int`` counts microseconds, and one that is in 1970 for being seconds is told; the unit of digits in a
            text follows from their magnitude.
        now_us: The present.
        tz: Where clocks without an offset stand.

    Raises:
        ValueError: it is none of these. One line.
    """
    if isinstance(value, datetime):
        return _since_epoch(value if value.tzinfo else value.replace(tzinfo=tz))
    if isinstance(value, int) and not isinstance(value, bool):
        return _checked(value)
    if not isinstance(value, str):
        # Not a TypeError: to whoever gave it, it is one more value that is not accepted.
        raise ValueError(f"{type(value).__name__} is no instant; accepted: {ACCEPTED}")  # noqa: TRY004
    text = value.strip()
    if relative := _RELATIVE.fullmatch(text):
        return now_us - int(relative[1]) * _UNIT_S[relative[2]] * 1_000_000
    try:
        time_us = to_us(text)
    except ValueError as error:
        raise ValueError(f"{error}; accepted: {ACCEPTED}") from None
    if _OFFSET.search(text) or "-" not in text:
        return time_us
    # It was read as if in UTC; the same clock in the zone is another instant.
    return _since_epoch((_EPOCH + timedelta(microseconds=time_us)).replace(tzinfo=tz))


def _checked(time_us: int) -> int:
    """Return microseconds; what is one of our days in seconds or milliseconds would be an early day of 1970."""
    if any(first <= time_us <= last for first, last in _OTHER_UNITS):
        raise ValueError(f"as microseconds that is in 1970; in seconds or milliseconds say it as a text, '{time_us}'")
    return time_us


def _since_epoch(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
