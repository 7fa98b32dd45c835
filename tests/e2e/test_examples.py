"""The programs that a trader writes first, under examples/: each is short, and runs as it stands."""

from __future__ import annotations

import io
import os
import re
import sys
import tokenize
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from tests.support.binance import open_binance
from tests.support.coinbase import open_coinbase
from tests.support.journal import recorded_trades
from tests.support.reading import write_journal

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
LINES = 10
HANG_S = 120
"""Far more than a program takes to print three lines; it only ends a test that hangs."""


@attrs.frozen
class Expected:
    """What a program leaves behind: a line of this form, at least three times."""

    line: str
    times: int = 3
    file: str = "printed"


PROGRAMS = {
    "stream": Expected(r"20\d\d-\d\d-\d\d .*\+00:00 BTC-USD \d+\.\d+"),
    "callback": Expected(r"(BTC|ETH)-USD \d+\.\d+ (buy|sell)"),
    "bars": Expected(r"700\.HK (\d+\.\d ){4}\d+\.0"),
    "strategy": Expected(r"BTC-USD (up|down) \d+\.\d+"),
    "on_gap": Expected(r"BTC-USD: \d+\.\d{3} s not covered: closed", times=1),
    "backtest": Expected(r"<Backtest strategy: jumps returned; .* signals: [1-9]", times=1),
    "sink": Expected(r"\d+,BTC-USD,\d{16},\d+\.\d+", file="ticks.csv"),
    "with_asyncio": Expected(r"20\d\d-\d\d-\d\d .*\+00:00 BTC-USD \d+\.\d+"),
    "notebook": Expected(r"^\d+\.\d+$", times=1),
    "feed": Expected(r"Tick\(symbol='(BTC|ETH)USDT', time_us=\d{16}, price=\d+\.\d+"),
}

# The program itself runs as it stands. Only the vendor's address leads to a server on this machine; and bars, which
# take minutes of the market, are made of recorded trades.
REDIRECT = """
import functools, pathlib, sys, trio_ticks
name, url, path = sys.argv[1:]
trio_ticks.Coinbase = functools.partial(trio_ticks.Coinbase, url=url)
if name == "bars":
    trio_ticks.run = lambda feed, strategies: trio_ticks.backtest(strategies[0], "ticks.journal")
program = pathlib.Path(path).read_text().replace("wss://fstream.binance.com/ws", url)
exec(compile(program, path, "exec"))
"""


@asynccontextmanager
async def vendor_of(name: str) -> AsyncIterator[str]:
    """Serve what the program connects to; yield the URL."""
    async with (open_binance if name == "feed" else open_coinbase)() as url:
        yield url


def lines_of_code(program: str) -> int:
    """Return how many lines there are but for blank ones, comments and the text at the top."""
    tokens = tokenize.generate_tokens(io.StringIO(program).readline)
    idle = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    busy = [token for token in tokens if token.type not in idle]
    return len({token.start[0] for token in busy if not token.line.startswith('"""')})


def test_there_is_a_test_for_each_program() -> None:
    """A program that nobody runs is wrong before long."""
    tests = {"test_momentum", "property_test"}  # which have tests of their own
    assert {path.stem for path in EXAMPLES.glob("*.py")} - tests == set(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_has_ten_lines(name: str) -> None:
    """With its imports: so much code is between a trader and his first ticks."""
    assert lines_of_code((EXAMPLES / f"{name}.py").read_text()) <= LINES


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_program_does_what_it_says(name: str, tmp_path: Path) -> None:
    """On a real socket, or on a journal of recorded trades; as it stands in the file."""
    write_journal(tmp_path / "ticks.journal", [recorded_trades("700hk-2022-01-07.csv", symbol="700.HK")])
    if name == "sink":
        (tmp_path / "ticks.journal").unlink()
    expected, script = PROGRAMS[name], EXAMPLES / f"{name}.py"
    evidence = tmp_path / expected.file
    async with vendor_of(name) as url:
        command = [sys.executable, "-u", "-c", REDIRECT, name, url, str(script)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (tmp_path / "printed").open("wb") as printed, (tmp_path / "errors").open("wb") as errors:
            process = await trio.lowlevel.open_process(
                command, stdout=printed, stderr=errors, cwd=tmp_path, env=environment
            )
        try:
            with trio.fail_after(HANG_S):
                while not has_enough(evidence, expected):
                    over = process.poll() is not None
                    assert not over or has_enough(evidence, expected), (tmp_path / "errors").read_text()
                    await trio.sleep(0.05)
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()


def has_enough(evidence: Path, expected: Expected) -> bool:
    """Whether the program has done what is expected of it."""
    return evidence.exists() and len(re.findall(expected.line, evidence.read_text(), re.MULTILINE)) >= expected.times
