"""Bars made of what a journal, an archive or a database holds, as they were live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import attrs

from trio_ticks.core.bars import BarMaker
from trio_ticks.model import Bar, Clock, Record
from trio_ticks.storage.frames import ArrowTable
from trio_ticks.storage.reading.archive import ArchiveSource
from trio_ticks.storage.reading.influxdb import InfluxSource
from trio_ticks.storage.reading.journal import JournalSource, OnProgress
from trio_ticks.storage.reading.query import ALL, END_US, FIRST_US, Query
from trio_ticks.storage.reading.tabling import tables_of


@attrs.frozen(kw_only=True)
class BarSource:
    """What is kept, seen as bars.

    The ticks of the stretch that is asked for make them. Where something is recorded before it, the first bar is no
    less complete for being the first; where something is recorded behind it, the last one is over. Gaps are known.

    Attributes:
        source: What is kept.
        make: Returns a new maker, which is told since when the stream is covered.
        lateness_s: For how long its bars wait.
    """

    source: JournalSource | ArchiveSource | InfluxSource
    make: Callable[[int | None], BarMaker]
    lateness_s: float

    @property
    def title(self) -> str:
        """Where it is kept."""
        return self.source.title

    def batches(self, query: Query, *, on_progress: OnProgress | None = None) -> Iterator[list[Record]]:
        """Yield bars in the order in which they are finished and corrected."""
        bars = self._bars(attrs.evolve(query, kind=ALL), on_progress)
        yield from (cast("list[Record]", some) for some in bars if some)

    def tables(self, query: Query, *, on_progress: OnProgress | None = None) -> Iterator[ArrowTable]:
        """Yield the same as tables."""
        return tables_of(query.kind, self.batches(query, on_progress=on_progress))

    def count(self, query: Query) -> int:
        """Return how many bars there are, revised ones included."""
        return sum(map(len, self.batches(query)))

    def _bars(self, query: Query, on_progress: OnProgress | None) -> Iterator[list[Bar]]:
        before = query.start_us > FIRST_US and self._holds(query, FIRST_US, query.start_us)
        behind = query.end_us < END_US and self._holds(query, query.end_us, END_US)
        maker = self.make(query.start_us if before else None)
        for records in self.source.batches(query, on_progress=on_progress):
            yield maker.push_many(records)
        if behind:
            over = Clock(query.end_us + round(self.lateness_s * 1e6))
            yield [bar for bar in maker.push(over) if bar.time_us < query.end_us]
        yield [bar for bar in maker.finish() if bar.time_us < query.end_us]

    def _holds(self, query: Query, start_us: int, end_us: int) -> bool:
        """Return whether anything is recorded between two instants."""
        source = self.source
        if isinstance(source, JournalSource):  # what is damaged there is not what was asked for
            source = attrs.evolve(source, on_damage=lambda _: None)
        some = source.batches(attrs.evolve(query, symbols=None, start_us=start_us, end_us=end_us))
        return next(some, None) is not None
