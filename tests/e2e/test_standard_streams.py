"""Standard streams that are closed, full, or read by nobody: no traceback, and nothing that was asked for is lost."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.support.program import run_program
from trio_ticks.app.cli import main

CONFIG = '[feeds.coinbase]\nsymbols = ["BTC-USD"]\nurl = "ws://127.0.0.1:1/"\n'


@pytest.mark.parametrize("to", ["<&- >&- 2>&-", "2>/dev/full"], ids=["closed", "full"])
async def test_an_engine_that_nobody_hears_runs_and_reports_all_the_same(to: str, tmp_path: Path) -> None:
    """Exit code 0, and the report is there."""
    (tmp_path / "ticks.toml").write_text(CONFIG)
    arguments = ("run", "--seconds", "0", "--http", "off", "--report", "r.json")
    env = {"PYTHONUNBUFFERED": ""}  # as people start it: what is printed waits in a buffer
    within = ("sh", "-c", f'exec "$@" {to}', "sh")
    assert await run_program(*arguments, cwd=tmp_path, env=env, within=within) == (0, "", "")
    assert json.loads((tmp_path / "r.json").read_text())["state"] == "stopped"


@pytest.mark.parametrize("buffering", [1, -1], ids=["each line", "at the end"])
def test_a_reader_that_has_enough_is_no_failure(
    buffering: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`| head -1` behind any command: exit code 0 and not a word."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=buffering) as gone:
        assert code_of("--help", gone, monkeypatch) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("buffering", [1, -1], ids=["each line", "at the end"])
def test_a_full_disk_behind_standard_output_is_one_line(
    buffering: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, and what has no room is not tried again at the end."""
    with Path("/dev/full").open("w", buffering=buffering) as full:
        assert code_of("--help", full, monkeypatch) == 1
    told = "trio-ticks: standard output: cannot be written: No space left on device\n"
    assert capsys.readouterr().err == told


def code_of(argument: str, stdout: object, monkeypatch: pytest.MonkeyPatch) -> object:
    """Return the exit code of the command line, run in this process."""
    monkeypatch.setattr(sys, "argv", ["trio-ticks", argument])
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code
