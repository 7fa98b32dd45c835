"""From what the user gave to a plan that can run: every mistake is found here, before a task starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from trio_ticks.config import (
    ConnectionConfig,
    EngineConfig,
    FeedConfig,
    SequencerConfig,
    StopConfig,
    StrategyConfig,
    load_config,
)
from trio_ticks.core.sequencer import Sequencer
from trio_ticks.errors import ConfigError
from trio_ticks.feeds.base import Feed, Identity, services_of
from trio_ticks.feeds.registry import check_feed, load_object, make_feed
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.transport import parse_url


@attrs.frozen
class FeedPlan:
    """One feed, under the name it has in this engine."""

    name: str
    feed: Feed
    connection: ConnectionConfig
    settings: SequencerConfig

    def sequencer(self) -> Sequencer:
        """Return a new sequencer with the feed's promise of identity, unless the user chose another."""
        identity: Identity = self.feed.identity if self.settings.identity == "auto" else self.settings.identity
        return Sequencer(
            identity=identity,
            lateness_s=self.settings.lateness_s,
            late=self.settings.late,
            ahead_s=self.settings.ahead_s,
            window_s=self.settings.window_s,
            window_ticks=self.settings.window_ticks,
        )


@attrs.frozen
class EnginePlan:
    """All that an engine is made of."""

    feeds: tuple[FeedPlan, ...]
    strategies: tuple[Strategy, ...]
    grace_s: float
    ingest_batches: int


def assemble(
    sources: Sequence[Feed | EngineConfig | str | Path],
    *,
    strategies: Iterable[Strategy | Callable[..., Any]] = (),
    connection: ConnectionConfig | None = None,
    sequencer: SequencerConfig | None = None,
    grace_s: float | None = None,
) -> EnginePlan:
    """Return the plan of an engine.

    Raises:
        ConfigError: something in it cannot work; the message names it and what is accepted.
    """
    config = _configuration(sources)
    settings = sequencer or (config.sequencer if config else SequencerConfig())
    if config is not None:
        feeds = tuple(_configured(name, feed, settings) for name, feed in config.feeds.items())
    else:
        own = connection or ConnectionConfig()
        feeds = tuple(FeedPlan(check_feed(feed).name, feed, own, settings) for feed in sources)  # type: ignore[arg-type,union-attr]  # `_configuration` has seen to it
    chosen = [_strategy(item) for item in strategies]
    if config is not None:
        chosen = [_named(name, item) for name, item in config.strategies.items()] + chosen
    plan = EnginePlan(
        feeds=feeds,
        strategies=tuple(chosen),
        grace_s=grace_s if grace_s is not None else (config.stop if config else StopConfig()).grace_s,
        ingest_batches=config.ingest_batches if config else 64,
    )
    _check(plan)
    return plan
