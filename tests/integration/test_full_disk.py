"""A whole engine on a disk that is filled to its last byte."""

from __future__ import annotations

from pathlib import Path

from tests.support.processes import run_on_small_disk


def test_on_a_full_disk_strategies_go_on_and_the_journal_lacks_one_exact_gap(tmp_path: Path) -> None:
    """No crash, no damage: every tick is delivered, what found no room is one gap, and it recovers by itself."""
    done = run_on_small_disk("tests.support.full_disk_process", tmp_path, disk=tmp_path, size="12m")
    assert done["left_out"] > 0
