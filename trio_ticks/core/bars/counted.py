"""Bars of so many ticks, or of so much volume.

The ticks of a bar are those that arrive in a row, also where one of them is late: such bars end by counting, so none
is corrected for a late tick, and each is given out with the tick that fills it. ``time_us`` is the time of its
earliest tick and ``end_us`` a microsecond behind its last; two bars may share a stamp, as trades do. The close is the
last tick by (time, arrival), as in every bar.

A bar does not span two sessions: the end of one ends it. A gap makes the bar in the making incomplete, or else the
next one, and corrects those given out whose time it overlaps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from trio_ticks.core.bars.drafts import Draft
from trio_ticks.core.bars.holes import concerns, overlap, stretch_of
from trio_ticks.core.bars.intervals import Cut, Slots
from trio_ticks.core.bars.sessions import Stretch
from trio_ticks.core.bars.trail import NEVER
from trio_ticks.model import Bar, Clock, Gap, Record, Status, Tick

_NEVER_DUE: Final = 2**63 - 1
_ALWAYS: Final = (NEVER, _NEVER_DUE)


@attrs.define(kw_only=True)
class _Run:
    """One symbol: its bar in the making, its session, and what was given out."""

    symbol: str
    feed: str
    given: deque[Draft]
    slot: Stretch = _ALWAYS
    draft: Draft | None = None
    complete: bool = True  # what the next bar will be
    volume: float = 0.0  # of the draft, with what the sum lacks
    lacks: float = 0.0

    def add(self, tick: Tick) -> Draft:
        """Take a tick, into a new bar where there is none, and return the bar."""
        draft = self.draft
        if draft is None:
            draft = self.draft = Draft(start_us=tick.time_us, end_us=tick.time_us, complete=self.complete)
            self.complete, self.volume, self.lacks = True, 0.0, 0.0
        draft.add(tick)
        return draft

    def weigh(self, volume: float) -> float:
        """Return the volume with that of one more tick, without a rounding that adds up: ten times 0.1 is 1."""
        before, self.volume = self.volume, self.volume + volume
        share = self.volume - before
        self.lacks += (before - (self.volume - share)) + (volume - share)
        return self.volume + self.lacks

    def give(self, draft: Draft) -> Bar:
        """Return a finished bar to be given out, and remember it."""
        self.draft = None
        self.given.append(draft)
        return self.bar(draft, complete=draft.complete)

    def bar(self, draft: Draft, *, complete: bool, revised: bool = False) -> Bar:
        """Return a bar as it stands."""
        draft.settle()
        draft.start_us, draft.end_us = draft.first_us, draft.last_us + 1
        return draft.bar(self.symbol, self.feed, complete=complete, revised=revised)


class CountBars:
    """Bars by counting, for all symbols of a stream.

    Args:
        cut: After how many ticks, or how much volume.
        slots: The sessions; None: one that never ends.
        lateness_us: How far in-band time has to pass a session to end its bars.
        history: How many bars of each symbol may still be corrected.
    """

    def __init__(self, *, cut: Cut, slots: Slots | None, lateness_us: int, history: int) -> None:
        self.too_late = 0
        self.outside = 0
        self._cut = cut
        self._slots = slots
        self._lateness_us = lateness_us
        self._history = history
        self._runs: dict[tuple[str, str], _Run] = {}
        self._now_us = NEVER
        self._due_us = _NEVER_DUE

    @property
    def due_us(self) -> int | None:
        """The instant at which a session's end may end a bar."""
        return None if self._due_us == _NEVER_DUE else self._due_us

    def push_many(self, records: Iterable[Record]) -> list[Bar]:
        """Take records in order and return the bars that they end or correct."""
        out: list[Bar] = []
        for record in records:
            if type(record) is Tick:
                if record.time_us > self._now_us:
                    out += self._at(record.time_us)
                run = self._runs.get((record.feed, record.symbol)) or self._met(record)
                if run.draft is not None and run.slot[0] <= record.time_us < run.slot[1]:
                    if self._is_full(run, run.add(record), record):
                        out.append(run.give(run.draft))
                else:
                    out += self._placed(run, record)
            elif type(record) is Gap:
                out += self._missed(record)
                out += self._at(record.time_us)
            elif type(record) in (Status, Clock):
                out += self._at(record.time_us)
        return out

    def finish(self) -> list[Bar]:
        """Return the bars that are not full."""
        return [run.bar(run.draft, complete=False) for run in self._in_order() if run.draft is not None]

    def _in_order(self) -> list[_Run]:
        return [self._runs[place] for place in sorted(self._runs)]

    def _at(self, time_us: int) -> list[Bar]:
        """Let time pass: sessions that are over end their bars."""
        self._now_us = max(self._now_us, time_us)
        if self._now_us < self._due_us:
            return []
        open_ = [(run.slot[1], run, run.draft) for run in self._in_order() if run.draft is not None]
        passed_us = self._now_us - self._lateness_us
        ends = [end_us for end_us, _, _ in open_ if end_us > passed_us]
        self._due_us = min(ends) + self._lateness_us if ends else _NEVER_DUE
        return [run.give(draft) for end_us, run, draft in open_ if end_us <= passed_us]

    def _placed(self, run: _Run, tick: Tick) -> Iterator[Bar]:
        """Take a tick that is the first of a bar, or lies in another session than the last one."""
        if run.draft is not None and tick.time_us >= run.slot[1]:
            yield run.give(run.draft)
        slot = _ALWAYS if self._slots is None else self._slots.of(tick.time_us)
        if slot is None:
            self.outside += 1
        elif slot[0] < run.slot[0]:
            self.too_late += 1
        else:
            run.slot = slot
            if self._is_full(run, draft := run.add(tick), tick):
                yield run.give(draft)
            elif self._slots is not None:
                self._due_us = min(self._due_us, slot[1] + self._lateness_us)
                yield from self._at(tick.time_us)

    def _is_full(self, run: _Run, draft: Draft, tick: Tick) -> bool:
        if self._cut.ticks is not None:
            return draft.count >= self._cut.ticks
        assert self._cut.volume is not None
        return run.weigh(tick.volume) >= self._cut.volume

    def _met(self, tick: Tick) -> _Run:
        run = _Run(symbol=tick.symbol, feed=tick.feed, given=deque(maxlen=self._history))
        self._runs[tick.feed, tick.symbol] = run
        return run

    def _missed(self, gap: Gap) -> Iterator[Bar]:
        """Learn of a gap."""
        for run in self._in_order():
            if not concerns(gap, run.feed, run.symbol):
                continue
            for draft in run.given:
                if draft.complete and overlap(stretch_of(gap), (draft.start_us, draft.end_us)):
                    draft.complete = False
                    yield run.bar(draft, complete=False, revised=True)
            if run.draft is not None:
                run.draft.complete = False
            else:
                run.complete = False
