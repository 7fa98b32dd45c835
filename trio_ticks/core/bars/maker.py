"""Bars from ticks: the same from the same records, however they are batched, live and replayed.

`BarMaker` is fed a stream's records in their order and returns the bars that each of them finishes. It has no clock:
time is *in-band*, the greatest ``time_us`` of the ticks, gaps, statuses and clock records so far. The rules, for each
symbol of each feed by itself:

1. A bar covers [``time_us``, ``end_us``): a tick exactly at the end belongs to the next one.
2. It is given out with the first later tick of its symbol, or when in-band time reaches ``end_us`` plus
   ``lateness_s``, whichever comes first. Bars that end together come in the order of feed and symbol.
3. A tick behind that, in an interval that has passed, gives the bar out once more, corrected, as ``revised``: it
   replaces the one with the same feed, symbol and ``time_us``. So does a gap that comes to be known afterwards. As
   many bars as ``history`` are remembered for that; older ticks are counted in ``too_late``.
4. An interval without a tick has no bar; with ``fill`` it has one at the last close, with ``count`` 0.
5. ``complete`` is False where the stream began inside the interval (for a symbol: with the first record of its feed),
   where a `Gap` touches it, and at the end of the stream for what time had not closed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, Protocol

from trio_ticks.core.bars.counted import CountBars
from trio_ticks.core.bars.intervals import cut_of, slots_of
from trio_ticks.core.bars.timed import TimeBars
from trio_ticks.errors import ConfigError
from trio_ticks.model import Bar, Record

HISTORY: Final = 64
"""Bars that a late tick may still correct: some 35 KB for each symbol. The sequencer lets ticks be ten seconds late,
so that less would do for all but bars of a second; gaps are known when they are over, and reach back further."""


class _Rule(Protocol):
    too_late: int
    outside: int

    @property
    def due_us(self) -> int | None: ...
    def push_many(self, records: Iterable[Record]) -> list[Bar]: ...
    def finish(self) -> list[Bar]: ...


class BarMaker:
    """Makes bars of one stream's records.

    Args:
        interval: ``30s``, ``5m``, ``1h``, ``1d``, ``100 ticks`` or ``2.5 volume``. Without a session, a time has to
            divide the day; it counts from midnight UTC.
        ticks: A bar has so many ticks, instead of ``interval``.
        volume: A bar ends with the tick that brings it to so much, instead of ``interval``. No tick is split: a great
            one makes a bar of more than that, and nothing is carried over.
        session: ``09:30-16:00 America/New_York``: only its ticks make bars, and intervals count from its start. The
            days of ``1d`` are the session's, by the clocks of its zone.
        fill: Intervals without a tick have a bar as well.
        lateness_s: For how long after its end a bar waits for ticks when only others bring time forward.
        history: How many bars of each symbol late ticks and gaps may still correct.
        since_us: The stream is known to be covered since this instant, gaps excepted. None: since its first record.

    Raises:
        ConfigError: an argument is none of what is accepted, which the message says.
    """

    def __init__(
        self,
        interval: str | None = None,
        *,
        ticks: int | None = None,
        volume: float | None = None,
        session: str | None = None,
        fill: bool = False,
        lateness_s: float = 0.0,
        history: int = HISTORY,
        since_us: int | None = None,
    ) -> None:
        cut = cut_of(interval, ticks=ticks, volume=volume)
        slots = slots_of(cut, session)
        if not 0 <= lateness_s < math.inf:
            raise ConfigError(f"lateness_s = {lateness_s!r}: accepted are seconds from 0")
        if history < 0:
            raise ConfigError(f"history = {history!r}: accepted is a number of bars from 0")
        lateness_us = round(lateness_s * 1e6)
        self._rule: _Rule
        if cut.span_s is not None:
            assert slots is not None
            self._rule = TimeBars(slots=slots, lateness_us=lateness_us, fill=fill, history=history, since_us=since_us)
        elif fill:
            raise ConfigError("fill = True: accepted with an interval of time only")
        else:
            self._rule = CountBars(cut=cut, slots=slots, lateness_us=lateness_us, history=history)

    def push(self, record: Record) -> list[Bar]:
        """Take the next record and return the bars that it finishes or corrects, in order.

        Ticks, gaps, statuses and clock records count; all others are passed over.
        """
        return self._rule.push_many((record,))

    def push_many(self, records: Iterable[Record]) -> list[Bar]:
        """Take the next records. The same bars as `push` of each of them, in the same order."""
        return self._rule.push_many(records)

    @property
    def next_due_us(self) -> int | None:
        """The in-band instant at which time alone may finish a bar; None: there is none to finish."""
        return self._rule.due_us

    def finish(self) -> list[Bar]:
        """Return what is unfinished at the end of the stream, as incomplete bars. Call it once, and nothing after."""
        return self._rule.finish()

    @property
    def too_late(self) -> int:
        """How many ticks lay further back than the bars that are remembered, and are in none."""
        return self._rule.too_late

    @property
    def outside(self) -> int:
        """How many ticks lay outside the session."""
        return self._rule.outside
