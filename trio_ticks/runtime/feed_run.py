"""A feed that runs: its lines in one nursery, and the symbols that they carry between them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NoReturn

import trio

from trio_ticks.core.intake import Dropped, Event, Intake, Notice
from trio_ticks.core.staleness import Change, Staleness
from trio_ticks.errors import ConfigError, FeedError, SubscriptionError
from trio_ticks.feeds.base import Feed, service_of
from trio_ticks.model import Status
from trio_ticks.runtime.assembly import FeedPlan
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.fanout import Fanout
from trio_ticks.runtime.groups import leaves
from trio_ticks.runtime.line import Line
from trio_ticks.runtime.shard import Shard, ShardStatistics, build_shards
from trio_ticks.runtime.wiring import Wiring, emit

LOOK_S = 10.0
"""Between two looks for stale symbols: fine beside a bound of minutes, and nothing beside the cost of the ticks."""


class FeedRun:
    """One feed of an engine. `run` is its task.

    Args:
        name: The feed's name in this engine.
        feed: The vendor's wire.
        shards: What carries its symbols.
        stale_after_s: How long one symbol may be quiet while others tick.
    """

    def __init__(self, *, name: str, feed: Feed, shards: tuple[Shard, ...], stale_after_s: float) -> None:
        self.name = name
        self._feed = feed
        self._shards = shards
        self._refused: set[str] = set()
        self._staleness = Staleness(after_s=stale_after_s)
        self._lines = [line for shard in shards for line in shard.lines]

    @property
    def symbols(self) -> tuple[str, ...]:
        """What it carries."""
        return tuple(symbol for shard in self._shards for symbol in shard.symbols)

    def statistics(self) -> tuple[ShardStatistics, ...]:
        """Return its shards as they are now."""
        return tuple(shard.statistics() for shard in self._shards)

    async def run(self) -> None:
        """Run the lines until cancelled. One that fails for good takes the feed along.

        Raises:
            FeedError: the feed is to be given up.
        """
        failures: list[FeedError] = []
        try:
            async with trio.open_nursery() as nursery:
                for line in self._lines:
                    nursery.start_soon(self._run_line, line, name=line.name)
        except* FeedError as group:
            failures += leaves(group)
        if failures:
            raise max(failures, key=lambda error: error.fatal)

    def look_for_stale(self, now_us: int, uncovered: Collection[str], last_us: Mapping[str, int]) -> list[Status]:
        """Return what there is to tell of single symbols that are quiet, or are not any longer.

        Args:
            now_us: UTC microseconds.
            uncovered: Symbols whose silence is their connection's.
            last_us: When each symbol last ticked, by receipt.
        """
        covered = [symbol for symbol in self.symbols if symbol not in uncovered]
        changes = self._staleness.look(now_us, covered, last_us)
        return [_status_of(change, now_us, self.name) for change in changes]

    async def bury(self, events: trio.MemorySendChannel[Event], cause: str) -> None:
        """End the sessions that the feed's end has cut off, where other feeds live on."""
        for line in self._lines:
            await line.bury(events, cause)

    def add(self, symbols: Sequence[str]) -> None:
        """Carry these, too, on the connections that there are.

        Raises:
            ConfigError: one of them fits nowhere; then none is added.
        """
        fresh = [symbol for symbol in dict.fromkeys(symbols) if symbol not in self.symbols]
        placed: list[tuple[Shard, str]] = []
        for symbol in fresh:
            taken = [shard for shard, _ in placed]
            placed.append((self._place(symbol, taken), symbol))
        for shard, symbol in placed:
            shard.add(symbol)

    async def remove(self, symbols: Sequence[str], events: trio.MemorySendChannel[Event]) -> None:
        """Carry these no longer.

        Raises:
            ConfigError: it does not carry one of them, or would carry nothing any more.
        """
        unknown = [symbol for symbol in symbols if symbol not in self.symbols]
        if unknown:
            raise ConfigError(f"feed {self.name} does not carry {unknown[0]!r}")
        if not set(self.symbols) - set(symbols):
            raise ConfigError(f"feed {self.name} would carry nothing: stop the engine instead, or leave a symbol")
        for shard in self._shards:
            shard.remove(symbols)
        await emit(events, Dropped(self.name, tuple(symbols)))

    def _place(self, symbol: str, taken: Sequence[Shard]) -> Shard:
        """Return the shard of the symbol's service with the fewest symbols."""

        def load(shard: Shard) -> int:
            return len(shard.symbols) + taken.count(shard)

        service = service_of(self._feed, symbol)
        of_service = [shard for shard in self._shards if service in {None, shard.service.name}]
        if not of_service:
            raise ConfigError(f"feed {self.name} has no connection to the service of {symbol!r}")
        shard = min(of_service, key=load)
        if shard.room is not None and load(shard) >= shard.room:
            raise ConfigError(
                f"feed {self.name} cannot carry {symbol!r}: its {len(of_service)} connections are full with"
                f" {shard.room} symbols each"
            )
        return shard

    async def _run_line(self, line: Line) -> None:
        """Run a line. One whose every symbol is refused waits for others, and ends the feed if it was the last."""
        while True:
            try:
                await line.run()
            except SubscriptionError:
                self._refused.add(line.name)
                if len(self._refused) == len(self._lines):
                    raise
            await line.wait_hopeful()
            self._refused.discard(line.name)


