"""Files that others wrote: what is read of them, and what is refused instead of being taken for another."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa  # type: ignore[import-untyped]  # comes without types; so below
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

import trio_ticks
from tests.support.replaying import keep_all
from trio_ticks import ConfigError, Tick
from trio_ticks.app.formats import Format, header_of, writer_of
from trio_ticks.storage.arrow import table_of

AT = 1_610_064_000_278_000
TICK = Tick("file", AT, 1.5, price_text="1.5", received_us=AT)


def read_back(tmp_path: Path, name: str, content: bytes) -> Any:
    """Return what a strategy is handed of a file."""
    path = tmp_path / name
    path.write_bytes(content)
    return trio_ticks.backtest(keep_all, path).value


@pytest.mark.parametrize(
    ("name", "content"),
    {
        "as it should be": ("file.csv", f"time_us,price\n{AT},1.5\n"),
        "with a mark of its byte order, as Excel writes it": ("file.csv", f"\ufefftime_us,price\n{AT},1.5\n"),
        "lines of Windows": ("file.csv", f"time_us,price\r\n{AT},1.5\r\n"),
        "other columns beside, in another order": ("file.csv", f"price,exchange,time_us\n1.5,NYSE,{AT}\n"),
        "a float where pandas has made one": ("file.csv", f"time_us,price,trade_id\n{AT}.0,1.5,\n"),
        "truth as pandas spells it": ("file.csv", f"time_us,price,late\n{AT},1.5,False\n"),
        "a mark in JSON lines": ("file.jsonl", f'\ufeff{{"time_us":{AT},"price":"1.5"}}\n'),
        "an empty line behind the last": ("file.jsonl", f'{{"time_us":{AT},"price":"1.5"}}\n\n'),
    }.values(),
)
def test_what_programs_write_is_read(tmp_path: Path, name: str, content: str) -> None:
    """Excel, pandas and editors each have a way of their own."""
    assert read_back(tmp_path, name, content.encode()) == [TICK]


CSV: dict[str, tuple[str, str]] = {
    "no price": (f"time_us,volume\n{AT},2\n", "has the fields 'time_us', 'volume'; accepted are those that export"),
    "a blank in the header": (f"time_us, price\n{AT}, 1\n", "has the fields 'time_us', ' price'; accepted are"),
    "no time": ("price,volume\n1,2\n", "has neither time_us nor time"),
    "two columns of a name": (f"time_us,price,price\n{AT},1,2\n", "has two columns price"),
    "a side that nobody asks for": (f"time_us,price,side\n{AT},1,B\n", "side 'B' is neither buy nor sell"),
    "a bar of others": (f"time_us,open,high,low,close\n{AT},1,2,1,2\n", "is a bar without symbol, end_us"),
    "an instant of no year": (f"time_us,price\n{AT}000000,1\n", "is no instant in microseconds since 1970"),
    "half a microsecond": ("time_us,price\n1.5,1\n", "time_us '1.5' is no whole number"),
    "no number": (f"time_us,price,trade_id\n{AT},1,a\n", "trade_id 'a' is not what trade_id can be"),
    "digits that are lost": (f"time_us,price,trade_id\n{AT},1,9007199254740993.0\n", "a float that has lost its"),
    "back in time": (f"time_us,price\n{AT},1\n{AT - 1},1\n", "record 2: file goes back in time, to 2021-01-08T00:00"),
}
JSON: dict[str, tuple[str, str]] = {
    "a symbol of digits": (f'{{"time_us":{AT},"price":1,"symbol":700}}', "symbol 700 is no text"),
    "a price that is true": (f'{{"time_us":{AT},"price":true}}', "price True is no number"),
    "a price with an inside": (f'{{"time_us":{AT},"price":{{}}}}', "price {} is no number"),
    "a time that is true": ('{"time_us":true,"price":1}', "time_us True is no whole number"),
    "half an id": (f'{{"time_us":{AT},"price":1,"trade_id":1.5}}', "trade_id 1.5 is no whole number"),
    "another truth": (f'{{"time_us":{AT},"price":1,"late":"yes"}}', "late 'yes' is neither true nor false"),
    "another kind": (f'{{"kind":"trade","time_us":{AT},"price":1}}', "kind 'trade' is none of tick, gap, status"),
    "half a gap": ('{"kind":"gap","start_us":5}', "is a gap without end_us, cause"),
}


@pytest.mark.parametrize(("content", "words"), [*CSV.values(), *JSON.values()], ids=[*CSV, *JSON])
def test_what_would_be_taken_for_another_is_refused(tmp_path: Path, content: str, words: str) -> None:
    """A file without prices would be one of clocks, and a backtest on it one of nothing."""
    with pytest.raises(ConfigError) as caught:
        read_back(tmp_path, "file.jsonl" if content.startswith("{") else "file.csv", content.encode())
    assert words in str(caught.value)
    assert ": record " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", [Format.CSV, Format.JSONL])
def test_what_is_written_is_read_back(tmp_path: Path, form: Format) -> None:
    """A tick with all that it can have, its venue's conditions as well."""
    tick = Tick("file", AT, 1.5, 2.0, "1.50", "2", "buy", 7, 8, "mine", AT + 1, conditions=("@", 'T, "Ä"'))
    assert read_back(tmp_path, f"file.{form}", header_of(form) + writer_of(form)([tick])) == [tick]


@pytest.mark.parametrize("hole", [None, math.nan])
def test_a_hole_in_a_parquet_file_is_no_price(tmp_path: Path, hole: float | None) -> None:
    """A table may have holes anywhere: what stands before one is handed out, and it is told."""
    path, seen = tmp_path / "file.parquet", []
    table = table_of("ticks", [TICK, attrs.evolve(TICK, time_us=AT + 1)])
    pq.write_table(table.set_column(3, "price", pa.array([1.5, hole])), path)

    async def see(ticks: trio_ticks.Ticks) -> None:
        async for tick in ticks:
            seen.append(tick)  # noqa: PERF401 - what came before the failure counts

    with pytest.raises(ConfigError, match="record 2: has no symbol, no time or no price"):
        trio_ticks.backtest(see, path)
    assert seen == [TICK]


def test_one_symbol_of_two_feeds_is_two_series(tmp_path: Path) -> None:
    """Each numbers its own ticks of one stamp, and each goes on in time by itself."""
    lines = f"time_us,price,symbol,feed\n{AT},1,A,f\n{AT},1,A,g\n{AT - 1},1,A,h\n{AT},1,A,f\n"
    ticks = read_back(tmp_path, "file.csv", lines.encode())
    assert [(tick.feed, tick.ordinal) for tick in ticks] == [("f", 0), ("g", 0), ("h", 0), ("f", 1)]


def test_what_is_no_text_is_told_so(tmp_path: Path) -> None:
    """Such as a file that is still compressed."""
    with pytest.raises(ConfigError, match="record 1: is no text in UTF-8; accepted is that, unpacked"):
        read_back(tmp_path, "file.csv", b"\x1f\x8b\x08\x00")
