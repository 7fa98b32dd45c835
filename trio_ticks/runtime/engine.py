"""The engine: one nursery tree, readable on one screen (`Engine.run`), and the doors into it."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

import attrs
import trio

from trio_ticks.config import Overflow
from trio_ticks.core.intake import Event, Intake, Notice
from trio_ticks.core.ledger import Inbox, Ledger
from trio_ticks.errors import ConfigError, EngineError, FeedError, TrioTicksError
from trio_ticks.model import Status, Tick
from trio_ticks.runtime.assembly import SUBSCRIPTION, EnginePlan
from trio_ticks.runtime.bell import Bell
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.fanout import Consumer, Fanout
from trio_ticks.runtime.feed_run import FeedRun, check_carried, check_symbols, feed_run, look_for_stale
from trio_ticks.runtime.groups import leaves, words_of
from trio_ticks.runtime.inquiry import Fetch
from trio_ticks.runtime.journaling import RunSync, in_thread
from trio_ticks.runtime.keeper import Keeper
from trio_ticks.runtime.keeping import Kept, recovered_of
from trio_ticks.runtime.mailbox import Room, Wanted
from trio_ticks.runtime.places import Places
from trio_ticks.runtime.redis_run import IN_FLIGHT_TICKS, RedisRun
from trio_ticks.runtime.sequencing import run_sequencer
from trio_ticks.runtime.statistics import EngineAges, EngineStatistics
from trio_ticks.runtime.stream import Ticks
from trio_ticks.runtime.streams import Streams
from trio_ticks.runtime.transport import OpenLink, opener
from trio_ticks.runtime.wiring import Wiring, emit

log = logging.getLogger("trio_ticks.engine")


class Engine:
    """A running engine, as `open_engine` yields it."""

    def __init__(
        self,
        plan: EnginePlan,
        *,
        open_link: OpenLink | None,
        fetch: Fetch,
        now_us: NowUs,
        chance: Callable[[], float],
        retry_first: bool,
        kept: Kept | None = None,
        run_sync: RunSync = in_thread,
    ) -> None:
        self._plan = plan
        self._now_us = now_us
        self._started_us = now_us()
        self._send, self._receive = trio.open_memory_channel[Event](plan.ingest_batches)
        inbox = Inbox()
        recovered = recovered_of(plan, kept)
        self._intake = Intake(sequencers=recovered.sequencers, coverage=recovered.coverage, inbox=inbox)
        self._places = Places(recovered.marks)
        self._keeper = None
        if kept is not None:
            self._keeper = Keeper(kept, self._tell, self._fail, self._places.settle, now_us, run_sync, chance)
        held_s = max((feed.settings.lateness_s for feed in plan.feeds), default=0.0)
        self._bell = Bell(events=self._send, now_us=now_us, held_s=held_s)
        self._fanout = Fanout()
        self._streams = Streams(
            fanout=self._fanout,
            bell=self._bell,
            writer=None if self._keeper is None else self._keeper.writer,
            now_us=now_us,
            run_sync=run_sync,
            fail=self._fail,
        )
        wire = partial(
            Wiring,
            events=self._send,
            inbox=inbox,
            fetch=fetch,
            now_us=now_us,
            chance=chance,
            numbers=itertools.count(1),
            latest=self._fanout.latest,
            retry_first=retry_first,
        )
        self._feeds = {
            feed.name: feed_run(feed, wire(open_link=open_link or opener(feed.connection.transport)))
            for feed in plan.feeds
        }
        self._relays = {
            relay.name: RedisRun(
                settings=relay,
                events=self._send,
                inbox=inbox,
                places=self._places,
                is_kept=kept is not None,
                queue_ticks=IN_FLIGHT_TICKS if kept is None else kept.config.queue_ticks,
                now_us=now_us,
                chance=chance,
                retry_first=retry_first,
            )
            for relay in plan.relays
        }
        self._numbers = itertools.count(1)
        self._open_subscriptions = 0
        self._failures: list[Exception] = []
        self._failed_feeds: dict[str, FeedError] = {}
        self._ingest = trio.CancelScope()
        self._drain = trio.CancelScope()
        self.body = trio.CancelScope()
        self._stopped = trio.Event()
        self._state = "running"

    async def run(self) -> None:
        """The nursery tree. What fails is held until everything has drained, and kept for `open_engine` to raise."""
        try:
            with self._holding_failures(), self._drain:
                async with trio.open_nursery() as keeping:  # closes last: what was decided is kept
                    if self._keeper is not None:
                        keeping.start_soon(self._keeper.run, name="journal")
                    async with trio.open_nursery() as drain:  # what was received is handed on
                        drain.start_soon(self._sequence, name="sequencer")
                        for strategy in self._plan.strategies:
                            self._streams.start(strategy, drain)
                        with self._send, self._holding_failures(), self._ingest:
                            async with trio.open_nursery() as ingest:  # closes first
                                for feed in self._sources:
                                    ingest.start_soon(self._run_feed, feed, name=feed.name)
                                look = partial(look_for_stale, self._intake, self._fanout, self._send, self._now_us)
                                ingest.start_soon(look, tuple(self._feeds.values()), name="stale symbols")
                                ingest.start_soon(self._bell.run, name="clock")
                        self.stop()
                    self._streams.end()
                    if self._keeper is not None:
                        self._keeper.writer.end()
        finally:
            self._finish()

    @contextmanager
    def _holding_failures(self) -> Iterator[None]:
        try:
            yield
        except* Exception as group:  # noqa: BLE001 - held for the caller of `open_engine`
            self._failures += leaves(group)

    async def _sequence(self) -> None:
        await run_sequencer(
            intake=self._intake,
            events=self._receive,
            fanout=self._fanout,
            now_us=self._now_us,
            settle=self._places.settle,
            recording=None if self._keeper is None else self._keeper.recording,
        )
        self._fanout.end(self.failure())

    async def _run_feed(self, feed: FeedRun | RedisRun) -> None:
        """Run a feed until cancelled. One that fails for good is given up, and with the last one the engine."""
        try:
            await feed.run()
        except FeedError as error:
            await self._give_up(feed, error)

    async def _give_up(self, feed: FeedRun | RedisRun, error: FeedError) -> None:
        self._failed_feeds[feed.name] = error
        if isinstance(feed, FeedRun):
            await feed.bury(self._send, error.cause)
        if len(self._failed_feeds) == len(self._sources):
            self._failures += self._failed_feeds.values()  # raised to the caller, so they are not logged as well
            self.stop()
        else:
            log.critical("feed %s is given up: %s", feed.name, error, extra={"fields": {"event": "feed given up"}})
            await emit(self._send, Notice(Status("failed", self._now_us(), str(error), feed=feed.name)))

    @property
    def _sources(self) -> list[FeedRun | RedisRun]:
        return [*self._feeds.values(), *self._relays.values()]

    def _fail(self, error: TrioTicksError) -> None:
        """Stop because of an error, by the same path as any stop: what was received is handed on first."""
        self._failures.append(error)
        self.stop()

    def _tell(self, status: Status) -> None:
        """Let consumers know, unless the line to them is full: whoever tells must not wait for those it holds up."""
        with suppress(trio.WouldBlock, trio.ClosedResourceError, trio.BrokenResourceError):
            self._send.send_nowait(Notice(status))

    def failure(self) -> EngineError | None:
        """Return what the engine failed of, None while it has not."""
        if not self._failures:
            return None
        failure = EngineError("; ".join(words_of(error) for error in self._failures))
        failure.__cause__ = ExceptionGroup("the engine failed", self._failures)
        return failure

    def _finish(self) -> None:
        self._fanout.end(self.failure())
        self._state = "stopped"
        self._stopped.set()
        if self._failures:
            # Whoever still reads a stream meets the failure at its end; anyone else must not wait in vain.
            self.body.deadline = trio.current_time() + (self._plan.grace_s if self._open_subscriptions else 0.0)

    # ---- what users call

    @property
    def is_stopping(self) -> bool:
        """Whether the engine has been told to stop, or has stopped."""
        return self._state != "running"

    @property
    def symbols(self) -> Mapping[str, tuple[str, ...]]:
        """The symbols that this engine carries, by feed."""
        return {feed.name: feed.symbols for feed in self._sources}

    async def add_symbols(self, *symbols: str, feed: str | None = None) -> None:
        """Carry these, too, from now on. Each connection asks for all its symbols anew as soon as its pacing allows.

        Args:
            symbols: As the vendor spells them. One that the vendor refuses is told by ``Status(rejected)``.
            feed: Which feed is to carry them; needed only where there are several.

        Raises:
            ConfigError: the connections have no room for one of them, it is not clear which feed is meant, or it was
                given up.
        """
        run = self._only_feed(feed)
        check_symbols(symbols)
        if run.name in self._failed_feeds:
            raise ConfigError(f"feed {run.name} was given up: {self._failed_feeds[run.name]}")
        run.add(symbols)
        await trio.lowlevel.checkpoint()

    async def remove_symbols(self, *symbols: str, feed: str | None = None) -> None:
        """Carry these no longer.

        Args:
            symbols: As the vendor spells them.
            feed: Which feed carries them; needed only where there are several.

        Raises:
            ConfigError: the feed does not carry one of them, or would carry nothing any more.
        """
        check_symbols(symbols)
        await self._only_feed(feed).remove(symbols, self._send)

    @asynccontextmanager
    async def subscribe(
        self,
        *symbols: str,
        feed: str | None = None,
        overflow: Overflow = "drop_oldest",
        capacity: int = 10_000,
        max_age_s: float | None = None,
    ) -> AsyncIterator[Ticks]:
        """Open a stream of these symbols, or of all, that ends with the block.

        Args:
            symbols: None given: all.
            feed: Only from this feed.
            overflow: When the block is slow: ``drop_oldest``, ``drop_newest``, ``conflate`` or ``fail``.
            capacity: Of the queue, in records.
            max_age_s: Drop, and count, prices older than that.

        Raises:
            ConfigError: the engine does not carry a symbol or the feed, or an option is not accepted.
        """
        self._check_carried(symbols, feed)
        wanted = Wanted(frozenset(symbols) or None, feed)
        room = Room(overflow=overflow, capacity=capacity, max_age_s=max_age_s)
        consumer = self._streams.open(f"{SUBSCRIPTION} {next(self._numbers)}", wanted, room)
        self._open_subscriptions += 1
        try:
            yield consumer.ticks
        finally:
            self._open_subscriptions -= 1
            consumer.ticks.close()
            self._fanout.remove(consumer)

    @contextmanager
    def watched_by(self, consumer: Consumer) -> Iterator[None]:
        """Let a consumer of one's own see every record, and the signals of strategies, while the block lasts.

        Its ``offer`` is called inside the sequencer's task and delays everyone: it must be quick, and not raise.
        """
        with self._streams.watched_by(consumer):
            yield

    @property
    def prices(self) -> Mapping[str, Mapping[str, Tick]]:
        """The newest tick by feed and symbol, of those that have ticked."""
        return self._fanout.prices

    def latest(self, symbol: str, feed: str | None = None) -> Tick | None:
        """Return the newest tick of a symbol, None before the first.

        Raises:
            ConfigError: the engine does not carry the symbol or the feed.
        """
        self._check_carried((symbol,), feed)
        return self._fanout.latest(symbol, feed)

    def statistics(self) -> EngineStatistics:
        """Return an immutable snapshot of all counts."""
        return EngineStatistics(
            state=self._state,
            started_us=self._started_us,
            now_us=self._now_us(),
            ledger=self._ledger(),
            gaps=dict(self._fanout.gaps),
            uncovered=self._intake.uncovered,
            shards=tuple(shard for feed in self._feeds.values() for shard in feed.statistics()),
            relays=tuple(relay.statistics() for relay in self._relays.values()),
            strategies=tuple(attrs.evolve(state) for state in self._streams.states),
            journal=None if self._keeper is None else self._keeper.writer.statistics(),
            sinks=() if self._keeper is None else self._keeper.sink_statistics(),
            failed_feeds={name: str(error) for name, error in self._failed_feeds.items()},
            ages=EngineAges(self._fanout.ages(), *((None, {}) if self._keeper is None else self._keeper.ages())),
        )

    def _ledger(self) -> Ledger:
        ledger = attrs.evolve(self._intake.ledger(), consumers=self._fanout.ledgers())
        return ledger if self._keeper is None else self._keeper.complete(ledger)

    def stop(self) -> None:
        """Stop softly: close the connections, hand on what was received, and end within ``grace_s``."""
        if self._state == "running":
            self._state = "stopping"
            self._ingest.cancel("soft stop")
            self._drain.deadline = trio.current_time() + self._plan.grace_s

    def abort(self) -> None:
        """Stop at once. What was still queued or held is counted as such, and not delivered."""
        self.stop()
        self._drain.cancel("hard stop")

    async def wait_stopped(self) -> None:
        """Wait until the engine has stopped.

        Raises:
            EngineError: it did not stop cleanly.

        Cancellation:
            At any await; the engine runs on.
        """
        await self._stopped.wait()
        failure = self.failure()
        if failure is not None:
            raise failure

    def _only_feed(self, name: str | None) -> FeedRun:
        if name in self._relays or not self._feeds:
            raise ConfigError("what a feed from Redis carries is the writing engine's to say")
        if name is None and len(self._feeds) > 1:
            raise ConfigError(f"feed: say which of {', '.join(self._feeds)}")
        if name is not None and name not in self._feeds:
            raise ConfigError(f"this engine has no feed {name!r}; it has {', '.join(self._feeds)}")
        return self._feeds[name or next(iter(self._feeds))]

    def _check_carried(self, symbols: Iterable[str], feed: str | None) -> None:
        check_symbols(symbols)
        if not self._relays or feed in self._feeds:
            check_carried(self.symbols, symbols, feed)
        # Else: whose ticks come through Redis, and of which symbols, is known only when they come.
