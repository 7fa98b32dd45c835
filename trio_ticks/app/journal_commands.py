"""The commands that read journals back: what each takes. `trio_ticks.app.cli` has the others."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from trio_ticks.app.exporting import Export, export
from trio_ticks.app.importing import Import, import_files
from trio_ticks.app.inspecting import (
    forget_sink,
    settle_dead_letters,
    show_dead_letters,
    show_gaps,
    show_info,
    verify_journal,
)
from trio_ticks.app.kept import IN_DATABASE, kept_at
from trio_ticks.app.standard_streams import say
from trio_ticks.config.rules import bytes_in
from trio_ticks.errors import ConfigError, one_line
from trio_ticks.storage.journal import Cursors, Damage
from trio_ticks.storage.layout import KINDS
from trio_ticks.storage.reading import ALL, read
from trio_ticks.storage.record_files import FileFormat

journal_app = typer.Typer(
    name="journal",
    help="Look into a journal, check it, or make one of files.",
    no_args_is_help=False,
    invoke_without_command=True,
)

JournalPath = Annotated[
    Path, typer.Argument(metavar="JOURNAL", help="The journal's file, or an archive's directory.")
]
KeptAt = Annotated[
    Path,
    typer.Argument(metavar="JOURNAL", help=f"The journal's file, an archive's directory, or {IN_DATABASE}."),
]
JournalFile = Annotated[Path, typer.Argument(metavar="JOURNAL", help="The journal's file.")]
Symbols = Annotated[list[str] | None, typer.Argument(metavar="SYMBOL", help="Only these; default: all.")]
Start = Annotated[str | None, typer.Option(metavar="TIME", help="From then on: ISO 8601, -1h, -7d, or microseconds.")]
End = Annotated[str | None, typer.Option(metavar="TIME", help="Before then.")]
Zone = Annotated[str, typer.Option("--tz", metavar="ZONE", help="Where times without an offset stand.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
SinkName = Annotated[str | None, typer.Option(metavar="NAME", help="Only this sink's; default: all.")]

_KINDS = ", ".join((*KINDS, ALL))


def add_to(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("export", epilog="Example: [bold]trio-ticks export ticks.journal BTC-USD -o btc.csv[/bold]")(_export)
    app.command("gaps", epilog="Example: [bold]trio-ticks gaps ticks.journal --start -1d[/bold]")(_gaps)
    app.add_typer(journal_app)


def _export(
    journal: KeptAt,
    symbols: Symbols = None,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="-: standard output.")] = "-",
    form: Annotated[
        FileFormat | None,
        typer.Option(
            "--format", metavar="FORMAT", help="csv, jsonl or parquet. Default: by the suffix of the file; csv for -."
        ),
    ] = None,
    start: Start = None,
    end: End = None,
    kind: Annotated[str, typer.Option(metavar="KIND", help=f"{_KINDS}.")] = "ticks",
    tz: Zone = "UTC",
    interval: Annotated[
        str | None,
        typer.Option(metavar="INTERVAL", help="With --kind bars: make them of ticks, each of 5m, 1d, '100 ticks'."),
    ] = None,
    session: Annotated[
        str | None, typer.Option(metavar="SESSION", help="Of these bars: '09:30-16:00 America/New_York'.")
    ] = None,
    fill: Annotated[bool, typer.Option("--fill", help="Bars also where nothing was traded.")] = False,  # noqa: FBT002
) -> int:
    """Write what a journal or InfluxDB holds as CSV, JSON lines or Parquet, also while it is being written.

    A file appears whole or not at all. Prices and volumes are the exact texts that the vendor sent.
    """
    damage: list[Damage] = []
    reading = read(
        kept_at(journal),
        *(symbols or ()),
        start=start,
        end=end,
        kind=kind,  # type: ignore[arg-type]  # any text: `read` says what is accepted
        tz=tz,
        on_damage=damage.append,
        interval=interval,
        session=session,
        fill=fill,
    )
    export(Export(reading=reading, output=output, form=form))
    return _told(damage)


def _gaps(
    journal: KeptAt,
    symbols: Symbols = None,
    start: Start = None,
    end: End = None,
    tz: Zone = "UTC",
    as_json: AsJson = False,  # noqa: FBT002 - typer's way to say that an option is off; so below
) -> int:
    """Print the stretches in which ticks may be missing, and why."""
    damage: list[Damage] = []
    chosen = symbols or ()
    reading = read(kept_at(journal), *chosen, start=start, end=end, kind="gaps", tz=tz, on_damage=damage.append)
    show_gaps(reading, as_json=as_json)
    if symbols:
        _tell_unknown(journal, symbols)
    return _told(damage)


def _tell_unknown(journal: Path, symbols: list[str]) -> None:
    """Have it said of which symbols nothing was kept: of one that is misspelt there are no gaps, either."""
    unseen = set(symbols)
    with contextlib.closing(read(kept_at(journal), *symbols, on_damage=lambda _: None).batches()) as batches:
        for records in batches:  # which says it itself, once all have come
            unseen.difference_update(item.symbol for item in records)
            if not unseen:
                return


def _told(damage: list[Damage]) -> int:
    """Say what was left out, and return the exit code."""
    for item in damage:
        where = f"batches {item.first_position:,} to {item.last_position:,}"
        say(f"trio-ticks: left out: {where}: {one_line(item.reason)}")
    return 1 if damage else 0


@journal_app.callback()
def _journal(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@journal_app.command("info", epilog="Example: [bold]trio-ticks journal info ticks.journal --max-size '10 GiB'[/bold]")
def _info(
    journal: JournalFile,
    max_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Its quota, such as '10 GiB'; default: the disk.")
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Print what a journal holds, where its sinks stand, and how long the room will last."""
    show_info(journal, max_size=_size(max_size), as_json=as_json)


