"""Tables on pages: what a command has measured goes between two markers, and the prose around it stays.

A page holds, for each section that a command writes::

    <!-- begin cost: python -m bench.cost -->
    not measured yet
    <!-- end cost -->
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

from trio_ticks.app.measuring import this_machine


class PageError(Exception):
    """A page cannot be written; the message says why."""


def fill(page: Path, section: str, text: str) -> None:
    """Replace what stands between the markers of a section.

    Raises:
        PageError: The page has no such section, or two.
    """
    before = page.read_text(encoding="utf-8")
    markers = rf"(<!-- begin {re.escape(section)}(?=[: ])[^>]*-->\n).*?(<!-- end {re.escape(section)} -->)"
    after, found = re.subn(markers, lambda match: f"{match[1]}{text.strip()}\n{match[2]}", before, flags=re.DOTALL)
    if found != 1:
        raise PageError(f"{page} has {found} sections <!-- begin {section} --> … <!-- end {section} -->, not one")
    page.write_text(after, encoding="utf-8")


def markdown(tables: Iterable[Table], *notes: str) -> str:
    """Return tables for a page, and under them the notes, when it was measured and on which machine."""
    made = f"{datetime.now(UTC):%Y-%m-%d}; {this_machine()}"
    return "\n".join([*map(_table, tables), f"*{'; '.join([*notes, made])}.*\n"])


def _table(table: Table) -> str:
    """Return a table in Markdown, its title above it."""
    rows = zip(*([_cell(cell) for cell in column.cells] for column in table.columns), strict=True)
    rule = ["---:" if column.justify == "right" else "---" for column in table.columns]
    lines = [[_cell(column.header) for column in table.columns], rule, *rows]
    title = f"**{table.title}**\n\n" if table.title else ""
    return title + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(content: object) -> str:
    return str(content).replace("|", "\\|").replace("\n", " ")
