"""`trio-ticks replay`, as a trader meets it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.test_reading_commands import on_a_terminal_of, run, succeed
from tests.support.journal import recorded_trades
from tests.support.program import COMMAND, environment
from tests.support.reading import write_journal
from tests.support.replaying import chunks, decided, started, stopped
from trio_ticks import Record, read

TRADES = recorded_trades("btcusdt-2021-01-08.csv", symbol="BTCUSDT")
MINE = """
import time

async def momentum(ticks, every=10):
    count = 0
    async for tick in ticks:
        count += 1
        if count % every == 0:
            await ticks.signal("buy", tick.symbol, price=tick.price, count=count)
    return count

async def looks_at_the_clock(ticks):
    async for tick in ticks:
        await ticks.signal("now", tick.symbol, at=time.time())

async def fails(ticks):
    raise ValueError("never again")
"""
MODULE = "replayed_strategies"


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / f"{MODULE}.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    monkeypatch.setattr("trio_ticks.app.replay.tune", lambda: None)  # this process is not the program's
    records: list[Record] = [started(TRADES[0].time_us), *TRADES, *decided(TRADES), stopped(TRADES[-1].time_us)]
    write_journal(tmp_path / "ticks.journal", chunks(records, 500))
    return tmp_path


def replaying(*arguments: str, strategy: str = "momentum") -> list[str]:
    return ["replay", *arguments, "--strategy", f"{MODULE}:{strategy}"]


def test_a_process_of_its_own_sums_up(cwd: Path) -> None:
    """How much, how fast, what was decided; no bar where nobody looks, and nothing on standard error."""
    command = [*COMMAND, *replaying("ticks.journal")]
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.startswith("momentum on ticks.journal: 2,001 ticks in ")
    assert done.stdout.endswith(" ticks/s · signals 200 · gaps 0\n")
    assert done.stderr == ""


def test_signals_are_json_lines(cwd: Path) -> None:
    """In a file, or on standard output with the summary beside it."""
    succeed(*replaying("ticks.journal", "--param", "every=500", "--signals", "signals.jsonl"), cwd=cwd)
    lines = (cwd / "signals.jsonl").read_text().splitlines()
    assert [json.loads(line)["fields"]["count"] for line in lines] == [500, 1_000, 1_500, 2_000]
    code, stdout, stderr = run(*replaying("ticks.journal", "--param", "every=500", "--signals", "-"), cwd=cwd)
    assert (code, stdout.splitlines()) == (0, lines)
    assert "2,001 ticks" in stderr


def test_for_programs_there_is_json(cwd: Path) -> None:
    """The same figures, and the ledger."""
    shown = json.loads(succeed(*replaying("ticks.journal", "BTCUSDT", "--json"), cwd=cwd))
    assert (shown["ticks"], shown["signals"], shown["gaps"], shown["strategy"]) == (2_001, 200, 0, "momentum")
    assert shown["ledger"] == {"offered": 2_001, "delivered": 2_001, "dropped": 0, "queued": 0}


def test_the_same_decisions_are_identical(cwd: Path) -> None:
    """One line and exit code 0; so is a replay of the replay."""
    assert succeed(*replaying("ticks.journal", "--against-live"), cwd=cwd) == "identical: 200 signals\n"
    succeed(*replaying("ticks.journal", "-o", "again.journal"), cwd=cwd)
    assert succeed(*replaying("again.journal", "--against-live"), cwd=cwd) == "identical: 200 signals\n"
    assert list(read(cwd / "again.journal")) == TRADES
    shown = json.loads(succeed(*replaying("again.journal", "--against-live", "--json"), cwd=cwd))
    assert (shown["identical"], shown["signals"]) == (True, 200)


def test_a_strategy_that_looks_at_the_clock_is_found_out(cwd: Path) -> None:
    """At its first signal, with what both said and where; exit code 1."""
    words = replaying("ticks.journal", strategy="looks_at_the_clock")
    succeed(*words, "--output", "kept.journal", cwd=cwd)
    words[1] = "kept.journal"
    code, stdout, stderr = run(*words, "--against-live", cwd=cwd)
    assert code == 1
    assert stdout.startswith("different: signal 1 of run 1, at 2021-01-08T00:00:00.278000Z, batch ")
    live, replayed = stdout.splitlines()[1:]
    assert live.startswith("  live:   2021-01-08T00:00:00.278000Z now BTCUSDT at=")
    assert replayed.startswith("  replay: 2021-01-08T00:00:00.278000Z now BTCUSDT at=")
    assert live.partition("at=")[2] != replayed.partition("at=")[2]
    assert "overflow" in stderr


MISUSES = {
    "no strategy": (["replay", "ticks.journal"], 2, ["--strategy is missing", "module:function"]),
    "no such module": (["replay", "ticks.journal", "--strategy", "none:f"], 2, ["none"]),
    "no such function": (replaying("ticks.journal", strategy="nothing"), 2, ["has no 'nothing'"]),
    "no journal": (replaying("none.journal"), 1, ["there is no journal none.journal"]),
    "no file": (replaying("none.csv"), 2, ["none.csv", "No such file"]),
    "no such symbol": (replaying("ticks.journal", "ETHUSDT"), 2, ["no tick of ETHUSDT", "BTCUSDT"]),
    "an empty range": (
        replaying("ticks.journal", "--start", "2025-01-01"),
        2,
        ["2025-01-01T", "it begins at 2021-01"],
    ),
    "no such time": (replaying("ticks.journal", "--start", "soon"), 2, ["start = 'soon'", "ISO 8601"]),
    "no such speed": (replaying("ticks.journal", "--speed", "0"), 2, ["speed", "positive"]),
    "no such parameter": (replaying("ticks.journal", "--param", "x"), 2, ["--param x", "NAME=VALUE"]),
    "no database": (replaying("influxdb"), 2, ["INFLUX_URL"]),
    "a part against live": (
        replaying("ticks.journal", "--against-live", "--speed", "1"),
        2,
        ["--speed", "whole runs"],
    ),
    "another strategy": (replaying("ticks.journal", "--name", "x", "--against-live"), 2, ["x", "momentum", "--name"]),
    "an output that exists": (replaying("ticks.journal", "-o", "ticks.journal"), 2, ["ticks.journal exists"]),
    "no place for signals": (replaying("ticks.journal", "--signals", "."), 2, ["--signals .", "accepted"]),
    "both on standard output": (replaying("ticks.journal", "--json", "--signals", "-"), 2, ["one of them"]),
}


@pytest.mark.parametrize(("arguments", "code", "words"), MISUSES.values(), ids=MISUSES)
def test_a_misuse_is_one_line(
    arguments: list[str], code: int, words: list[str], cwd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names what is wrong and what is accepted."""
    for name in ("INFLUX_URL", "INFLUX_ORG", "INFLUX_BUCKET"):
        monkeypatch.delenv(name, raising=False)
    ended, stdout, stderr = run(*arguments, cwd=cwd)
    assert (ended, stdout, stderr.count("\n")) == (code, "", 1)
    for word in words:
        assert word in stderr


def test_a_strategy_that_fails_is_named(cwd: Path) -> None:
    """Behind what was logged of its restarts stands one line, and exit code 1."""
    code, stdout, stderr = run(*replaying("ticks.journal", strategy="fails"), cwd=cwd)
    assert (code, stdout) == (1, "")
    assert stderr.endswith("trio-ticks: strategy fails failed: ValueError: never again\n")


def test_help_shows_an_example(cwd: Path) -> None:
    """What to type is shown, not only described."""
    assert "Example: trio-ticks replay ticks.journal" in succeed("replay", "--help", cwd=cwd)


def test_a_person_sees_a_bar(cwd: Path) -> None:
    """On a terminal, while it goes on."""
    with contextlib.chdir(cwd):
        assert b"replaying ticks.journal" in on_a_terminal_of(cwd, *replaying("ticks.journal"))
