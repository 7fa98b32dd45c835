"""What waits for the journal, and what becomes of it when the journal cannot take it.

The engine never waits for a disk: it puts each step's records into the `Recorder` and goes on, and a task of its own
writes them down. What the disk does not take now waits, as far as there is room. What finds no room, because the disk
is full, has failed, or was too slow for too long, is left out and becomes one `Gap`, which names its stretch and its
number and stands in the journal in the very place where it would have stood. It begins with the first record that is
left out, and ends only when what came before is written: one long gap says more than a thousand short ones.

Marks are never left out: they wait with the gap and are written with it. If one were lost, a restart would believe
that something was saved which was not (`trio_ticks.core.saving`).

The law, at any moment, in ticks: ``accepted = journaled + gapped + queued``.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import attrs

from trio_ticks.core.ledger import JournalLedger
from trio_ticks.model import Gap, Tick, ticks_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trio_ticks.model import Record

AT_ONCE = 16_384
"""Ticks taken for one commit, about: some twenty milliseconds of work. Fewer would catch up more slowly after a
pause; more would ask a disk that is nearly full for more room at once."""

TOO_SLOW = "overflow"
"""The cause of a gap where nothing had failed."""


@attrs.frozen(eq=False)
class Entry:
    """What is to be written in one transaction: records in order, and the marks of the state after them."""

    records: Sequence[Record]
    marks: Mapping[str, bytes]
    ticks: int


class Recorder:
    """The bounded queue before the journal. Both ends are synchronous and never wait.

    The writer calls `take`, and then `written` or `failed` for what it took. A gap is taken like any other entry, by
    itself, once all that came before it is written.

    Args:
        capacity: In ticks.
        keeps_all: Never leave anything out: whoever fills the queue asks `is_full` before, and waits.
    """

    def __init__(self, *, capacity: int, keeps_all: bool = False) -> None:
        self._capacity = capacity
        self._keeps_all = keeps_all
        self._entries: deque[Entry] = deque()
        self._taken: list[Entry] = []
        self._gap: _Loss | None = None  # behind all that is queued: records are being left out
        self._taken_gap: _Loss | None = None  # on its way to the disk; what is offered now is queued behind it
        self._cause = TOO_SLOW
        self._queued = self._journaled = self._gapped = 0

    @property
    def is_full(self) -> bool:
        """Whether more would not fit."""
        return self._queued >= self._capacity

    @property
    def is_lossy(self) -> bool:
        """Whether records are left out, or were and the gap is not written yet."""
        return self._gap is not None or self._taken_gap is not None

    @property
    def is_writing_gap(self) -> bool:
        """Whether what was taken is the gap."""
        return self._taken_gap is not None

    @property
    def has_work(self) -> bool:
        """Whether there is something to take."""
        return bool(self._entries) or self._gap is not None

    def offer(self, records: Sequence[Record], marks: Mapping[str, bytes] | None = None) -> None:
        """Queue records, which nobody may change afterwards, and marks that hold once these are written."""
        entry = Entry(records, marks or {}, ticks_in(records))
        if self._gap is None and records and self.is_full and not self._keeps_all:
            self._gap = _Loss(self._cause)
        if self._gap is not None:
            self._leave_out(entry, self._gap)
        else:
            self._entries.append(entry)
            self._queued += entry.ticks

    def pending(self) -> list[Sequence[Record]]:
        """Return what was offered and is not in the journal, in order; of what is left out, the gap up to now."""
        taken = self._taken if self._taken_gap is None else [self._taken_gap.entry()]
        left_out = [] if self._gap is None else [self._gap.entry()]
        return [entry.records for entry in (*taken, *self._entries, *left_out) if entry.records]

    def take(self) -> list[Entry]:
        """Return the next entries, or the gap. Until `written` or `failed` is called they count as queued."""
        if not self._entries and self._gap is not None:
            self._taken_gap, self._gap = self._gap, None
            return [self._taken_gap.entry()]
        ticks = 0
        while self._entries and ticks < AT_ONCE:
            self._taken.append(self._entries.popleft())
            ticks += self._taken[-1].ticks
        return list(self._taken)

    def written(self) -> Gap | None:
        """Note that what was taken is in the journal; return the gap, if it was one."""
        gap, self._taken_gap = self._taken_gap, None
        ticks = sum(entry.ticks for entry in self._taken)
        self._queued -= ticks
        self._journaled += ticks
        self._taken.clear()
        self._cause = TOO_SLOW
        return None if gap is None else gap.gap()

    def failed(self, cause: str, *, keep: bool) -> None:
        """Note that the journal did not take what was taken.

        Args:
            cause: Why, in the word by which a gap is named.
            keep: Hold it and what follows, as far as there is room; otherwise all of it is left out.
        """
        self._cause = cause
        self._entries.extendleft(reversed(self._taken))
        self._taken.clear()
        if self._taken_gap is None and (keep or self._keeps_all):
            return
        # What came behind a gap that cannot be written down would make another one: it is made part of it.
        loss = self._taken_gap or _Loss(cause)
        loss.cause = cause
        for entry in self._entries:
            self._queued -= entry.ticks
            self._leave_out(entry, loss)
        self._entries.clear()
        self._gap = loss if self._gap is None else loss.followed_by(self._gap)
        self._taken_gap = None

    def ledger(self) -> JournalLedger:
        """Return the counts."""
        return JournalLedger(journaled=self._journaled, gapped=self._gapped, queued=self._queued)

    def _leave_out(self, entry: Entry, loss: _Loss) -> None:
        self._gapped += entry.ticks
        loss.add(entry)


@attrs.define(eq=False)
class _Loss:
    """One stretch of what was left out: its cause and bounds, how many ticks, and the latest mark of each key."""

    cause: str
    span: tuple[int, int] | None = None
    ticks: int = 0
    marks: dict[str, bytes] = attrs.field(factory=dict)

    def add(self, entry: Entry) -> None:
        self.ticks += entry.ticks
        self.marks.update(entry.marks)
        for item in entry.records:
            start_us = item.start_us if isinstance(item, Gap) else item.time_us
            end_us = item.received_us if isinstance(item, Tick) else item.time_us
            self._reach(min(start_us, item.time_us), max(end_us, item.time_us))

    def followed_by(self, later: _Loss) -> _Loss:
        self.ticks += later.ticks
        self.marks.update(later.marks)
        if later.span is not None:
            self._reach(*later.span)
        return self

    def gap(self) -> Gap | None:
        """Return the gap; None where only marks have waited."""
        if self.span is None:
            return None
        start_us, end_us = self.span
        return Gap(start_us=start_us, end_us=end_us, cause=self.cause, missed=self.ticks)

    def entry(self) -> Entry:
        gap = self.gap()
        return Entry([] if gap is None else [gap], self.marks, 0)

    def _reach(self, start_us: int, end_us: int) -> None:
        low, high = self.span or (start_us, end_us)
        self.span = min(low, start_us), max(high, end_us)
