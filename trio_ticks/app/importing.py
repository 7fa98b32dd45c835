"""``journal import``: files of records, as ``export`` writes them or as others do, as a new journal."""

from __future__ import annotations

import csv
import itertools
import json
import math
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import attrs

from trio_ticks.app.exporting import FileFormat, form_of
from trio_ticks.app.formats import FIELDS_OF
from trio_ticks.core.timestamps import to_us
from trio_ticks.errors import ConfigError
from trio_ticks.model import Clock, Record, Tick
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.storage.journal import Journal
from trio_ticks.storage.journal.lock import WriterLock, owner_text
from trio_ticks.storage.layout import KINDS, Type, type_of
from trio_ticks.storage.replacing import sync_directory

_IN_BATCH = 1_000
_IN_COMMIT = 50
# What only a kind has, from the most telling one on; ticks and clocks are told last.
_TELLING = {
    "start_us": "gaps",
    "status": "statuses",
    "strategy": "signals",
    "bids": "books",
    "open": "bars",
    "price": "ticks",
}


@attrs.frozen(kw_only=True)
class Import:
    """What is read, and what is said of ticks whose file does not say it."""

    files: Sequence[Path]
    form: FileFormat | None = None
    symbol: str | None = None
    feed: str = "import"


def import_files(journal: Path, job: Import) -> int:
    """Make a journal of files, in their order; return how many records it has.

    The journal appears whole or not at all. One that exists is left as it is: its ticks would be there twice.

    Raises:
        ConfigError: there is such a journal, or a file cannot be read; the line is named.
        JournalError: the journal cannot be written.
    """
    now_us = utc_now_us()
    if journal.exists():
        raise ConfigError(f"{journal} exists; accepted is the path of a journal that is to be made")
    if not journal.absolute().parent.is_dir():
        raise ConfigError(f"{journal}: its directory does not exist")
    lock = WriterLock(journal, owner=owner_text(now_us))
    temporary = journal.with_name(f".{journal.name}.{secrets.token_hex(4)}.part")
    try:
        count = _write(temporary, _records(job), now_us)
        temporary.replace(journal)
        sync_directory(journal.absolute().parent)
    finally:
        for leftover in temporary.parent.glob(f"{temporary.name}*"):
            leftover.unlink()
        lock.release()
    return count


def _write(path: Path, records: Iterator[Record], now_us: int) -> int:
    count = 0
    with Journal.open(path, now_us=now_us) as journal:
        batches = iter(lambda: list(itertools.islice(records, _IN_BATCH)), [])
        while some := list(itertools.islice(batches, _IN_COMMIT)):
            journal.commit(some, now_us=now_us)
            count += sum(map(len, some))
    return count


def _records(job: Import) -> Iterator[Record]:
    ordinals = _Ordinals()
    for path in job.files:
        form = job.form or form_of(str(path), "FILE")
        rows = _ROWS.get(form)
        if rows is None:
            raise ConfigError(f"{path}: {form} is not imported; accepted: csv, jsonl")
        try:
            with path.open(newline="", encoding="utf-8") as file:
                yield from _built(path, rows(file), job, ordinals)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def _built(path: Path, rows: Iterator[Mapping[str, Any]], job: Import, ordinals: _Ordinals) -> Iterator[Record]:
    for line in itertools.count(1):
        try:
            row = next(rows, None)
            if row is None:
                return
            record = _record(row, job, ordinals)
        except (ValueError, TypeError, LookupError, csv.Error) as error:
            reason = f"has no {error}" if isinstance(error, KeyError) else str(error)
            raise ConfigError(f"{path}: record {line}: {reason}") from None
        yield record


def _csv_rows(file: TextIO) -> Iterator[Mapping[str, Any]]:
    """Yield rows by the names in the header. An empty field is one that is not said."""
    for row in csv.DictReader(file, strict=True):
        if None in row or None in row.values():
            raise ValueError("has more or fewer fields than the header")
        yield {name: value or None for name, value in row.items()}


