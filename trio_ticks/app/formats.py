"""Ticks as lines of text: for people, as JSON lines, as CSV.

The fields and their names are the same in JSON and CSV. Prices and sizes are the exact decimal texts that the vendor
sent, because a float in between would change the last digits.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from trio_ticks.model import Tick

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
)


class Format(StrEnum):
    """How a tick is printed."""

    TEXT = "text"
    JSONL = "jsonl"
    CSV = "csv"


Write: TypeAlias = Callable[[Iterable[Tick]], bytes]


def header_of(form: Format) -> bytes:
    """Return what a new file begins with."""
    return _csv_line(FIELDS).encode() if form is Format.CSV else b""


def writer_of(form: Format) -> Write:
    """Return the function that turns ticks into UTF-8 lines, each with its line feed."""
    return _WRITERS[form]


def price_text(tick: Tick) -> str:
    """Return the price as it came; a feed that has only floats gives the shortest text that is exact."""
    return tick.price_text or repr(tick.price)


def volume_text(tick: Tick) -> str:
    """Return the size as it came; "" where there was none."""
    return tick.volume_text or (repr(tick.volume) if tick.volume else "")


def fields_of(tick: Tick) -> dict[str, Any]:
    """Return a tick as the fields of JSON and CSV, in their order."""
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
    }


def _text(ticks: Iterable[Tick]) -> bytes:
    return "".join(_text_line(tick) for tick in ticks).encode()


def _text_line(tick: Tick) -> str:
    time = tick.time.isoformat(timespec="microseconds").replace("+00:00", "Z")
    words = [time, f"{tick.symbol:<10}", f"{price_text(tick):>14}", f"{volume_text(tick):>14}", tick.side or "-"]
    return "  ".join([*words, "late"] if tick.late else words) + "\n"


def _jsonl(ticks: Iterable[Tick]) -> bytes:
    return b"".join(msgspec.json.encode(fields_of(tick)) + b"\n" for tick in ticks)


def _csv(ticks: Iterable[Tick]) -> bytes:
    return "".join(_csv_line(_plain(fields_of(tick)).values()) for tick in ticks).encode()


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Spell truth as JSON does, so that a column reads the same from either."""
    return {**fields, "late": "true" if fields["late"] else "false"}


def _csv_line(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()


_WRITERS: dict[Format, Write] = {Format.TEXT: _text, Format.JSONL: _jsonl, Format.CSV: _csv}
