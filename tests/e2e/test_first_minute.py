"""The first minute: `init` writes what `run` runs."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.support.program import COMMAND, PATIENCE_S, environment, open_program, run_program
from trio_ticks.app.init.asking import Given
from trio_ticks.app.init.command import initialise
from trio_ticks.sim import open_sim


async def test_what_init_writes_runs(tmp_path: Path) -> None:
    """With flags alone: checked at the vendor, written, run."""
    env = {"ALLTICK_TOKEN": "demo"}
    async with open_sim(plan="free") as sim:
        flags = ["--feed", "alltick", "--plan", "free", "--symbol", "BTCUSDT", "--url", sim.url, "--yes"]
        code, stdout, stderr = await run_program("init", *flags, cwd=tmp_path, env=env)
        assert (code, stderr) == (0, "")
        assert "✓ symbols alltick  1 accepted" in stdout
        assert stdout.endswith("ticks.toml is written\n  trio-ticks run ticks.toml\n")
        async with open_program("run", cwd=tmp_path, env=env) as program:
            await program.wait_for("connected", "stderr")
            program.send(signal.SIGTERM)
            assert await program.wait() == 0


async def test_a_symbol_that_the_vendor_refuses_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named, and the exit code tells a script."""
    monkeypatch.setenv("ALLTICK_TOKEN", "demo")
    path = tmp_path / "ticks.toml"
    async with open_sim() as sim:
        given = Given(symbols=("NOPE.US",), journal=str(tmp_path / "a"), url=sim.url, plan="professional")
        start = partial(initialise, given, path, asker=None, is_checked=True)
        assert await trio.to_thread.run_sync(start) == 1
    assert not path.exists()
    told = capsys.readouterr().out
    assert "✗ symbols alltick  1 of 1 refused: NOPE.US: ret 600" in told
    assert told.endswith("is not written; with --no-check it is, all the same\n")


async def test_a_person_at_a_terminal_is_asked(tmp_path: Path) -> None:
    """A wrong answer is asked for again, and what was answered is in the file."""
    ours, theirs = pty.openpty()
    answers = ["coinbase", "", "BTC-USD, ETH-USD", "none", "my.journal"]
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    command = [*COMMAND, "init", "--no-check"]
    with trio.fail_after(PATIENCE_S):
        done = await trio.run_process(
            command, stdin=theirs, capture_stdout=True, stderr=subprocess.STDOUT, cwd=tmp_path, env=environment()
        )
    os.close(ours)
    os.close(theirs)
    assert b"Which symbols?" in done.stdout
    written = (tmp_path / "ticks.toml").read_text()
    assert 'symbols = ["BTC-USD", "ETH-USD"]' in written
    assert 'path = "my.journal"' in written
