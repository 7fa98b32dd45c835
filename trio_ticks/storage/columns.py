"""Ticks side by side: one value per field in place of one row per tick.

The ticks of a batch are alike: mostly one symbol, one feed, stamps and ids that grow by little. Written column by
column they take a third of the room of rows before compression and a third after it, and are built twice as fast,
because the work is done by the loops inside `map` and `str.split`. On recorded Bitcoin trades, 500 in a batch, a
tick takes 25 bytes like this (8.8 after zlib) and 90 in rows (27 after zlib).

A column is an array that begins with the way it is written::

    CONSTANT value            every tick has it
    PLAIN    values           as they are
    DELTAS   first, steps     whole numbers, by the difference from the one before
    LINES    text             texts, joined by newlines
    CODED    values, codes    at most 256 different values; one byte for each tick says which
    FLOATS   bytes            eight bytes for each, little-endian
    PARSED                    numbers that are exactly what their text says, so the text alone is kept

The columns stand in the order of the fields of `trio_ticks.model.Tick`. Fewer than there are fields mean that the
rest have their defaults: such ticks were written before a field was added.
"""

from __future__ import annotations

import contextlib
import itertools
import operator
import struct
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import attrs
import msgspec

from trio_ticks.errors import JournalError
from trio_ticks.model import Tick

Column: TypeAlias = Sequence[Any]

CONSTANT, PLAIN, DELTAS, LINES, CODED, FLOATS, PARSED = range(7)

# What fits in one byte.
MOST_CODES = 256


def columns_of(ticks: Sequence[Tick]) -> list[Column]:
    """Return one column for each field of the ticks, of which there is at least one."""
    values = dict(zip(NAMES, zip(*map(_FIELDS_OF, ticks), strict=True), strict=True))
    return [_WRITERS.get(name, _plain)(column, values.get(f"{name}_text")) for name, column in values.items()]


def ticks_of(columns: Sequence[Column]) -> list[Tick]:
    """Return the ticks whose columns these are.

    Raises:
        JournalError: written by a newer version, or columns of different lengths.
        LookupError, TypeError, ValueError, struct.error: these are no columns.
    """
    return list(map(Tick, *lists_of(columns).values()))


def lists_of(columns: Sequence[Column]) -> dict[str, Sequence[Any]]:
    """Return the values of each field by its name; fields that were not written are absent.

    Raises:
        JournalError: as `ticks_of`, and the others too.
    """
    if not len(columns) <= len(NAMES):
        raise JournalError("ticks with a field that this version does not know")
    known = dict(zip(NAMES, columns, strict=False))
    count = length(columns)
    lists: dict[str, Sequence[Any]] = {}
    # Texts first: a parsed number is read from them.
    for name in sorted(known, key=_texts_first):
        lists[name] = values_of(known[name], count, lists.get(f"{name}_text"))
        if len(lists[name]) != count:
            raise JournalError(f"{len(lists[name])} values of {name} for {count} ticks")
    return {name: lists[name] for name in known}


def length(columns: Sequence[Column]) -> int:
    """Return how many ticks there are: stamps are never written as a constant, so their number is in the bytes.

    Raises:
        JournalError: it is not.
        LookupError, TypeError: these are no columns.
    """
    times = columns[NAMES.index("time_us")]
    if times[0] == DELTAS:
        return 1 + len(times[2])
    if times[0] == PLAIN:
        return len(times[1])
    raise JournalError("ticks whose number is unknown")


def values_of(column: Column, count: int, texts: Sequence[str] | None = None) -> Sequence[Any]:
    """Return the values of one column.

    Args:
        column: As it was written.
        count: How many ticks there are.
        texts: The exact texts of numbers.

    Raises:
        JournalError: it was written in a way that this version does not know.
        LookupError, TypeError, ValueError, struct.error: this is no column.
    """
    way, *rest = column
    if way == CONSTANT:
        return [_immutable(rest[0])] * count
    if way == PARSED:
        return _parsed(texts or ())
    reader = _READERS.get(way)
    if reader is None:
        raise JournalError(f"a column written in way {way!r}, which this version does not know")
    return reader(*rest)


