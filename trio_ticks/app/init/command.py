"""``init`` on the command line: answers, checks, and the file."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import attrs
import trio
import typer

from trio_ticks.app.doctor.command import count, printer
from trio_ticks.app.doctor.examining import Examination
from trio_ticks.app.doctor.finding import Finding, Mark, unchecked
from trio_ticks.app.init.answers import INFLUX_VARIABLE, REDIS_VARIABLE, Answers, Influx, RedisStore
from trio_ticks.app.init.asking import Asker, Given, Terminal, answers_of, ask
from trio_ticks.app.init.writing import toml_of
from trio_ticks.app.logs import configure_logging, silence_logging
from trio_ticks.config import EngineConfig, InfluxDB, Redis, parse_config
from trio_ticks.errors import ConfigError, TrioTicksError
from trio_ticks.feeds.alltick import TOKEN_VARIABLE
from trio_ticks.feeds.base import services_of
from trio_ticks.runtime.assembly import assemble
from trio_ticks.storage.replacing import replacing

LISTEN_S = 1.0
"""To each feed, once it has answered: enough to see busy symbols tick. The doctor listens for longer."""


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("init", epilog="Example: [bold]trio-ticks init --feed coinbase --symbol BTC-USD --yes[/bold]")(_init)


def _init(
    *,
    feed: Annotated[
        str | None, typer.Option(metavar="NAME", help="alltick, alltick-simple, coinbase, or module:Feed.")
    ] = None,
    plan: Annotated[str | None, typer.Option(metavar="NAME", help="The vendor's plan.")] = None,
    symbol: Annotated[
        list[str] | None, typer.Option(metavar="SYMBOL", help="As the vendor spells it; several times.")
    ] = None,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Another server that speaks the same.")] = None,
    influxdb: Annotated[str | None, typer.Option(metavar="URL", help="An InfluxDB that gets the ticks, too.")] = None,
    org: Annotated[str, typer.Option(metavar="NAME", help="Of the InfluxDB.")] = "trading",
    bucket: Annotated[str, typer.Option(metavar="NAME", help="Of the InfluxDB.")] = "ticks",
    influxdb_token: Annotated[bool, typer.Option(help="Whether it wants a token.")] = True,
    redis: Annotated[str | None, typer.Option(metavar="URL", help="A Redis that others read the ticks from.")] = None,
    redis_password: Annotated[bool, typer.Option(help="Whether it wants a password.")] = False,
    journal: Annotated[str | None, typer.Option(metavar="FILE", help="Where everything is kept.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="What to write.")] = Path(
        "ticks.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: what is not given is the usual.")] = False,
    check: Annotated[bool, typer.Option(help="Try the feed and the databases first.")] = True,
) -> int:
    """Write a commented configuration, from a few answers; nothing secret gets into it.

    The answers are tried before anything is written: the symbols against the plan and at the vendor, the databases
    with a point that is written and read back.
    """
    configure_logging()
    silence_logging()
    check_place(output, force=force)
    given = Given(
        feed=feed,
        symbols=tuple(symbol or ()),
        plan=plan,
        url=url,
        journal=journal,
        influxdb=None if influxdb is None else Influx(url=influxdb, org=org, bucket=bucket, has_token=influxdb_token),
        redis=None if redis is None else RedisStore(url=redis, has_password=redis_password),
    )
    return initialise(given, output, asker=None if yes else terminal(), is_checked=check)


def terminal() -> Terminal:
    """Return the person at the terminal.

    Raises:
        ConfigError: there is none.
    """
    if not sys.stdin.isatty():
        raise ConfigError("init asks at a terminal, and standard input is none; accepted is --yes, with the options")
    return Terminal()


def check_place(path: Path, *, force: bool) -> None:
    """Refuse a place where nothing can be written, or something would be lost.

    Raises:
        ConfigError: it is there already, or in no directory.
    """
    if path.exists() and not (force and path.is_file()):
        raise ConfigError(f"{path} is there already; accepted is another name with --output, or --force")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path}: its directory does not exist; accepted is a file in one that does")


def initialise(given: Given, path: Path, *, asker: Asker | None, is_checked: bool) -> int:
    """Ask, check, write; return the exit code.

    Args:
        given: What is known already.
        path: What to write.
        asker: Who is asked; None: nobody.
        is_checked: Whether the feed and the databases are tried.

    Raises:
        ConfigError: the answers cannot be used.
        TrioTicksError: nobody answered, or the file cannot be written.
    """
    try:
        answers = answers_of(given) if asker is None else ask(given, asker)
        text = toml_of(answers, name=str(path))
        config = parse_config(text, source=str(path), environ=_complete(answers))
        if is_checked and not _is_sound(config, answers) and not _insists(asker):
            print(f"{path} is not written; with --no-check it is, all the same")
            return 1
    except EOFError:
        raise TrioTicksError(f"{path} is not written: the questions were not answered") from None
    _write(path, text)
    print(f"{path} is written")
    for name in missing(answers):
        print(f"  export {name}=…        which is not set here")
    print(f"  trio-ticks run {path}")
    return 0


def missing(answers: Answers, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the variables that the file names and the environment lacks."""
    return [name for name in answers.variables if not environ.get(name)]


def _complete(answers: Answers) -> dict[str, str]:
    """Return the environment with something in place of what it lacks, with which the file can be read."""
    return {**os.environ, **dict.fromkeys(missing(answers), "not set")}


def _insists(asker: Asker | None) -> bool:
    return asker is not None and asker.is_so("Write it all the same?", default=False)


def _is_sound(config: EngineConfig, answers: Answers) -> bool:
    findings: list[Finding] = []
    show = printer()

    def tell(finding: Finding) -> None:
        findings.append(finding)
        show(finding)

    trio.run(_check, config, missing(answers), Examination(tell=tell, seconds=LISTEN_S))
    return not count(findings, Mark.BAD)


async def _check(config: EngineConfig, lacking: list[str], examination: Examination) -> None:
    """Try what can be tried with the secrets that are there."""
    for name in lacking:
        examination.tell(unchecked(name, "it is not set in the environment"))
    for plan in assemble([attrs.evolve(config, sinks={})]).feeds:
        has_token = any(service.secret_query for service in services_of(plan.feed))
        if not (has_token and TOKEN_VARIABLE in lacking):
            await examination.vendor(config, plan)
    lacks = {InfluxDB: INFLUX_VARIABLE, Redis: REDIS_VARIABLE}
    sinks = {name: sink for name, sink in config.sinks.items() if lacks.get(type(sink)) not in lacking}
    await examination.stores(attrs.evolve(config, sinks=sinks))


def _write(path: Path, text: str) -> None:
    try:
        with replacing(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise TrioTicksError(f"{path} cannot be written: {error.strerror}") from error
