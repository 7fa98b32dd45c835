"""What waits for the journal, and what becomes of it when the journal cannot take it.

The engine never waits for a disk: it puts each step's records into the `Recorder` and goes on, and a task of its own
writes them down. Where nothing more can be taken, because the disk is full, has failed, or was too slow for too long,
the records that are left out become one `Gap` that names their stretch and their number, and that stands in the
journal in the very place where they would have stood. It begins with the first record that is left out, and ends
only when what came before is written and there is room again: one long gap says more than a thousand short ones.

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


@attrs.frozen
class Entry:
    """What is to be written in one transaction: records in order, and the marks of the state after them."""

    records: Sequence[Record]
    marks: Mapping[str, bytes]


class Recorder:
    """The bounded queue before the journal. Both ends are synchronous and never wait.

    The writer calls `take`, and then `written` or `failed` with what it took; where `is_lossy` it writes `gap` down
    and calls `resumed`.

    Args:
        capacity: In ticks.
        keeps_all: Never leave anything out: whoever fills the queue asks `is_full` before, and waits.
    """

    def __init__(self, *, capacity: int, keeps_all: bool = False) -> None:
        self._capacity = capacity
        self._keeps_all = keeps_all
        self._entries: deque[Entry] = deque()
        self._waiting = 0
        self._journaled = 0
        self._loss = _Loss()
        self.is_lossy = False

    @property
    def is_full(self) -> bool:
        """Whether more would not fit."""
        return self._waiting >= self._capacity

    @property
    def is_empty(self) -> bool:
        """Whether everything was taken and is written, or left out."""
        return not self._waiting and not self._entries

    def offer(self, records: Sequence[Record], marks: Mapping[str, bytes] | None = None) -> None:
        """Queue records, which nobody may change afterwards, and marks that hold once these are written."""
        if self.is_full and not self._keeps_all:
            self.is_lossy = True
        if self.is_lossy:
            self._loss.add(records, marks or {})
            return
        self._entries.append(Entry(records, marks or {}))
        self._waiting += ticks_in(records)

    def take(self) -> list[Entry]:
        """Return all that is queued. Until `written` or `failed` is called it counts as queued."""
        taken = list(self._entries)
        self._entries.clear()
        return taken

    def written(self, entries: Sequence[Entry]) -> None:
        """Note that these are in the journal."""
        ticks = sum(ticks_in(entry.records) for entry in entries)
        self._waiting -= ticks
        self._journaled += ticks

    def failed(self, entries: Sequence[Entry]) -> None:
        """Note that the journal cannot take these, nor anything now; or keep them where nothing is left out."""
        if self._keeps_all:
            self._entries.extendleft(reversed(entries))
            return
        self.is_lossy = True
        for entry in (*entries, *self._entries):
            self._waiting -= ticks_in(entry.records)
            self._loss.add(entry.records, entry.marks)
        self._entries.clear()

    def gap(self, cause: str) -> Gap | None:
        """Return what was left out until now as one gap; None where nothing was, or something before it waits."""
        return self._loss.gap(cause) if self.is_empty else None

    @property
    def marks_left_out(self) -> Mapping[str, bytes]:
        """The marks that hold once the gap is written: it stands for the records before them."""
        return self._loss.marks

    def resumed(self) -> None:
        """Note that the gap is in the journal: what comes from now on is taken again."""
        self._loss.settle()
        self.is_lossy = False

    def ledger(self) -> JournalLedger:
        """Return the counts."""
        return JournalLedger(journaled=self._journaled, gapped=self._loss.total, queued=self._waiting)


class _Loss:
    """What was left out, and not yet written down as a gap."""

    def __init__(self) -> None:
        self.total = 0
        self.marks: dict[str, bytes] = {}
        self._settled = 0
        self._span: tuple[int, int] | None = None

    def add(self, records: Sequence[Record], marks: Mapping[str, bytes]) -> None:
        self.marks.update(marks)
        self.total += ticks_in(records)
        for item in records:
            start_us = item.start_us if isinstance(item, Gap) else item.time_us
            end_us = item.received_us if isinstance(item, Tick) else item.time_us
            low, high = min(start_us, item.time_us), max(end_us, item.time_us)
            self._span = (low, high) if self._span is None else (min(self._span[0], low), max(self._span[1], high))

    def gap(self, cause: str) -> Gap | None:
        if self._span is None:
            return None
        start_us, end_us = self._span
        return Gap(start_us=start_us, end_us=end_us, cause=cause, missed=self.total - self._settled)

    def settle(self) -> None:
        self._settled, self._span, self.marks = self.total, None, {}
