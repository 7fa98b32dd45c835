"""``run``: the engine of a configuration file, with its strategies, until it is stopped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import attrs
import trio

from trio_ticks.app.companions import Settled, open_companions
from trio_ticks.app.http import close_all, listen_as_wished, open_http
from trio_ticks.app.logs import log
from trio_ticks.app.report import check_report, write_report
from trio_ticks.app.standard_streams import say
from trio_ticks.app.supervising import open_supervised
from trio_ticks.app.systemd import Systemd
from trio_ticks.app.telling import telling
from trio_ticks.app.tuning import tune
from trio_ticks.config import (
    EngineConfig,
    FeedConfig,
    HttpConfig,
    JournalConfig,
    LogFormat,
    load_config,
    supervisor_from_env,
)
from trio_ticks.core.clock_watch import ClockWatch
from trio_ticks.errors import ConfigError
from trio_ticks.model import Batch, Record
from trio_ticks.runtime.assembly import FORMER
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.statistics import EngineStatistics
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks

_LOG = "trio-ticks log"
"""The consumer that logs gaps and statuses; a name that no table of a configuration can have."""


_SET_THE_CLOCK = "is this machine's clock fast? set it (timedatectl set-ntp true); or the feed is delayed"


def run_file(
    path: Path,
    *,
    seconds: float | None = None,
    report: Path | None = None,
    journal: Path | None = None,
    no_journal: bool = False,
    http: str | None = None,
    log_format: LogFormat | None = None,
    verbosity: int = 0,
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
        log_format: Of the log, whatever the file says.
        verbosity: How many ``-v`` there were.

    Raises:
        ConfigError: before anything is started.
        JournalError: likewise; the journal cannot be used, or another engine writes it.
        EngineError: the engine failed; the report is written all the same.
    """

    def read() -> EngineConfig:
        config = served(journaled(load_config(path), journal=journal, no_journal=no_journal), http)
        return config if log_format is None else attrs.evolve(config, log=attrs.evolve(config.log, format=log_format))

    settled = Settled(config=read(), read=read, verbosity=verbosity)
    settled.configure_logging(settled.config)
    check_report(report)
    tune()
    trio.run(_run, settled, seconds, report)


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


async def _run(settled: Settled, seconds: float | None, report: Path | None) -> None:
    engine, config = None, settled.config
    with closing(Systemd(supervisor_from_env())) as systemd:

        def stop(engine: Engine) -> None:
            systemd.stopping()
            engine.stop()

        watch = ClockWatch(name for name, feed in config.feeds.items() if isinstance(feed, FeedConfig))
        listeners, reason = await listen_as_wished(config.http)
        trouble = f"there is no dashboard: {reason}" if reason else ""
        try:
            with telling() as tell:
                told = Strategy(partial(_log, tell=tell, watch=watch), name=_LOG)
                async with (
                    open_supervised(config, strategies=[told], seconds=seconds, stop=stop) as engine,
                    open_http(engine, config.http, listeners, trouble=trouble),
                    open_companions(engine, settled, systemd),
                ):
                    await engine.wait_stopped()
        finally:
            close_all(listeners)
            _end(engine, report, is_json=config.log.format == "json")


def _end(engine: Engine | None, report: Path | None, *, is_json: bool) -> None:
    """Say how it went, if it has begun."""
    if engine is None:
        return
    statistics = engine.statistics()
    if statistics.ledger.received or not statistics.failed_feeds:
        if is_json:  # whoever reads lines of JSON wants nothing else among them
            log.info("%s", summary(statistics), extra={"fields": {"event": "summary"}})
        else:
            say(summary(statistics))
    write_report(report, statistics)


async def _log(ticks: Ticks, tell: Callable[[Record], None], watch: ClockWatch) -> None:
    async for batch in ticks.batches():
        for record in batch.records:
            tell(record)
        if not watch.is_over:
            _check_clock(batch, watch)


def _check_clock(batch: Batch, watch: ClockWatch) -> None:
    for tick in batch.ticks:
        behind_s = watch.look(tick)
        if behind_s is not None:
            log.warning("%s: all prices are stamped %.0f s ago or more: %s", tick.feed, behind_s, _SET_THE_CLOCK)


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
        if name not in {_LOG, FORMER}:  # the latter is the dashboard's: a program that only runs has no others
            words.append(f"{name}: delivered {consumer.delivered:,}, dropped {consumer.dropped:,}")
    if ledger.journal is not None:
        words.append(f"journal: {ledger.journal.journaled:,}, left out {ledger.journal.gapped:,}")
    for name, sink in ledger.sinks.items():
        words.append(f"{name}: stored {sink.stored:,}, waiting {sink.pending:,}, refused {sink.dead_lettered:,}")
    return " · ".join(words)
