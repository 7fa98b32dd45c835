"""Files of records, as ``export`` writes them or as others do: CSV, JSON lines, Parquet.

A record is read only when it is asked for, so a file may be larger than the memory. What is wrong with one is told
with its number in the file, after all before it were handed out.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

import attrs

from trio_ticks.core.timestamps import to_us
from trio_ticks.errors import ConfigError
from trio_ticks.model import Clock, Record, Tick
from trio_ticks.storage.layout import KINDS
from trio_ticks.storage.reading.sightings import spelled
from trio_ticks.storage.record_values import number_of, side_of, value_of

# Of a line that is no record, as much as tells where it comes from.
_SHOWN = 40

# What only a kind has, from the most telling one on; ticks and clocks are told last.
_TELLING = {
    "start_us": "gaps",
    "status": "statuses",
    "strategy": "signals",
    "bids": "books",
    "open": "bars",
    "price": "ticks",
}


class FileFormat(StrEnum):
    """What a file of records is."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


@attrs.frozen(kw_only=True)
class Unsaid:
    """What is said of ticks whose file does not say it. Without a symbol, every tick has to say its own."""

    symbol: str | None = None
    feed: str = "import"


def form_of(path: str, option: str) -> FileFormat:
    """Return the format that a file's suffix names.

    Raises:
        ConfigError: it names none.
    """
    try:
        return FileFormat(Path(path).suffix.removeprefix(".").lower())
    except ValueError:
        accepted = ", ".join(f".{form}" for form in FileFormat)
        raise ConfigError(f"{option} {path}: ends with none of {accepted}; --format says what it is") from None


