"""What the pages under docs/ show, works as it stands there."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
import trio

from tests.support.coinbase import open_coinbase
from tests.support.journal import recorded_trades
from tests.support.reading import write_journal
from trio_ticks import ConnectionConfig, Decoded, Feed, Gap, SequencerConfig, Tick, Ticks, testing
from trio_ticks.config import (
    ArchiveConfig,
    FunctionSink,
    InfluxDB,
    JournalConfig,
    LogConfig,
    NotifyConfig,
    Secret,
    parse_config,
)
from trio_ticks.feeds.registry import check_feed

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
HANG_S = 120.0

# The program itself runs as it stands; only the name it uses leads to the server on this machine.
REDIRECT = """
import functools, sys
from trio_ticks import aio, sync
for facade in (aio, sync):
    facade.Coinbase = functools.partial(facade.Coinbase, url=sys.argv[1])
exec(compile(open(sys.argv[2]).read(), sys.argv[2], "exec"))
"""


def blocks(page: str, language: str) -> list[str]:
    """Return a page's code blocks in one language."""
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def test_the_feed_of_your_own_is_one() -> None:
    """The page's feed passes the check, decodes a message, and counts what it cannot read."""
    names: dict[str, type[Feed]] = {}
    exec(blocks("feeds.md", "python")[0], names)
    feed = check_feed(names["Mine"]("X"))  # type: ignore[call-arg]  # a Protocol says nothing of constructors
    decoded = feed.decode(['{"symbol": "X", "time": 1700000000, "price": "9.50"}', "junk"])
    assert decoded == Decoded(ticks=[Tick("X", 1_700_000_000_000_000, 9.5, price_text="9.50")], unreadable=1)


def test_the_feed_of_your_own_passes_strict_types(tmp_path: Path) -> None:
    """A type checker takes the page's feed for a feed."""
    program = blocks("feeds.md", "python")[0]
    (tmp_path / "mine.py").write_text(program + "\nfrom trio_ticks import open_ticks\n\nopen_ticks(Mine('X'))\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_configuration_page_is_accepted_and_its_defaults_are_true() -> None:
    """Every key that is shown exists, and what is called the default is the default."""
    config = parse_config(
        blocks("configuration.md", "toml")[0],
        source="page",
        environ={"ALLTICK_TOKEN": "x", "INFLUX_TOKEN": "y", "NOTIFY_URL": "https://hooks.example/z"},
    )
    shown = config.feeds["alltick"]
    for name in ("lines", "silent_after_s", "mute_after_s"):
        assert getattr(shown, name) == getattr(ConnectionConfig(), name)
    assert config.sequencer == SequencerConfig()
    assert config.journal == JournalConfig()
    assert config.log == LogConfig()
    assert config.notify == NotifyConfig(url=Secret("https://hooks.example/z"))
    assert config.strategies["momentum"].use == "my_module:momentum"
    assert config.strategies["momentum"].since == 1800.0
    assert config.sinks["mine"] == FunctionSink(use="my_module:store")
    influxdb = config.sinks["influxdb"]
    assert isinstance(influxdb, InfluxDB)
    assert influxdb == InfluxDB(url=influxdb.url, org="trading", bucket="ticks", token="y")


def test_the_page_on_operating_has_every_setting_with_its_default() -> None:
    """What the page shows of the log and the webhook is what they are without a word."""
    log, notify = blocks("operating.md", "toml")
    feed = "[feeds.coinbase]\nsymbols = ['BTC-USD']\n"
    config = parse_config(feed + log + notify, source="page", environ={"NOTIFY_URL": "https://hooks.example/z"})
    assert config.log == LogConfig()
    assert config.notify == NotifyConfig(url=Secret("https://hooks.example/z"))
    for record in (LogConfig, NotifyConfig):
        for field in attrs.fields(record):
            assert f"\n{field.name} = " in log + notify


def test_the_page_on_reading_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block by itself, on a journal of recorded trades; and the columns of the table exist."""
    trades = recorded_trades("btcusdt-2021-01-08.csv", symbol="BTCUSDT")
    write_journal(tmp_path / "ticks.journal", [trades, [Gap(trades[-1].time_us, trades[-1].time_us + 1, "closed")]])
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks("reading.md", "python"):
        exec(block, names)
    page = (DOCS / "reading.md").read_text()
    assert len(names["rows"]) == len(names["frame"]) == names["table"].num_rows > 0
    shown = {
        name
        for line in page.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert shown == set(names["reading"].schema.names) - {"conditions"}


def test_the_page_on_bars_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its strategy is one, and its bars hold every trade of the journal."""
    trades = recorded_trades("btcusdt-2021-01-08.csv", symbol="BTCUSDT")
    write_journal(tmp_path / "ticks.journal", [trades])
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks("bars.md", "python"):
        exec(block, names)
    assert names["frame"]["count"].sum() == len(trades)
    simulated = deque[list[Tick]]([trades])

    async def take() -> list[Tick]:
        return simulated.popleft() if simulated else []

    source = SimpleNamespace(name="page", offered=0, dropped=0, queued=0, take=take, end=simulated.clear)
    trio.run(names["breakout"], Ticks(source=source, now_us=lambda: 0))
    assert not simulated


def test_the_page_on_backtests_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a journal of recorded trades, of which the strategy sees each."""
    trades = recorded_trades("btcusdt-2021-01-08.csv", symbol="BTCUSDT")
    write_journal(tmp_path / "ticks.journal", [trades])
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks("backtest.md", "python"):
        exec(block, names)
    assert names["result"].has_returned
    assert names["result"].ledger.delivered == len(trades)


def test_the_page_on_replay_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its strategy decides on recorded trades, and what is printed is there."""
    trades = recorded_trades("btcusdt-2021-01-08.csv", symbol="BTCUSDT")
    write_journal(tmp_path / "ticks.journal", [trades])
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(blocks("replay.md", "python")[0], names)
    assert names["done"].value == trades[-1].price
    assert len(names["done"].signals) == sum(b.price - a.price > 1.0 for a, b in itertools.pairwise(trades)) > 0


def test_the_page_on_asyncio_and_notebooks_runs_as_it_stands(tmp_path: Path) -> None:
    """Each program, against prices on a real socket, prints some; and passes strict types."""
    programs = blocks("asyncio-and-notebooks.md", "python")
    assert len(programs) == 4
    for number, program in enumerate(programs):
        (tmp_path / f"program{number}.py").write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    trio.run(_check_that_they_print, sorted(tmp_path.glob("program*.py")))


async def _check_that_they_print(programs: list[Path]) -> None:
    async with open_coinbase() as url:
        for program in programs:
            command = [sys.executable, "-u", "-c", REDIRECT, url, str(program)]
            process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, cwd=ROOT)
            try:
                assert process.stdout is not None
                with trio.fail_after(HANG_S):
                    printed = b""
                    while not re.search(rb"\d\.\d", printed):
                        chunk = await process.stdout.receive_some()
                        assert chunk, f"the program ended after {printed!r}"
                        printed += chunk
            finally:
                process.kill()
                with trio.CancelScope(shield=True):
                    await process.wait()


