"""From what the user gave to a plan that can run: every mistake is found here, before a task starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import attrs

from trio_ticks.config import (
    ArchiveConfig,
    ConnectionConfig,
    EngineConfig,
    FeedConfig,
    InfluxDB,
    JournalConfig,
    Redis,
    RedisFeed,
    SequencerConfig,
    SinkConfig,
    StopConfig,
    StrategyConfig,
    load_config,
)
from trio_ticks.config.reference import load_object
from trio_ticks.config.rules import shown
from trio_ticks.core.identity import Identity
from trio_ticks.core.sequencer_settings import SequencerSettings
from trio_ticks.errors import ConfigError
from trio_ticks.feeds.base import Feed, services_of
from trio_ticks.feeds.registry import check_feed, make_feed
from trio_ticks.runtime.calling import check_call, is_async, may_be_awaited
from trio_ticks.runtime.endpoint import parse_url
from trio_ticks.runtime.influx_sink import InfluxSink
from trio_ticks.runtime.redis_sink import RedisSink
from trio_ticks.runtime.road import Road, road_of
from trio_ticks.runtime.sinks import AnySink, Sink, SinkBatch
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.storage.redis import check_installed

SUBSCRIPTION = "subscription"
"""What the engine calls the consumers that `Engine.subscribe` opens, with a number behind."""

FORMER = "former"
"""Under which the ledger sums up those that are gone."""


Sinkable: TypeAlias = AnySink | InfluxDB | Redis | Callable[[SinkBatch], Awaitable[Any]]
"""A sink, the settings of an InfluxDB or a Redis, or an async function of a batch."""


@attrs.frozen
class FeedPlan:
    """One feed, under the name it has in this engine."""

    name: str
    feed: Feed
    connection: ConnectionConfig
    settings: SequencerConfig
    road: Road

    @property
    def sequencing(self) -> SequencerSettings:
        """How its ticks are sequenced: with the feed's promise of identity, unless the user chose another."""
        promised = cast("Identity", self.feed.identity)  # `check_feed` has seen that it is one
        return {
            "identity": promised if self.settings.identity == "auto" else self.settings.identity,
            "lateness_s": self.settings.lateness_s,
            "late": self.settings.late,
            "ahead_s": self.settings.ahead_s,
            "window_s": self.settings.window_s,
            "window_ticks": self.settings.window_ticks,
        }


@attrs.frozen
class EnginePlan:
    """All that an engine is made of."""

    feeds: tuple[FeedPlan, ...]
    relays: tuple[RedisFeed, ...]
    strategies: tuple[Strategy, ...]
    journal: JournalConfig | None
    sinks: tuple[AnySink, ...]
    archive: ArchiveConfig | None
    grace_s: float
    ingest_batches: int


def assemble(
    sources: Sequence[Feed | RedisFeed | EngineConfig | str | Path],
    *,
    strategies: Iterable[Strategy | Callable[..., Any]] = (),
    connection: ConnectionConfig | None = None,
    sequencer: SequencerConfig | None = None,
    journal: JournalConfig | str | Path | None = None,
    sinks: Iterable[Sinkable] = (),
    archive: ArchiveConfig | str | Path | None = None,
    grace_s: float | None = None,
) -> EnginePlan:
    """Return the plan of an engine.

    Raises:
        ConfigError: something in it cannot work; the message names it and what is accepted.
    """
    config, feeds, relays = _told_apart(sources)
    settings = sequencer or config.sequencer
    planned = [
        _configured(name, feed, settings) for name, feed in config.feeds.items() if isinstance(feed, FeedConfig)
    ]
    planned += _given(feeds, connection or ConnectionConfig(), settings)
    kept = _journal(journal) or config.journal
    plan = EnginePlan(
        feeds=tuple(planned),
        relays=tuple(relays),
        strategies=(
            *(_named(name, item) for name, item in config.strategies.items()),
            *(item if isinstance(item, Strategy) else Strategy(item) for item in _listed("strategies", strategies)),
        ),
        journal=kept,
        sinks=(
            *(_configured_sink(name, item, planned, kept) for name, item in config.sinks.items()),
            *(_given_sink(item, planned, kept) for item in _listed("sinks", sinks)),
        ),
        archive=(ArchiveConfig(path=str(archive)) if isinstance(archive, str | Path) else archive) or config.archive,
        grace_s=(config.stop if grace_s is None else StopConfig(grace_s=grace_s)).grace_s,
        ingest_batches=config.ingest_batches,
    )
    _check(plan)
    return plan