def _jsonl_rows(file: TextIO) -> Iterator[Mapping[str, Any]]:
    for line in file:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise TypeError("is no JSON object")
        yield row


def _record(row: Mapping[str, Any], job: Import, ordinals: _Ordinals) -> Record:
    cls = _class_of(row)
    if cls is Tick:
        return _tick(row, job, ordinals)
    values = {
        name: _value(row[name], type_of(name)) for name in FIELDS_OF[_KIND_OF[cls]] if row.get(name) is not None
    }
    record: Record = cls(**values)
    return record


def _tick(row: Mapping[str, Any], job: Import, ordinals: _Ordinals) -> Tick:
    symbol = job.symbol if row.get("symbol") is None else row["symbol"]
    if symbol is None:
        raise ValueError("has no symbol; --symbol says which")
    if row["price"] in {None, ""}:
        raise ValueError("has no price")
    time_us = _time_us(row)
    said = {name: _value(row[name], type_of(name)) for name in _SAID if row.get(name) is not None}
    price_text, price = _number(row["price"])
    volume_text, volume = _number(row.get("volume"))
    if "ordinal" not in said:
        said["ordinal"] = ordinals.next_of(symbol, time_us)
    return Tick(
        symbol=symbol,
        time_us=time_us,
        price=price,
        volume=volume,
        price_text=price_text,
        volume_text=volume_text,
        **{"feed": job.feed, "received_us": time_us, **said},
    )


def _class_of(row: Mapping[str, Any]) -> type[Any]:
    """Return what a row is: what it says, or by the fields that only one kind has."""
    if "kind" in row:
        return {cls.kind: cls for cls in KINDS.values()}[row["kind"]]
    return next((KINDS[kind] for field, kind in _TELLING.items() if field in row), Clock)


def _time_us(row: Mapping[str, Any]) -> int:
    """Return when it was: ``time_us`` is a number of microseconds, ``time`` anything that tells an instant."""
    return int(row["time_us"]) if row.get("time_us") is not None else to_us(row["time"])


def _number(value: Any) -> tuple[str, float]:
    """Return a number's exact text, where it came as a text, and the number."""
    if value is None or value == "":
        return "", 0.0
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is no price or volume")
    return value if isinstance(value, str) else "", number


def _value(value: Any, kind: Type) -> Any:
    return _VALUES[kind](value) if kind in _VALUES else value


def _truth(value: Any) -> bool:
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def _levels(value: Any) -> tuple[tuple[float, float], ...]:
    pairs = json.loads(value) if isinstance(value, str) else value
    return tuple((float(price), float(volume)) for price, volume in pairs)


def _fields(value: Any) -> dict[str, Any]:
    return dict(json.loads(value) if isinstance(value, str) else value)


class _Ordinals:
    """Numbers ticks of one symbol and stamp, for files that do not."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int]] = {}

    def next_of(self, symbol: str, time_us: int) -> int:
        """Return the next number of a stamp; stamps must not go back, or the numbers given would have to be kept."""
        last_us, ordinal = self._last.get(symbol, (time_us, -1))
        if time_us < last_us:
            raise ValueError(f"goes back in time: {time_us} after {last_us}; sort it by time, or say each ordinal")
        ordinal = ordinal + 1 if time_us == last_us else 0
        self._last[symbol] = (time_us, ordinal)
        return ordinal


_KIND_OF = {cls: kind for kind, cls in KINDS.items()}
_ROWS: dict[FileFormat, Callable[[TextIO], Iterator[Mapping[str, Any]]]] = {
    FileFormat.CSV: _csv_rows,
    FileFormat.JSONL: _jsonl_rows,
}
# What a tick's file may say or leave out.
_SAID = ("ordinal", "side", "trade_id", "sequence", "feed", "received_us", "late")
_VALUES: dict[Type, Callable[[Any], Any]] = {
    Type.INSTANT: int,
    Type.COUNT: int,
    Type.WHOLE: int,
    Type.NUMBER: float,
    Type.TRUTH: _truth,
    Type.LEVELS: _levels,
    Type.FIELDS: _fields,
}
