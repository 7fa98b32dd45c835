"""`read`: frames with the right types, refusals in one line, and what cannot be read."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]  # comes without types
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # comes without types
import pytest

import trio_ticks
from tests.support.journal import made_ticks, recorded_trades
from tests.support.reading import DAY_US, FIRST_US, write_journal
from trio_ticks import ConfigError, Gap, JournalError, Reading, Signal, Tick, read
from trio_ticks.storage.arrow import pyarrow_or_refuse
from trio_ticks.storage.gathering import ROWS_IN_TABLE
from trio_ticks.storage.journal import Damage, Journal
from trio_ticks.storage.layout import KINDS

TRADES = recorded_trades("btcusdt-2021-01-08.csv", symbol="BTCUSDT")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of recorded trades, in batches of one to twenty."""
    batches, begin = [], 0
    while begin < len(TRADES):
        size = 1 + begin % 20
        batches.append(TRADES[begin : begin + size])
        begin += size
    return write_journal(tmp_path / "ticks.journal", batches)


def test_recorded_trades_come_back_as_a_data_frame(path: Path) -> None:
    """Numbers as numbers, ids to the last digit, times in UTC microseconds, texts as the vendor sent them."""
    frame = read(path).to_pandas()
    assert {name: str(kind) for name, kind in frame.dtypes.items()} | {"price_text": "", "volume_text": ""} == {
        "symbol": "category", "time": "datetime64[us, UTC]", "ordinal": "int64", "price": "float64",
        "volume": "float64", "side": "category", "trade_id": "Int64", "sequence": "Int64", "feed": "category",
        "received": "datetime64[us, UTC]", "late": "bool", "price_text": "", "volume_text": "",
        "conditions": "object",
    }  # fmt: skip
    assert frame["trade_id"].tolist() == [tick.trade_id for tick in TRADES]
    assert frame["price"].tolist() == [tick.price for tick in TRADES]
    assert frame["price_text"].tolist() == [tick.price_text for tick in TRADES]
    assert frame["time"].tolist() == [pd.Timestamp(tick.time) for tick in TRADES]
    assert frame["sequence"].isna().all()


def test_recorded_trades_come_back_in_polars(path: Path) -> None:
    """The same columns, in its own types."""
    frame = read(path).to_polars()
    assert frame.schema["time"] == pl.Datetime("us", "UTC")
    assert frame.schema["trade_id"] == pl.Int64
    assert frame.columns == read(path).schema.names
    assert frame["volume"].to_list() == [tick.volume for tick in TRADES]
    assert frame["side"].cast(pl.String).to_list() == [tick.side for tick in TRADES]


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_reading_has_its_columns(path: Path, kind: trio_ticks.storage.reading.Kind) -> None:
    """A program that reads a quiet hour finds no rows, and the types that it finds in a busy one."""
    reading = read(path, "NONE", kind=kind)
    assert (reading.count(), reading.to_rows(), list(reading)) == (0, [], [])
    assert reading.to_arrow().schema == reading.schema
    assert reading.to_pandas().columns.tolist() == reading.to_polars().columns == reading.schema.names


def test_more_than_one_table_is_one_frame(tmp_path: Path) -> None:
    """Words that appear only later do not change what the earlier rows say."""
    count = ROWS_IN_TABLE + 10
    rows = [Tick("A" if n < count - 5 else "B", FIRST_US + n, float(n), received_us=FIRST_US) for n in range(count)]
    path = write_journal(tmp_path / "j", [rows[n : n + 1_000] for n in range(0, count, 1_000)])
    frame = read(path).to_pandas()
    assert frame["symbol"].tolist() == [tick.symbol for tick in rows]
    assert frame["price"].tolist() == [tick.price for tick in rows]
    assert read(path).to_polars()["symbol"].cast(pl.String).to_list() == [tick.symbol for tick in rows]


