"""Records as tables, for what is rare enough, or comes from where there are no columns."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from trio_ticks.model import Record
from trio_ticks.storage.arrow import table_of
from trio_ticks.storage.frames import ArrowTable
from trio_ticks.storage.gathering import ROWS_IN_TABLE


def tables_of(kind: str, batches: Iterable[Sequence[Record]]) -> Iterator[ArrowTable]:
    """Yield records of one kind in tables of some ten thousand rows."""
    records = itertools.chain.from_iterable(batches)
    while some := list(itertools.islice(records, ROWS_IN_TABLE)):
        yield table_of(kind, some)
