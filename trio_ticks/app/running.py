"""``run``: the engine of a configuration file, with its strategies, until it is stopped."""

from __future__ import annotations

import sys
from pathlib import Path

import attrs
import trio

from trio_ticks.app.http import close_all, listen_as_wished, open_http
from trio_ticks.app.logs import tell
from trio_ticks.app.report import check_report, write_report
from trio_ticks.app.supervising import open_supervised
from trio_ticks.app.tuning import tune
from trio_ticks.config import EngineConfig, HttpConfig, JournalConfig, load_config
from trio_ticks.errors import ConfigError
from trio_ticks.runtime.statistics import EngineStatistics
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks

_LOG = "trio-ticks log"
"""The consumer that logs gaps and statuses; a name that no table of a configuration can have."""


def run_file(
    path: Path,
    *,
    seconds: float | None = None,
    report: Path | None = None,
    journal: Path | None = None,
    no_journal: bool = False,
    http: str | None = None,
) -> None:
    """Run what a file configures until a signal, for ``seconds``, or until it fails; then say how it went.

    Args:
        path: The configuration.
        seconds: Stop softly after so long; None: never.
        report: Where the statistics go at the end.
        journal: Keep everything there, whatever path the file names. None: there, and where it names none in
            ``ticks.journal``.
        no_journal: Keep nothing.
        http: Serve the dashboard there, ``host:port``, whatever the file says; ``off``: nowhere.

    Raises:
        ConfigError: before anything is started.
        JournalError: likewise; the journal cannot be used, or another engine writes it.
        EngineError: the engine failed; the report is written all the same.
    """
    config = served(journaled(load_config(path), journal=journal, no_journal=no_journal), http)
    check_report(report)
    tune()
    trio.run(_run, config, seconds, report)


def journaled(config: EngineConfig, *, journal: Path | None, no_journal: bool) -> EngineConfig:
    """Return a configuration that keeps what it delivers: a program that runs on its own has nobody else to do it.

    Raises:
        ConfigError: a journal is asked for, and none, or a sink would have nothing to drain.
    """
    if no_journal:
        if journal is not None:
            raise ConfigError("--no-journal and --journal: accepted is one of them")
        if config.sinks:
            raise ConfigError(
                f"--no-journal: sink {next(iter(config.sinks))!r} drains the journal; leave it out, too"
            )
        return attrs.evolve(config, journal=None)
    kept = config.journal or JournalConfig()
    return attrs.evolve(config, journal=kept if journal is None else attrs.evolve(kept, path=str(journal)))


def served(config: EngineConfig, http: str | None) -> EngineConfig:
    """Return a configuration that serves its dashboard where the command line says; None: it says nothing.

    Raises:
        ConfigError: that is no address, or one that needs a password.
    """
    if http is None:
        return config
    try:
        return attrs.evolve(config, http=attrs.evolve(config.http or HttpConfig(), bind=http))
    except ConfigError as error:
        raise ConfigError(f"--http: {error}") from None


async def _run(config: EngineConfig, seconds: float | None, report: Path | None) -> None:
    engine = None
    listeners = await listen_as_wished(config.http)
    try:
        async with (
            open_supervised(config, strategies=[Strategy(_log, name=_LOG)], seconds=seconds) as engine,
            open_http(engine, config.http or HttpConfig(), listeners),
        ):
            await engine.wait_stopped()
    finally:
        close_all(listeners)
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
    """Return one line on what came in and what became of it: in the journal, at each strategy and each sink."""
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
    if ledger.journal is not None:
        words.append(f"journal: {ledger.journal.journaled:,}, left out {ledger.journal.gapped:,}")
    for name, sink in ledger.sinks.items():
        words.append(f"{name}: stored {sink.stored:,}, waiting {sink.pending:,}, refused {sink.dead_lettered:,}")
    return " · ".join(words)