def test_what_no_column_holds_costs_only_itself(tmp_path: Path) -> None:
    """A number beyond 64 bits is null in a table and itself in rows; half a character is a question mark."""
    odd = [Tick("A\ud800", FIRST_US, 1.0, trade_id=2**70), Tick("B", FIRST_US, 2.0, trade_id=7)] * 2
    table = read(write_journal(tmp_path / "j", [odd])).to_arrow()
    assert table["trade_id"].to_pylist() == [None, 7, None, 7]
    assert table["symbol"].to_pylist() == ["A?", "B", "A?", "B"]
    assert list(read(tmp_path / "j")) == odd


def test_zeros_keep_their_signs(tmp_path: Path) -> None:
    """Batches that are the same throughout may still differ from each other, if only in a sign."""
    batches = [[Tick("A", FIRST_US + n, 1.0, zero) for n in range(4)] for zero in (0.0, -0.0, 0.0)]
    volumes = read(write_journal(tmp_path / "j", batches)).to_arrow()["volume"].to_pylist()
    assert repr(volumes) == repr([0.0] * 4 + [-0.0] * 4 + [0.0] * 4)


def test_many_words_are_more_than_a_byte_can_tell(tmp_path: Path) -> None:
    """A thousand symbols in a table are the thousand symbols."""
    ticks = [Tick(f"S{n % 1_000}", FIRST_US + n, 1.0) for n in range(3_000)]
    path = write_journal(tmp_path / "j", [ticks[:500], ticks[500:700], ticks[700:]])
    assert read(path).to_arrow()["symbol"].to_pylist() == [tick.symbol for tick in ticks]


def test_a_reading_reads_anew_each_time(tmp_path: Path) -> None:
    """What was committed meanwhile is in the next one, though the writer holds its lock."""
    path = tmp_path / "j"
    with Journal.open(path, now_us=FIRST_US) as journal:
        reading = read(path)
        assert reading.count() == 0
        journal.commit([made_ticks(0, 5)], now_us=FIRST_US)
        assert reading.count() == len(list(reading)) == 5
        first = iter(reading)
        head = next(first)
        journal.commit([made_ticks(5, 5)], now_us=FIRST_US)
        assert [head, *first] == made_ticks(0, 5)
        assert list(reading) == made_ticks(0, 10)


def test_signals_keep_their_fields_as_json(tmp_path: Path) -> None:
    """As a text in tables, as they were in rows."""
    signal = Signal("buy", "A", FIRST_US, {"size": 2, "why": "fast", "limit": None}, "momentum")
    reading = read(write_journal(tmp_path / "j", [[signal]]), kind="signals")
    assert reading.to_arrow()["fields"].to_pylist() == ['{"size": 2, "why": "fast", "limit": null}']
    assert reading.to_rows() == [
        {
            "kind": "signal", "name": "buy", "symbol": "A", "time_us": FIRST_US, "fields": signal.fields,
            "strategy": "momentum", "feed": "",
        }
    ]  # fmt: skip


def test_a_gap_belongs_to_every_stretch_that_it_overlaps(tmp_path: Path) -> None:
    """Whoever asks for an hour is told that it lies inside a gap, whatever its symbol."""
    gap = Gap(FIRST_US, FIRST_US + DAY_US, "closed", None, "coinbase")
    path = write_journal(tmp_path / "j", [[gap]])
    inside = read(path, "A", start=FIRST_US + 5, end=FIRST_US + 6, kind="gaps")
    assert list(inside) == [gap]
    assert list(read(path, end=FIRST_US, kind="gaps")) == []


def test_relative_times_count_from_the_moment_of_asking(path: Path) -> None:
    """`-1h` is an hour before now."""
    last_us = TRADES[-1].time_us
    reading = read(path, start="-1m", now_us=last_us)
    assert list(reading) == [tick for tick in TRADES if tick.time_us >= last_us - 60_000_000]
    berlin = read(path, end="2021-01-08T01:01", tz="Europe/Berlin")
    assert list(berlin) == list(read(path, end="2021-01-08T00:01"))


