"""Reading from a journal, also while another process writes it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs

from trio_ticks.errors import JournalDamagedError, JournalError
from trio_ticks.model import Record
from trio_ticks.storage.frames import ArrowTable
from trio_ticks.storage.gathering import ROWS_IN_TABLE, Gathering
from trio_ticks.storage.journal import Damage, JournalReader, StoredBatch
from trio_ticks.storage.journal.faults import translated
from trio_ticks.storage.journal.scan import Wanted, ends, scan
from trio_ticks.storage.journal.schema import connect_reading
from trio_ticks.storage.payload import bits_of
from trio_ticks.storage.reading.query import Query
from trio_ticks.storage.reading.sifting import filtered
from trio_ticks.storage.reading.tabling import tables_of

OnDamage = Callable[[Damage], None]
OnProgress = Callable[[int, int], None]


@attrs.frozen(kw_only=True)
class JournalSource:
    """A journal's file, and who is told what of it cannot be read. None: it raises."""

    path: Path
    on_damage: OnDamage | None = None

    @property
    def title(self) -> str:
        """Its path."""
        return str(self.path)

    def check(self) -> None:
        """Raise `JournalError` where there is no journal that this version reads."""
        JournalReader(self.path).close()

    def stored(self, query: Query, *, after: int = 0, on_progress: OnProgress | None = None) -> Iterator[StoredBatch]:
        """Yield the batches behind a position that may hold what is wanted, up to the last one at the start.

        Raises:
            JournalDamagedError: a batch is not what was written, and nobody wants to be told.
        """
        wanted = Wanted(query.start_us, query.end_us, bits_of(*query.record_kinds))
        with translated(self.path), contextlib.closing(connect_reading(self.path)) as connection:
            last = ends(connection)[1]
            for batch in scan(connection, after=after, wanted=wanted, on_damage=self.on_damage or self._refuse):
                yield batch
                if on_progress:
                    on_progress(batch.position, last)

    def batches(self, query: Query, *, on_progress: OnProgress | None = None) -> Iterator[Sequence[Record]]:
        """Yield the records that are wanted, in the journal's order, a list for each batch that has any."""
        kinds = query.record_kinds
        others = ~bits_of(*kinds)
        for batch in self.stored(query, on_progress=on_progress):
            chosen = self._decoded(batch)
            # Its header says whether all of it is wanted: then no record is looked at.
            if batch.kinds & others or not query.has_all(batch.first_us, batch.last_us):
                chosen = [item for item in chosen if item.kind in kinds and query.matches(item)]
            if chosen:
                yield chosen

    def tables(self, query: Query, *, on_progress: OnProgress | None = None) -> Iterator[ArrowTable]:
        """Yield the records of one kind as tables, in the journal's order."""
        if query.kind != "ticks":
            yield from tables_of(query.kind, self.batches(query, on_progress=on_progress))
            return
        gathering = Gathering()
        for batch in self.stored(query, on_progress=on_progress):
            try:
                gathering.add(batch.payload)
            except JournalError as error:
                self._tell(batch, error)
            if gathering.count >= ROWS_IN_TABLE:
                yield filtered(gathering.table(), query)
        if gathering.count:
            yield filtered(gathering.table(), query)

    def count(self, query: Query) -> int:
        """Return how many records are wanted; without decoding those batches that are wanted whole."""
        kinds = query.record_kinds
        total = 0
        for batch in self.stored(query):
            whole = query.has_all(batch.first_us, batch.last_us)
            if whole and kinds == {"tick"}:
                total += batch.ticks
            elif whole and not batch.kinds & ~bits_of(*kinds):
                total += batch.records
            else:
                total += sum(item.kind in kinds and query.matches(item) for item in self._decoded(batch))
        return total

    def _decoded(self, batch: StoredBatch) -> Sequence[Record]:
        try:
            return batch.decode()
        except JournalError as error:
            self._tell(batch, error)
            return ()

    def _tell(self, batch: StoredBatch, error: JournalError) -> None:
        """Tell of a batch whose bytes are what was written, and yet not to be read."""
        (self.on_damage or self._refuse)(Damage(batch.position, batch.position, str(error)))

    def _refuse(self, damage: Damage) -> None:
        raise JournalDamagedError(
            f"{self.path}: batches {damage.first_position} to {damage.last_position}: {damage.reason}; "
            "`trio-ticks journal verify` tells what can still be read, and read(…, on_damage=…) reads it"
        )
