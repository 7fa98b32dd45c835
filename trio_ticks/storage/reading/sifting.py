"""Those rows of a table that are wanted."""

from __future__ import annotations

import functools

from trio_ticks.storage.arrow import compute_or_refuse, pyarrow_or_refuse
from trio_ticks.storage.frames import ArrowTable
from trio_ticks.storage.reading.query import END_US, FIRST_US, Query


def filtered(table: ArrowTable, query: Query) -> ArrowTable:
    """Return the rows of a table that `Query.matches`."""
    pa, pc = pyarrow_or_refuse(), compute_or_refuse()
    conditions = []
    last = table["end" if query.kind == "gaps" else "time"].cast(pa.int64())
    first = table["start"].cast(pa.int64()) if query.kind == "gaps" else last
    if query.start_us > FIRST_US:
        conditions.append(pc.greater_equal(last, query.start_us))
    if query.end_us < END_US:
        conditions.append(pc.less(first, query.end_us))
    if query.symbols is not None and "symbol" in table.column_names:
        symbols = table["symbol"].cast(pa.string())
        wanted = pc.is_in(symbols, pa.array(sorted(query.symbols), pa.string()))
        conditions.append(pc.or_(wanted, pc.is_null(symbols)))
    return table.filter(functools.reduce(pc.and_, conditions)) if conditions else table
