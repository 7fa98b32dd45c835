"""A feed at work: its symbols spread over shards, each shard carried by one or two lines."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from trio_ticks.config import ConnectionConfig, PacingConfig
from trio_ticks.core.pacing import Pacer
from trio_ticks.core.sharding import assign, shard_count
from trio_ticks.errors import ConfigError
from trio_ticks.feeds.base import Askable, Feed, Limits, Service, limits_of, services_of
from trio_ticks.model import Tick
from trio_ticks.runtime.inquiry import Inquiry
from trio_ticks.runtime.line import Line
from trio_ticks.runtime.road import Road
from trio_ticks.runtime.vitals import LineStatistics
from trio_ticks.runtime.wiring import LineSetup, Wiring


@attrs.define(eq=False)
class Shard:
    """A set of symbols of one service and the redundant lines that carry it.

    Attributes:
        feed: The feed's name in this engine.
        name: Such as ``alltick/stock 0``.
        service: The endpoint.
        room: How many symbols it can carry; None: any number.
        symbols: What it carries.
        lines: One, or two that carry the same.
    """

    feed: str
    name: str
    service: Service
    room: int | None
    symbols: tuple[str, ...]
    lines: tuple[Line, ...]

    def add(self, symbol: str) -> None:
        """Carry a symbol, too."""
        self.symbols = (*self.symbols, symbol)
        for line in self.lines:
            line.add([symbol])

    def remove(self, symbols: Iterable[str]) -> None:
        """Carry these no longer."""
        gone = set(symbols)
        self.symbols = tuple(symbol for symbol in self.symbols if symbol not in gone)
        for line in self.lines:
            line.remove(gone)

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


def build_shards(feed: Feed, *, name: str, config: ConnectionConfig, wiring: Wiring, road: Road) -> tuple[Shard, ...]:
    """Spread a feed's symbols over as few connections as they need, evenly and stably.

    Raises:
        ConfigError: the symbols, or how many of them a connection is to carry, exceed what the vendor allows.
    """
    limits = limits_of(feed)
    _check_own(config.symbols_per_connection, limits.symbols_per_connection, name)
    room = config.symbols_per_connection or limits.symbols_per_connection
    # AllTick wants requests on different connections of one token apart, and does not say whether two services are
    # two accounts in this. So all lines of a feed share one pacer: at worst the second service waits its turn.
    pacer = _pacer(limits, config.pacing)
    inquiry = _inquiry(feed, name, limits, wiring, road)
    heartbeat_s = config.pacing.heartbeat_s or limits.heartbeat_s
    shards: list[Shard] = []
    for service in services_of(feed):
        count = shard_count(
            len(service.symbols), connections=limits.connections, per_connection=room, lines=config.lines
        )
        for number, symbols in enumerate(assign(service.symbols, shards=count)):
            shard = f"{_titled(service, feed, name)} {number}"
            setups = [
                LineSetup(
                    name=f"{shard}{letter}",
                    feed=feed,
                    feed_name=name,
                    service=service,
                    pacer=pacer,
                    inquiry=inquiry if _can_ask(feed, service) else None,
                    road=road,
                    config=config,
                    wiring=wiring,
                    heartbeat_s=heartbeat_s,
                )
                for letter in "AB"[: config.lines]
            ]
            lines = tuple(Line(setup, symbols=symbols) for setup in setups)
            shards.append(Shard(name, shard, service, room, symbols, lines))
    return tuple(shards)


def _check_own(own: int | None, most: int | None, name: str) -> None:
    """Refuse more symbols on a connection than the vendor serves: it may leave out the rest without a word."""
    if own is not None and most is not None and own > most:
        raise ConfigError(f"{name}: symbols_per_connection = {own}: the vendor's plan accepts {most} at most")


def _titled(service: Service, feed: Feed, name: str) -> str:
    """Return the service's name under the name that the feed has in this engine."""
    return name + service.name.removeprefix(feed.name)


def _can_ask(feed: Feed, service: Service) -> bool:
    """Return whether the feed has a question for a service; one at an address of its own may have none."""
    if not isinstance(feed, Askable) or not service.symbols:
        return False
    try:
        return feed.question(service.symbols[:1]) is not None
    except Exception:  # noqa: BLE001 - the feed's own code; it is named when a question is really to be asked
        return True


def _inquiry(feed: Feed, name: str, limits: Limits, wiring: Wiring, road: Road) -> Inquiry | None:
    if not isinstance(feed, Askable):
        return None

    def latest(symbol: str) -> Tick | None:
        return wiring.latest(symbol, name)

    return Inquiry(feed=feed, limits=limits, fetch=wiring.fetch, road=road, latest=latest)


def _pacer(limits: Limits, own: PacingConfig) -> Pacer:
    def chosen(mine: float | None, theirs: float) -> float:
        return theirs if mine is None else mine

    return Pacer(
        request_s=chosen(own.request_s, limits.request_s),
        across_s=chosen(own.across_s, limits.across_s),
        connect_s=chosen(own.connect_s, limits.connect_s),
    )
