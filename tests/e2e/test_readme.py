"""What the README shows, works as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.support.coinbase import open_coinbase

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
HANG_S = 120.0
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

EXPECTED = {
    "stream": r"20\d\d-\d\d-\d\d .*\+00:00 BTC-USD \d+\.\d+",
    "callback": r"(BTC|ETH)-USD \d+\.\d+ (buy|sell)",
    "strategy": r"BTC-USD .* \d+\.\d+",
    "gap": r"BTC-USD: .* closed",
    "keeping": r"Tick\(symbol='BTC-USD'",
}
"""What each program prints, in the order in which the README shows them."""

# The program itself runs as it stands; only the name it imports leads to the server on this machine.
REDIRECT = """
import functools, sys, trio_ticks
trio_ticks.Coinbase = functools.partial(trio_ticks.Coinbase, url=sys.argv[1])
exec(compile(open(sys.argv[2]).read(), sys.argv[2], "exec"))
"""


def test_the_programs_are_there_and_short() -> None:
    """Stream, callback, strategy with state, on-gap, keeping: each in ten lines or less."""
    assert len(PROGRAMS) == len(EXPECTED)
    for program in PROGRAMS:
        assert len([line for line in program.splitlines() if line.strip()]) <= 10


@pytest.mark.parametrize(("program", "expected"), list(zip(PROGRAMS, EXPECTED.values(), strict=True)), ids=EXPECTED)
async def test_a_program_runs_and_prints_ticks(program: str, expected: str, tmp_path: Path) -> None:
    """As it stands in the README, against real prices on a real socket."""
    path = tmp_path / "program.py"
    path.write_text(program)
    async with open_coinbase() as url, trio.open_nursery() as nursery:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-u", "-c", REDIRECT, url, str(path)]
        process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, cwd=tmp_path, env=environment)
        try:
            assert process.stdout is not None
            with trio.fail_after(HANG_S):
                printed = b""
                while len(lines := re.findall(expected, printed.decode())) < 3:
                    chunk = await process.stdout.receive_some()
                    assert chunk, f"the program ended after {printed.decode()!r}"
                    printed += chunk
            assert lines
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
        nursery.cancel_scope.cancel()


def test_the_programs_pass_strict_types(tmp_path: Path) -> None:
    """What a user copies must not be what his type checker complains about."""
    for name, program in zip(EXPECTED, PROGRAMS, strict=True):
        (tmp_path / f"{name}.py").write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