@journal_app.command("verify", epilog="Example: [bold]trio-ticks journal verify ticks.journal[/bold]")
def _verify(journal: JournalFile, as_json: AsJson = False) -> int:  # noqa: FBT002
    """Read everything and name what is not what was written; exit code 1 where there is such a thing."""
    return 0 if verify_journal(journal, as_json=as_json) else 1


@journal_app.command("dead-letters", epilog="Example: [bold]trio-ticks journal dead-letters ticks.journal[/bold]")
def _dead_letters(
    journal: JournalFile,
    sink: SinkName = None,
    retry: Annotated[bool, typer.Option("--retry", help="Have them sent again.")] = False,  # noqa: FBT002
    discard: Annotated[bool, typer.Option("--discard", help="Give them up for good.")] = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Print what sinks refused, and why; or have it sent again; or give it up."""
    if retry and discard:
        raise ConfigError("--retry and --discard: accepted is one of them")
    if retry:
        settle_dead_letters(journal, sink=sink, how=Cursors.retry, done="will be sent again")
    elif discard:
        settle_dead_letters(journal, sink=sink, how=Cursors.discard, done="given up")
    else:
        show_dead_letters(journal, sink=sink, as_json=as_json)


@journal_app.command("forget", epilog="Example: [bold]trio-ticks journal forget ticks.journal influxdb[/bold]")
def _forget(
    journal: JournalFile, sink: Annotated[str, typer.Argument(metavar="SINK", help="As info shows it.")]
) -> None:
    """Forget a sink that is no more: its place, its counts, its dead letters.

    A journal that is full makes room only of what all its sinks have, so one that never comes back holds it up.
    """
    forget_sink(journal, sink)


@journal_app.command("import", epilog="Example: [bold]trio-ticks journal import new.journal btc.csv[/bold]")
def _import(
    journal: JournalFile,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="CSV or JSON lines, in order of time.")],
    form: Annotated[
        FileFormat | None,
        typer.Option("--format", metavar="FORMAT", help="csv, jsonl or parquet. Default: by each file's suffix."),
    ] = None,
    symbol: Annotated[str | None, typer.Option(metavar="NAME", help="Of ticks that do not say it.")] = None,
    feed: Annotated[str, typer.Option(metavar="NAME", help="Of ticks that do not say it.")] = "import",
) -> None:
    """Make a journal of files, as export writes them or with time_us, price, volume and side.

    The journal appears whole or not at all, and one that exists is left as it is.
    """
    count = import_files(journal, Import(files=files, form=form, symbol=symbol, feed=feed))
    print(f"{journal}: {count:,} records")


def _size(text: str | None) -> int | None:
    if text is None:
        return None
    size = bytes_in(text)
    if not isinstance(size, int):
        raise ConfigError(f"--max-size {text}: accepted are bytes such as '10 GiB' or '500 MB'")
    return size
