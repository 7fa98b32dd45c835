"""Records as lines of text: for people, as JSON lines, as CSV.

The fields and their names are the same in JSON and CSV. Prices and sizes of ticks are the exact decimal texts that
the vendor sent, because a float in between would change the last digits. Other records have the fields of
`trio_ticks.model`; what has an inside of its own, such as a signal's fields, is JSON in CSV, too.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeAlias

import attrs
import msgspec

from trio_ticks.model import Record, Tick
from trio_ticks.storage.layout import KINDS
from trio_ticks.storage.reading import ALL

FIELDS = (
    "symbol",
    "time_us",
    "ordinal",
    "price",
    "volume",
    "side",
    "trade_id",
    "sequence",
    "feed",
    "received_us",
    "late",
    "conditions",
)


FIELDS_OF: Mapping[str, tuple[str, ...]] = {
    kind: FIELDS if cls is Tick else tuple(field.name for field in attrs.fields(cls)) for kind, cls in KINDS.items()
}
"""The fields of each kind, as users call it."""


class Format(StrEnum):
    """How a tick is printed."""

    TEXT = "text"
    JSONL = "jsonl"
    CSV = "csv"


Write: TypeAlias = Callable[[Iterable[Any]], bytes]


def header_of(form: Format, kind: str = "ticks") -> bytes:
    """Return what a new file begins with."""
    return _csv_lines([FIELDS_OF[kind]]).encode() if form is Format.CSV else b""


def writer_of(form: Format, kind: str = "ticks") -> Write:
    """Return the function that turns records into UTF-8 lines, each with its line feed.

    Only ticks have lines for people. Of ``all`` kinds there are JSON lines, each of which begins with its ``kind``.
    """
    return _jsonl_of_all if kind == ALL else _WRITERS[form]


def price_text(tick: Tick) -> str:
    """Return the price as it came; a feed that has only floats gives the shortest text that is exact."""
    return tick.price_text or repr(tick.price)


def volume_text(tick: Tick) -> str:
    """Return the size as it came; "" where there was none."""
    return tick.volume_text or (repr(tick.volume) if tick.volume else "")


def fields_of(record: Record) -> dict[str, Any]:
    """Return a record as the fields of JSON and CSV, in their order."""
    return _fields_of_tick(record) if type(record) is Tick else attrs.asdict(record, recurse=False)


def _fields_of_tick(tick: Tick) -> dict[str, Any]:
    return {
        "symbol": tick.symbol,
        "time_us": tick.time_us,
        "ordinal": tick.ordinal,
        "price": price_text(tick),
        "volume": volume_text(tick),
        "side": tick.side,
        "trade_id": tick.trade_id,
        "sequence": tick.sequence,
        "feed": tick.feed,
        "received_us": tick.received_us,
        "late": tick.late,
        "conditions": tick.conditions,
    }


def _text(ticks: Iterable[Tick]) -> bytes:
    return "".join(_text_line(tick) for tick in ticks).encode()


def _text_line(tick: Tick) -> str:
    time = tick.time.isoformat(timespec="microseconds").replace("+00:00", "Z")
    words = [time, f"{tick.symbol:<10}", f"{price_text(tick):>14}", f"{volume_text(tick):>14}", tick.side or "-"]
    return "  ".join([*words, "late"] if tick.late else words) + "\n"


def _jsonl(records: Iterable[Record]) -> bytes:
    return b"".join(_json(fields_of(record)) + b"\n" for record in records)


def _jsonl_of_all(records: Iterable[Record]) -> bytes:
    return b"".join(_json({"kind": record.kind, **fields_of(record)}) + b"\n" for record in records)


def _json(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (OverflowError, UnicodeEncodeError):  # numbers beyond 64 bits, halves of surrogate pairs
        return json.dumps(value, separators=(",", ":")).encode()


def _csv(records: Iterable[Record]) -> bytes:
    return _csv_lines(map(_spelled, fields_of(record).values()) for record in records).encode("utf-8", "replace")


def _spelled(value: Any) -> Any:
    """Spell a value as JSON does where CSV has no spelling, so that a column reads the same from either."""
    if isinstance(value, (bool, tuple, Mapping)):
        return _json(value).decode()
    return value


def _csv_lines(rows: Iterable[Iterable[Any]]) -> str:
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(rows)
    return lines.getvalue()


_WRITERS: dict[Format, Write] = {Format.TEXT: _text, Format.JSONL: _jsonl, Format.CSV: _csv}
