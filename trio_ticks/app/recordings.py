"""What ``replay`` and ``backtest`` take on the command line: a recording, and parameters for a strategy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from trio_ticks.app.kept import IN_DATABASE
from trio_ticks.errors import ConfigError

RecordingPath = Annotated[
    str,
    typer.Argument(
        metavar="JOURNAL",
        help=f"A journal, an archive, a .csv, .jsonl or .parquet file, or {IN_DATABASE}.",
    ),
]
Params = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="For the function; JSON, or else a text. Several times."),
]


def params_of(texts: Iterable[str]) -> dict[str, Any]:
    """Return parameters: a value is JSON where it is some, otherwise the text as it stands.

    Raises:
        ConfigError: one is not ``NAME=VALUE``.
    """
    return dict(map(_param, texts))


def _param(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name.isidentifier() and equals):
        raise ConfigError(f"--param {text}: accepted is NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
