"""What ``doctor`` takes on the command line, and how its findings are printed."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import attrs
import msgspec
import trio
import typer
from rich.console import Console
from rich.text import Text

from trio_ticks.app.doctor.examining import OFFLINE, Examination
from trio_ticks.app.doctor.finding import PLAIN_SIGNS, SIGNS, WIDTH, Finding, Mark
from trio_ticks.app.logs import configure_logging, silence_logging

_STYLES = {Mark.GOOD: "green", Mark.DOUBTFUL: "yellow", Mark.BAD: "bold red", Mark.UNCHECKED: "dim"}


NARROW = 60
"""Columns. With fewer, half of them would be the margin under the names."""


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("doctor", epilog="Example: [bold]trio-ticks doctor ticks.toml[/bold]")(_doctor)


def _doctor(
    config: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration.")] = Path("ticks.toml"),
    offline: Annotated[  # noqa: FBT002 - typer's way to say that an option is off; so below
        bool, typer.Option(OFFLINE, help="Ask nothing on a network.")
    ] = False,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Another server for the feeds, such as the simulator.")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="N", min=0, max=3_600, help="Listen to each feed so long.")
    ] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,  # noqa: FBT002
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, help="Log what is done meanwhile.")] = 0,
) -> int:
    """Look at all that a configuration needs: one line each, with the cure; exit code 1 where something is wrong.

    Connects to each feed with its token, for some seconds; writes a point to each InfluxDB, reads it back and deletes
    it; and writes a small journal beside the real one. Beside a running engine it leaves the feeds alone.
    """
    configure_logging(verbose)
    if not verbose:
        silence_logging()  # what goes wrong is a finding
    return examine(config, is_offline=offline, url=url, seconds=seconds, as_json=as_json)


def examine(path: Path, *, is_offline: bool, url: str | None, seconds: float, as_json: bool) -> int:
    """Examine a configuration, print the findings, and return the exit code."""
    findings: list[Finding] = []
    show = printer()

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if not as_json:
            show(finding)

    examination = Examination(tell=tell, is_offline=is_offline, url=url, seconds=seconds)
    trio.run(partial(examination.run, path))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(_as_dict(findings)), indent=2).decode())
    else:
        print(summary(findings))
    return 1 if count(findings, Mark.BAD) else 0


def printer() -> Callable[[Finding], None]:
    """Return what prints findings: each is one line in a pipe; a terminal gets colours, and lines broken at words."""
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    signs = SIGNS if _can_print("✓✗") else PLAIN_SIGNS

    def show(finding: Finding) -> None:
        sign = signs[finding.mark]
        line = finding.line(signs)
        told = wrapped(line, console.width) if console.is_terminal else line
        console.print(Text.assemble((sign, _STYLES[finding.mark]), told[len(sign) :]))

    return show


def wrapped(line: str, width: int) -> str:
    """Return a finding's line broken at words, what follows below its words; a word that is too long stays whole."""
    margin = " " * (WIDTH + 3 if width >= NARROW else 2)
    return textwrap.fill(line, width, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False)


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True


def count(findings: list[Finding], mark: Mark) -> int:
    """Return how many findings stand so."""
    return sum(finding.mark is mark for finding in findings)


def summary(findings: list[Finding]) -> str:
    """Return all of it in one line."""
    wrong, doubts = count(findings, Mark.BAD), count(findings, Mark.DOUBTFUL)
    skipped = count(findings, Mark.UNCHECKED)
    words = [f"{wrong} to mend" if wrong else "nothing to mend"]
    words += [f"{doubts} to look at"] if doubts else []
    words += [f"{skipped} not checked"] if skipped else []
    return ", ".join(words)


def _as_dict(findings: list[Finding]) -> dict[str, object]:
    return {"ok": not count(findings, Mark.BAD), "findings": [attrs.asdict(finding) for finding in findings]}
