r"""A tick as a point of InfluxDB, and back: what each part of its line is.

**Which point a tick is.** InfluxDB tells points apart by measurement, tags and nanosecond, and overwrites what is
equal; a tick is (feed, symbol, `time_us`, `ordinal`). So the nanoseconds below the microsecond hold the ordinal:

* ordinals 0 to 999 are the nanoseconds of their microsecond;
* higher ones of a stamp that is a whole millisecond carry on into the microseconds that follow, under the tag
  ``carried=1``: still in order of time, and in a series of their own, where no tick that was really stamped with one
  of those microseconds can be. A venue that stamps in milliseconds or seconds may well have a thousand trades in one;
* otherwise the thousand-and-first tick of one microsecond is refused.

For feeds whose trade ids count every trade, ``trade_id % 1000`` can take the place of the ordinal: it is the same
in every engine, while ordinals depend on the order in which one engine saw the ticks. Of one microsecond, the first
thousand ids then have to differ modulo 1,000, which those of a counter do.

**What the fields are.** All of the tick, so that it can be read back exactly. Prices and sizes are floats, with their
text beside them; what a tick does not have is left out, but for its texts, which may be empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

import msgspec

from trio_ticks.model import Tick
from trio_ticks.storage.line_text import UnencodableError, field_integer, field_text, tag_text

PER_MICROSECOND = 1000
_PLAIN_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_PER_MILLISECOND = 1_000_000

# InfluxData's reference: the least and the greatest nanosecond that can be stored are the negatives of each other.
LAST_NS = 9_223_372_036_854_775_806


def point_time(tick: Tick, *, by_trade_id: bool = False) -> tuple[int, bool]:
    """Return a tick's place in its series: the nanosecond, and whether it is in the series of the carried ones.

    Two ticks of one feed and symbol that differ in (`time_us`, `ordinal`) have different places. By trade id this
    holds where, of one microsecond, the first thousand ids differ modulo 1,000.

    Raises:
        UnencodableError: The microsecond is full, the time cannot be stored, or the trade id is missing.
    """
    offset, carried = tick.ordinal, tick.ordinal >= PER_MICROSECOND
    if offset < 0:
        raise UnencodableError("ordinal is negative")
    if carried and (tick.time_us % 1000 or offset >= _PER_MILLISECOND):
        raise UnencodableError(f"ordinal is {offset}: its microsecond is full")
    if by_trade_id:
        if tick.trade_id is None:
            raise UnencodableError("trade_id is missing, and the ticks of its feed are told apart by it")
        offset = offset if carried else tick.trade_id % PER_MICROSECOND
    time_ns = tick.time_us * 1000 + offset
    if not -LAST_NS <= time_ns <= LAST_NS:
        raise UnencodableError("time_us is beyond the years 1677 to 2262")
    return time_ns, carried


def series_text(measurement: str, feed: str, symbol: str, writer: str, *, carried: bool = False) -> str:
    """Return measurement and tags, these in the order of their names, which is how servers sort them.

    Raises:
        UnencodableError: The symbol is empty, or a tag cannot be written.
    """
    first = ",carried=1" if carried else ""
    return f"{measurement}{first}{_tag('feed', feed)},symbol={tag_text('symbol', symbol)}{_tag('writer', writer)}"


def tick_line(tick: Tick, position: int, *, measurement: str, writer: str = "", by_trade_id: bool = False) -> str:
    """Return a tick's line.

    Args:
        tick: Any tick at all.
        position: Where it is in the journal.
        measurement: A name that needs no escaping.
        writer: One more tag, or "" for none.
        by_trade_id: As in `point_time`.

    Raises:
        UnencodableError: No line can carry it; the text is the reason.
    """
    time_ns, carried = point_time(tick, by_trade_id=by_trade_id)
    series = series_text(measurement, tick.feed, tick.symbol, writer, carried=carried)
    fields = {
        "price": number_text("price", tick.price, tick.price_text),
        "volume": number_text("volume", tick.volume, tick.volume_text),
        "price_text": field_text("price_text", tick.price_text),
        "volume_text": field_text("volume_text", tick.volume_text),
        "side": None if tick.side is None else field_text("side", tick.side),
        "conditions": None if tick.conditions is None else field_text("conditions", json.dumps(tick.conditions)),
        "time_us": field_integer("time_us", tick.time_us),
        "trade_id": None if tick.trade_id is None else field_integer("trade_id", tick.trade_id),
        "sequence": None if tick.sequence is None else field_integer("sequence", tick.sequence),
        "received_us": field_integer("received_us", tick.received_us),
        "late": field_integer("late", tick.late),
        "ordinal": field_integer("ordinal", tick.ordinal),
        "position": field_integer("position", position),
    }
    written = ",".join(f"{name}={value}" for name, value in fields.items() if value is not None)
    return f"{series} {written} {time_ns}"


def tick_of_row(row: Mapping[str, Any]) -> Tick:
    """Return the tick that a point was written from, equal in every field.

    Args:
        row: Column names and values of the point, as ``SELECT *`` gives them; more columns do no harm, and a
            column of None is one that the point does not have.

    Raises:
        KeyError, TypeError, ValueError: It is no point of a tick.
    """
    conditions = row.get("conditions")
    return Tick(
        symbol=row["symbol"],
        time_us=int(row["time_us"]),
        # A server writes 9500.0 as 9500 in JSON.
        price=float(row["price"]),
        volume=float(row["volume"]),
        price_text=row["price_text"],
        volume_text=row["volume_text"],
        side=row.get("side"),
        trade_id=row.get("trade_id"),
        sequence=row.get("sequence"),
        feed=row.get("feed") or "",
        received_us=int(row["received_us"]),
        ordinal=int(row["ordinal"]),
        late=bool(row["late"]),
        conditions=None if conditions is None else tuple(json.loads(conditions)),
    )


def _tag(name: str, value: str) -> str:
    return f",{name}={tag_text(name, value)}" if value else ""


def number_text(name: str, value: float, text: str) -> str:
    """Return a float as its own exact text, where that is a plain decimal and says no other number.

    Otherwise it is as msgspec writes it: the shortest text that reads back as the same number.

    Raises:
        UnencodableError: It is no finite number.
    """
    if not isfinite(value):
        raise UnencodableError(f"{name} is not a finite number")
    if _PLAIN_DECIMAL.fullmatch(text) and repr(float(text)) == repr(value):  # -0.0 equals 0.0, and is another
        return text
    return msgspec.json.encode(value).decode()
