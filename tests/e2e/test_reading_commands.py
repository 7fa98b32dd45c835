"""`export`, `gaps` and `journal …`, as a trader meets them: options, files, pipes and a terminal."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import sqlite3
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # comes without types
import pytest

from tests.support.journal import DATA, recorded_trades
from tests.support.log_setup import logging_of_its_own
from tests.support.program import COMMAND, environment
from tests.support.reading import FIRST_US, write_journal
from trio_ticks import Bar, Book, Gap, Record, Signal, Status, Tick, read
from trio_ticks.app import cli
from trio_ticks.storage.archive import archive_days
from trio_ticks.storage.journal import Cursors, Journal, NewDeadLetter
from trio_ticks.storage.payload import encode

TRADES = recorded_trades("xbtusdt-2025-11-10.csv", symbol="XBTUSDT")
LAST_US = TRADES[-1].time_us
OTHERS: list[Record] = [
    Gap(LAST_US, LAST_US + 5_000_000, "silent", None, "recorded", 3),
    Gap(LAST_US, LAST_US + 90_000_000, "closed", "XBTUSDT", "recorded"),
    Status("connected", LAST_US, 'as asked, "quoted"\nand broken', "recorded", "XBTUSDT", "recorded 0A"),
    Signal("buy", "XBTUSDT", LAST_US, {"size": 2, "why": "fast", "limit": None, "now": True}, "momentum"),
    Bar("XBTUSDT", LAST_US, LAST_US + 1, 1.0, 2.5, 0.5, 2.0, 7.25, 3, complete=False),
    Book("XBTUSDT", LAST_US, ((1.0, 2.0), (0.5, 3.0)), ((1.5, 1.0),), 7, "recorded", LAST_US),
]


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    write_journal(tmp_path / "ticks.journal", [TRADES[:400], [*TRADES[400:], *OTHERS]])
    return tmp_path


def run(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    """Run the program in this process, which is ten times as fast as in one of its own."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    argv = mock.patch.object(sys, "argv", ["trio-ticks", *arguments])
    outputs = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
    with argv, contextlib.chdir(cwd), outputs[0], outputs[1], logging_of_its_own():
        code = cli._run()
    stdout, stderr = (stream.buffer.getvalue().decode() for stream in (out, err))
    return code, stdout, stderr


def succeed(*arguments: str, cwd: Path) -> str:
    code, stdout, stderr = run(*arguments, cwd=cwd)
    assert (code, stderr) == (0, "")
    return stdout


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_journal_that_is_exported_and_imported_is_exported_the_same(form: str, cwd: Path) -> None:
    """Byte for byte, for ticks and for every other kind; and the ticks are the recorded ones."""
    for kind in ["ticks", "gaps", "statuses", "signals", "bars", "books"]:
        name = f"{kind}.{form}"
        succeed("export", "ticks.journal", "--kind", kind, "--output", name, cwd=cwd)
        imported = succeed("journal", "import", f"new-{kind}.journal", name, cwd=cwd)
        count = len((cwd / name).read_text().splitlines())
        assert read(cwd / f"new-{kind}.journal", kind=kind).count() > 0  # type: ignore[arg-type]  # one of them
        assert f"new-{kind}.journal: " in imported
        again = succeed("export", f"new-{kind}.journal", "--kind", kind, "--format", form, cwd=cwd)
        assert again == (cwd / name).read_text()
        assert count > 0
    assert list(read(cwd / "ticks.journal"))[:1_000] == list(read(cwd / "ticks.journal")) == TRADES


def test_all_kinds_go_through_json_lines(cwd: Path) -> None:
    """Everything that was committed comes back equal, in one order."""
    succeed("export", "ticks.journal", "--kind", "all", "--output", "all.jsonl", cwd=cwd)
    assert succeed("journal", "import", "new.journal", "all.jsonl", cwd=cwd) == "new.journal: 1,006 records\n"
    assert list(read(cwd / "new.journal", kind="all")) == [*TRADES, *OTHERS]


