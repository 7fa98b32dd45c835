"""Programs of the tests that run in a process of their own and answer with JSON, where wanted on a small disk."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PRIVATE = ["unshare", "--map-root-user", "--mount", "sh", "-ec"]
"""A shell whose mounts nobody else sees."""


def run_module(module: str, *arguments: object) -> dict[str, Any]:
    """Run a module; return what it printed."""
    return _answer([sys.executable, "-m", module, *map(str, arguments)])


def run_on_small_disk(module: str, *arguments: object, disk: Path, size: str) -> dict[str, Any]:
    """Run a module to which a directory is a disk of this size; skip the test where none can be mounted."""
    return _answer([*on_disk(disk, f"size={size}"), sys.executable, "-m", module, *map(str, arguments)])


def on_disk(disk: Path, options: str) -> list[str]:
    """Return what to put in front of a command to which a directory is a disk of its own; skip where none can be.

    Args:
        disk: The directory.
        options: Of tmpfs, such as ``size=1m`` or ``ro``.
    """
    mount = f"mount -t tmpfs -o {options} none {shlex.quote(str(disk))}"
    if (
        shutil.which("unshare") is None
        or subprocess.run([*PRIVATE, mount], capture_output=True, check=False).returncode
    ):
        pytest.skip("FULL AND READ-ONLY DISKS ARE NOT TESTED HERE: this system lets nobody mount a disk of its own")
    return [*PRIVATE, f'{mount}; exec "$@"', "sh"]


def _answer(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-2_000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
