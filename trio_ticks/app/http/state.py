"""What ``/status`` and ``/readyz`` say, made from the engine's statistics."""

from __future__ import annotations

import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import attrs

from trio_ticks.app.http.collector import Collector
from trio_ticks.core.ages import sum_of
from trio_ticks.runtime.assembly import FORMER, SUBSCRIPTION
from trio_ticks.runtime.statistics import EngineStatistics, summary

OWN = "trio-ticks "
"""What the names of the program's own consumers begin with; no table of a configuration can be called so."""

LIVE = {"open", "live", "reading"}
"""The states of a line, or of a feed from another engine, in which ticks can come."""


@attrs.frozen
class Room:
    """What a journal takes up on its disk, and what is left there; None where it cannot be told."""

    size_bytes: int | None = None
    free_bytes: int | None = None


def room_of(path: Path) -> Room:
    """Return a journal's room, its log included that is yet to be carried over. It blocks: call it in a thread."""
    files = [file for file in (path, path.with_name(f"{path.name}-wal")) if file.exists()]
    try:
        return Room(sum(file.stat().st_size for file in files), shutil.disk_usage(path.absolute().parent).free)
    except OSError:
        return Room()


def our_version() -> str:
    """Return the version of this package; "source" in a tree that is not installed."""
    try:
        return version("trio-ticks")
    except PackageNotFoundError:
        return "source"


def status_of(statistics: EngineStatistics, collector: Collector, room: Room) -> dict[str, Any]:
    """Return everything that a page or `trio-ticks top` shows, as plain values."""
    status = statistics.as_dict()
    ages = statistics.ages
    users = [counts for name, counts in ages.consumers.items() if not name.startswith((OWN, SUBSCRIPTION, FORMER))]
    status["ages"] |= {"strategy": summary(sum_of(users)), "stored": summary(sum_of(ages.sinks.values()))}
    if statistics.journal is not None:
        status["journal"] |= attrs.asdict(room)
    return {
        **status,
        "symbols": collector.symbols(),
        "loop_lag_s": collector.loop_lag_s,
        "version": our_version(),
    }


def unready(statistics: EngineStatistics) -> str | None:
    """Return in a line why the engine is not doing its work; None: it does."""
    if statistics.state != "running":
        return f"the engine is {statistics.state}"
    if statistics.failed_feeds:
        name, reason = next(iter(statistics.failed_feeds.items()))
        return f"feed {name} was given up: {reason}"
    lines = [line for shard in statistics.shards for line in shard.lines]
    if any(line.state in LIVE for line in lines) or any(relay.state in LIVE for relay in statistics.relays):
        return None
    reasons = [f"{line.name}: {line.last_error}" for line in lines if line.last_error]
    reasons += [f"{relay.name}: {relay.last_error}" for relay in statistics.relays if relay.last_error]
    return "; ".join(["no connection is open", *reasons[:1]])
