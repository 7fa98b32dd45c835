"""A feed at work: its symbols spread over shards, each shard carried by one or two lines."""

from __future__ import annotations

import attrs

from trio_ticks.config import ConnectionConfig, PacingConfig
from trio_ticks.core.pacing import Pacer
from trio_ticks.core.sharding import assign, shard_count
from trio_ticks.feeds.base import Feed, Limits, Service, limits_of, services_of
from trio_ticks.runtime.line import Line, LineStatistics, Wiring


@attrs.frozen
class Shard:
    """A fixed set of symbols and the redundant lines that carry it."""

    feed: str
    name: str
    symbols: tuple[str, ...]
    lines: tuple[Line, ...]

    def statistics(self) -> ShardStatistics:
        """Return the shard as it is now."""
        return ShardStatistics(
            feed=self.feed,
            name=self.name,
            symbols=self.symbols,
            lines=tuple(line.statistics() for line in self.lines),
        )


@attrs.frozen
class ShardStatistics:
    """A shard at one instant."""

    feed: str
    name: str
    symbols: tuple[str, ...]
    lines: tuple[LineStatistics, ...]


def build_shards(feed: Feed, *, name: str, config: ConnectionConfig, wiring: Wiring) -> tuple[Shard, ...]:
    """Spread a feed's symbols over as few connections as they need, evenly and stably.

    Raises:
        ConfigError: the symbols do not fit into what the vendor allows.
    """
    limits = limits_of(feed)
    shards: list[Shard] = []
    # AllTick wants requests on different connections of one token apart, and does not say whether two services are
    # two accounts in this. So all lines of a feed share one pacer: at worst the second service waits its turn.
    pacer = _pacer(limits, config.pacing)
    for service in services_of(feed):
        count = shard_count(
            len(service.symbols),
            connections=limits.connections,
            per_connection=config.symbols_per_connection or limits.symbols_per_connection,
            lines=config.lines,
        )
        for number, symbols in enumerate(assign(service.symbols, shards=count)):
            shard = f"{_titled(service, feed, name)} {number}"
            lines = tuple(
                Line(
                    name=f"{shard}{letter}",
                    feed=feed,
                    feed_name=name,
                    service=service,
                    symbols=symbols,
                    pacer=pacer,
                    config=config,
                    wiring=wiring,
                )
                for letter in "AB"[: config.lines]
            )
            shards.append(Shard(name, shard, symbols, lines))
    return tuple(shards)


def _titled(service: Service, feed: Feed, name: str) -> str:
    """Return the service's name under the name that the feed has in this engine."""
    return name + service.name.removeprefix(feed.name)


def _pacer(limits: Limits, own: PacingConfig) -> Pacer:
    def chosen(mine: float | None, theirs: float) -> float:
        return theirs if mine is None else mine

    return Pacer(
        request_s=chosen(own.request_s, limits.request_s),
        across_s=chosen(own.across_s, limits.across_s),
        connect_s=chosen(own.connect_s, limits.connect_s),
    )
