"""How batches of the journal become the batches of a sink: filtered by kind, and put together or left as they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from trio_ticks.errors import JournalDamagedError
from trio_ticks.storage.journal import JournalReader, NewDeadLetter, StoredBatch
from trio_ticks.storage.payload import bits_of


@attrs.define
class Portion:
    """Consecutive batches of the journal that are handed over as one, and what the cursor moves by.

    Attributes:
        received_us: Receipt of the oldest of them.
        kinds: Of the records that the sink takes.
        position: Of the last of them.
        records: For the sink, about: all of a batch that has any for it.
        ticks: In all of them, and in what is lost between them.
        discarded: Of these, ticks that the sink does not take.
        parts: Those that have any for the sink, as they are written.
        lost: What cannot be read any more, though the journal had taken it.
    """

    received_us: int
    kinds: Collection[str]
    position: int = 0
    records: int = 0
    ticks: int = 0
    discarded: int = 0
    parts: list[tuple[int, bytes]] = attrs.field(factory=list)
    lost: list[NewDeadLetter] = attrs.field(factory=list)

    def add(self, stored: StoredBatch) -> None:
        """Put one more batch of the journal to it."""
        self.position = stored.position
        self.ticks += stored.ticks
        self.discarded += 0 if "tick" in self.kinds else stored.ticks
        if stored.kinds & bits_of(*self.kinds):
            self.parts.append((stored.position, stored.payload))
            self.records += stored.ticks if self.kinds == {"tick"} else stored.records

    def add_lost(self, position: int, ticks: int) -> None:
        """Account for ticks of batches, from this position on, that cannot be read any more."""
        self.ticks += ticks
        if "tick" in self.kinds:
            self.lost.append(NewDeadLetter(position, 0, "the journal is damaged here", b"", ticks))
        else:
            self.discarded += ticks


def readable(reader: JournalReader, *, after: int, last: int, limit: int) -> list[StoredBatch]:
    """Return the next batches behind a position, up to the last one; what is damaged is passed by.

    Raises:
        JournalDamagedError: there is something, and none of it can be read.
    """
    try:
        return [batch for batch in reader.batches(after=after, limit=limit) if batch.position <= last]
    except JournalDamagedError as error:
        damage = error
    for position in range(after, last):
        try:
            return reader.batches(after=position, limit=1)
        except JournalDamagedError as error:
            damage = error
    raise damage


def portions_of(
    batches: Sequence[StoredBatch], *, after: int, passed_ticks: int, kinds: Collection[str], batch_ticks: int
) -> list[Portion]:
    """Return batches as portions of at least ``batch_ticks`` records, the last as many as there are.

    Args:
        batches: Of the journal, in order.
        after: The position behind which they were read.
        passed_ticks: How many the journal had taken up to there: what is missing between two batches is seen by it.
        kinds: Of the records that are wanted.
        batch_ticks: See above.
    """
    portions: list[Portion] = []
    for stored in batches:
        if not portions or portions[-1].records >= batch_ticks:
            portions.append(Portion(stored.first_received_us, kinds))
        lost = stored.total_ticks - stored.ticks - passed_ticks
        if lost:
            portions[-1].add_lost(after + 1, lost)
        portions[-1].add(stored)
        after, passed_ticks = stored.position, stored.total_ticks
    return portions