REFUSALS = {
    "start": ({"start": "soon"}, "start = 'soon'"),
    "end": ({"end": "soon"}, "end = 'soon'"),
    "order": ({"start": 5, "end": 4}, "start = 5 is after end = 4"),
    "kind": ({"kind": "tick"}, "kind = 'tick': accepted: ticks, gaps"),
    "zone": ({"tz": "Mars/Olympus"}, "tz = 'Mars/Olympus'"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSALS.values(), ids=REFUSALS)
def test_a_wrong_argument_is_refused_at_once(arguments: dict[str, str], words: str, path: Path) -> None:
    """It is named, in one line, before anything is read."""
    with pytest.raises(ConfigError, match=words):
        read(path, **arguments)  # type: ignore[arg-type]  # that is the case


def test_symbols_are_arguments_and_not_a_list(path: Path) -> None:
    """A list would silently be no symbol at all."""
    with pytest.raises(ConfigError, match="one argument each"):
        read(path, ["BTCUSDT"])  # type: ignore[arg-type]  # that is the case


def test_there_has_to_be_something_to_read(tmp_path: Path) -> None:
    """No file, another program's file, a directory without an archive: each is told as what it is."""
    with pytest.raises(JournalError, match="there is no journal"):
        read(tmp_path / "none")
    (tmp_path / "text").write_text("no journal at all, but long enough to be one" * 100)
    with pytest.raises(JournalError, match="no journal"):
        read(tmp_path / "text")
    with pytest.raises(JournalError, match="is no archive"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("module", "method", "extra"),
    [("pyarrow", "to_arrow", "arrow"), ("pandas", "to_pandas", "pandas"), ("polars", "to_polars", "polars")],
)
def test_a_missing_package_names_its_extra(
    module: str, method: str, extra: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to type is in the message."""
    monkeypatch.setitem(sys.modules, module, None)
    pyarrow_or_refuse.cache_clear()
    with pytest.raises(ConfigError, match=rf"{module} is not installed.*trio-ticks\[{extra}\]"):
        getattr(read(path), method)()


def test_all_kinds_make_no_table(path: Path) -> None:
    """They have no columns in common; rows and records they have."""
    with pytest.raises(ConfigError, match="makes no table; accepted: one of ticks"):
        read(path, kind="all").to_arrow()


def test_what_is_damaged_is_said_and_the_rest_is_read(path: Path) -> None:
    """By default it raises; whoever wants to be told gets everything else."""
    lost = next(iter(read(path).batches()))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE batch SET payload = zeroblob(40) WHERE position = 1")
    connection.close()
    with pytest.raises(JournalError, match="on_damage="):
        list(read(path))
    told: list[Damage] = []
    reading = read(path, on_damage=told.append)
    assert list(reading) == TRADES[len(lost) :]
    assert reading.to_arrow().num_rows == reading.count() == len(TRADES) - len(lost)
    assert {(item.first_position, item.last_position) for item in told} == {(1, 1)}


def test_a_reading_can_be_taken_table_by_table(path: Path) -> None:
    """For what does not fit into memory; who wants to is told how far it is."""
    told: list[tuple[int, int]] = []
    reading: Reading = read(path)
    tables = list(reading.tables(on_progress=lambda done, total: told.append((done, total))))
    assert pa.concat_tables(tables).num_rows == len(TRADES)
    assert told[-1][0] == told[-1][1] > 1


@pytest.mark.parametrize("kind", ["ticks", "tables", "bars", "gaps"])
def test_a_symbol_that_never_comes_is_told(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """Once all was read, in one line that says what there is. Gaps a symbol need not have."""
    path = write_journal(tmp_path / "ab.journal", [[Tick("A", 1_000_000, 1.0)], [Tick("B", 2_000_000, 1.0)]])
    if kind == "tables":
        assert read(path, "A", "C").to_arrow().num_rows == 1
    elif kind == "bars":
        assert len(list(read(path, "A", "C", kind="bars", interval="1m"))) == 1
    else:
        assert len(list(read(path, "A", "C", kind=kind))) == (kind == "ticks")  # type: ignore[arg-type]  # of those
    told = f"{path} has no tick of C in that stretch; it begins at 1970-01-01T00:00:01.000000Z with A, B"
    assert caplog.messages == ([] if kind == "gaps" else [told])
