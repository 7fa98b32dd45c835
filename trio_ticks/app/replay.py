"""``replay``: a strategy on what was recorded, and whether it decides as it did live."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import attrs
import trio
import typer

from trio_ticks.app.formats import Format, writer_of
from trio_ticks.app.journal_commands import AsJson, End, Start, Symbols
from trio_ticks.app.kept import kept_at
from trio_ticks.app.logs import configure_logging
from trio_ticks.app.output import STDOUT
from trio_ticks.app.progress import progress
from trio_ticks.app.recordings import Params, RecordingPath, params_of
from trio_ticks.app.standard_streams import say
from trio_ticks.app.tuning import tune
from trio_ticks.config.reference import load_object
from trio_ticks.errors import ConfigError, one_line
from trio_ticks.model import Signal
from trio_ticks.replay.comparing import Compared, compare
from trio_ticks.replay.replaying import Replayed, chosen_strategy, replay
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.storage.reading.sightings import spelled

OnSignal = Callable[[Signal], object]


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        "replay", epilog="Example: [bold]trio-ticks replay ticks.journal BTC-USD --strategy mine:momentum[/bold]"
    )(_replay)


def _replay(  # noqa: PLR0917 - typer passes them by name
    journal: RecordingPath,
    symbols: Symbols = None,
    strategy: Annotated[
        str, typer.Option(metavar="MODULE:FUNCTION", help="An async function of Ticks, or a Strategy.")
    ] = "",
    param: Params = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What it is called live.")] = None,
    start: Start = None,
    end: End = None,
    speed: Annotated[
        float | None, typer.Option(metavar="X", help="1: as recorded; 60: a minute in a second. Default: at once.")
    ] = None,
    against_live: Annotated[  # noqa: FBT002 - typer's way to say that an option is off
        bool, typer.Option("--against-live", help="Compare its signals with those that it gave live.")
    ] = False,
    signals: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write its signals there, as JSON lines; -: standard output.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Keep the replay as a new journal.")
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, help="Log more; twice: everything.")] = 0,
) -> int:
    """Run a strategy on recorded ticks, as it would run live, and say what came of it.

    Nothing is dropped: the recording waits for the strategy. With --against-live its signals are compared with those
    that the journal kept, and the first that differs is printed: exit code 1.
    """
    configure_logging(verbose)
    if as_json and signals == STDOUT:
        raise ConfigError("--json and --signals -: accepted is one of them on standard output")
    chosen = chosen_strategy(
        _loaded(strategy), symbols=symbols or None, params=params_of(param or ()) or None, name=name
    )
    tune()
    if against_live:
        for option, value in {
            "start": start,
            "end": end,
            "speed": speed,
            "signals": signals,
            "output": output,
        }.items():
            if value is not None:
                raise ConfigError(f"--against-live compares whole runs; accepted is --{option} without it")
        return _compare(chosen, journal, as_json=as_json)
    with _listening(signals) as on_signal, progress(f"replaying {journal}") as tell:
        began = time.perf_counter()
        done = trio.run(
            functools.partial(
                replay,
                chosen,
                kept_at(journal),
                start=start,
                end=end,
                speed=speed,
                output=output,
                on_signal=on_signal,
                on_progress=tell,
            )
        )
        took_s = time.perf_counter() - began
    _summarize(chosen, journal, done, took_s, as_json=as_json, quiet_stdout=signals == STDOUT)
    return 0


def _compare(strategy: Strategy, journal: str, *, as_json: bool) -> int:
    with progress(f"comparing {strategy.title}") as tell:
        found = trio.run(functools.partial(compare, strategy, journal, on_progress=tell))
    for remark in found.remarks:
        say(f"trio-ticks: {one_line(remark)}")
    print(json.dumps(_compared_fields(found)) if as_json else _verdict(found))
    return 0 if found.difference is None else 1


def _verdict(found: Compared) -> str:
    """Return what a comparison says to a person."""
    differs = found.difference
    if differs is None:
        words = f"identical: {found.signals:,} signals"
        if found.beyond:
            words += f"; {found.beyond:,} more at the end of killed runs, which need not have been kept live"
        return words
    where = f"signal {differs.number:,} of run {differs.run:,}, at {spelled(differs.time_us)}"
    return (
        f"different: {where}, batch {differs.position:,} of the journal; {found.signals:,} before it are the same\n"
        f"  live:   {_signal_text(differs.live)}\n"
        f"  replay: {_signal_text(differs.replayed)}"
    )


def _signal_text(signal: Signal | None) -> str:
    if signal is None:
        return "nothing more"
    fields = " ".join(f"{key}={value!r}" for key, value in signal.fields.items())
    return " ".join(filter(None, (spelled(signal.time_us), signal.name, signal.symbol, fields)))


def _compared_fields(found: Compared) -> dict[str, Any]:
    return {"identical": found.difference is None, **attrs.asdict(found)}


def _summarize(
    strategy: Strategy, journal: str, done: Replayed, took_s: float, *, as_json: bool, quiet_stdout: bool
) -> None:
    rate = round(done.ticks / max(took_s, 1e-9))
    if as_json:
        fields = {"ticks": done.ticks, "ticks_per_s": rate, "signals": len(done.signals), "gaps": len(done.gaps)}
        more = {"failures": done.failures, "ledger": attrs.asdict(done.ledger)}
        print(json.dumps({"strategy": strategy.title, "source": journal, **fields, **more}))
        return
    words = [
        f"{strategy.title} on {journal}: {done.ticks:,} ticks in {took_s:.2f} s, {rate:,} ticks/s",
        f"signals {len(done.signals):,}",
        f"gaps {len(done.gaps):,}",
    ]
    if done.failures:
        words.append(f"failed and restarted {done.failures:,} times")
    print(" · ".join(words), file=sys.stderr if quiet_stdout else sys.stdout)


@contextlib.contextmanager
def _listening(path: str | None) -> Iterator[OnSignal | None]:
    """Yield what writes a signal down, or None where nobody wants them."""
    if path is None:
        yield None
        return
    write = writer_of(Format.JSONL, "signals")
    if path == STDOUT:
        yield lambda signal: sys.stdout.write(write([signal]).decode())
        sys.stdout.flush()
        return
    try:
        file = Path(path).open("wb")  # noqa: SIM115 - the error of opening is told apart from the block's
    except OSError as error:
        raise ConfigError(
            f"--signals {path}: {error.strerror}; accepted is a file that can be written, or -"
        ) from None
    with file:
        yield lambda signal: file.write(write([signal]))


def _loaded(reference: str) -> Any:
    if not reference:
        raise ConfigError("--strategy is missing; accepted is module:function, where the function takes a Ticks")
    return load_object(reference)
