"""Trading sessions: which stretch of each day belongs to the market, by the clocks of its own place.

A session is written ``09:30-16:00 America/New_York``: two times of day, 24:00 included, and a zone. It takes place
every day of the calendar, because nothing here knows weekends and holidays; where nothing trades there are no bars.

* Where the second time is not after the first, the session runs overnight and belongs to the day on which it
  **ends**: ``18:00-17:00 America/New_York`` opens on Sunday evening and is Monday's; ``17:00-17:00`` is a whole day.
* A time of day that clocks show twice is the first of the two, as in RFC 5545. One that they skip is the instant of
  the jump, so that sessions neither overlap nor run backwards; what lies in the skipped stretch as a whole is empty,
  and does not take place that day.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import attrs

from trio_ticks.errors import ConfigError
from trio_ticks.model import datetime_of

Stretch: TypeAlias = tuple[int, int]
"""A half-open interval of UTC microseconds."""

ACCEPTED: Final = "a session such as '09:30-16:00 America/New_York': two times of day up to 24:00, and a zone"

_TEXT: Final = re.compile(r"\s*([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})\s+(\S+)\s*")
_HOUR_MIN: Final = 60
_DAY_MIN: Final = 24 * _HOUR_MIN
_SECOND_US: Final = 1_000_000


@attrs.frozen(kw_only=True)
class Session:
    """The stretch of each day that `session_of` was told of.

    Attributes:
        start_min: Minutes after midnight at which it begins.
        end_min: The same for its end, on the day that it belongs to.
        zone: Whose clocks show them.
    """

    start_min: int
    end_min: int
    zone: tzinfo

    def on(self, day: int) -> Stretch:
        """Return when the session of a day takes place; an empty stretch where clocks skip it.

        Args:
            day: The proleptic ordinal of the date (`date.toordinal`).
        """
        return _on(self, day)

    def around(self, time_us: int) -> tuple[Stretch, bool]:
        """Return the session that an instant lies in and True, or the pause between two sessions and False."""
        before_us, day = None, self._day_of(time_us)
        for start_us, end_us in map(self.on, range(day - 2, day + 4)):
            if start_us <= time_us < end_us:
                return (start_us, end_us), True
            if end_us <= time_us:
                before_us = end_us
            elif before_us is not None and start_us < end_us:
                return (before_us, start_us), False
        raise AssertionError("there is a session within three days of every instant")

    def following(self, time_us: int) -> Stretch:
        """Return the first session that begins at an instant or later."""
        days = itertools.count(self._day_of(time_us))
        return next((start, end) for start, end in map(self.on, days) if time_us <= start < end)

    def _day_of(self, time_us: int) -> int:
        return datetime_of(time_us).astimezone(self.zone).toordinal()


def session_of(text: str) -> Session:
    """Return the session that a text describes.

    Raises:
        ConfigError: it is none, or nothing is known of its zone on this machine.
    """
    found = _TEXT.fullmatch(str(text))
    if found is None:
        raise ConfigError(f"session = {text!r}: accepted is {ACCEPTED}")
    times = [_minutes(text, *found.group(1, 2)), _minutes(text, *found.group(3, 4))]
    return Session(start_min=times[0] % _DAY_MIN, end_min=times[1], zone=_zone(text, found[5]))


def _minutes(text: str, hours: str, minutes: str) -> int:
    total = _HOUR_MIN * int(hours) + int(minutes)
    if int(minutes) >= _HOUR_MIN or total > _DAY_MIN:
        raise ConfigError(f"session = {text!r}: {hours}:{minutes} is no time of day; accepted is {ACCEPTED}")
    return total


def _zone(text: str, name: str) -> tzinfo:
    if name.upper() == "UTC":  # needs no database
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # not found, no file's name, or a directory
        pass
    if not available_timezones():
        raise ConfigError(
            f"session = {text!r}: this machine knows no time zones, so neither {name}; pip install tzdata brings them"
        )
    raise ConfigError(
        f"session = {text!r}: no zone {name} is known; accepted is {ACCEPTED} "
        "(pip install tzdata brings the newest zones)"
    )


@functools.lru_cache(maxsize=1_024)
def _on(session: Session, day: int) -> Stretch:
    first = day if session.start_min < session.end_min else day - 1
    start_us = _instant_us(first, session.start_min, session.zone)
    return start_us, max(start_us, _instant_us(day, session.end_min, session.zone))


def _instant_us(day: int, minutes: int, zone: tzinfo) -> int:
    """Return when the clocks of a zone show a time of day."""
    wall = datetime.combine(date.fromordinal(day), time(), zone) + timedelta(minutes=minutes)
    first, second = (_since_epoch_s(wall.replace(fold=fold)) for fold in (0, 1))
    # The offset before a change comes with the first, the one after it with the second: where clocks go forward,
    # that makes the first the later one.
    return (first if first <= second else _jump_s(second, first, zone)) * _SECOND_US


def _jump_s(low_s: int, high_s: int, zone: tzinfo) -> int:
    """Return the second at which the offset of a zone changes between two instants."""

    def offset(second: int) -> timedelta | None:
        return datetime.fromtimestamp(second, zone).utcoffset()

    seconds, after = range(low_s, high_s + 1), offset(high_s)
    return seconds[bisect.bisect_left(seconds, True, key=lambda second: offset(second) == after)]


def _since_epoch_s(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
