"""``run``: the engine of a configuration file, with its strategies, until it is stopped."""

from __future__ import annotations

import sys
from pathlib import Path

import trio

from trio_ticks.app.logs import tell
from trio_ticks.app.report import check_report, write_report
from trio_ticks.app.supervising import open_supervised
from trio_ticks.app.tuning import tune
from trio_ticks.config import EngineConfig, load_config
from trio_ticks.runtime.statistics import EngineStatistics
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks

_LOG = "trio-ticks log"
"""The consumer that logs gaps and statuses; a name that no table of a configuration can have."""


def run_file(path: Path, *, seconds: float | None = None, report: Path | None = None) -> None:
    """Run what a file configures until a signal, for ``seconds``, or until it fails; then say how it went.

    Raises:
        ConfigError: before anything is started.
        EngineError: the engine failed; the report is written all the same.
    """
    config = load_config(path)
    check_report(report)
    tune()
    trio.run(_run, config, seconds, report)


async def _run(config: EngineConfig, seconds: float | None, report: Path | None) -> None:
    engine = None
    try:
        async with open_supervised(config, strategies=[Strategy(_log, name=_LOG)], seconds=seconds) as engine:
            await engine.wait_stopped()
    finally:
        if engine is not None:
            statistics = engine.statistics()
            if statistics.ledger.received or not statistics.failed_feeds:
                print(summary(statistics), file=sys.stderr)
            write_report(report, statistics)


async def _log(ticks: Ticks) -> None:
    async for batch in ticks.batches():
        for record in batch.records:
            tell(record)


def summary(statistics: EngineStatistics) -> str:
    """Return one line on what came in and what became of it, strategy by strategy."""
    ledger = statistics.ledger
    words = [
        f"received {ledger.received:,}",
        f"accepted {ledger.accepted:,}",
        f"duplicates {ledger.duplicates:,}",
        f"rejected {ledger.rejected + ledger.expired + ledger.late_dropped:,}",
        f"gaps {sum(statistics.gaps.values()):,}",
    ]
    for name, consumer in ledger.consumers.items():
        if name != _LOG:
            words.append(f"{name}: delivered {consumer.delivered:,}, dropped {consumer.dropped:,}")
    return " · ".join(words)
