"""The engine at one instant, as `Engine.statistics` returns it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from trio_ticks.core.ages import BOUNDS_US, AgeCounts
from trio_ticks.core.ledger import Ledger
from trio_ticks.runtime.draining import SinkStatistics
from trio_ticks.runtime.journaling import JournalStatistics
from trio_ticks.runtime.redis_run import RelayStatistics
from trio_ticks.runtime.shard import ShardStatistics
from trio_ticks.runtime.strategy import StrategyState


@attrs.frozen
class EngineAges:
    """How old ticks were, since receipt, when they got somewhere.

    Attributes:
        consumers: By consumer: when it had them in hand.
        journal: When they were committed; None where there is no journal.
        sinks: By sink: when it had taken them.
    """

    consumers: Mapping[str, AgeCounts]
    journal: AgeCounts | None
    sinks: Mapping[str, AgeCounts]

    def as_dict(self) -> dict[str, Any]:
        """Return the middle, the slowest hundredth and the number of ticks of each, ready for JSON."""
        return {
            "consumers": {name: summary(ages) for name, ages in self.consumers.items()},
            "journal": None if self.journal is None else summary(self.journal),
            "sinks": {name: summary(ages) for name, ages in self.sinks.items()},
        }


def summary(ages: AgeCounts) -> dict[str, Any]:
    """Return a histogram in three figures, and the ticks of each bucket that has any by its upper bound."""
    return {
        "p50_us": ages.quantile_us(0.5),
        "p99_us": ages.quantile_us(0.99),
        "count": ages.count,
        "buckets": [[bound, ticks] for bound, ticks in zip((*BOUNDS_US, None), ages.counts, strict=True) if ticks],
    }


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
        ages: How old ticks were, since receipt, when they got somewhere.
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
    ages: EngineAges

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {**attrs.asdict(self), "ledger": self.ledger.as_dict(), "ages": self.ages.as_dict()}
