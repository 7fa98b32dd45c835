"""``backtest``: a strategy on a journal in market time, from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from trio_ticks.app.formats import Format, writer_of
from trio_ticks.app.kept import kept_at
from trio_ticks.app.logs import configure_logging
from trio_ticks.app.output import STDOUT
from trio_ticks.app.progress import progress
from trio_ticks.app.recordings import params_of
from trio_ticks.config.reference import load_object
from trio_ticks.errors import ConfigError, StrategyError, TrioTicksError, in_one_line
from trio_ticks.model import Signal
from trio_ticks.replay.backtest import backtest
from trio_ticks.replay.backtest_result import Backtest
from trio_ticks.storage.replacing import replacing


@attrs.frozen(kw_only=True)
class Backtesting:
    """What is played, and what is told of it."""

    journal: str
    strategy: str
    symbols: Sequence[str] = ()
    params: Sequence[str] = ()
    start: str | None = None
    end: str | None = None
    tz: str = "UTC"
    seed: int = 0
    as_json: bool = False
    signals: str | None = None


def run_backtest(job: Backtesting) -> None:
    """Play it, and print what came of it; signals go where they are wanted.

    Raises:
        ConfigError: the strategy, a parameter or the range cannot be used.
        JournalError: the journal cannot be read.
        SinkError: InfluxDB does not answer.
        StrategyError: the strategy raised.
        TrioTicksError: the signals cannot be written.
    """
    try:
        function = load_object(job.strategy)
    except ConfigError as error:
        raise ConfigError(f"--strategy {error}") from error
    configure_logging()
    params = params_of(job.params) or None
    with progress("backtesting") as tell:
        try:
            result = backtest(
                function,
                kept_at(job.journal),
                *job.symbols,
                start=job.start,
                end=job.end,
                params=params,
                tz=job.tz,
                seed=job.seed,
                on_progress=tell,
            )
        except TrioTicksError:
            raise
        except Exception as error:
            words = f"{in_one_line(error)} ({'; '.join(getattr(error, '__notes__', ()))})"
            raise StrategyError(f"strategy {job.strategy} failed: {words}") from error
    if job.signals is not None:
        _write(result.signals, job.signals)
    if job.signals != STDOUT:
        print(json.dumps(as_fields(result), default=repr) if job.as_json else in_words(result))


def as_fields(result: Backtest) -> dict[str, Any]:
    """Return the result as plain values for JSON."""
    return {
        "strategy": result.strategy,
        "has_returned": result.has_returned,
        "value": result.value,
        "start_us": result.start_us,
        "end_us": result.end_us,
        "ledger": attrs.asdict(result.ledger),
        "signals": [attrs.asdict(item) for item in result.signals],
        "gaps": [attrs.asdict(item) for item in result.gaps],
    }


def in_words(result: Backtest) -> str:
    """Return the result for people, a line each."""
    return "\n".join(f"{name:<12} {text}" for name, text in result.lines())


def _write(signals: Sequence[Signal], path: str) -> None:
    data = writer_of(Format.JSONL, "signals")(signals)
    if path == STDOUT:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        with replacing(Path(path)) as file:
            file.write(data)
    except OSError as error:
        raise TrioTicksError(f"--signals {path}: cannot be written: {error.strerror}") from error
