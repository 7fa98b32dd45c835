"""A feed that another engine fills: its journal, batch by batch, from a Redis stream.

It reads by position, so nothing comes twice and nothing is passed over, whatever becomes of the connection, of Redis
or of this engine: the place is kept in the journal, in the transaction of the records before it, and Redis is told of
it only after that. It reads no faster than the journal writes. What it cannot read, because a newer version wrote it,
it does not pass by: it says so and asks again; another program's entries it counts and passes by.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable

import attrs
import trio

from trio_ticks.config import RedisFeed
from trio_ticks.core.backoff import Backoff
from trio_ticks.core.intake import Event, Notice
from trio_ticks.core.ledger import Inbox
from trio_ticks.core.relaying import PLACE, Place, Relayed
from trio_ticks.errors import ConnectError, FeedError, JournalError, RemoteProtocolError, SinkUnavailableError
from trio_ticks.model import Status
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.groups import leaves
from trio_ticks.runtime.places import Places
from trio_ticks.runtime.wiring import emit
from trio_ticks.storage.redis import NOWHERE, RedisStream, open_stream
from trio_ticks.storage.redis_entry import NOTHING, Entry, id_of, order_of

log = logging.getLogger("trio_ticks.redis")

FIRST_S = 0.5
MOST_S = 30.0
"""Between attempts, as for sinks. A session that took a batch makes the next failure a first one."""

ENTRIES = 16
"""In one reading: at most a thousand ticks each, so some megabytes."""

POLL_S = 5.0
"""A reading waits so long for something new. After that it is looked whether the stream still is what it was."""

# Redis takes 0 for ever.
_AT_ONCE_S = 0.001

IN_FLIGHT_TICKS = 32_768
"""Read and not yet settled, at most, and at most half of what may wait for the journal, so that a reader that catches
up never overflows it. Fewer would let the journal run dry between two commits."""


@attrs.frozen
class RelayStatistics:
    """A feed that another engine fills, at one instant.

    Attributes:
        name: The feed's.
        state: ``connecting``, ``reading``, ``held`` because it cannot go on, or ``ended``.
        writer: Which journal it reads; "" before the first batch.
        position: The last batch that was handed on.
        settled: The last one that is in this engine's journal, too, or was handed to consumers where it has none.
        newest: The last one that was seen in the stream.
        batches, ticks: Handed on since the start.
        foreign: Entries of other programs, passed by.
        attempts: To connect, the first included.
        last_error: Why it could not go on, the last time it could not.
    """

    name: str
    state: str
    writer: str
    position: int
    settled: int
    newest: int
    batches: int
    ticks: int
    foreign: int
    attempts: int
    last_error: str


@attrs.define(eq=False)
class RedisRun:
    """One such feed of an engine. `run` is its task.

    Args:
        settings: Where from.
        events: To the sequencer.
        inbox: Counts what is on its way there.
        places: Knows the settled place, from the journal at first.
        is_kept: Whether there is a journal; otherwise the place is the one that Redis knows.
        queue_ticks: How many ticks may wait for the journal.
        now_us: The clock.
        chance: Returns a number in [0, 1) to spread retries with.
        retry_first: Whether the first attempt is retried like any other.
    """

    settings: RedisFeed
    events: trio.MemorySendChannel[Event]
    inbox: Inbox
    places: Places
    is_kept: bool
    queue_ticks: int
    now_us: NowUs
    chance: Callable[[], float]
    retry_first: bool = True
    _place: Place = attrs.field(factory=Place)
    _cursor: str = NOTHING
    _registered: int | None = None
    _is_displaced: bool = False
    _in_flight: deque[tuple[int, int]] = attrs.field(factory=deque)
    _symbols: dict[str, None] = attrs.field(factory=dict)
    _state: str = "connecting"
    _newest: int = 0
    _batches: int = 0
    _ticks: int = 0
    _foreign: int = 0
    _attempts: int = 0
    _last_error: str = ""

    def __attrs_post_init__(self) -> None:
        self._place = self.places.of(self.name)

    @property
    def name(self) -> str:
        """The feed's name in this engine."""
        return self.settings.name

    @property
    def symbols(self) -> tuple[str, ...]:
        """What it carries: those that were asked for, or those that were seen."""
        return tuple(self._symbols) if self.settings.symbols is None else self.settings.symbols

    def statistics(self) -> RelayStatistics:
        """Return how it is doing."""
        return RelayStatistics(
            name=self.name,
            state=self._state,
            writer=self._place.writer,
            position=self._place.position,
            settled=self.places.of(self.name).position,
            newest=max(self._newest, self._place.position),
            batches=self._batches,
            ticks=self._ticks,
            foreign=self._foreign,
            attempts=self._attempts,
            last_error=self._last_error,
        )

    async def run(self) -> None:
        """Read until cancelled.

        Raises:
            FeedError: the first attempt failed, and ``retry_first`` is off.

        Cancellation:
            At any await; a batch is either wholly handed on or not at all.

        Backpressure:
            While the sequencer's channel is full, or too much is not settled, nothing is read.
        """
        backoff = Backoff(first_s=FIRST_S, max_s=MOST_S, healthy_s=math.inf)
        try:
            with self.events.clone() as events:
                while True:
                    batches = self._batches
                    self._attempts += 1
                    try:
                        await self._read(events)
                    except (FeedError, SinkUnavailableError) as error:
                        await self._hold(events, error)
                    if self._batches > batches:
                        backoff = Backoff(first_s=FIRST_S, max_s=MOST_S, healthy_s=math.inf)
                    await trio.sleep(backoff.after(None, self.chance()))
        finally:
            self._state = "ended"

    async def _read(self, events: trio.MemorySendChannel[Event]) -> None:
        """Hold one connection: follow the stream, and tell it what is settled."""
        failures: list[Exception] = []
        async with open_stream(self.settings) as stream:
            await self._register(stream)
            self._cursor = id_of(self._place.position)
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._acknowledge, stream, name=f"{self.name}: acknowledging")
                    await self._follow(stream, events)
            except* (FeedError, SinkUnavailableError) as group:
                failures += leaves(group)
            raise failures[0]

    async def _register(self, stream: RedisStream) -> None:
        """Let Redis know where this reader stands, so that nothing behind it is trimmed.

        Raises:
            FeedError: somebody else reads under its name.
        """
        known = (await stream.readers()).get(self.settings.reads_as)
        if self._is_displaced and known != self._registered:
            raise RemoteProtocolError(self._displaced(known))
        if self._registered is None and not self.is_kept and known is not None:
            self._place = Place(known)
            self.places.settle({PLACE + self.name: self._place.save()})
        self._is_displaced = False
        settled = self.places.of(self.name).position
        await stream.register(self.settings.reads_as, settled)
        self._registered = settled

    async def _acknowledge(self, stream: RedisStream) -> None:
        """Tell Redis of every place that is settled, so that it may be trimmed up to there."""
        while True:
            assert self._registered is not None, "it registers before anything else"
            position = await self.places.wait_moved(self.name, self._registered)
            found = await stream.move(self.settings.reads_as, expected=self._registered, position=position)
            if found == NOWHERE:
                await stream.register(self.settings.reads_as, position)
            elif found is not None:
                self._is_displaced = True
                raise RemoteProtocolError(self._displaced(order_of(found)[0]))
            self._registered = position

    async def _follow(self, stream: RedisStream, events: trio.MemorySendChannel[Event]) -> None:
        while True:
            await self._wait_room()
            wait_s = POLL_S if self._state == "reading" else _AT_ONCE_S
            found = await stream.read(after=self._cursor, count=ENTRIES, wait_s=wait_s)
            for identifier, entry in found:
                if entry is None:
                    self._pass_by(identifier)
                else:
                    await self._wait_room()
                    await self._hand_on(entry, events)
                self._cursor = identifier
            if not found:
                await self._look(stream)
            if self._state != "reading":  # not before: what held it up may still be there
                self._state = "reading"
                await self._tell(events, "connected", f"has read up to position {self._place.position}")

    async def _hand_on(self, entry: Entry, events: trio.MemorySendChannel[Event]) -> None:
        """Hand a batch to the sequencer.

        Raises:
            RemoteProtocolError: it cannot be read, or is of another writer.
        """
        self._check_writer(entry)
        try:
            records = entry.records()
        except JournalError as error:
            raise RemoteProtocolError(f"{error}; nothing behind it is read until it can be") from error
        batch = Relayed.following(
            self._place,
            feed=self.name,
            position=entry.position,
            writer=entry.writer,
            records=records,
            symbols=self.settings.symbols,
        )
        # No await between these and the sending, which is shielded.
        self._place = batch.place
        self._in_flight.append((entry.position, batch.ticks))
        self._batches += 1
        self._ticks += batch.ticks
        self._symbols.update((item.symbol, None) for item in batch.records if item.symbol is not None)
        self.inbox.put(batch.ticks)
        await emit(events, batch)

    async def _look(self, stream: RedisStream) -> None:
        """See whether a quiet stream still is the one that was read.

        Raises:
            RemoteProtocolError: it has become another writer's.
        """
        found = await stream.newest()
        if found is None:
            return
        identifier, entry = found
        if entry is not None:
            self._check_writer(entry)
            self._newest = entry.position
        if order_of(identifier) < order_of(self._cursor):
            # It has lost its end, which the writer publishes again, or a stranger's entry that was passed by.
            self._cursor = id_of(self._place.position)

    def _check_writer(self, entry: Entry) -> None:
        if self._place.writer not in {"", entry.writer}:
            raise RemoteProtocolError(
                f"stream {self.settings.stream} is that of journal {entry.writer} now; this reader has"
                f" {self._place.writer} up to position {self._place.position}: give it another name for the new one"
            )

    def _pass_by(self, identifier: str) -> None:
        if not self._foreign:
            log.warning("%s: entry %s of stream %s is not ours", self.name, identifier, self.settings.stream)
        self._foreign += 1

    async def _wait_room(self) -> None:
        """Wait while too much is not settled."""
        most = min(IN_FLIGHT_TICKS, self.queue_ticks // 2)
        while True:
            settled = self.places.of(self.name).position
            while self._in_flight and self._in_flight[0][0] <= settled:
                self._in_flight.popleft()
            if sum(ticks for _, ticks in self._in_flight) <= most:
                return
            await self.places.wait_moved(self.name, settled)

    async def _hold(self, events: trio.MemorySendChannel[Event], error: Exception) -> None:
        """Say why it cannot go on, once.

        Raises:
            FeedError: it never could, and is not to be tried again.
        """
        if self._attempts == 1 and not self.retry_first:
            raise error if isinstance(error, FeedError) else ConnectError(str(error)) from error
        is_new = self._state != "held" or str(error) != self._last_error
        self._state, self._last_error = "held", str(error)
        if is_new:
            log.warning("%s: %s", self.name, error)
            await self._tell(events, "disconnected", str(error))

    async def _tell(self, events: trio.MemorySendChannel[Event], status: str, words: str) -> None:
        await emit(events, Notice(Status(status, self.now_us(), words, feed=self.name, source=self.settings.stream)))

    def _displaced(self, found: int | None) -> str:
        return (
            f"reader {self.settings.reads_as!r} of stream {self.settings.stream} was put to {found} by somebody else:"
            " no two may read under one name"
        )
