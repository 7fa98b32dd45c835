"""Which of the symbols that were asked for a recording has: of one that is misspelt nobody would hear otherwise."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

from trio_ticks.errors import TrioTicksError
from trio_ticks.model import Record, Tick, datetime_of
from trio_ticks.storage.frames import ArrowTable

# What a message shows of what there is instead, and how far it looks.
_SHOWN, _LOOKED_AT = 8, 10_000


class Sightings:
    """Watches records go by.

    Args:
        symbols: Those that were asked for. None: all, of which none can be missing.
        on_over: Called when all have gone by and some symbols have not come.

    Attributes:
        unseen: Those of which nothing has come.
    """

    def __init__(self, symbols: Iterable[str] | None, on_over: Callable[[], object]) -> None:
        self.unseen = set(symbols or ())
        self._on_over = on_over

    def of_records(self, batches: Iterable[Sequence[Record]]) -> Generator[Sequence[Record], None, None]:
        """Yield what comes. Once every symbol has come nothing is looked at any more."""
        for records in batches:
            if self.unseen:
                self.unseen.difference_update([item.symbol for item in records if item.symbol is not None])
            yield records
        self._end()

    def of_tables(self, tables: Iterable[ArrowTable]) -> Iterator[ArrowTable]:
        """Do the same with tables that have a column ``symbol``."""
        for table in tables:
            if self.unseen:
                self.unseen.difference_update(table.column("symbol").unique().to_pylist())
            yield table
        self._end()

    def _end(self) -> None:
        if self.unseen:
            self._on_over()


def beginning_of(batches: Iterable[Sequence[Record]]) -> str:
    """Return with what a recording begins, for people. Reads a little of it; what cannot be read is not there."""
    records: list[Record] = []
    with contextlib.suppress(TrioTicksError):
        records.extend(itertools.islice(itertools.chain.from_iterable(batches), _LOOKED_AT))
    ticks = [item for item in records if type(item) is Tick]
    if not ticks:
        return "it has none at all"
    names = sorted({tick.symbol for tick in ticks})
    shown = ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
    return f"it begins at {spelled(ticks[0].time_us)} with {shown}"


def spelled(time_us: int) -> str:
    """Return an instant for people, to the microsecond."""
    return datetime_of(time_us).isoformat(timespec="microseconds").replace("+00:00", "Z")
