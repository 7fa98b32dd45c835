"""`trio-ticks run` keeps what it delivers, unless it is told not to."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import trio

from tests.support.program import PATIENCE_S, open_program, run_program
from tests.support.storing import kept_gaps, kept_ticks
from trio_ticks.app.running import journaled
from trio_ticks.config import EngineConfig, FeedConfig, InfluxDB, JournalConfig
from trio_ticks.errors import ConfigError
from trio_ticks.model import Tick
from trio_ticks.sim import open_sim
from trio_ticks.testing import check_identity

ENV = {"ALLTICK_TOKEN": "demo"}
SINK = """
async def store(batch):
    lines = [f"{tick.symbol} {tick.time_us} {tick.ordinal}\\n" for tick in batch.ticks]
    with open("stored.txt", "ab", buffering=0) as file:  # at once: a killed program leaves no half of a line
        file.write("".join(lines).encode())
"""
CONFIG = """
[feeds.alltick]
symbols = ["BTCUSDT"]
token = "${ALLTICK_TOKEN}"
url = "%s"
[strategies.mine]
use = "mine:count"
[sinks.mine]
use = "mine:store"
"""
COUNT = """
async def count(ticks):
    async for number, tick in enumerated(ticks):
        if number == 20:
            print("twenty", flush=True)

async def enumerated(ticks):
    number = 0
    async for tick in ticks:
        yield number, tick
        number += 1
"""


def place(tick: Tick) -> str:
    return f"{tick.symbol} {tick.time_us} {tick.ordinal}"


async def test_two_runs_are_one_journal_with_the_time_between_them_named(tmp_path: Path) -> None:
    """By default all ticks are kept beside the program; a killed run is gone on from, and its sink has them all."""
    (tmp_path / "mine.py").write_text(SINK + COUNT)
    async with open_sim() as sim:
        (tmp_path / "ticks.toml").write_text(CONFIG % sim.url)
        async with open_program("run", cwd=tmp_path, env=ENV) as program:
            await program.wait_for("twenty")
            # A strategy may be ahead of the disk, and a run that kept nothing left nothing to tell of.
            with trio.fail_after(PATIENCE_S):
                while not kept_ticks(tmp_path / "ticks.journal"):  # noqa: ASYNC110 - another process writes it
                    await trio.sleep(0.02)
            program.send(signal.SIGKILL)
            await program.wait()
        before = kept_ticks(tmp_path / "ticks.journal")
        async with open_program("run", "--report", "report.json", cwd=tmp_path, env=ENV) as program:
            await program.wait_for("twenty")
            program.send(signal.SIGTERM)
            assert await program.wait() == 0
    ticks = kept_ticks(tmp_path / "ticks.journal")
    assert ticks[: len(before)] == before
    check_identity(ticks)
    assert "crashed" in {gap.cause for gap in kept_gaps(tmp_path / "ticks.journal")}
    ledger = json.loads((tmp_path / "report.json").read_text())["ledger"]
    assert ledger["accepted"] == ledger["journal"]["journaled"] == len(ticks) - len(before)
    assert ledger["journal"] == {"journaled": ledger["accepted"], "gapped": 0, "queued": 0}
    assert ledger["sinks"]["mine"] == {
        "appended": len(ticks), "stored": len(ticks), "dead_lettered": 0, "discarded": 0, "pending": 0,
    }  # fmt: skip
    stored = (tmp_path / "stored.txt").read_text().splitlines()
    assert list(dict.fromkeys(stored)) == [place(tick) for tick in ticks]


async def test_a_second_program_on_the_same_journal_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    """It names the first; with another file it runs, and with none it keeps nothing."""
    (tmp_path / "mine.py").write_text(COUNT)
    async with open_sim() as sim:
        (tmp_path / "ticks.toml").write_text((CONFIG % sim.url).partition("[sinks")[0])
        async with open_program("run", "--journal", "a.journal", cwd=tmp_path, env=ENV) as program:
            await program.wait_for("twenty")
            code, stdout, stderr = await run_program("run", "--journal", "a.journal", cwd=tmp_path, env=ENV)
            assert (code, stdout, stderr.count("\n")) == (1, "", 1)
            assert "a.journal" in stderr
            assert "process" in stderr
            program.send(signal.SIGTERM)
            assert await program.wait() == 0
        assert kept_ticks(tmp_path / "a.journal")
        code, _, _ = await run_program("run", "--no-journal", "--seconds", "0.1", cwd=tmp_path, env=ENV)
        assert code == 0
    assert [path.name for path in tmp_path.glob("*.journal")] == ["a.journal"]


def config(**parts: object) -> EngineConfig:
    return EngineConfig(feeds={"coinbase": FeedConfig(symbols=["BTC-USD"])}, **parts)  # type: ignore[arg-type]  # some of its settings


def test_what_the_options_make_of_the_configuration() -> None:
    """A program journals where the file says, or the option, or beside itself; the file's other settings stand."""
    own = JournalConfig(path="b", linger_s=0.5)
    assert journaled(config(), journal=None, no_journal=False).journal == JournalConfig()
    assert journaled(config(journal=own), journal=None, no_journal=False).journal == own
    chosen = journaled(config(journal=own), journal=Path("c"), no_journal=False).journal
    assert chosen == JournalConfig(path="c", linger_s=0.5)
    assert journaled(config(journal=own), journal=None, no_journal=True).journal is None


def test_no_journal_with_something_that_needs_one_is_refused() -> None:
    """The contradiction is named before anything is started."""
    sink = InfluxDB(url="http://localhost:8086", org="o", bucket="b")
    with pytest.raises(ConfigError, match="influxdb"):
        journaled(config(sinks={"influxdb": sink}), journal=None, no_journal=True)
    with pytest.raises(ConfigError, match="--journal"):
        journaled(config(), journal=Path("a"), no_journal=True)
