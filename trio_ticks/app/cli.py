"""The command line: what each command takes, and how every end becomes one line and an exit code.

Exit codes: 0 after a clean stop, 1 when something failed, 2 for a usage or a setting that cannot be.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

from trio_ticks.app import backtest_command, journal_commands, operating_commands, replay
from trio_ticks.app.bench import bench
from trio_ticks.app.demo import Demonstration, demonstrate
from trio_ticks.app.doctor import command as doctor_command
from trio_ticks.app.formats import Format
from trio_ticks.app.help_text import NARROWEST_TABLE, suit_help
from trio_ticks.app.init import command as init_command
from trio_ticks.app.journal_commands import End, Start, Zone
from trio_ticks.app.log_lines import LogForm
from trio_ticks.app.logs import configure_logging, log
from trio_ticks.app.running import run_file
from trio_ticks.app.simulate import Recorded, Simulation, all_faults, parse_source, simulate
from trio_ticks.app.standard_streams import DISK_ERRNOS, forget_stdout, open_missing, say, settle
from trio_ticks.app.watch import Watching, feed_of, watch
from trio_ticks.errors import ConfigError, TrioTicksError, one_line
from trio_ticks.sim import parse_switches

FAILED, MISUSED, INTERRUPTED = 1, 2, 130

# What typer raises for a wrong option; it has no public name that all versions share.
_UsageError: Any = typer.BadParameter.__base__

app = typer.Typer(
    name="trio-ticks",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Verbose = Annotated[int, typer.Option("--verbose", "-v", count=True, help="Log more; twice: everything.")]
Seconds = Annotated[float | None, typer.Option("--seconds", metavar="N", min=0, help="Stop softly after so long.")]
Http = Annotated[
    str | None,
    typer.Option(
        "--http", metavar="ADDR", show_default="127.0.0.1:8750", help="Serve the dashboard at host:port, or off."
    ),
]
Report = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write the statistics there, as JSON.")]


def main() -> None:
    """Run the command line and exit."""
    open_missing()
    # A feed or a strategy may be named as module:object and lie in the current directory. It comes last, so that
    # no file there can stand in for a module of Python or of ours.
    with contextlib.suppress(FileNotFoundError):  # somebody may have removed it meanwhile
        sys.path.append(os.getcwd())  # noqa: PTH109 - sys.path holds texts
    try:
        code = _run()
    except* KeyboardInterrupt:
        code = INTERRUPTED
    except* BrokenPipeError:
        code = 0
        forget_stdout()
    settle()
    sys.exit(code)


def _run() -> int:
    width = shutil.get_terminal_size().columns
    suit_help(app, is_plain=width < NARROWEST_TABLE or not sys.stdout.isatty())
    try:
        code = app(standalone_mode=False, prog_name=app.info.name, terminal_width=width)
        sys.stdout.flush()
    except _UsageError as error:
        command = error.ctx.command_path if error.ctx else app.info.name
        told = error.format_message().replace("Value error, ", "").rstrip(".")  # the words of a library of typer's
        return _complain(f"{told}; see {command} --help", MISUSED)
    except TrioTicksError as error:
        log.debug("what led to it:", exc_info=error)
        return _complain(str(error), MISUSED if isinstance(error, ConfigError) else FAILED)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # typer's answer to a reader that has enough
            raise end.__context__ from None
        raise
    except OSError as error:
        if error.errno not in DISK_ERRNOS or error.filename is not None:
            raise
        forget_stdout()
        return _complain(f"standard output: cannot be written: {error.strerror}", FAILED)
    return code if isinstance(code, int) else 0


def _complain(text: str, code: int) -> int:
    """Say in one line why it ends, and return the exit code."""
    say(f"trio-ticks: {one_line(text)}")
    return code


def _show_version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        try:
            number = version("trio-ticks")
        except PackageNotFoundError:
            number = "of a source tree that is not installed"
        print(f"trio-ticks {number}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _main(
    context: typer.Context,
    _version: Annotated[  # noqa: FBT002 - typer's way to say that an option is off; so below
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Live market ticks on Trio: reconnected, deduplicated, ordered, and accounted for."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command("demo", epilog="Example: [bold]trio-ticks demo --seconds 30[/bold]")
def _demo(
    seconds: Seconds = None,
    report: Report = None,
    lines: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=2, help="2: every tick comes over two connections, and the first copy counts."
        ),
    ] = 1,
    plain: Annotated[bool, typer.Option("--plain", help="Print lines instead of a live screen.")] = False,  # noqa: FBT002
    http: Http = None,
    verbose: Verbose = 0,
) -> None:
    """See what is different: this engine and a do-it-yourself recipe on one feed that is cut and muted.

    Needs no token, server or network, and leaves nothing behind. Every ten seconds the connections are cut, or stay
    open and bring nothing; two counters show what each side has missed.
    """
    configure_logging(verbose)
    demonstrate(
        Demonstration(seconds=seconds, report=report, lines=lines, plain=plain, verbose=bool(verbose), http=http)
    )


@app.command("watch", epilog="Example: [bold]trio-ticks watch BTC-USD ETH-USD --format jsonl[/bold]")
def _watch(
    symbols: Annotated[list[str] | None, typer.Argument(metavar="SYMBOL", help="As the vendor spells them.")] = None,
    feed: Annotated[
        str, typer.Option(metavar="NAME", help="alltick, alltick-simple, coinbase, or module:Feed.")
    ] = "coinbase",
    plan: Annotated[
        str | None, typer.Option(metavar="NAME", help="The vendor's plan: free, basic, premium, professional.")
    ] = None,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Another server that speaks the same.")] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Holds the token; otherwise ALLTICK_TOKEN in the environment.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", metavar="FORMAT", help="One tick a line, as text, jsonl or csv.")
    ] = Format.TEXT,
    output: Annotated[str, typer.Option(metavar="FILE", help="Append to a file; -: standard output.")] = "-",
    seconds: Seconds = None,
    count: Annotated[int | None, typer.Option(metavar="N", min=1, help="Stop after so many ticks.")] = None,
    verbose: Verbose = 0,
) -> None:
    """Print ticks as they come, one line each; gaps and statuses go to standard error."""
    configure_logging(verbose)
    source = feed_of(feed, symbols or [], plan=plan, url=url, token_file=token_file)
    watch(source, Watching(form=form, output=output, seconds=seconds, count=count))


@app.command("run", epilog="Example: [bold]trio-ticks run ticks.toml --report report.json[/bold]")
def _run_file(
    config: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration.")] = Path("ticks.toml"),
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default="[journal] path, ticks.journal", help="Keep all that is delivered there."
        ),
    ] = None,
    no_journal: Annotated[bool, typer.Option("--no-journal", help="Keep nothing.")] = False,  # noqa: FBT002
    seconds: Seconds = None,
    report: Report = None,
    http: Http = None,
    log_format: Annotated[
        LogForm | None,
        typer.Option(
            "--log-format",
            metavar="FORMAT",
            show_default="[log] format, console",
            help="Of the log: console or json.",
        ),
    ] = None,
    verbose: Verbose = 0,
) -> None:
    """Run what a configuration names until Ctrl-C or SIGTERM; a second one ends it at once.

    Everything that is delivered is kept in a journal, from which sinks are fed and the next run goes on. SIGHUP, or
    trio-ticks reload, has it read the configuration again.
    """
    configure_logging(verbose)
    run_file(
        config,
        seconds=seconds,
        report=report,
        journal=journal,
        no_journal=no_journal,
        http=http,
        log_format=None if log_format is None else log_format.value,
        verbosity=verbose,
    )


_SIM_EXAMPLES = (
    "Examples: [bold]trio-ticks sim --port 8765 --fault 'drop|mute/10'[/bold] and "
    "[bold]trio-ticks sim --journal ticks.journal --symbol BTCUSDT --start -1h --once[/bold]"
)


@app.command("sim", epilog=_SIM_EXAMPLES)
def _sim(
    *,
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65_535, help="On loopback; 0: any free one.")] = 0,
    plan: Annotated[str, typer.Option(metavar="NAME", help="Whose limits are enforced.")] = "professional",
    speed: Annotated[float, typer.Option(metavar="X", help="How much faster than recorded.")] = 1.0,
    switch: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Where AllTick's documentation contradicts itself; several times."),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="FAULT", help="KIND@SECONDS once, KIND/SECONDS again and again; several times."),
    ] = None,
    csv: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE=SYMBOL", help="Trades to play: time_us, price, volume, side; several times."),
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ticks of any feed to play, as they were kept by run.")
    ] = None,
    symbol: Annotated[
        list[str] | None, typer.Option(metavar="SYMBOL", help="Only this one of the journal; several times.")
    ] = None,
    start: Start = None,
    end: End = None,
    tz: Zone = "UTC",
    as_recorded: Annotated[
        bool, typer.Option("--as-recorded", help="Leave the journal's stamps as they are; with --once.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Play from a subscription to the last tick, and end.")] = False,
    seconds: Seconds = None,
    verbose: Verbose = 0,
) -> None:
    """Serve AllTick's protocol on this machine: recorded trades, shifted to now, and faults by name.

    Without --csv or --journal, a sample that comes with the program. It is played over and over, or --once.
    """
    configure_logging(verbose)
    recorded = Recorded(journal=journal, symbols=symbol or (), start=start, end=end, tz=tz, as_recorded=as_recorded)
    simulate(
        Simulation(
            port=port,
            plan=plan,
            speed=speed,
            switches=parse_switches(switch or []),
            faults=all_faults(fault or []),
            tapes=parse_source(csv or [], recorded, once=once),
            seconds=seconds,
            once=once,
        )
    )


@app.command("bench", epilog="Example: [bold]trio-ticks bench --seconds 3[/bold]")
def _bench(
    seconds: Annotated[float, typer.Option("--seconds", metavar="N", min=0, help="For each measurement.")] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")] = False,  # noqa: FBT002
) -> None:
    """Measure this machine: ticks a second through the whole engine, and how old they are at a strategy.

    The simulated vendor runs beside it, so leave two cores free. Needs no token, server or network.
    """
    bench(seconds=seconds, as_json=as_json)


journal_commands.add_to(app)
replay.add_to(app)
backtest_command.add_to(app)
doctor_command.add_to(app)
init_command.add_to(app)
operating_commands.add_to(app)
