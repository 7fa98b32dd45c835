"""A sink in memory, whose faults read as sentences."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import attrs
import trio

from trio_ticks.errors import SinkUnavailableError
from trio_ticks.model import Record, Tick
from trio_ticks.runtime.sinks import Refused, SinkBatch


class MemorySink:
    """A sink for ``open_engine(sinks=[…])`` that keeps what it takes, and fails in every way when told to.

    Faults read as sentences::

        with sink.refusing(): ...                                 # a database that is away: the batch comes again
        with sink.failing(): ...                                  # a bug in the sink: likewise
        with sink.hanging(): ...                                  # no answer at all
        with sink.losing_receipts(): ...                          # taken, but the answer was lost: it comes again
        with sink.rejecting(lambda tick: tick.price < 0): ...     # these are dead letters, the others are taken

    Args:
        name: Of its cursor in the journal.
        kinds: What it takes.
        batch_ticks: As in `trio_ticks.Sink`.

    Attributes:
        batches: What was taken, resends included, in order. Rejected records are not among them.
        attempts: Batches that were handed over, taken or not.

    Example:
        >>> from trio_ticks.testing import Venue, on_the_spot, run_seeded
        >>> async def an_outage(path):
        ...     venue, sink = Venue(), MemorySink()
        ...     async with venue.open_engine("X", journal=path, sinks=[sink], run_sync=on_the_spot):
        ...         await venue.wait_subscribed()
        ...         with sink.refusing():
        ...             await venue.send(Tick("X", venue.now_us(), 9.5))
        ...             await trio.sleep(60)
        ...             while_away = len(sink.ticks)
        ...         await sink.wait_ticks(1)
        ...     return while_away, [tick.price for tick in sink.ticks]
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     run_seeded(lambda: an_outage(f"{place}/ticks.journal"))
        (0, [9.5])
    """

    def __init__(
        self, *, name: str = "memory", kinds: frozenset[str] = frozenset({"tick"}), batch_ticks: int = 1
    ) -> None:
        self.name = name
        self.kinds = frozenset(kinds)
        self.batch_ticks = batch_ticks
        self.in_flight = 1
        self.reads_payloads = False
        self.batches: list[SinkBatch] = []
        self.attempts = 0
        self._error: Exception | None = None
        self._is_losing_receipts = False
        self._is_rejected: Callable[[Tick], bool] = _none
        self._free: trio.Event | None = None
        self._news = trio.Event()

    @property
    def records(self) -> list[Record]:
        """What it has, each record once, in the order in which it came first."""
        found: dict[tuple[int, int], Record] = {}
        for batch in self.batches:
            for place, record in zip(batch.places, batch.records, strict=True):
                found.setdefault(place, record)
        return list(found.values())

    @property
    def ticks(self) -> list[Tick]:
        """The ticks among the records."""
        return [record for record in self.records if type(record) is Tick]

    async def wait_ticks(self, count: int) -> None:
        """Wait until it has so many ticks.

        Cancellation:
            At any await; nothing is changed.
        """
        while len(self.ticks) < count:
            await self._news.wait()

    @contextmanager
    def refusing(self, reason: str = "the sink is away", *, after_s: float = 0.0) -> Iterator[None]:
        """Take nothing meanwhile; ask to be left alone for ``after_s`` seconds each time."""
        with self.failing(SinkUnavailableError(reason, after_s=after_s)):
            yield

    @contextmanager
    def failing(self, error: Exception | None = None) -> Iterator[None]:
        """Raise this meanwhile, as a sink with a bug does."""
        self._error = error or RuntimeError("the sink has a bug")
        try:
            yield
        finally:
            self._error = None

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Answer nothing meanwhile; what was handed over is taken afterwards, if its engine still waits."""
        self._free = trio.Event()
        try:
            yield
        finally:
            self._free.set()
            self._free = None

    @contextmanager
    def losing_receipts(self) -> Iterator[None]:
        """Take everything meanwhile, and fail as if the answer had been lost on its way."""
        self._is_losing_receipts = True
        try:
            yield
        finally:
            self._is_losing_receipts = False

    @contextmanager
    def rejecting(self, is_rejected: Callable[[Tick], bool]) -> Iterator[None]:
        """Refuse such ticks for good meanwhile; the others of their batch are taken."""
        self._is_rejected = is_rejected
        try:
            yield
        finally:
            self._is_rejected = _none

    @asynccontextmanager
    async def open(self) -> AsyncIterator[MemorySink]:
        """Return the way to it."""
        yield self

    async def deliver(self, batch: SinkBatch) -> Sequence[Refused]:
        """Take a batch, or not; the same contract as any sink's."""
        self.attempts += 1
        await trio.lowlevel.checkpoint()
        if self._free is not None:
            await self._free.wait()
        if self._error is not None:
            raise self._error
        refused = [
            Refused(index, "rejected by the test")
            for index, record in enumerate(batch.records)
            if type(record) is Tick and self._is_rejected(record)
        ]
        self._take(batch, {item.index for item in refused})
        if self._is_losing_receipts:
            raise SinkUnavailableError("the receipt was lost")
        return refused

    def _take(self, batch: SinkBatch, refused: set[int]) -> None:
        kept = [index for index in range(len(batch.records)) if index not in refused]
        records, places = [batch.records[index] for index in kept], [batch.places[index] for index in kept]
        self.batches.append(attrs.evolve(batch, decoded=(records, places)))
        self._news.set()
        self._news = trio.Event()


def _none(_: Tick) -> bool:
    return False