def test_the_page_on_the_journal_has_every_setting_with_its_default() -> None:
    """What the table calls the default is the default."""
    rows = re.findall(r"^\| `(\w+)` \| `?\"?([^|\"`]+?)\"?`? \|", (DOCS / "journal.md").read_text(), re.MULTILINE)
    shown = JournalConfig(
        **{name: json.loads(text) if text[0].isdigit() and " " not in text else text for name, text in rows}
    )
    assert [name for name, _ in rows] == [field.name for field in attrs.fields(JournalConfig)]
    assert shown == JournalConfig()


def test_every_setting_is_on_the_configuration_page() -> None:
    """A setting that is not documented is not found."""
    page = (DOCS / "configuration.md").read_text()
    records = (ConnectionConfig, SequencerConfig, JournalConfig, InfluxDB, FunctionSink, ArchiveConfig)
    for record in (*records, LogConfig, NotifyConfig):
        for field in attrs.fields(record):
            assert field.name in page


def test_the_tests_on_the_page_on_testing_pass(tmp_path: Path) -> None:
    """Each block is a file of its own, the one with the fixtures is the ``conftest.py``."""
    programs = blocks("testing.md", "python")
    for number, program in enumerate(programs):
        name = "conftest.py" if "pytest_plugins" in program else f"test_block_{number}.py"
        (tmp_path / name).write_text(program)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "trio_mode=true", "-W", "error"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    promised = sum(program.count("def test_") for program in programs)
    assert f"\n{promised} passed" in done.stdout, done.stdout + done.stderr


def test_every_public_name_of_the_kit_is_on_the_page_on_testing() -> None:
    """A name that is not documented is not found."""
    page = (DOCS / "testing.md").read_text()
    values = {"START_US", "Fault", "MemorySink", "Script", "Simulated", "Step"}  # made by others, which are named
    assert [name for name in testing.__all__ if name not in page and name not in values] == []


def test_the_tests_that_users_copy_pass(tmp_path: Path) -> None:
    """With a plain pytest: no configuration, no plugin of ours or of Trio's."""
    example = ROOT / "examples" / "test_momentum.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:trio", "-c", "/dev/null"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, str(example)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
