"""What the pages under docs/ show, works as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from tests.support.coinbase import open_coinbase
from tests.support.journal import recorded_trades
from tests.support.reading import write_journal
from trio_ticks import ConnectionConfig, Decoded, Feed, Gap, SequencerConfig, Tick
from trio_ticks.config import ArchiveConfig, FunctionSink, InfluxDB, JournalConfig, parse_config
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
        blocks("configuration.md", "toml")[0], source="page", environ={"ALLTICK_TOKEN": "x", "INFLUX_TOKEN": "y"}
    )
    shown = config.feeds["alltick"]
    for name in ("lines", "silent_after_s", "mute_after_s"):
        assert getattr(shown, name) == getattr(ConnectionConfig(), name)
    assert config.sequencer == SequencerConfig()
    assert config.journal == JournalConfig()
    assert config.strategies["momentum"].use == "my_module:momentum"
    assert config.sinks["mine"] == FunctionSink(use="my_module:store")
    influxdb = config.sinks["influxdb"]
    assert isinstance(influxdb, InfluxDB)
    assert influxdb == InfluxDB(url=influxdb.url, org="trading", bucket="ticks", token="y")


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
    for record in (ConnectionConfig, SequencerConfig, JournalConfig, InfluxDB, FunctionSink, ArchiveConfig):
        for field in attrs.fields(record):
            assert field.name in page
