"""Points out of InfluxDB, of one measurement by event time, a page at a time.

A page is what one query finds from an instant on, up to a number of points. So a long quiet night costs one query
and a busy second many, the memory holds one page, and no answer stays open while a strategy takes its time.

A tick whose ordinal is a thousand or more lies behind its stamp, but within the same millisecond
(`trio_ticks.storage.tick_line`). Pages therefore end between two milliseconds: the last one of a full page is left
for the next, and where one page holds nothing else, the page grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from trio_ticks.config.sinks import InfluxDB
from trio_ticks.errors import ConfigError
from trio_ticks.model import Record
from trio_ticks.storage.event_line import gap_of_row, signal_of_row, status_of_row
from trio_ticks.storage.reading.query import END_US, FIRST_US, Query
from trio_ticks.storage.tick_line import tick_of_row

_MS_NS = 1_000_000
_MS_US = 1_000

Row: TypeAlias = Mapping[str, Any]
Find: TypeAlias = Callable[[str], Iterator[Row]]
"""Runs one InfluxQL query and yields its rows."""

Placed: TypeAlias = tuple[tuple[Any, ...], Record]
"""A record behind what it is ordered by."""


@attrs.frozen
class Form:
    """How the records of one kind are points.

    Attributes:
        suffix: Of the ticks' measurement.
        rank: Among records of one microsecond and one batch: what explains ticks comes before them, what came of them
            behind.
        record_of: The record of a point; raises KeyError, TypeError or ValueError where it is none.
        first_field, last_field: What says from when to when a record is.
    """

    suffix: str
    rank: int
    record_of: Callable[[Row], Record]
    first_field: str = "time_us"
    last_field: str = "time_us"


FORMS: Mapping[str, Form] = {
    "gaps": Form("_gap", 0, gap_of_row, "start_us", "end_us"),
    "statuses": Form("_status", 1, status_of_row),
    "ticks": Form("", 2, tick_of_row),
    "signals": Form("_signal", 3, signal_of_row),
}
"""The kinds that an InfluxDB sink writes, as users call them."""


@attrs.frozen(kw_only=True)
class Points:
    """The points of one kind, as far as they are asked for.

    Attributes:
        settings: Where they are.
        kind: One of `FORMS`.
        query: Which of them.
        page_points: So many are asked for at once.
        find: Asks.
    """

    settings: InfluxDB
    kind: str
    query: Query
    page_points: int
    find: Find

    def ends(self) -> tuple[int, int] | None:
        """Return the times of the first and the last; None: there is none."""
        last = self._form.last_field
        found = list(self.find(self._select(f'first("{last}") AS first_us, last("{last}") AS last_us', None)))
        return (int(found[0]["first_us"]), int(found[0]["last_us"])) if found else None

    def records(self, first_us: int) -> Iterator[Placed]:
        """Yield the records from the first one on, in their order.

        Raises:
            SinkError: the server does not answer, or refuses.
            ConfigError: a point is not one that a sink wrote.
        """
        for rows in self._pages(first_us // _MS_US * _MS_NS):
            yield from sorted(map(self._placed, rows), key=_place)

    @property
    def _form(self) -> Form:
        return FORMS[self.kind]

    def _pages(self, begin_ns: int) -> Iterator[Sequence[Row]]:
        """Yield the points from an instant on, in pages of whole milliseconds."""
        limit = self.page_points
        while True:
            rows = list(self.find(f"{self._select('*', begin_ns)} ORDER BY time ASC LIMIT {limit}"))
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

    def _select(self, fields: str, begin_ns: int | None) -> str:
        # The measurement's rule admits no quotes, and every text in the condition is a literal.
        name = self.settings.measurement + self._form.suffix
        return f'SELECT {fields} FROM "{name}" WHERE {" AND ".join(self._conditions(begin_ns))}'  # noqa: S608 - so

    def _conditions(self, begin_ns: int | None) -> Iterator[str]:
        query = self.query
        yield f'"writer" = {_literal(self.settings.writer)}'
        if begin_ns is None and query.start_us > FIRST_US:
            begin_ns = query.start_us // _MS_US * _MS_NS
        if begin_ns is not None:
            yield f"time >= {begin_ns}"
        if query.end_us < END_US and self.kind == "gaps":  # whose point is at its end, which may lie beyond
            yield f'"start_us" < {query.end_us}'
        elif query.end_us < END_US:
            yield f"time < {-(-query.end_us // _MS_US) * _MS_NS}"
        if query.symbols is not None:
            # A point without a symbol concerns all of them.
            yield f"({' OR '.join(f'symbol = {_literal(name)}' for name in ['', *sorted(query.symbols)])})"

    def _placed(self, row: Row) -> Placed:
        form = self._form
        try:
            record = form.record_of(row)
            order = int(row.get("ordinal") or row.get("place") or 0)
            position = int(row.get("position") or 0)
        except (KeyError, TypeError, ValueError) as error:
            where = f"{self.settings.bucket}, {self.settings.measurement}{form.suffix} at {row.get('time')} ns"
            raise ConfigError(f"{where}: is no record of this engine: {type(error).__name__} {error}") from None
        # Of one microsecond they come as they lay in the journal, as far as a point tells.
        return (record.time_us, position, form.rank, record.feed, record.symbol or "", order), record


def _place(placed: Placed) -> tuple[Any, ...]:
    return placed[0]


def _literal(text: str) -> str:
    """Return a text as InfluxQL spells it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
