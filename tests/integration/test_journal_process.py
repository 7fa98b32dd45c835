"""The journal of real processes: killed at any moment, and on a full disk."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.journal import memory
from tests.support.processes import run_module, run_on_small_disk

PROGRAM = "tests.support.journal_process"
SEED = 20_261_122
LIVES = 50

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks, and limits the size of files")


def test_what_was_acknowledged_survives_kill_9_once() -> None:
    """Fifty deaths at any moment: each acknowledged tick is there, none twice, and cursor and mark agree."""
    # The system keeps what a killed process wrote, in memory as on a disk; only a power cut tells them apart.
    folder = Path(tempfile.mkdtemp(dir=memory()))
    try:
        assert run_module(PROGRAM, "kill", folder / "ticks.journal", SEED, LIVES)["ticks"] > LIVES
    finally:
        shutil.rmtree(folder)


def test_writes_that_fail_in_the_middle_lose_nothing(tmp_path: Path) -> None:
    """Beyond a limit of the system every commit is refused whole, all before it is readable, and it recovers."""
    assert run_module(PROGRAM, "limit", tmp_path / "ticks.journal")["batches"] > 100


def test_a_full_disk_holds_the_gap_and_recovers(tmp_path: Path) -> None:
    """On a disk without one free byte a gap is written, cursors move, and commits go on once there is room."""
    done = run_on_small_disk(PROGRAM, "full", tmp_path / "ticks.journal", disk=tmp_path, size="6m")
    assert done["batches"] > 100