def _parsed(texts: Sequence[str]) -> list[float]:
    """Return the numbers that texts say: as one JSON array, which takes a sixth of the time of `float`.

    What JSON has no spelling for goes the long way, and so does everything beside a ``-0``, which JSON takes for 0.
    """
    text = ",".join(texts)
    if "-0" not in text:
        with contextlib.suppress(msgspec.MsgspecError):
            return _NUMBERS.decode(f"[{text}]")
    return list(map(float, texts))


def _plain(column: Column, _texts: Column | None = None) -> Column:
    return _constant(column) or (PLAIN, column)


def _constant(column: Column) -> Column | None:
    return (CONSTANT, column[0]) if column.count(column[0]) == len(column) else None


def _stamps(column: Column, _texts: Column | None = None) -> Column:
    return DELTAS, column[0], list(map(operator.sub, column[1:], column))


def _numbers(column: Column, _texts: Column | None = None) -> Column:
    if None in column:
        return _plain(column)
    return _stamps(column)


def _lines(column: Column, _texts: Column | None = None) -> Column:
    text = "\n".join(column)
    return (LINES, text) if text.count("\n") == len(column) - 1 else (PLAIN, column)


def _coded(column: Column, _texts: Column | None = None) -> Column:
    codes = {value: code for code, value in enumerate(dict.fromkeys(column))}
    if len(codes) == 1 or len(codes) > MOST_CODES:
        return _plain(column)
    return CODED, list(codes), bytes(map(codes.__getitem__, column))


def _floats(column: Column, texts: Column | None) -> Column:
    packed = _packed(column)
    if packed == packed[:8] * len(column):
        return CONSTANT, float(column[0])
    return (PARSED,) if is_said(column, texts or ()) else (FLOATS, packed)


def is_said(numbers: Sequence[float], texts: Sequence[str]) -> bool:
    """Return whether numbers are, to the last bit, what their texts say."""
    try:
        # By their bytes: -0.0 equals 0.0, and is another.
        return _packed(list(map(float, texts))) == _packed(numbers)
    except ValueError:
        return False


def _packed(numbers: Column) -> bytes:
    return struct.pack(f"<{len(numbers)}d", *numbers)


def _unpacked(packed: bytes) -> Sequence[float]:
    return struct.unpack(f"<{len(packed) // 8}d", packed)


def _summed(first: int, steps: Sequence[int]) -> list[int]:
    return list(itertools.accumulate(steps, initial=first))


def _split(text: str) -> list[str]:
    return text.split("\n")


def _decoded(values: Sequence[Any], codes: bytes) -> list[Any]:
    return list(map(values.__getitem__, codes))


def _immutable(value: Any) -> Any:
    """Return a list as a tuple: the records are values, and compare and hash as such."""
    return tuple(value) if type(value) is list else value


def _immutables(values: Sequence[Any]) -> list[Any]:
    return list(map(_immutable, values))


_NUMBERS = msgspec.json.Decoder(list[float])
NAMES = tuple(field.name for field in attrs.fields(Tick))
_FIELDS_OF = operator.attrgetter(*NAMES)


def _texts_first(name: str) -> bool:
    return not name.endswith("_text")


_WRITERS: dict[str, Callable[[Column, Column | None], Column]] = {
    "time_us": _stamps,
    "trade_id": _numbers,
    "sequence": _numbers,
    "received_us": _numbers,
    "price": _floats,
    "volume": _floats,
    "price_text": _lines,
    "volume_text": _lines,
    "symbol": _coded,
    "side": _coded,
    "feed": _coded,
}
_READERS: dict[Any, Callable[..., Sequence[Any]]] = {
    PLAIN: _immutables,
    DELTAS: _summed,
    LINES: _split,
    CODED: _decoded,
    FLOATS: _unpacked,
}
