"""Records as tables: which columns a kind has, in which order and of which type.

One table says it for everything that is made of columns: data frames, Parquet files and the archive. A column is
called as its field is, but for instants: there a unit in the name would contradict the type, so ``time_us`` is the
column ``time``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any

import attrs

from trio_ticks.model import Bar, Book, Clock, Gap, Record, Signal, Status, Tick


class Type(Enum):
    """What the values of a column are."""

    WORD = auto()  # a text of which there are few different ones
    TEXT = auto()
    INSTANT = auto()
    COUNT = auto()  # a whole number that is always there
    WHOLE = auto()  # a whole number, or nothing
    NUMBER = auto()
    TRUTH = auto()
    TEXTS = auto()
    LEVELS = auto()
    FIELDS = auto()


@attrs.frozen
class Column:
    """One column, and the field of the record that it holds."""

    field: str
    type: Type

    @property
    def name(self) -> str:
        """What the column is called."""
        return self.field.removesuffix("_us")


KINDS: Mapping[str, type[Any]] = {
    "ticks": Tick,
    "gaps": Gap,
    "statuses": Status,
    "signals": Signal,
    "bars": Bar,
    "books": Book,
    "clocks": Clock,
}
"""What a user calls them, and what they are."""

_TYPES = {
    **dict.fromkeys(("symbol", "feed", "side", "cause", "status", "source", "name", "strategy"), Type.WORD),
    **dict.fromkeys(("time_us", "received_us", "start_us", "end_us"), Type.INSTANT),
    **dict.fromkeys(("ordinal", "count"), Type.COUNT),
    **dict.fromkeys(("trade_id", "sequence", "missed"), Type.WHOLE),
    **dict.fromkeys(("price", "volume", "open", "high", "low", "close", "vwap"), Type.NUMBER),
    **dict.fromkeys(("price_text", "volume_text", "reason"), Type.TEXT),
    **dict.fromkeys(("late", "complete", "revised"), Type.TRUTH),
    **dict.fromkeys(("bids", "asks"), Type.LEVELS),
    "conditions": Type.TEXTS,
    "fields": Type.FIELDS,
}
# As ticks are printed; what only machines look at comes last.
_TICK_FIELDS = (
    "symbol", "time_us", "ordinal", "price", "volume", "side", "trade_id", "sequence", "feed", "received_us", "late",
    "price_text", "volume_text", "conditions",
)  # fmt: skip


def columns_of_kind(kind: str) -> tuple[Column, ...]:
    """Return the columns of a kind, such as ``ticks``, in their order."""
    names = _TICK_FIELDS if kind == "ticks" else [field.name for field in attrs.fields(KINDS[kind])]
    return tuple(Column(name, type_of(name)) for name in names)


def type_of(field: str) -> Type:
    """Return what the values of a field are; a field of one name is the same in every kind."""
    return _TYPES[field]


def plain(value: Any, kind: Type) -> Any:
    """Return the value of a field as one that tables can hold."""
    return _PLAIN[kind](value) if kind in _PLAIN else value


def build(kind: str, values: Mapping[str, Any]) -> Record:
    """Return the record whose fields, by name, tables hold as these values."""
    record: Record = KINDS[kind](**{name: _native(value, type_of(name)) for name, value in values.items()})
    return record


def _native(value: Any, kind: Type) -> Any:
    return value if value is None or kind not in _NATIVE else _NATIVE[kind](value)


def _levels(value: Any) -> list[dict[str, float]]:
    return [{"price": price, "volume": volume} for price, volume in value]


def _pairs(value: Any) -> tuple[tuple[float, float], ...]:
    return tuple((level["price"], level["volume"]) for level in value)


# Their values are not the record's own.
STRUCTURED = frozenset({Type.LEVELS, Type.FIELDS})
# JSON as Python writes it has a spelling for infinities, and tells 1 from 1.0.
_PLAIN: dict[Type, Callable[[Any], Any]] = {Type.LEVELS: _levels, Type.FIELDS: lambda value: json.dumps(dict(value))}
_NATIVE: dict[Type, Callable[[Any], Any]] = {Type.LEVELS: _pairs, Type.FIELDS: json.loads, Type.TEXTS: tuple}