@attrs.frozen
class _Defaults:
    """What stands for a configuration where there are only feed objects."""

    feeds: Mapping[str, FeedConfig | RedisFeed] = attrs.field(factory=dict)
    strategies: Mapping[str, StrategyConfig] = attrs.field(factory=dict)
    sinks: Mapping[str, SinkConfig] = attrs.field(factory=dict)
    journal: JournalConfig | None = None
    archive: ArchiveConfig | None = None
    sequencer: SequencerConfig = attrs.field(factory=SequencerConfig)
    stop: StopConfig = attrs.field(factory=StopConfig)
    ingest_batches: int = attrs.field(default=attrs.fields(EngineConfig).ingest_batches.default)


def _told_apart(
    sources: Sequence[Feed | RedisFeed | EngineConfig | str | Path],
) -> tuple[EngineConfig | _Defaults, list[Feed], list[RedisFeed]]:
    """Return the configuration and the feed objects, one or the other, and the feeds that another engine fills."""
    if not sources:
        raise ConfigError('no feed: give at least one, such as Coinbase("BTC-USD"), or the path of a configuration')
    configs = [source for source in sources if isinstance(source, EngineConfig | str | Path)]
    if not configs:
        relays = [source for source in sources if isinstance(source, RedisFeed)]
        return _Defaults(), [check_feed(source) for source in sources if not isinstance(source, RedisFeed)], relays
    if len(sources) > 1:
        raise ConfigError("a configuration names all its feeds: give one configuration, or feed objects, not both")
    config = configs[0]
    config = config if isinstance(config, EngineConfig) else load_config(config)
    return config, [], [feed for feed in config.feeds.values() if isinstance(feed, RedisFeed)]


def _configured(name: str, config: FeedConfig, settings: SequencerConfig) -> FeedPlan:
    try:
        feed = make_feed(config.kind, config.symbols, token=config.token, plan=config.plan, url=config.url)
    except ConfigError as error:
        raise ConfigError(f"feeds.{name}: {error}") from error
    return FeedPlan(name, feed, config, settings, _road(config, f"feeds.{name}"))


def _given(feeds: Sequence[Feed], connection: ConnectionConfig, settings: SequencerConfig) -> list[FeedPlan]:
    road = _road(connection, "connection")
    return [FeedPlan(feed.name, feed, connection, settings, road) for feed in feeds]


def _road(config: ConnectionConfig, key: str) -> Road:
    try:
        return road_of(config)
    except ConfigError as error:
        raise ConfigError(f"{key}.{error}") from error


def _listed(what: str, given: Any) -> Iterable[Any]:
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
        raise ConfigError(f"{what} = {shown(given)}: accepted is a list")
    return given


def _journal(journal: Any) -> JournalConfig | None:
    if journal is not None and not isinstance(journal, JournalConfig | str | Path):
        raise ConfigError(f"journal = {shown(journal)}: accepted is the path of a file, or a JournalConfig")
    return JournalConfig(path=str(journal)) if isinstance(journal, str | Path) else journal


def _configured_sink(
    name: str, config: SinkConfig, feeds: Sequence[FeedPlan], journal: JournalConfig | None
) -> AnySink:
    if isinstance(config, InfluxDB):
        return _influx(name, config, feeds)
    if isinstance(config, Redis):
        return _redis(name, config, journal)
    try:
        return Sink(load_object(config.use), name=name)
    except ConfigError as error:
        raise ConfigError(f"sinks.{name}.use: {error}") from None


