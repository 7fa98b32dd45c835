"""The live runs of a strategy that a journal holds.

A run begins at ``Status("started", source="strategy NAME")``, whose reason says with which symbols and parameters,
and goes on up to the next one. Behind a clean end stands ``Status("stopped")``; where it is missing, the engine was
killed or stopped hard, and the journal may lack the last decisions.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from trio_ticks.core.marks import SOURCE
from trio_ticks.model import Gap, Record, Signal, Status
from trio_ticks.storage.journal import StoredBatch
from trio_ticks.storage.reading import OnProgress
from trio_ticks.storage.reading.journal import JournalSource
from trio_ticks.storage.reading.query import ALL, Query

_ENDS = frozenset({"stopped", "failed"})
# What the journal itself lacks; a replay cannot know what the strategy saw then.
_OWN_CAUSES = frozenset({"full", "overflow", "journal"})


@attrs.frozen
class Kept:
    """A decision that was kept live, and in which batch of the journal it stands."""

    signal: Signal
    position: int


@attrs.define
class Run:
    """One live run; what it knows grows while its batches are read.

    Attributes:
        position: The batch in which it began.
        started: The status that says so.
        signals: Decisions that were kept and nobody has taken from here yet.
        is_complete: It was stopped cleanly, so nothing is missing at its end.
        lacks: Ticks that the journal lacks while it ran, as far as it knows.
        stop_reason: What the journal says of its stop.
    """

    position: int
    started: Status
    signals: list[Kept] = attrs.field(factory=list)
    is_complete: bool = False
    lacks: bool = False
    stop_reason: str = ""

    @property
    def said(self) -> Mapping[str, Any]:
        """With what it was started: ``symbols`` and ``params``, as far as the journal says."""
        try:
            said = json.loads(self.started.reason)
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}


class Runs:
    """Passes over a journal once, run by run.

    Args:
        path: The journal.
        name: The strategy's.
        on_progress: Is told how far it is.

    Attributes:
        others: Names of other strategies that were started.
        before: How many decisions stand before the first start.
    """

    def __init__(self, path: Path, name: str, *, on_progress: OnProgress | None = None) -> None:
        self._name = name
        self._source = f"{SOURCE}{name}"
        source = JournalSource(path=path)
        source.check()
        self._pieces = self._split(source.stored(Query(kind=ALL), on_progress=on_progress))
        self._next: Run | None = None
        self.others: set[str] = set()
        self.before = 0

    def __iter__(self) -> Iterator[tuple[Run, Iterator[Sequence[Record]]]]:
        """Yield each run with its batches, which have to be read to their end before the next run."""
        before = Run(0, Status("", 0))
        for _ in self._batches(before):
            """What stands before the first start belongs to no run."""
        self.before = len(before.signals)
        while self._next is not None:
            run, self._next = self._next, None
            yield run, self._batches(run)

    def _batches(self, run: Run) -> Iterator[Sequence[Record]]:
        """Yield a run's records and note what the journal says of it, up to the next run."""
        for position, records in self._pieces:
            first = records[0]
            if type(first) is Status and first.source == self._source and first.status == "started":
                self._next = Run(position, first)
                return
            for item in records:
                self._note(run, position, item)
            yield records

    def _note(self, run: Run, position: int, item: Record) -> None:
        if type(item) is Signal and item.strategy == self._name:
            run.signals.append(Kept(item, position))
        elif type(item) is Gap and item.cause in _OWN_CAUSES and not item.feed:
            run.lacks = True
        elif type(item) is Status and item.source == self._source and item.status in _ENDS:
            run.is_complete, run.stop_reason = True, item.reason
        elif type(item) is Status and item.source.startswith(SOURCE) and item.status == "started":
            self.others.add(item.source.removeprefix(SOURCE))

    def _split(self, batches: Iterator[StoredBatch]) -> Iterator[tuple[int, Sequence[Record]]]:
        """Yield the records in order; one that starts a run stands alone."""
        for batch in batches:
            records = batch.decode()
            if batch.ticks == len(records):
                yield batch.position, records
                continue
            for _, piece in itertools.groupby(records, key=self._is_start):
                some = list(piece)
                yield from (
                    ((batch.position, [item]) for item in some)
                    if self._is_start(some[0])
                    else [(batch.position, some)]
                )

    def _is_start(self, item: Record) -> bool:
        return type(item) is Status and item.source == self._source and item.status == "started"
