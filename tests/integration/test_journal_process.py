"""The journal of real processes: killed at any moment, and on a full disk."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEMORY = Path("/dev/shm")
SEED = 20_261_122
LIVES = 50

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks, and limits the size of files")


def run(deed: str, *arguments: object, before: str = "") -> dict[str, int]:
    """Run the program, under a shell where something has to be done first."""
    command = [sys.executable, "-m", "tests.support.journal_process", deed, *map(str, arguments)]
    if before:
        command = ["unshare", "--map-root-user", "--mount", "sh", "-ec", f"{before}; exec {shlex.join(command)}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-2_000:]
    result: dict[str, int] = json.loads(done.stdout)
    return result


def test_what_was_acknowledged_survives_kill_9_once() -> None:
    """Fifty deaths at any moment: each acknowledged tick is there, none twice, and cursor and mark agree."""
    # The system keeps what a killed process wrote, in memory as on a disk; only a power cut tells them apart.
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    try:
        assert run("kill", folder / "ticks.journal", SEED, LIVES)["ticks"] > LIVES
    finally:
        shutil.rmtree(folder)


def test_writes_that_fail_in_the_middle_lose_nothing(tmp_path: Path) -> None:
    """Beyond a limit of the system every commit is refused whole, all before it is readable, and it recovers."""
    assert run("limit", tmp_path / "ticks.journal")["batches"] > 100


def test_a_full_disk_holds_the_gap_and_recovers(tmp_path: Path) -> None:
    """On a disk without one free byte a gap is written, cursors move, and commits go on once there is room."""
    mount = f"mount -t tmpfs -o size=6m none {shlex.quote(str(tmp_path))}"
    probe = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("THE FULL DISK IS NOT TESTED: this system lets nobody mount a small one")
    assert run("full", tmp_path / "ticks.journal", before=mount)["batches"] > 100
