"""InfluxDB as a sink: lines from our own encoder, written from a thread, and only a 204 is a receipt.

Gaps, statuses and signals go with the ticks between which they lie, into measurements of their own. The sink's
account is of ticks, so they are not counted; one that cannot be written is a dead letter as a tick is.

What an answer means is decided by `trio_ticks.storage.outcomes`; which lines of a refused batch are the bad ones is
found by `trio_ticks.storage.sifting`. A write that takes too long is left behind in its thread and sent again: the
bytes are the same, so they fall on the same points.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol, TypeAlias

import attrs
import trio

from trio_ticks.config import InfluxDB
from trio_ticks.errors import SinkUnavailableError
from trio_ticks.runtime.sinks import Delivery, Refused, SinkBatch
from trio_ticks.storage.influxdb import InfluxWriter
from trio_ticks.storage.line_protocol import Encoded, LineEncoder, line_kinds
from trio_ticks.storage.outcomes import Outcome, Verdict
from trio_ticks.storage.sifting import sift

PATIENCE = 3
"""So many times what connecting and reading may take is a write given as a whole: an answer that drips keeps to both
and never ends. Less would send again what a busy server is still storing."""

Write = Callable[[bytes], Outcome]

InThread: TypeAlias = Callable[..., Awaitable[Any]]
"""Runs what blocks, with the arguments of `trio.to_thread.run_sync`."""


class Writer(Protocol):
    """What writes lines to a bucket, as `trio_ticks.storage.influxdb.InfluxWriter` does."""

    def write(self, body: bytes) -> Outcome:
        """Send some lines once; return what became of them. Blocks."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


@attrs.frozen(kw_only=True)
class InfluxSink:
    """A bucket as a sink.

    Attributes:
        name: Of its cursor.
        settings: Where to and how.
        by_trade_id: The feeds whose trade ids count every trade of a symbol.
        make_writer: Makes what writes; another one in a simulation.
        in_thread: Where it waits for that; likewise.
    """

    name: str
    settings: InfluxDB
    by_trade_id: frozenset[str] = frozenset()
    make_writer: Callable[[InfluxDB], Writer] = InfluxWriter
    in_thread: InThread = trio.to_thread.run_sync
    # While the server stores one batch, the next is written down and on its way. Points have no order; each receipt
    # is waited for in turn.
    in_flight = 2
    reads_payloads = True

    @property
    def kinds(self) -> frozenset[str]:
        """Ticks, and what explains their absence and what came of them, unless only ticks are wanted."""
        return line_kinds(events=self.settings.events)

    @property
    def batch_ticks(self) -> int:
        """As many lines as are sent at once."""
        return self.settings.batch_points

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Delivery]:
        """Yield the way to the bucket. Nothing is connected yet."""
        writer = self.make_writer(self.settings)
        settings = self.settings
        encoder = LineEncoder(
            measurement=settings.measurement,
            writer=settings.writer,
            by_trade_id=self.by_trade_id,
            events=settings.events,
        )
        try:
            patience_s = PATIENCE * (settings.connect_s + settings.read_s)
            yield _InfluxDelivery(writer.write, encoder, patience_s, self.in_thread)
        finally:
            writer.close()


@attrs.define(eq=False)
class _InfluxDelivery:
    write: Write
    encoder: LineEncoder
    patience_s: float
    in_thread: InThread
    # A write that was left behind in its thread holds a later one up, so that they cannot pile up.
    _threads: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(InfluxSink.in_flight))

    async def deliver(self, batch: SinkBatch) -> Sequence[Refused]:
        encoded: Encoded = await self.in_thread(self._encode, batch, limiter=self._threads)
        refused = [Refused(item.index, item.reason) for item in encoded.refused]
        if encoded.body:
            outcome = await self._write(encoded.body)
            if outcome.verdict is not Verdict.STORED:
                indexes = encoded.indexes
                bad = await self._sift(encoded.lines, outcome.reason)
                refused += [Refused(indexes[line], reason) for line, reason in bad]
        return sorted(refused, key=lambda item: item.index)

    def _encode(self, batch: SinkBatch) -> Encoded:
        """Return the lines of a batch. In the thread, for thousands take milliseconds, and strategies come first."""
        return self.encoder.encode_stored(batch.parts, place=batch.place)

    async def _sift(self, lines: Sequence[bytes], reason: str) -> list[tuple[int, str]]:
        """Write a refused batch in parts, until the lines that were the reason stand alone."""
        # Begun with None, as any generator: of a single line it has nothing to ask, and is over at once.
        search, told = sift(len(lines), reason), None
        while True:
            try:
                part = search.send(told)
            except StopIteration as found:
                return [(line.index, line.reason) for line in found.value]
            outcome = await self._write(b"\n".join(lines[part.start : part.stop]))
            told = None if outcome.verdict is Verdict.STORED else outcome.reason

    async def _write(self, body: bytes) -> Outcome:
        """Write some lines; return what became of them, where that is certain.

        Raises:
            SinkUnavailableError: it is not, or nothing of it was stored and something else has to be mended first.
        """
        with trio.move_on_after(self.patience_s):
            outcome: Outcome = await self.in_thread(
                partial(self.write, body), abandon_on_cancel=True, limiter=self._threads
            )
            if outcome.verdict in {Verdict.HOLD, Verdict.RETRY}:
                raise SinkUnavailableError(outcome.words, after_s=outcome.after_s or 0.0)
            return outcome
        raise SinkUnavailableError(f"no answer within {self.patience_s:g} s")
