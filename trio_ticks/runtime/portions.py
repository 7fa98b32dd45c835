"""How batches of the journal become the batches of a sink: filtered by kind, and put together or left as they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from trio_ticks.model import Record
from trio_ticks.runtime.sinks import SinkBatch
from trio_ticks.storage.journal import StoredBatch


@attrs.define
class Portion:
    """Consecutive batches of the journal that are handed over as one, and what the cursor moves by.

    Attributes:
        position: Of the last of them.
        ticks: In all of them.
        discarded: Of these, ticks that the sink does not take.
    """

    position: int
    ticks: int = 0
    discarded: int = 0
    records: list[Record] = attrs.field(factory=list)
    places: list[tuple[int, int]] = attrs.field(factory=list)

    @property
    def batch(self) -> SinkBatch:
        """What the sink gets."""
        return SinkBatch(self.position, self.records, self.places)

    def add(self, stored: StoredBatch, kinds: Collection[str]) -> None:
        """Put one more batch of the journal to it."""
        self.position = stored.position
        self.ticks += stored.ticks
        self.discarded += 0 if "tick" in kinds else stored.ticks
        for number, record in enumerate(stored.decode()):
            if record.kind in kinds:
                self.records.append(record)
                self.places.append((stored.position, number))


def portions_of(batches: Sequence[StoredBatch], *, kinds: Collection[str], batch_ticks: int) -> list[Portion]:
    """Return the batches as portions of at least ``batch_ticks`` records, the last as many as there are."""
    portions: list[Portion] = []
    for stored in batches:
        if not portions or len(portions[-1].records) >= batch_ticks:
            portions.append(Portion(stored.position))
        portions[-1].add(stored, kinds)
    return portions
