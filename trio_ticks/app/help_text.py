"""How ``--help`` looks where it is read: tables on a wide screen, plain lines on a narrow one and in a pipe.

A table of three columns leaves a narrow terminal no room for the names of the options, which are what one looks for;
and frames are noise for ``grep``. Docstrings break their lines where the source does; help breaks them where the
screen does.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import typer
from typer.models import CommandInfo

NARROWEST_TABLE = 72
"""Columns. With fewer, the longest option of ours is cut short or its text stands in a column of single words."""

_MARKUP = re.compile(r"\[/?bold\]")


def suit_help(app: typer.Typer, *, is_plain: bool) -> None:
    """Make the help of a program, and of each of its commands, fit where it will be read.

    Args:
        app: Changed in place, before it runs.
        is_plain: Whether it is said without tables and colours.
    """
    for info in _commands(app):
        info.help = flowing(info.help or inspect.getdoc(info.callback) or "")
        if is_plain:
            info.epilog = without_markup(info.epilog or "")
            info.short_help = info.help.partition("\n\n")[0]  # in a list of commands, otherwise cut after some words
    if is_plain:
        app.rich_markup_mode = None


def flowing(text: str) -> str:
    """Return a text whose lines are broken between its paragraphs only."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def without_markup(text: str) -> str:
    """Return a text as it is read, without what makes it bold."""
    return _MARKUP.sub("", text)


def _commands(app: typer.Typer) -> Iterator[CommandInfo]:
    yield from app.registered_commands
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from _commands(group.typer_instance)
