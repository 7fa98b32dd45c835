"""Reading from InfluxDB what a sink has written: ticks, gaps, statuses and signals, in the order of event time."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import operator
from collections.abc import Callable, Iterator

import attrs

from trio_ticks.config.sinks import InfluxDB
from trio_ticks.errors import ConfigError
from trio_ticks.model import Record
from trio_ticks.storage.frames import ArrowTable
from trio_ticks.storage.influxdb import InfluxWriter
from trio_ticks.storage.reading.points import FORMS, Find, Placed, Points
from trio_ticks.storage.reading.query import ALL, Query
from trio_ticks.storage.reading.tabling import tables_of

PAGE_POINTS = 5_000
"""A quarter of a second of a server's work and ten megabytes here. Fewer pay a round trip for little."""

# As many as the journal puts in one batch at most.
_IN_BATCH = 1_024


@attrs.frozen(kw_only=True)
class InfluxSource:
    """A bucket that an InfluxDB sink has written; 2.x has to map it to a database of its name."""

    settings: InfluxDB
    page_points: int = PAGE_POINTS

    @property
    def title(self) -> str:
        """The bucket and its measurement; never the token."""
        return f"InfluxDB {self.settings.bucket}, {self.settings.measurement}"

    def check(self, query: Query) -> None:
        """Raise `ConfigError` where no sink writes what is asked for. The server is not asked."""
        if query.kind != ALL and query.kind not in FORMS:
            raise ConfigError(f"kind = {query.kind!r}: InfluxDB has {', '.join(FORMS)}, or {ALL}")

    def batches(
        self, query: Query, *, on_progress: Callable[[int, int], None] | None = None
    ) -> Iterator[list[Record]]:
        """Yield the records that are wanted, by event time; a gap is at its end. Blocks; belongs in a thread.

        Args:
            query: What is wanted.
            on_progress: Is told the microseconds that are behind, and all of them.

        Raises:
            SinkError: the server does not answer, or refuses.
            ConfigError: a point is not one that a sink wrote.
        """
        with contextlib.closing(InfluxWriter(self.settings)) as client:
            found = list(self._found(client.query, query))
            first_us = min((first_us for _, (first_us, _) in found), default=0)
            last_us = max((last_us for _, (_, last_us) in found), default=0)
            merged = heapq.merge(*(points.records(ends[0]) for points, ends in found), key=operator.itemgetter(0))
            while some := list(itertools.islice(merged, _IN_BATCH)):
                wanted = [record for _, record in some if query.matches(record)]
                if wanted:
                    yield wanted
                if on_progress:
                    on_progress(_time_us(some[-1]) - first_us, last_us - first_us)

    def tables(self, query: Query, *, on_progress: Callable[[int, int], None] | None = None) -> Iterator[ArrowTable]:
        """Yield the records of one kind as tables, by event time."""
        return tables_of(query.kind, self.batches(query, on_progress=on_progress))

    def count(self, query: Query) -> int:
        """Return how many records are wanted. All of them are read."""
        return sum(map(len, self.batches(query)))

    def _found(self, find: Find, query: Query) -> Iterator[tuple[Points, tuple[int, int]]]:
        """Yield the kinds of which there is something, and the times of the first and the last of each."""
        for kind in FORMS:
            if kind in query.kinds:
                points = Points(
                    settings=self.settings, kind=kind, query=query, page_points=self.page_points, find=find
                )
                ends = points.ends()
                if ends is not None:
                    yield points, ends


def _time_us(placed: Placed) -> int:
    return placed[1].time_us
