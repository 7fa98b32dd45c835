"""The engine at one instant, as `Engine.statistics` returns it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from trio_ticks.core.ledger import Ledger
from trio_ticks.runtime.draining import SinkStatistics
from trio_ticks.runtime.journaling import JournalStatistics
from trio_ticks.runtime.redis_run import RelayStatistics
from trio_ticks.runtime.shard import ShardStatistics
from trio_ticks.runtime.strategy import StrategyState


@attrs.frozen
class EngineStatistics:
    """The engine at one instant.

    Attributes:
        state: ``running``, ``stopping`` or ``stopped``.
        started_us, now_us: When it was opened, and when this was taken.
        ledger: Where every received tick is.
        gaps: How many, by cause.
        uncovered: By feed, the symbols whose coverage is lost at this moment.
        shards: With their lines.
        relays: The feeds that another engine fills.
        strategies: How each is doing.
        journal: How it is doing; None where there is none.
        sinks: How each is doing.
        failed_feeds: The reason for each feed that was given up.
    """

    state: str
    started_us: int
    now_us: int
    ledger: Ledger
    gaps: Mapping[str, int]
    uncovered: Mapping[str, tuple[str, ...]]
    shards: tuple[ShardStatistics, ...]
    relays: tuple[RelayStatistics, ...]
    strategies: tuple[StrategyState, ...]
    journal: JournalStatistics | None
    sinks: tuple[SinkStatistics, ...]
    failed_feeds: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {**attrs.asdict(self), "ledger": self.ledger.as_dict()}
