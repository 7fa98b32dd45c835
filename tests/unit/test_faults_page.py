"""The page of faults names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "faults.md").read_text()


def test_every_test_that_the_page_of_faults_names_exists() -> None:
    """Each row of its tables ends with the name of a test, simulated or with a hostile server."""
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and "`test_" in line]
    named = {re.findall(r"`(test_\w+)`", row)[-1] for row in rows}
    assert len(rows) >= 40
    simulated = [*(ROOT / "tests" / "simulation").glob("test_*.py")]
    hostile = ROOT / "tests" / "integration" / "test_hostile_server.py"
    there = "\n".join(path.read_text() for path in (*simulated, hostile))
    assert {name for name in named if not re.search(rf"def {name}\(", there)} == set()


def test_every_row_of_the_page_of_faults_names_a_test() -> None:
    """No fault is listed without one."""
    tables = PAGE.partition("## A mute link")[0]
    rows = [line for line in tables.splitlines() if line.startswith("| ") and not line.startswith("| fault")]
    assert rows == [row for row in rows if re.search(r"`test_\w+` \|$", row)]
