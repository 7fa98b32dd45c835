"""Bars of time. The rules stand in `trio_ticks.core.bars.maker`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Final

from trio_ticks.core.bars.drafts import Draft
from trio_ticks.core.bars.holes import Holes, concerns, overlap, stretch_of
from trio_ticks.core.bars.intervals import Slots
from trio_ticks.core.bars.sessions import Stretch
from trio_ticks.core.bars.trail import NEVER, Trail
from trio_ticks.model import Bar, Clock, Gap, Record, Status, Tick

FILLED: Final = 100_000
"""Intervals in a row that are filled, a day of seconds and some: one record that jumps over a month would otherwise
make millions of bars at once. Behind it intervals are absent until the next tick."""

_NEVER_DUE: Final = 2**63 - 1


class TimeBars:
    """Bars of fixed intervals, for all symbols of a stream.

    Args:
        slots: The intervals.
        lateness_us: How far in-band time has to pass an interval to end its bars.
        fill: Intervals without a tick have a bar as well.
        history: How many bars of each symbol may still be corrected.
        since_us: Since when the stream is covered. None: each feed since its first record.
    """

    def __init__(
        self, *, slots: Slots, lateness_us: int, fill: bool, history: int, since_us: int | None = None
    ) -> None:
        self.too_late = 0
        self.outside = 0
        self._slots = slots
        self._lateness_us = lateness_us
        self._fill = fill
        self._history = history
        self._since_us = since_us
        self._trails: dict[tuple[str, str], Trail] = {}
        self._began_us: dict[str, int] = {}
        self._holes = Holes()
        self._now_us = NEVER
        self._due_us = _NEVER_DUE  # never later than the first end of a draft plus lateness

    @property
    def due_us(self) -> int | None:
        """The instant at which time may end a bar."""
        return None if self._due_us == _NEVER_DUE else self._due_us

    def push_many(self, records: Iterable[Record]) -> list[Bar]:
        """Take records in order and return the bars that they end or correct."""
        out: list[Bar] = []
        trails = self._trails
        for record in records:
            if type(record) is Tick:
                time_us = record.time_us
                if time_us > self._now_us:
                    self._now_us = time_us
                    if time_us >= self._due_us:
                        out += self._passed()
                trail = trails.get((record.feed, record.symbol)) or self._met(record)
                draft = trail.draft
                if draft is not None and draft.start_us <= time_us < draft.end_us:
                    draft.add(record)  # the usual case, in which no bar ends
                else:
                    out += self._placed(trail, record)
            elif type(record) in _TELLING_TIME:
                out += self._told(record)
        return out

    def finish(self) -> list[Bar]:
        """Return the bars that time has not ended."""
        drafts = [(trail.draft, trail) for trail in self._in_order() if trail.draft and trail.draft.count]
        drafts.sort(key=lambda pair: pair[0].end_us)
        for draft, _ in drafts:
            draft.settle()
        return [draft.bar(trail.symbol, trail.feed, complete=False) for draft, trail in drafts]

    def _told(self, record: Record) -> Iterator[Bar]:
        """Let time pass; and of a gap, learn first what it touches, so that a bar ends with the right word."""
        self._begin(record.feed, record.time_us)
        if type(record) is Gap:
            yield from self._missed(record)
        self._now_us = max(self._now_us, record.time_us)
        yield from self._passed()

    def _met(self, tick: Tick) -> Trail:
        """Begin with a symbol."""
        self._begin(tick.feed, tick.time_us)
        trail = Trail(feed=tick.feed, symbol=tick.symbol, history=self._history)
        self._trails[tick.feed, tick.symbol] = trail
        return trail

    def _begin(self, feed: str, time_us: int) -> None:
        self._began_us.setdefault(feed, time_us if self._since_us is None else self._since_us)

    def _passed(self) -> Iterator[Bar]:
        """Give out the bars whose time is over, interval by interval."""
        while self._due_us <= self._now_us:
            end_us = self._due_us - self._lateness_us
            for trail in self._in_order():
                if trail.draft is not None and trail.draft.end_us == end_us:
                    yield self._ended(trail, trail.draft)
            ends = [trail.draft.end_us for trail in self._trails.values() if trail.draft is not None]
            self._due_us = min(ends) + self._lateness_us if ends else _NEVER_DUE

    def _in_order(self) -> list[Trail]:
        return [self._trails[place] for place in sorted(self._trails)]

    def _ended(self, trail: Trail, draft: Draft) -> Bar:
        """Give out a symbol's bar, and begin the next one where intervals are filled; that one is due later."""
        draft.settle()
        trail.empty = 0 if draft.count else trail.empty + 1
        trail.draft = None
        if self._fill and trail.empty < FILLED:
            trail.draft = self._drafted(trail, self._slots.after(draft.end_us), draft.close)
        return trail.give(draft)

    def _placed(self, trail: Trail, tick: Tick) -> Iterator[Bar]:
        """Take a tick that does not lie in its symbol's bar in the making."""
        yield from self._overtaken(trail, tick.time_us)
        slot = self._slots.of(tick.time_us)
        draft = trail.draft
        if slot is None:
            self.outside += 1
            trail.outside_us = max(trail.outside_us, tick.time_us)
        elif draft is not None and slot[0] == draft.start_us:  # it was begun to be filled
            draft.add(tick)
        elif draft is None and slot[0] > trail.newest_us:
            trail.draft = self._drafted(trail, slot)
            trail.draft.add(tick)
            self._due_us = min(self._due_us, slot[1] + self._lateness_us)
            yield from self._overtaken(trail, trail.outside_us)
        elif slot[0] <= trail.floor_us:
            self.too_late += 1
        else:
            yield from self._corrected(trail, slot, tick)
        yield from self._passed()  # other symbols may have been there long ago

    def _overtaken(self, trail: Trail, time_us: int) -> Iterator[Bar]:
        """Give out a symbol's bars that a tick of its own shows to be over."""
        while trail.draft is not None and time_us >= trail.draft.end_us:
            yield self._ended(trail, trail.draft)

    def _drafted(self, trail: Trail, slot: Stretch, price: float = 0.0) -> Draft:
        complete = self._began_us[trail.feed] <= slot[0] and not self._holes.touch(trail.feed, trail.symbol, slot)
        return Draft(start_us=slot[0], end_us=slot[1], price=price, complete=complete)

    def _corrected(self, trail: Trail, slot: Stretch, tick: Tick) -> Iterator[Bar]:
        """Take a tick of an interval that has passed."""
        draft = trail.closed(slot[0]) or self._drafted(trail, slot)
        draft.add(tick)
        yield trail.give(draft)
        if self._fill:
            yield from self._refilled(trail, draft)

    def _refilled(self, trail: Trail, draft: Draft) -> Iterator[Bar]:
        """Give out the empty intervals behind a corrected bar whose price was its close."""
        price, until_us = draft.close, trail.draft.start_us if trail.draft is not None else trail.newest_us + 1
        slot = self._slots.after(draft.end_us)
        for _ in range(FILLED):
            if slot[0] >= until_us:
                break
            empty = trail.closed(slot[0]) or self._drafted(trail, slot, math.nan)
            if empty.count or empty.close == price:
                return
            empty.reprice(price)
            yield trail.give(empty)
            slot = self._slots.after(slot[1])
        if trail.draft is not None and not trail.draft.count:
            trail.draft.reprice(price)

    def _missed(self, gap: Gap) -> Iterator[Bar]:
        """Learn of a gap: what it touches is incomplete, also what was given out."""
        self._holes.add(gap)
        hole = stretch_of(gap)
        for trail in self._in_order():
            if not concerns(gap, trail.feed, trail.symbol):
                continue
            for draft in trail.remembered():
                if draft.complete and overlap(hole, (draft.start_us, draft.end_us)):
                    draft.complete = False
                    yield trail.give(draft)
            if trail.draft is not None and overlap(hole, (trail.draft.start_us, trail.draft.end_us)):
                trail.draft.complete = False


_TELLING_TIME: Final = frozenset({Gap, Status, Clock})
