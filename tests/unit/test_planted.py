"""The campaign that plants bugs is run by hand: here only that each of them still has its place in the code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import trio_ticks
from tests.campaigns.planted import FAULTS, Fault, plant

PACKAGE = Path(trio_ticks.__file__).parent


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_bug_can_still_be_planted(fault: Fault, tmp_path: Path) -> None:
    """Once in its file, which is Python afterwards: a change there has to take the bug along."""
    file = tmp_path / fault.path
    file.parent.mkdir(parents=True)
    shutil.copy(PACKAGE / fault.path, file)
    plant(fault, tmp_path)
    compile(file.read_text(), fault.path, "exec")
    assert not fault.test or (PACKAGE.parent / fault.test.partition("::")[0]).exists()


def test_there_are_enough_of_them() -> None:
    """The twelve that were asked for, and more; no two of one name."""
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 12
