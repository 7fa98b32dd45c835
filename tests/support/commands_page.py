"""The page of commands, made of the program itself: ``python -m tests.support.commands_page`` writes it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from trio_ticks.app.cli import app
from trio_ticks.app.help_text import flowing, without_markup

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"

HEAD = """\
# Commands

What can be typed, made from the program itself; `trio-ticks COMMAND --help` prints the same, as wide as the terminal
is. `trio-ticks --install-completion` lets the shell complete commands and options. `NO_COLOR` in the environment is
respected, and what is piped is plain text.

The exit code is 0 after a clean stop, 1 where something failed, 2 for a usage or a setting that cannot be, and 130
after Ctrl-C where a command has nothing to bring to an end. A mistake is one line on standard error.
"""


def commands(command: Any, name: str = "trio-ticks") -> Iterator[tuple[str, Any]]:
    """Yield all that can be typed, and what it does."""
    inner = getattr(command, "commands", {})
    for word, one in inner.items():
        yield from commands(one, f"{name} {word}")
    if not inner:
        yield name, command


def examples(command: Any) -> list[str]:
    """Return what a command's help shows to be typed."""
    _, _, shown = without_markup(command.epilog or "").partition(": ")
    return re.split(r" and (?=trio-ticks )", shown) if shown else []


def page() -> str:
    """Return the page as it is to be."""
    every = dict(commands(typer.main.get_command(app)))
    index = [f"| [`{name}`](#{name.replace(' ', '-')}) | {_brief(command)} |" for name, command in every.items()]
    table = ["| command | what it does |", "| --- | --- |", *index]
    return "\n".join([HEAD, *table, "", *(_section(name, command) for name, command in every.items())])


def _brief(command: Any) -> str:
    return flowing(inspect.cleandoc(command.help)).partition("\n\n")[0]


def _section(name: str, command: Any) -> str:
    shown = "\n".join(examples(command))
    rows = [_row(parameter) for parameter in command.params]
    table = ["| | | default |", "| --- | --- | --- |", *rows] if rows else []
    text = flowing(inspect.cleandoc(command.help))
    return "\n".join([f"## {name}", "", text, "", "```sh", shown, "```", "", *table, ""])


def _row(parameter: Any) -> str:
    names = [*parameter.opts, *parameter.secondary_opts] if parameter.opts[0].startswith("-") else []
    typed = " ".join([", ".join(names), parameter.metavar or ""]).strip()
    return f"| `{typed}` | {parameter.help} | {_default(parameter)} |".replace("|  |", "| |")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if isinstance(parameter.show_default, str):
        return f"`{parameter.show_default}`"
    if parameter.default is None or parameter.default is False or getattr(parameter, "count", False):
        return ""
    if parameter.default is True:
        return f"`{parameter.opts[0]}`"
    return f"`{getattr(parameter.default, 'value', parameter.default)}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
