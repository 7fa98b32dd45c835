"""The ways out that docs/restore.md shows, on journals that need them."""

from __future__ import annotations

import contextlib
import re
import shlex
import sqlite3
import sys
from pathlib import Path
from unittest import mock

import pytest

from tests.support.journal import NOW_US, made_ticks, recorded_trades
from tests.support.log_setup import logging_of_its_own
from tests.support.reading import write_journal
from trio_ticks import Gap, Record, read
from trio_ticks.app import cli
from trio_ticks.storage.journal import Journal

PAGE = (Path(__file__).parents[2] / "docs" / "restore.md").read_text()
TRADES = recorded_trades("xbtusdt-2025-11-10.csv", symbol="XBTUSDT")
END_US = TRADES[-1].time_us
BATCHES: list[list[Record]] = [
    [*TRADES[:300]],
    [*TRADES[300:600]],
    [*TRADES[600:], Gap(END_US, END_US + 9, "closed")],
]


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_journal(tmp_path / "ticks.journal", BATCHES)


def commands(heading: str) -> list[str]:
    """Return the commands of one section of the page."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return [line for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) for line in block.splitlines()]


def run(command: str) -> int:
    """Run a command of the page in this process; return its exit code."""
    with mock.patch.object(sys, "argv", shlex.split(command)), logging_of_its_own():
        return cli._run()


def test_a_damaged_journal_is_saved_into_a_new_one(journal: Path) -> None:
    """By the page's own commands: all is there but for the damaged batch, gaps included."""
    with contextlib.closing(sqlite3.connect(journal)) as connection, connection:
        connection.execute("UPDATE batch SET last_us = last_us + 1 WHERE position = 2")
    verify, export, import_ = commands("The journal is damaged")
    assert (run(verify), run(export), run(import_)) == (1, 1, 0)
    assert list(read("mended.journal", kind="all")) == [*BATCHES[0], *BATCHES[2]]


def test_a_backup_of_a_journal_that_is_being_written_is_whole(journal: Path) -> None:
    """What SQLite's own backup copies is what was committed, and an engine could go on from it."""
    (command,) = commands("A backup")
    assert ".backup 'backup.journal'" in command
    more = made_ticks(0, 50)
    with Journal.open(journal, now_us=NOW_US) as writer:
        writer.commit([more], now_us=NOW_US)
        with (
            contextlib.closing(sqlite3.connect(journal)) as source,
            contextlib.closing(sqlite3.connect("backup.journal")) as target,
        ):
            source.backup(target)
    assert list(read("backup.journal", kind="all")) == [record for batch in [*BATCHES, more] for record in batch]
    with Journal.open(Path("backup.journal"), now_us=NOW_US) as writer:
        assert not writer.damage