def test_a_process_of_its_own_does_the_same(cwd: Path) -> None:
    """Into a pipe, a file and a pipe that has enough: the same bytes, exit code 0, and no bar."""
    command = [*COMMAND, "export", "ticks.journal"]
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, check=True)
    assert done.stdout.decode() == succeed("export", "ticks.journal", cwd=cwd)
    assert done.stderr == b""
    with subprocess.Popen(
        command, cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_part_is_exported_by_symbol_and_time(cwd: Path) -> None:
    """The fields of `watch`, exact texts, nothing outside."""
    start, end = TRADES[10].time_us, TRADES[20].time_us
    words = ["export", "ticks.journal", "XBTUSDT", "--start", str(start), "--end", str(end)]
    rows = list(csv.DictReader(io.StringIO(succeed(*words, cwd=cwd))))
    expected = [tick for tick in TRADES if start <= tick.time_us < end]
    assert [row["price"] for row in rows] == [tick.price_text for tick in expected]
    assert succeed(*words[:2], "ETHUSDT", "--format", "jsonl", cwd=cwd) == ""
    assert succeed(*words[:2], "--start", "-1h", "--format", "jsonl", cwd=cwd) == ""


def test_parquet_has_the_columns_of_the_frames(cwd: Path) -> None:
    """Into a file by its suffix, and into a pipe by `--format`."""
    succeed("export", "ticks.journal", "--output", "ticks.parquet", cwd=cwd)
    table = pq.read_table(cwd / "ticks.parquet")
    assert table.column_names == read(cwd / "ticks.journal").schema.names
    assert table["price_text"].to_pylist() == [tick.price_text for tick in TRADES]
    with (cwd / "piped.parquet").open("wb") as file:
        command = [*COMMAND, "export", "ticks.journal", "--format", "parquet"]
        subprocess.run(command, cwd=cwd, env=environment(), stdout=file, check=True)
    assert pq.read_table(cwd / "piped.parquet").equals(table)


def test_a_file_appears_whole_or_not_at_all(cwd: Path) -> None:
    """What stood there stays when the export fails, and nothing is left lying about."""
    (cwd / "ticks.csv").write_text("old")
    with sqlite3.connect(cwd / "ticks.journal") as connection:
        connection.execute("UPDATE batch SET payload = payload || x'00' WHERE position = 1")
    connection.close()
    before = {path.name for path in cwd.iterdir()}
    code, _, stderr = run("export", "ticks.journal", "--kind", "nope", "-o", "ticks.csv", cwd=cwd)
    assert (code, (cwd / "ticks.csv").read_text()) == (2, "old")
    assert "nope" in stderr
    code, _, stderr = run("export", "ticks.journal", "-o", "ticks.csv", cwd=cwd)
    assert code == 1
    assert stderr.startswith("trio-ticks: left out: batches 1 to 1: ")
    assert (cwd / "ticks.csv").read_text().count("\n") == 1 + len(TRADES) - 400
    assert {path.name for path in cwd.iterdir()} - before <= {"ticks.journal-wal", "ticks.journal-shm"}


def test_an_archive_is_exported_as_its_journal(cwd: Path) -> None:
    """The same lines from the directory as from the file."""
    with Cursors(cwd / "ticks.journal") as cursors:
        archive_days(cursors, cwd / "archive", after_days=0, now_us=LAST_US + 86_400_000_000)
    assert succeed("export", "archive", cwd=cwd) == succeed("export", "ticks.journal", cwd=cwd)
    assert succeed("gaps", "archive", cwd=cwd) == succeed("gaps", "ticks.journal", cwd=cwd)


def test_gaps_are_a_table_or_json(cwd: Path) -> None:
    """From when to when, of what, why, and how many are missing where that is known."""
    lines = (succeed("gaps", "ticks.journal", cwd=cwd)).splitlines()
    assert [line.split()[2:] for line in lines] == [
        ["for", "symbol", "feed", "cause", "missed"],
        ["5.000", "s", "all", "recorded", "silent", "3"],
        ["90.0", "s", "XBTUSDT", "recorded", "closed", "?"],
    ]
    fields = json.loads(succeed("gaps", "ticks.journal", "--json", cwd=cwd))
    assert [(gap["symbol"], gap["missed"]) for gap in fields] == [(None, 3), ("XBTUSDT", None)]
    assert succeed("gaps", "ticks.journal", "--end", "2020-01-01", cwd=cwd) == "no gaps\n"


def test_no_gaps_of_a_symbol_that_is_misspelt_are_no_comfort(cwd: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said that nothing was kept of it, and what there is; of one that was kept nothing is said."""
    code, stdout, _ = run("gaps", "ticks.journal", "XBTUSD", cwd=cwd)
    assert (code, stdout.count("recorded")) == (0, 1)  # the gap of the whole feed
    assert "ticks.journal has no tick of XBTUSD in that stretch; it begins at" in caplog.text
    caplog.clear()
    succeed("gaps", "ticks.journal", "XBTUSDT", cwd=cwd)
    assert caplog.text == ""


def test_info_says_what_there_is_and_where_every_sink_stands(cwd: Path) -> None:
    """Counts, times, size, how long the room lasts; with `--json` for programs."""
    with Cursors(cwd / "ticks.journal") as cursors:
        cursors.start("influxdb", now_us=FIRST_US)
        cursors.settle("influxdb", 1, now_us=FIRST_US, stored=400)
    text = succeed("journal", "info", "ticks.journal", "--max-size", "1 GiB", cwd=cwd)
    assert "1,000 held, 1,000 taken" in text
    assert "2025-11-10T" in text
    assert "at the rate so far" in text
    assert text.splitlines()[-1].split()[:6] == ["influxdb", "1", "400", "600", "0", "0"]
    info = json.loads(succeed("journal", "info", "ticks.journal", "--json", cwd=cwd))
    assert (info["ticks"], info["first_us"], info["cursors"][0]["pending"]) == (1_000, TRADES[0].time_us, 600)
    assert info["lasts_s"] > 0
    write_journal(cwd / "empty.journal", [])
    assert "lasts -" in succeed("journal", "info", "empty.journal", cwd=cwd)


def test_verify_names_what_is_damaged(cwd: Path) -> None:
    """Exit code 0 where all is sound, and 1 where a byte was changed."""
    sound = succeed("journal", "verify", "ticks.journal", cwd=cwd)
    assert sound == "ticks.journal: sound: 2 batches, 1,000 ticks\n"
    with sqlite3.connect(cwd / "ticks.journal") as connection:
        connection.execute("UPDATE batch SET last_us = last_us + 1 WHERE position = 2")
    connection.close()
    code, stdout, _ = run("journal", "verify", "ticks.journal", cwd=cwd)
    assert code == 1
    assert "batches 2 to 2: " in stdout
    assert "1 batches, 400 ticks" in stdout


def test_dead_letters_are_shown_asked_for_again_and_given_up(cwd: Path) -> None:
    """By sink; what is done is said with its number."""
    letters = [NewDeadLetter(1, n, f"field {n} is\nno float", encode([TRADES[n]])) for n in (3, 4)]
    with Cursors(cwd / "ticks.journal") as cursors:
        for name in ("influxdb", "mine"):
            cursors.start(name, now_us=FIRST_US)
            cursors.settle(name, 1, now_us=FIRST_US, stored=398, dead=letters)
    command = ["journal", "dead-letters", "ticks.journal"]
    lines = (succeed(*command, "--sink", "mine", cwd=cwd)).splitlines()
    assert len(lines) == 3
    for word in ("mine", "1.3", TRADES[3].price_text, "field 3 is no float"):
        assert word in lines[1]
    shown = json.loads(succeed(*command, "--json", cwd=cwd))
    assert [letter["sink"] for letter in shown] == ["influxdb", "influxdb", "mine", "mine"]
    assert shown[0]["records"][0]["price"] == TRADES[3].price_text
    assert succeed(*command, "--sink", "mine", "--retry", cwd=cwd) == "mine: 2 will be sent again\n"
    assert succeed(*command, "--discard", cwd=cwd) == "influxdb: 2 given up\nmine: 0 given up\n"
    assert succeed(*command, cwd=cwd) == "no dead letters\n"
    with Cursors(cwd / "ticks.journal") as cursors:
        states = {state.name: (state.discarded, state.retrying) for state in cursors.states()}
    assert states == {"influxdb": (2, 0), "mine": (0, 2)}


def test_a_sink_that_is_no_more_is_forgotten(cwd: Path) -> None:
    """It holds nothing back any longer, the others stay; while an engine writes the journal it is left alone."""
    with Cursors(cwd / "ticks.journal") as cursors:
        for name in ("influxdb", "mine"):
            cursors.start(name, now_us=FIRST_US)
    with Journal.open(cwd / "ticks.journal", now_us=FIRST_US):
        code, _, stderr = run("journal", "forget", "ticks.journal", "mine", cwd=cwd)
        assert (code, "is being written by process" in stderr) == (1, True)
    assert succeed("journal", "forget", "ticks.journal", "mine", cwd=cwd).startswith("mine: forgotten")
    with Cursors(cwd / "ticks.journal") as cursors:
        assert [state.name for state in cursors.states()] == ["influxdb"]
    assert run("journal", "forget", "ticks.journal", "mine", cwd=cwd)[0] == 2


def test_a_file_of_others_is_imported(cwd: Path) -> None:
    """Stamps, prices and sizes are enough; trades of one stamp are numbered, and texts stay as they are."""
    recording = str(DATA / "xbtusdt-2025-11-10.csv")
    words = ["journal", "import", "new.journal", recording, "--symbol", "XBTUSDT", "--feed", "bitmex"]
    assert succeed(*words, cwd=cwd) == "new.journal: 1,000 records\n"
    ticks = list(read(cwd / "new.journal"))
    assert [(tick.price_text, tick.volume_text, tick.side, tick.trade_id) for tick in ticks] == [
        (trade.price_text, trade.volume_text, trade.side, trade.trade_id) for trade in TRADES
    ]
    assert len({(tick.time_us, tick.ordinal) for tick in ticks}) == 1_000
    assert {(tick.symbol, tick.feed) for tick in ticks} == {("XBTUSDT", "bitmex")}


BAD_FILES = {
    "no symbol": ("time_us,price\n5,1.0\n", ["bad.csv: record 1", "--symbol"]),
    "no price": ("symbol,time_us,price\nA,5,\n", ["bad.csv: record 1", "price"]),
    "not a number": ("symbol,time_us,price\nA,5,1.0\nA,6,x\n", ["bad.csv: record 2", "'x'"]),
    "not finite": ("symbol,time_us,price\nA,5,nan\n", ["bad.csv: record 1", "nan"]),
    "a short row": ("symbol,time_us,price\nA,5\n", ["bad.csv: record 1", "fields than the header"]),
    "back in time": ("symbol,time_us,price\nA,5,1\nA,4,1\n", ["bad.csv: record 2", "back in time"]),
}


@pytest.mark.parametrize(("text", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_line_is_named_and_nothing_is_left(text: str, words: list[str], cwd: Path) -> None:
    """One line, exit code 2, and no half of a journal."""
    (cwd / "bad.csv").write_text(text)
    code, stdout, stderr = run("journal", "import", "new.journal", "bad.csv", cwd=cwd)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    for word in words:
        assert word in stderr
    assert not (cwd / "new.journal").exists()
    assert not list(cwd.glob(".*"))


MISUSES = {
    "no journal": (["export", "none.journal"], 1, ["there is no journal none.journal"]),
    "no such suffix": (["export", "ticks.journal", "-o", "ticks.txt"], 2, [".csv, .jsonl, .parquet"]),
    "no such directory": (["export", "ticks.journal", "-o", "none/a.csv"], 2, ["--output none/a.csv"]),
    "a directory": (["export", "ticks.journal", "--format", "csv", "-o", "."], 2, ["--output ."]),
    "no such time": (["export", "ticks.journal", "--start", "soon"], 2, ["start = 'soon'", "ISO 8601"]),
    "no such zone": (["gaps", "ticks.journal", "--tz", "Mars"], 2, ["Mars"]),
    "no such kind": (["export", "ticks.journal", "--kind", "trades"], 2, ["trades", "ticks, gaps"]),
    "all kinds in one table": (["export", "ticks.journal", "--kind", "all"], 2, ["jsonl"]),
    "no such sink": (["journal", "dead-letters", "ticks.journal", "--sink", "x"], 2, ["sink x"]),
    "both": (["journal", "dead-letters", "ticks.journal", "--retry", "--discard"], 2, ["one of them"]),
    "no such size": (["journal", "info", "ticks.journal", "--max-size", "much"], 2, ["--max-size much", "10 GiB"]),
    "into a journal": (["journal", "import", "ticks.journal", "ticks.csv"], 2, ["ticks.journal exists"]),
    "no file": (["journal", "import", "new.journal", "ticks.csv"], 2, ["ticks.csv", "No such file"]),
    "parquet": (["journal", "import", "new.journal", "a.parquet"], 2, ["csv, jsonl"]),
    "no such command": (["journal", "infos"], 2, ["infos"]),
}


@pytest.mark.parametrize(("arguments", "code", "words"), MISUSES.values(), ids=MISUSES)
def test_a_misuse_is_one_line(arguments: list[str], code: int, words: list[str], cwd: Path) -> None:
    """It names what is wrong and what is accepted."""
    ended, stdout, stderr = run(*arguments, cwd=cwd)
    assert (ended, stdout, stderr.count("\n")) == (code, "", 1)
    assert stderr.startswith("trio-ticks: ")
    for word in words:
        assert word in stderr


def test_an_engine_that_writes_meanwhile_is_left_alone(cwd: Path) -> None:
    """Reading needs no lock; an import to its path is refused."""
    with Journal.open(cwd / "live.journal", now_us=FIRST_US) as journal:
        journal.commit([[Tick("A", FIRST_US, 1.0, price_text="1.0")]], now_us=FIRST_US)
        assert (succeed("export", "live.journal", cwd=cwd)).count("\n") == 2
        succeed("journal", "info", "live.journal", cwd=cwd)
        succeed("journal", "verify", "live.journal", cwd=cwd)


@pytest.mark.parametrize(
    "command",
    ["export", "gaps", *(f"journal {verb}" for verb in ("info", "verify", "dead-letters", "forget", "import"))],
)
def test_every_command_has_help_with_an_example(command: str, cwd: Path) -> None:
    """What to type is shown, not only described."""
    assert f"Example: trio-ticks {command}" in succeed(*command.split(), "--help", cwd=cwd)


def on_a_terminal(cwd: Path, **env: str) -> bytes:
    """Return what an export says on a terminal."""
    return on_a_terminal_of(cwd, "export", "ticks.journal", "-o", "ticks.csv", **env)


def on_a_terminal_of(cwd: Path, *arguments: str, **env: str) -> bytes:
    """Return what a command says on a terminal."""
    leader, follower = pty.openpty()
    try:
        command = [*COMMAND, *arguments]
        subprocess.run(command, cwd=cwd, env=environment(TERM="xterm-256color", **env), stderr=follower, check=True)
        os.set_blocking(leader, False)
        return os.read(leader, 1_000_000)
    finally:
        os.close(leader)
        os.close(follower)


def test_a_person_sees_a_bar_and_a_pipe_does_not(cwd: Path) -> None:
    """With colours unless NO_COLOR says otherwise; what is piped has been checked to be silent above."""
    shown = on_a_terminal(cwd)
    assert b"exporting ticks" in shown
    assert b"\x1b[3" in shown
    plain = on_a_terminal(cwd, NO_COLOR="1")
    assert b"exporting ticks" in plain
    assert b"\x1b[38;5" not in plain


def test_bars_of_the_trades_are_exported(cwd: Path) -> None:
    """A line for each bar; together they hold every trade that was recorded."""
    out = succeed("export", "ticks.journal", "--kind", "bars", "--interval", "1s", "--format", "jsonl", cwd=cwd)
    bars = {(row["symbol"], row["time_us"]): row for row in map(json.loads, out.splitlines())}
    assert sum(row["count"] for row in bars.values()) == len(TRADES)
    code, _, stderr = run("export", "ticks.journal", "--interval", "1s", cwd=cwd)
    assert (code, "kind = 'bars'" in stderr) == (2, True)
