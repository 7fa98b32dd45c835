"""A feed that runs: its lines in one nursery, and the symbols that they carry between them."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from trio_ticks.core.intake import Dropped, Event
from trio_ticks.errors import ConfigError, FeedError, SubscriptionError
from trio_ticks.feeds.base import Feed, service_of
from trio_ticks.runtime.line import Line
from trio_ticks.runtime.session import emit, leaves
from trio_ticks.runtime.shard import Shard, ShardStatistics


class FeedRun:
    """One feed of an engine. `run` is its task.

    Args:
        name: The feed's name in this engine.
        feed: The vendor's wire.
        shards: What carries its symbols.
    """

    def __init__(self, *, name: str, feed: Feed, shards: tuple[Shard, ...]) -> None:
        self.name = name
        self._feed = feed
        self._shards = shards
        self._refused: set[str] = set()
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
        """Run a line. One whose symbols are all refused rests until it is given others; if all do, the feed fails."""
        while True:
            try:
                await line.run()
            except SubscriptionError:
                self._refused.add(line.name)
                if len(self._refused) == len(self._lines):
                    raise
            await line.wait_hopeful()
            self._refused.discard(line.name)
