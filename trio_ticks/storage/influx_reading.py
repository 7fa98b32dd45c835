"""Ticks out of InfluxDB, in the order of their event times over all series, a page at a time.

A page is what one query finds from an instant on, up to a number of points. So a long quiet night costs one query
and a busy second many, the memory holds one page, and no answer stays open while a strategy takes its time.

A tick whose ordinal is a thousand or more lies behind its stamp, but within the same millisecond
(`trio_ticks.storage.tick_line`). Pages therefore end between two milliseconds: the last one of a full page is left
for the next, and where one page holds nothing else, the page grows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from trio_ticks.config.sinks import InfluxDB
from trio_ticks.errors import ConfigError
from trio_ticks.model import Record, Tick
from trio_ticks.storage.influxdb import InfluxWriter
from trio_ticks.storage.reading.query import END_US, FIRST_US, Query
from trio_ticks.storage.tick_line import tick_of_row

PAGE_POINTS = 5_000
"""A quarter of a second of a server's work and ten megabytes here. Fewer pay a round trip for little."""

_MS_NS = 1_000_000
_MS_US = 1_000

Find = Callable[[str], Iterator[Mapping[str, Any]]]
"""Runs one InfluxQL query and yields its rows."""


@attrs.frozen(kw_only=True)
class InfluxSource:
    """A bucket that an InfluxDB sink has written; 2.x has to map it to a database of its name."""

    settings: InfluxDB
    page_points: int = PAGE_POINTS

    def batches(
        self, query: Query, *, on_progress: Callable[[int, int], None] | None = None
    ) -> Iterator[list[Record]]:
        """Yield the ticks that are wanted, by event time. Blocks; belongs in a thread.

        Args:
            query: Its kinds do not matter: there are ticks and nothing else.
            on_progress: Is told the microseconds that are behind, and all of them.

        Raises:
            SinkError: the server does not answer, or refuses.
            ConfigError: a point is not a tick that a sink wrote.
        """
        with contextlib.closing(InfluxWriter(self.settings)) as client:
            ends = self._ends(client.query, query)
            if ends is None:
                return
            first_us, last_us = ends
            for rows in self._pages(client.query, query, first_us // _MS_US * _MS_NS):
                ticks = sorted(((self._tick(row), row) for row in rows), key=_place)
                wanted: list[Record] = [tick for tick, _ in ticks if query.matches(tick)]
                if wanted:
                    yield wanted
                if on_progress and ticks:
                    on_progress(ticks[-1][0].time_us - first_us, last_us - first_us)

    def _ends(self, find: Find, query: Query) -> tuple[int, int] | None:
        where = self._where(query, None)
        ends = 'first("time_us") AS first_us, last("time_us") AS last_us'
        found = list(find(self._select(ends, where)))
        return (int(found[0]["first_us"]), int(found[0]["last_us"])) if found else None

    def _pages(self, find: Find, query: Query, begin_ns: int) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Yield the points from an instant on, in pages of whole milliseconds."""
        limit = self.page_points
        while True:
            where = self._where(query, begin_ns)
            rows = list(find(f"{self._select('*', where)} ORDER BY time ASC LIMIT {limit}"))
            if len(rows) < limit:
                yield rows
                return
            end_ns = rows[-1]["time"] // _MS_NS * _MS_NS
            whole = [row for row in rows if row["time"] < end_ns]
            if whole:
                yield whole
                begin_ns, limit = end_ns, self.page_points
            else:  # more points in one millisecond than a page has room for
                limit *= 2

    def _select(self, fields: str, where: str) -> str:
        # The measurement's rule admits no quotes, and every text in the condition is a literal.
        return f'SELECT {fields} FROM "{self.settings.measurement}"{where}'  # noqa: S608 - as just said

    def _where(self, query: Query, begin_ns: int | None) -> str:
        conditions = [f'"writer" = {_literal(self.settings.writer)}']
        if begin_ns is None and query.start_us > FIRST_US:
            begin_ns = query.start_us // _MS_US * _MS_NS
        if begin_ns is not None:
            conditions.append(f"time >= {begin_ns}")
        if query.end_us < END_US:
            conditions.append(f"time < {-(-query.end_us // _MS_US) * _MS_NS}")
        if query.symbols is not None:
            conditions.append(f"({' OR '.join(f'symbol = {_literal(name)}' for name in sorted(query.symbols))})")
        return f" WHERE {' AND '.join(conditions)}"

    def _tick(self, row: Mapping[str, Any]) -> Tick:
        try:
            return tick_of_row(row)
        except (KeyError, TypeError, ValueError) as error:
            where = f"{self.settings.bucket}, {self.settings.measurement} at {row.get('time')} ns"
            raise ConfigError(f"{where}: is no tick of this engine: {type(error).__name__} {error}") from None


def _place(found: tuple[Tick, Mapping[str, Any]]) -> tuple[Any, ...]:
    """Order ticks of one microsecond as they lay in the journal they came from, as far as a point tells."""
    tick, row = found
    return tick.time_us, row.get("position") or 0, tick.feed, tick.symbol, tick.ordinal


def _literal(text: str) -> str:
    """Return a text as InfluxQL spells it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