def records_of_text(
    path: Path,
    form: FileFormat,
    *,
    unsaid: Unsaid,
    ordinals: Ordinals,
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[Record]:
    """Yield the records of a CSV file or of JSON lines, in order.

    Args:
        path: The file.
        form: Which of the two.
        unsaid: For ticks that leave something out.
        ordinals: Numbers ticks that have no ordinal; one for all files that follow upon each other.
        on_progress: Is told after each record how many bytes were read, roughly.

    Raises:
        ConfigError: the file cannot be read, or a record of it; its number is named.
    """
    try:
        with path.open("rb") as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
            for record in _built(path, _ROWS[form](file), unsaid, ordinals):
                yield record
                if on_progress:
                    on_progress(raw.tell())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def _built(path: Path, rows: Iterator[Mapping[str, Any]], unsaid: Unsaid, ordinals: Ordinals) -> Iterator[Record]:
    for line in itertools.count(1):
        try:
            row = next(rows, None)
            if row is None:
                return
            record = _record(row, unsaid, ordinals)
        except UnicodeDecodeError:
            raise ConfigError(f"{path}: record {line}: is no text in UTF-8; accepted is that, unpacked") from None
        except (ValueError, TypeError, LookupError, csv.Error) as error:
            raise ConfigError(f"{path}: record {line}: {error}") from None
        yield record


def _csv_rows(file: TextIO) -> Iterator[Mapping[str, Any]]:
    """Yield rows by the names in the header. An empty field is one that is not said."""
    reader = csv.DictReader(file, strict=True)
    if twice := [name for name, count in Counter(reader.fieldnames or ()).items() if count > 1]:
        raise ValueError(f"has two columns {twice[0]}")
    for row in reader:
        if None in row or None in row.values():
            raise ValueError("has more or fewer fields than the header")
        yield {name: value or None for name, value in row.items()}


def _jsonl_rows(file: TextIO) -> Iterator[Mapping[str, Any]]:
    for line in filter(str.strip, file):
        try:
            row = json.loads(line)
        except ValueError:
            end = "it ends in the middle of a line" if not line.endswith("\n") else f"{line.strip()[:_SHOWN]!r}"
            raise ValueError(f"is no JSON: {end}") from None
        if not isinstance(row, dict):
            raise TypeError("is no JSON object")
        yield row


def _record(row: Mapping[str, Any], unsaid: Unsaid, ordinals: Ordinals) -> Record:
    cls = _class_of(row)
    if cls is Tick:
        return _tick(row, unsaid, ordinals)
    fields = attrs.fields(cls)
    values = {item.name: value_of(item.name, row[item.name]) for item in fields if row.get(item.name) is not None}
    if missing := [item.name for item in fields if item.default is attrs.NOTHING and item.name not in values]:
        raise ValueError(f"is a {cls.kind} without {', '.join(missing)}")
    record: Record = cls(**values)
    return record


def _tick(row: Mapping[str, Any], unsaid: Unsaid, ordinals: Ordinals) -> Tick:
    symbol = unsaid.symbol if row.get("symbol") is None else value_of("symbol", row["symbol"])
    if symbol is None:
        raise ValueError("has no symbol; --symbol says which")
    if row.get("price") in (None, ""):
        raise ValueError("has no price")
    time_us = _time_us(row)
    said = {name: value_of(name, row[name]) for name in _SAID if row.get(name) is not None}
    if "side" in said:
        said["side"] = side_of(said["side"])
    price_text, price = number_of("price", row["price"])
    volume_text, volume = number_of("volume", row.get("volume"))
    if "ordinal" not in said:
        said["ordinal"] = ordinals.next_of(said.get("feed", unsaid.feed), symbol, time_us)
    return Tick(
        symbol=symbol,
        time_us=time_us,
        price=price,
        volume=volume,
        price_text=price_text,
        volume_text=volume_text,
        **{"feed": unsaid.feed, "received_us": time_us, **said},
    )


def _class_of(row: Mapping[str, Any]) -> type[Any]:
    """Return what a row is: what it says, or by the fields that only one kind has."""
    if "kind" in row:
        named: dict[Any, type[Any]] = {cls.kind: cls for cls in KINDS.values()}
        if not isinstance(row["kind"], str) or row["kind"] not in named:
            raise ValueError(f"kind {row['kind']!r} is none of {', '.join(named)}")
        return named[row["kind"]]
    if kind := next((kind for field, kind in _TELLING.items() if field in row), None):
        return KINDS[kind]
    if not row.keys() <= _OF_A_CLOCK:
        raise ValueError(
            f"has the fields {', '.join(map(repr, row))}; accepted are those that export writes, or time_us and price"
        )
    return Clock


def _time_us(row: Mapping[str, Any]) -> int:
    """Return when it was: ``time_us`` is a number of microseconds, ``time`` anything that tells an instant."""
    if row.get("time_us") is not None:
        time_us: int = value_of("time_us", row["time_us"])
        return time_us
    if row.get("time") is None:
        raise ValueError("has neither time_us nor time")
    return to_us(row["time"])


class Ordinals:
    """Numbers ticks of one feed, symbol and stamp, for files that do not."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[int, int]] = {}

    def next_of(self, feed: str, symbol: str, time_us: int) -> int:
        """Return the next number of a stamp; stamps must not go back, or the numbers given would have to be kept."""
        last_us, ordinal = self._last.get((feed, symbol), (time_us, -1))
        if time_us < last_us:
            raise ValueError(
                f"{symbol} goes back in time, to {spelled(time_us)} after {spelled(last_us)}; accepted are ticks in "
                "order of time, and such as say late = true and their ordinal"
            )
        ordinal = ordinal + 1 if time_us == last_us else 0
        self._last[feed, symbol] = (time_us, ordinal)
        return ordinal


_ROWS: dict[FileFormat, Callable[[TextIO], Iterator[Mapping[str, Any]]]] = {
    FileFormat.CSV: _csv_rows,
    FileFormat.JSONL: _jsonl_rows,
}
_OF_A_CLOCK = frozenset(field.name for field in attrs.fields(Clock))
# What a tick's file may say or leave out.
_SAID = ("ordinal", "side", "trade_id", "sequence", "feed", "received_us", "late", "conditions")