def feed_run(plan: FeedPlan, wiring: Wiring) -> FeedRun:
    """Return a feed of a plan, ready to run."""
    shards = build_shards(plan.feed, name=plan.name, config=plan.connection, wiring=wiring, road=plan.road)
    return FeedRun(name=plan.name, feed=plan.feed, shards=shards, stale_after_s=plan.connection.stale_after_s)


async def look_for_stale(
    intake: Intake,
    fanout: Fanout,
    events: trio.MemorySendChannel[Event],
    now_us: NowUs,
    feeds: Sequence[FeedRun],
) -> NoReturn:
    """Tell of symbols that are quiet while others tick, for as long as the feeds run."""
    while True:
        await trio.sleep(LOOK_S)
        uncovered, looked_us = intake.uncovered, now_us()
        for feed in feeds:
            for status in feed.look_for_stale(looked_us, uncovered.get(feed.name, ()), fanout.last_us(feed.name)):
                await emit(events, Notice(status))


def check_symbols(symbols: Iterable[object]) -> None:
    """Check that these are symbols, whoever carries them.

    Raises:
        ConfigError: one is not.
    """
    for symbol in symbols:
        if not isinstance(symbol, str) or not symbol:
            raise ConfigError(f"symbols: {symbol!r} is no symbol; give texts one by one, such as 'TSLA.US'")


def check_carried(carried: Mapping[str, Sequence[str]], symbols: Iterable[str], feed: str | None) -> None:
    """Refuse a symbol that no feed carries, or not this one.

    Raises:
        ConfigError: it names what is carried.
    """
    if feed is not None and feed not in carried:
        raise ConfigError(f"this engine has no feed {feed!r}; it has {', '.join(carried)}")
    known = {symbol for name, some in carried.items() if feed in {None, name} for symbol in some}
    for symbol in symbols:
        if symbol not in known:
            some = ", ".join(sorted(known)[:10]) + (" …" if len(known) > 10 else "")  # noqa: PLR2004
            raise ConfigError(f"this engine does not carry {symbol!r}; it carries {some}")


def _status_of(change: Change, now_us: int, feed: str) -> Status:
    if not change.is_stale:
        words = f"ticks again after {change.quiet_s:.0f} s"
    elif change.has_ticked:
        words = f"has not ticked for {change.quiet_s:.0f} s, while others did"
    else:
        words = f"was accepted, and has not ticked in {change.quiet_s:.0f} s, while others did"
    return Status("stale" if change.is_stale else "resumed", now_us, words, feed=feed, symbol=change.symbol)
