"""Reading from an archive: a directory of Parquet files, one for each day and kind."""

from __future__ import annotations

import heapq
import itertools
import operator
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from trio_ticks.errors import JournalError
from trio_ticks.model import Record
from trio_ticks.storage.arrow import schema_of
from trio_ticks.storage.frames import ArrowTable
from trio_ticks.storage.layout import columns_of_kind
from trio_ticks.storage.parquet import DAY_US, DayFile, day_files, placed_records, segments
from trio_ticks.storage.reading.query import Query
from trio_ticks.storage.reading.sifting import filtered


@attrs.frozen(kw_only=True)
class ArchiveSource:
    """An archive's directory."""

    path: Path

    @property
    def title(self) -> str:
        """Its path."""
        return str(self.path)

    def check(self) -> None:
        """Raise `JournalError` where there is no archive."""
        if not day_files(self.path):
            raise JournalError(f"{self.path} is no archive: it has no file such as 2026-11-21.ticks.parquet")

    def batches(
        self, query: Query, *, on_progress: Callable[[int, int], None] | None = None
    ) -> Iterator[list[Record]]:
        """Yield the records that are wanted, day by day, each in the journal's order."""
        files = self._files(query)
        done = 0
        for _, of_day in itertools.groupby(files, operator.attrgetter("day_us")):
            kinds = list(of_day)
            merged = heapq.merge(*map(placed_records, kinds), key=operator.itemgetter(0))
            matching = (record for _, record in merged if query.matches(record))
            while batch := list(itertools.islice(matching, _IN_BATCH)):
                yield batch
            done += len(kinds)
            if on_progress:
                on_progress(done, len(files))

    def tables(self, query: Query, *, on_progress: Callable[[int, int], None] | None = None) -> Iterator[ArrowTable]:
        """Yield the records of one kind as tables, day by day, each in the journal's order."""
        files = self._files(query)
        schema = schema_of(columns_of_kind(query.kind))
        for number, file in enumerate(files, 1):
            for segment in segments(file):
                yield filtered(segment.select(schema.names).cast(schema), query)
            if on_progress:
                on_progress(number, len(files))

    def count(self, query: Query) -> int:
        """Return how many records are wanted."""
        return sum(table.num_rows for kind in query.kinds for table in self.tables(attrs.evolve(query, kind=kind)))

    def _files(self, query: Query) -> list[DayFile]:
        """Return the files that may hold what is wanted. A gap lies in the file of its end and reaches back."""
        return [
            file
            for file in day_files(self.path)
            if file.kind in query.kinds
            and file.day_us + DAY_US > query.start_us
            and (file.day_us < query.end_us or file.kind == "gaps")
        ]


# As many as the journal puts in one batch at most.
_IN_BATCH = 1_024
