"""How bars are cut: every so much time, every so many ticks, or every so much volume.

Intervals of time have fixed places, the same for every symbol: they count from midnight UTC, or from where a session
begins. The last one of a session ends with it, even where it is shorter; so does the last one before clocks change.
"""

from __future__ import annotations

import math
import re
from typing import Final

import attrs

from trio_ticks.core.bars.sessions import Session, Stretch, session_of
from trio_ticks.errors import ConfigError

ACCEPTED: Final = "a whole number with s, m, h or d ('30s', '5m', '1h', '1d'), '100 ticks', or '2.5 volume'"

_SPAN: Final = re.compile(r"\s*([0-9]{1,6})\s*([smhd])\s*")
_COUNT: Final = re.compile(r"\s*([0-9]{1,12})\s+ticks?\s*")
_VOLUME: Final = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s+volume\s*")
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DAY_S: Final = 86_400
_SECOND_US: Final = 1_000_000


@attrs.frozen(kw_only=True)
class Cut:
    """Where a bar ends. One of three is set.

    Attributes:
        span_s: After so many seconds; a day is one of the session's zone, however long.
        ticks: With so many ticks.
        volume: With the tick that brings it to so much.
    """

    span_s: int | None = None
    ticks: int | None = None
    volume: float | None = None


def cut_of(interval: str | None = None, *, ticks: int | None = None, volume: float | None = None) -> Cut:
    """Return what a user asks for, by a text or by a number.

    Raises:
        ConfigError: it is none of what is accepted, or more than one.
    """
    if (interval is not None) + (ticks is not None) + (volume is not None) != 1:
        raise ConfigError(f"interval, ticks, volume: accepted is one of them; interval is {ACCEPTED}")
    if ticks is not None:
        return _checked(Cut(ticks=ticks), f"ticks = {ticks!r}")
    if volume is not None:
        return _checked(Cut(volume=volume), f"volume = {volume!r}")
    return _checked(_read(interval), f"interval = {interval!r}")


def _read(text: object) -> Cut:
    if not isinstance(text, str):
        return Cut()
    if found := _SPAN.fullmatch(text):
        return Cut(span_s=int(found[1]) * _UNIT_S[found[2]])
    if found := _COUNT.fullmatch(text):
        return Cut(ticks=int(found[1]))
    if found := _VOLUME.fullmatch(text):
        return Cut(volume=float(found[1]))
    return Cut()


def _checked(cut: Cut, said: str) -> Cut:
    size = cut.span_s or cut.ticks or cut.volume
    right = isinstance(size, int | float) and not isinstance(size, bool) and size > 0 and math.isfinite(size)
    if not right or (cut.ticks is not None and not isinstance(cut.ticks, int)):
        raise ConfigError(f"{said}: accepted is {ACCEPTED}")
    if (cut.span_s or 0) > _DAY_S:
        raise ConfigError(f"{said}: accepted is up to one day; {ACCEPTED}")
    return cut


class Slots:
    """The intervals of time: which one an instant lies in, and which comes next.

    It remembers the last session it looked up, so that neighbours cost no calendar.

    Args:
        span_s: How long they are; a day, or None, is the whole session.
        session: None: midnight to midnight, UTC.

    Raises:
        ConfigError: without a session, the span does not divide a day.
    """

    def __init__(self, *, span_s: int | None, session: Session | None) -> None:
        if session is None and _DAY_S % (span_s or _DAY_S):
            raise ConfigError(
                f"interval = '{span_s}s': accepted without a session is what divides a day, such as 5m or 8h"
            )
        whole = span_s is None or (span_s == _DAY_S and session is not None)
        self._span_us = None if whole or span_s is None else span_s * _SECOND_US
        self._session = session
        self._known: tuple[Stretch, bool] = ((0, 0), False)

    def of(self, time_us: int) -> Stretch | None:
        """Return the interval that an instant lies in; None: it is outside the session."""
        if self._session is None:
            assert self._span_us is not None
            start_us = time_us - time_us % self._span_us
            return start_us, start_us + self._span_us
        (start_us, end_us), open_ = self._known
        if not start_us <= time_us < end_us:
            self._known = (start_us, end_us), open_ = self._session.around(time_us)
        return self._part(start_us, end_us, time_us) if open_ else None

    def after(self, end_us: int) -> Stretch:
        """Return the first interval that begins at an instant, where one ends, or later."""
        slot = self.of(end_us)
        if slot is None:
            assert self._session is not None
            start_us, last_us = self._session.following(end_us)
            slot = self._part(start_us, last_us, start_us)
        return slot

    def _part(self, start_us: int, end_us: int, time_us: int) -> Stretch:
        """Return that part of a session that an instant lies in."""
        if self._span_us is None:
            return start_us, end_us
        at_us = time_us - (time_us - start_us) % self._span_us
        return at_us, min(at_us + self._span_us, end_us)


def slots_of(cut: Cut, session: str | None) -> Slots | None:
    """Return the intervals that bars keep to; None: ticks are counted, with no session.

    Raises:
        ConfigError: the session is none, or the span does not divide a day.
    """
    if session is None and cut.span_s is None:
        return None
    return Slots(span_s=cut.span_s, session=None if session is None else session_of(session))