def _given_sink(sink: Sinkable, feeds: Sequence[FeedPlan], journal: JournalConfig | None) -> AnySink:
    if isinstance(sink, InfluxDB):
        return _influx("influxdb", sink, feeds)
    if isinstance(sink, Redis):
        return _redis("redis", sink, journal)
    if not isinstance(sink, Sink) and all(hasattr(sink, name) for name in ("name", "kinds", "batch_ticks", "open")):
        return cast("AnySink", sink)
    given = sink if isinstance(sink, Sink) else Sink(cast("Callable[..., Any]", sink))
    is_sound = may_be_awaited if given is sink else is_async
    if not is_sound(given.function):
        raise ConfigError(
            f"sink {given.function!r}: accepted is InfluxDB, a Sink, or an async function of a SinkBatch"
        )
    return given


def _influx(name: str, settings: InfluxDB, feeds: Sequence[FeedPlan]) -> AnySink:
    # Ids that are merely unique may lie a multiple of a thousand apart within one microsecond.
    by_trade_id = frozenset(feed.name for feed in feeds if getattr(feed.feed, "counts_trades", False))
    return InfluxSink(name=name, settings=settings, by_trade_id=by_trade_id)


def _redis(name: str, settings: Redis, journal: JournalConfig | None) -> AnySink:
    # Without a journal there is nothing to publish, which `_check` says of every sink.
    return RedisSink(name=name, settings=settings, journal="" if journal is None else journal.path)


def _named(name: str, config: StrategyConfig) -> Strategy:
    try:
        function = load_object(config.use)
    except ConfigError as error:
        raise ConfigError(f"strategies.{name}.use: {error}") from error
    return Strategy(
        function,
        name=name,
        symbols=config.symbols,
        params=config.params,
        overflow=config.overflow,
        capacity=config.capacity,
        max_age_s=config.max_age_s,
        on_error=config.on_error,
        since=config.since,
    )


def _check(plan: EnginePlan) -> None:
    _check_different("feed", [*(feed.name for feed in plan.feeds), *(relay.name for relay in plan.relays)])
    if plan.relays:
        check_installed()
    _check_different("sink", [sink.name for sink in plan.sinks])
    if plan.archive is not None and plan.journal is None:
        raise ConfigError("archive: rolls the days of a journal; give journal= or [journal] as well")
    if plan.sinks and plan.journal is None:
        raise ConfigError(f"sink {plan.sinks[0].name!r} drains a journal; give journal= or [journal] as well")
    _check_different("strategy", [strategy.title for strategy in plan.strategies])
    carried: set[str] = set()
    for feed in plan.feeds:
        for service in services_of(feed.feed):
            # Both are needed for nothing yet: what they would refuse at the first connect is refused now.
            feed.road.proxy_towards(parse_url(service.url, secret_query=service.secret_query))
            carried.update(service.symbols)
    for relay in plan.relays:
        carried.update(relay.symbols or ())
    carries_any = any(relay.symbols is None for relay in plan.relays)
    _check_strategies(plan, None if carries_any else carried)


def _check_strategies(plan: EnginePlan, carried: set[str] | None) -> None:
    """Check what strategies want of the others; which symbols are carried may be known only when they come."""
    for strategy in plan.strategies:
        check_call(strategy.title, strategy.function, strategy.params, inline=strategy.inline)
        if strategy.since is not None and plan.journal is None:
            raise ConfigError(
                f"strategy {strategy.title}: since reads the journal; give journal= or [journal] as well"
            )
        if strategy.title == FORMER or strategy.title.startswith(f"{SUBSCRIPTION} "):
            raise ConfigError(f"strategy {strategy.title!r}: that name is the engine's own; accepted is any other")
        unknown = sorted(set(strategy.symbols or ()) - carried) if carried is not None else []
        if unknown:
            raise ConfigError(f"strategy {strategy.title} wants {unknown[0]!r}, which no feed carries")


def _check_different(what: str, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigError(f"two of kind {what} are called {twice[0]!r}; give each a name of its own")
