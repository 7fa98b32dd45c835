"""A whole engine on a disk that is filled to its last byte."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_on_a_full_disk_strategies_go_on_and_the_journal_lacks_one_exact_gap(tmp_path: Path) -> None:
    """No crash, no damage: every tick is delivered, what found no room is one gap, and it recovers by itself."""
    mount = f"mount -t tmpfs -o size=12m none {shlex.quote(str(tmp_path))}"
    command = ["unshare", "--map-root-user", "--mount", "sh", "-ec"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*command, mount], capture_output=True, check=False).returncode
    ):
        pytest.skip("THE FULL DISK IS NOT TESTED: this system lets nobody mount a small one")
    program = shlex.join([sys.executable, "-m", "tests.support.full_disk_process", str(tmp_path)])
    done = subprocess.run(
        [*command, f"{mount}; exec {program}"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    assert json.loads(done.stdout)["left_out"] > 0
