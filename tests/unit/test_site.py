"""The documentation as a whole: it builds, nothing in it leads nowhere, and what it shows runs."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
import typer.main

import trio_ticks
from tests.support.binance import RECORDING, recorded_messages
from tests.support.journal import recorded_trades
from tests.support.pages import dead_links
from tests.support.reading import write_journal
from trio_ticks.app.cli import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))

# These have a test of their own in test_docs.py, which says more of them than that they run.
ELSEWHERE = {
    "testing.md",
    "reading.md",
    "bars.md",
    "backtest.md",
    "replay.md",
    "feeds.md",
    "asyncio-and-notebooks.md",
}


def blocks(path: Path, *languages: str) -> list[str]:
    """Return a page's code blocks in these languages, in their order."""
    found = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", path.read_text(), re.DOTALL | re.MULTILINE)
    return [text for language, text in found if language in languages]


def test_the_site_builds_without_a_warning_and_no_link_is_dead(tmp_path: Path) -> None:
    """Under ``--strict``; and every link within it leads to a page, and to a place on that page."""
    pytest.importorskip("zensical", reason="THE SITE IS NOT TESTED HERE: pip install 'trio-ticks[docs]'")
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    for name in ("trio_ticks", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert dead_links(tmp_path / "build" / "site") == []


def test_every_page_is_in_the_table_of_contents() -> None:
    """Once. What is missing there is found by nobody: add it to ``nav`` in zensical.toml."""
    nav = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    assert sorted(named(nav)) == PAGES


def named(nav: object) -> Iterator[str]:
    """Yield the pages of a table of contents."""
    if isinstance(nav, str):
        yield nav
    else:
        assert isinstance(nav, list | dict)
        for item in nav.values() if isinstance(nav, dict) else nav:
            yield from named(item)


def test_every_public_name_is_on_the_page_of_names() -> None:
    """Once; errors stand there together."""
    shown = re.findall(r"^::: trio_ticks\.(\w+)", (DOCS / "api.md").read_text(), re.MULTILINE)
    errors = {name for name in trio_ticks.__all__ if name.endswith("Error")}
    assert sorted(shown) == sorted({*trio_ticks.__all__, "errors"} - errors)


@pytest.mark.parametrize("page", [name for name in PAGES if blocks(DOCS / name, "python") and name not in ELSEWHERE])
def test_what_a_page_shows_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its blocks one after the other, and then the tests among them; beside a journal and a capture."""
    trades = recorded_trades("btcusdt-2021-01-08.csv", symbol="BTCUSDT")
    write_journal(tmp_path / "ticks.journal", [trades])
    received_us = json.loads(RECORDING.read_text().splitlines()[-1])["recv_us"]
    captured = [json.dumps({"recv_us": received_us, "text": text}) for text in recorded_messages()]
    (tmp_path / "binance.jsonl").write_text("\n".join(captured))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks(DOCS / page, "python"):
        exec(compile(block, page, "exec"), names)
    for name, function in names.items():
        if name.startswith("test_"):
            trio.run(bounded, function) if inspect.iscoroutinefunction(function) else function()


async def bounded(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test of a page; end it where it hangs."""
    with trio.fail_after(120):
        await test()


SHELL = [
    (path.name, line)
    for path in [*sorted(DOCS.glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for block in blocks(path, "sh", "console", "text", "")
    for line in block.splitlines()
    if re.match(r"(\.venv/bin/|\$ )?trio-ticks +[a-z]", line)
]


def test_every_command_that_is_shown_exists_and_has_these_options() -> None:
    """What is copied from a page must not end in a usage error."""
    commands = vars(typer.main.get_command(app))["commands"]
    assert len(SHELL) > 20
    assert [problem for page, line in SHELL for problem in unknown(page, line, commands)] == []


def unknown(page: str, line: str, commands: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the command line does not know of a line."""
    words = shlex.split(line, comments=True)
    words = words[words.index(next(word for word in words if word.endswith("trio-ticks"))) + 1 :]
    command = commands.get(words[0])
    while command is not None and hasattr(command, "commands") and len(words) > 1:
        words = words[1:]
        command = command.commands.get(words[0])
    if command is None:
        yield f"{page}: no command in {line!r}"
        return
    options = {"--help", "-h"} | {option for param in command.params for option in param.opts}
    for word in words[1 : words.index("|")] if "|" in words else words[1:]:
        if word.startswith("-") and word != "-" and not re.match(r"-\d", word) and word.split("=")[0] not in options:
            yield f"{page}: {word} in {line!r}"
