"""A Redis stream as a sink: each batch of the journal as one entry, in order, under its own position.

The journal stays the truth. Before each entry the server compares the newest one with what this side expects: if it
has lost its end (a failover, a restart without its last second, a stream that was deleted), what it lacks is read
from the journal once more and published first, so that the stream never has a hole that the journal could fill. An
entry that is there already is not sent again. Whatever else is found there, another engine's entries or a stranger's,
nothing is written, and the batches wait in the journal.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import attrs
import trio

from trio_ticks.config import Redis
from trio_ticks.errors import JournalError, SinkUnavailableError
from trio_ticks.runtime.holding import Held
from trio_ticks.runtime.journaling import RunSync, in_thread
from trio_ticks.runtime.sinks import Delivery, Refused, SinkBatch
from trio_ticks.storage import payload
from trio_ticks.storage.journal import JournalReader, StoredBatch
from trio_ticks.storage.redis import RedisStream, check_installed, open_stream
from trio_ticks.storage.redis_entry import NOTHING, Entry, order_of, trim_below

TIDY_ENTRIES = 64
"""Between two looks at what every reader has. Fewer would double the round trips; more would keep megabytes that
nobody needs."""

ROWS = 64
"""Of the journal in one reading, while the end of a stream is published again."""


@attrs.frozen(kw_only=True)
class RedisSink:
    """A stream as a sink.

    Attributes:
        name: Of its cursor.
        settings: Where to.
        journal: The journal that is published; it names the writer, and fills up what the stream has lost.
        run_sync: Where it is waited for the disk.

    Raises:
        ConfigError: coredis is not installed.
    """

    name: str
    settings: Redis
    journal: str
    run_sync: RunSync = in_thread
    kinds = frozenset(cls.kind for cls in payload.CLASSES)
    batch_ticks = 1
    in_flight = 1
    reads_payloads = True

    def __attrs_post_init__(self) -> None:
        check_installed()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Delivery]:
        """Yield the way to the stream. Nothing is connected before the first delivery."""
        send, receive = trio.open_memory_channel[_Parcel](0)
        body = Held()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._publish, receive, name=f"sink {self.name}: connection")
            with body:
                yield _RedisDelivery(send)
            nursery.cancel_scope.cancel("nothing more to deliver")
        body.release()

    async def _publish(self, parcels: trio.MemoryReceiveChannel[_Parcel]) -> None:
        """Publish what comes. A connection lives in this task, because its own tasks live in its block."""
        async for parcel in parcels:
            waiting = parcel
            try:
                async with open_stream(self.settings) as stream:
                    publisher = Publisher(
                        stream=stream, settings=self.settings, journal=self.journal, run_sync=self.run_sync
                    )
                    while True:
                        await publisher.publish(waiting.batch)
                        waiting.settle(None)
                        waiting = await parcels.receive()
            except SinkUnavailableError as error:
                waiting.settle(error)


@attrs.define(eq=False)
class _Parcel:
    """A batch on its way to the task that has the connection, and how it fared."""

    batch: SinkBatch
    failure: SinkUnavailableError | None = None
    _settled: trio.Event = attrs.field(factory=trio.Event)

    def settle(self, failure: SinkUnavailableError | None) -> None:
        self.failure = failure
        self._settled.set()

    async def wait_settled(self) -> None:
        await self._settled.wait()
        if self.failure is not None:
            raise self.failure


@attrs.frozen
class _RedisDelivery:
    parcels: trio.MemorySendChannel[_Parcel]

    async def deliver(self, batch: SinkBatch) -> Sequence[Refused]:
        parcel = _Parcel(batch)
        await self.parcels.send(parcel)
        await parcel.wait_settled()
        return ()


class Publisher:
    """One connection's work: entries in order, each behind the one before."""

    def __init__(self, *, stream: RedisStream, settings: Redis, journal: str, run_sync: RunSync) -> None:
        self._stream = stream
        self._settings = settings
        self._journal = journal
        self._run_sync = run_sync
        self._writer = ""
        self._newest = ""
        self._untidy = 0

    async def publish(self, batch: SinkBatch) -> None:
        """Publish a batch, unless it is there.

        Raises:
            SinkUnavailableError: not now, or not to this stream; nothing is lost.

        Cancellation:
            At any await; whether it was published is then unknown.
        """
        if not self._writer:
            self._writer = await self._run_sync(_writer_of, self._journal)
            await self._register()
        [(position, written)] = batch.parts  # a journal's batch for each entry, which takes all kinds
        entry = Entry(position, self._writer, written)
        await self._tidy()
        while not await self._append(entry):
            pass

    async def _append(self, entry: Entry) -> bool:
        """Append an entry, and first whatever of the journal the stream lacks; return whether it is there now."""
        self._newest = self._newest or await self._look()
        newest, _ = order_of(self._newest)
        if newest >= entry.position:
            return True  # it was sent before
        lacking = await self._run_sync(self._between, newest, entry.position) if newest + 1 < entry.position else []
        for stored in lacking:
            if not await self._append_one(Entry(stored.position, self._writer, stored.payload)):
                return False
        return not lacking and await self._append_one(entry)

    async def _append_one(self, entry: Entry) -> bool:
        other = await self._stream.append(entry, behind=self._newest)
        self._newest = entry.id if other is None else ""
        self._untidy += 1
        return other is None

    async def _look(self) -> str:
        """Return the id of the stream's newest entry, which has to be the journal's."""
        found = await self._stream.newest()
        if found is None:
            return NOTHING
        identifier, entry = found
        if entry is None or entry.writer != self._writer:
            whose = "another program's" if entry is None else f"of another journal ({entry.writer})"
            told = f"is {whose}; a stream has one writer"
        elif not await self._run_sync(self._is_journaled, entry):
            told = "is not in the journal, which lost its end or was restored from a copy"
        else:
            return identifier
        raise SinkUnavailableError(
            f"entry {identifier} of stream {self._settings.stream} {told}:"
            f" give journal {self._writer} another stream, or delete this one"
        )

    def _is_journaled(self, entry: Entry) -> bool:
        """Tell whether an entry is what the journal has; one that retention has deleted was."""
        try:
            with JournalReader(self._journal) as reader:
                found = reader.batches(after=entry.position - 1, limit=1)
            if not found or found[0].position > entry.position:
                return bool(found)
            return entry.is_same(Entry(entry.position, self._writer, found[0].payload))
        except JournalError as error:
            raise SinkUnavailableError(f"the stream's newest entry cannot be compared: {error}") from error

    def _between(self, after: int, before: int) -> list[StoredBatch]:
        """Return the first batches of the journal between two positions."""
        try:
            with JournalReader(self._journal) as reader:
                return [item for item in reader.batches(after=after, limit=ROWS) if item.position < before]
        except JournalError as error:
            raise SinkUnavailableError(f"what the stream lacks cannot be read from the journal: {error}") from error

    async def _register(self) -> None:
        """Make the readers known that are to find everything, where they are not."""
        known = await self._stream.readers() if self._settings.readers else {}
        for reader in self._settings.readers:
            if reader not in known:
                await self._stream.register(reader, 0)

    async def _tidy(self) -> None:
        """Let go of what every reader has: at the beginning, which is also after any failure, and by turns."""
        if self._newest and self._untidy < TIDY_ENTRIES:
            return
        self._untidy = 0
        newest = self._newest or await self._look()
        below = trim_below((await self._stream.readers()).values(), order_of(newest)[0])
        if below > 0:
            await self._stream.trim(below)
        self._newest = newest


def _writer_of(journal: str) -> str:
    """Return what names a journal, for ever: when and by whom it was made."""
    try:
        with JournalReader(journal) as reader:
            info = reader.info()
    except JournalError as error:
        raise SinkUnavailableError(f"the journal cannot be read: {error}") from error
    return f"{info.created_us:x}-{zlib.crc32(info.created_by.encode()):08x}"
