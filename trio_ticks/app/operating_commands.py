"""The commands for an engine that runs: what each takes. `trio_ticks.app.cli` has the others."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from trio_ticks.app.reload_command import reload
from trio_ticks.app.top.command import Top, top

DEFAULT_URL = "http://127.0.0.1:8750"


def add_to(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("top", epilog="Example: [bold]trio-ticks top http://127.0.0.1:8750 --once[/bold]")(_top)
    app.command("reload", epilog="Example: [bold]trio-ticks reload ticks.toml[/bold]")(_reload)


def _top(
    url: Annotated[str, typer.Argument(metavar="URL", help="Of its dashboard.")] = DEFAULT_URL,
    once: Annotated[bool, typer.Option("--once", help="Print it once.")] = False,  # noqa: FBT002 - typer's way; so below
    as_json: Annotated[bool, typer.Option("--json", help="As the engine tells it, an object a line.")] = False,  # noqa: FBT002
    every: Annotated[float, typer.Option("--every", metavar="N", min=0.1, help="Seconds between two looks.")] = 1.0,
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Holds the dashboard's password, where it has one.")
    ] = None,
) -> None:
    """Watch a running engine in the terminal: symbols, connections, queues, journal, sinks and where each tick is.

    q ends it. Where standard output is no terminal it is printed once.
    """
    top(Top(url=url, once=once, as_json=as_json, every_s=every, password_file=password_file))


def _reload(
    config: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration.")] = Path("ticks.toml"),
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default="[journal] path", help="The engine's journal, by which it is found."
        ),
    ] = None,
) -> int:
    """Have the engine that runs read its configuration again: symbols, log and webhook change without a stop.

    What needs a new start is named. A file that cannot be used changes nothing, and the exit code is 1.
    """
    result = reload(config, journal)
    print(result.words, file=sys.stdout if result.ok else sys.stderr)
    return 0 if result.ok else 1
