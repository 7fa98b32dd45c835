"""How records are written down: the ticks of a batch as columns, all others as tagged rows between them.

A payload is one msgpack array ``[FORMAT, columns, rows]``, deflated where that makes it smaller. A row is
``[index, kind, *fields]``; its index is its place among all records, so that gaps, statuses and decisions lie between
the ticks in the very order in which they were seen. The fields follow in the order of `trio_ticks.model`; one that is
added to a record later goes to its end and has a default, so that what was written before stays readable.

zlib at level 1 halves columns for 0.2 µs a tick. Level 6 takes another tenth off for three times the time. zstd and
lz4 would be libraries more, and were not measured.
"""

from __future__ import annotations

import operator
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import msgspec

from trio_ticks.errors import JournalError
from trio_ticks.model import Bar, Book, Clock, Gap, Record, Signal, Status, Tick
from trio_ticks.storage.columns import Column, columns_of, ticks_of

FORMAT = 1

# The order is part of the format: a kind's bit in `kinds_of` is its place here. New kinds go to the end.
CLASSES: tuple[type[Any], ...] = (Tick, Book, Bar, Gap, Status, Clock, Signal)
_BY_KIND = {cls.kind: cls for cls in CLASSES}
_BITS = {cls: 1 << place for place, cls in enumerate(CLASSES)}

# Fourteen columns cost a hundred bytes and two microseconds before the first value; rows are smaller up to two
# ticks, and columns are not slower from four.
_FEWEST_IN_COLUMNS = 3
# Setting up the compressor takes 7 µs, which so few bytes do not earn.
_SMALLEST_DEFLATED_BYTES = 256
# A batch has a thousand records and a payload a hundred kilobytes at most. What inflates beyond this was made to.
_LARGEST_BYTES = 64 * 1024 * 1024
_NO_PAYLOAD = (msgspec.MsgspecError, zlib.error, struct.error, LookupError, TypeError, ValueError, OverflowError)


def encode(records: Sequence[Record]) -> bytes:
    """Return records as bytes, in order.

    Raises:
        JournalError: a record holds what cannot be written, such as an object of the user's own in a `Signal`.
    """
    ticks = [item for item in records if type(item) is Tick]
    if len(ticks) < _FEWEST_IN_COLUMNS:
        return _deflated(_packed([], list(enumerate(records))))
    rows = [] if len(ticks) == len(records) else [row for row in enumerate(records) if type(row[1]) is not Tick]
    try:
        return _deflated(_ENCODER.encode((FORMAT, columns_of(ticks), _rows(rows))))
    except (OverflowError, UnicodeEncodeError, TypeError, struct.error):
        return _deflated(_packed([], list(enumerate(records))))


def decode(payload: bytes) -> list[Record]:
    """Return the records that `encode` was given, equal in every field.

    Raises:
        JournalError: the bytes are no payload, or hold what this version does not know.
    """
    try:
        columns, rows = _parts(payload)
        records: list[Record] = list(ticks_of(columns)) if columns else []
        for index, kind, *values in rows:
            if not 0 <= index <= len(records):
                raise JournalError(f"unreadable payload: no record comes before number {index}")
            records.insert(index, _build(kind, values))
    except _NO_PAYLOAD as error:
        raise JournalError(f"unreadable payload: {error}") from error
    return records


def columns_in(payload: bytes) -> list[Column]:
    """Return the ticks of a payload as the columns in which they are written, without building one.

    Fewer than three ticks stand in rows, as do those that columns cannot hold; then there is no column.

    Raises:
        JournalError: the bytes are no payload, or of a newer version.
    """
    try:
        return _parts(payload)[0]
    except _NO_PAYLOAD as error:
        raise JournalError(f"unreadable payload: {error}") from error


def parts_in(payload: bytes) -> tuple[list[Column], list[tuple[int, Record]]]:
    """Return the ticks of a payload as `columns_in` does, and what stands in rows, each with its place among all.

    Put into the ticks one after the other, each at its place, these give what `decode` returns.

    Raises:
        JournalError: the bytes are no payload, or hold what this version does not know.
    """
    try:
        columns, rows = _parts(payload)
        return columns, [(index, _build(kind, values)) for index, kind, *values in rows]
    except _NO_PAYLOAD as error:
        raise JournalError(f"unreadable payload: {error}") from error


def kinds_of(records: Sequence[Record]) -> int:
    """Return the kinds of the records as one number, a bit for each; `bits_of` says which."""
    bits = 0
    for cls in set(map(type, records)):
        bits |= _BITS[cls]
    return bits


def bits_of(*kinds: str) -> int:
    """Return these kinds as `kinds_of` gives them.

    Raises:
        ValueError: there is no such kind.
    """
    unknown = [kind for kind in kinds if kind not in _BY_KIND]
    if unknown:
        raise ValueError(f"no kind of record is called {unknown[0]!r}; there are {', '.join(_BY_KIND)}")
    return sum({_BITS[_BY_KIND[kind]] for kind in kinds})


def _parts(payload: bytes) -> tuple[list[Any], list[Any]]:
    document = _DECODER.decode(_inflated(payload))
    if not document or document[0] != FORMAT:
        raise JournalError(f"a payload of format {document[:1]}, which this version does not know")
    _format, columns, rows = document
    return columns, rows


def _packed(columns: list[Any], rows: list[tuple[int, Record]]) -> bytes:
    written = _rows(rows)
    try:
        return _ENCODER.encode((FORMAT, columns, written))
    except (OverflowError, UnicodeEncodeError, TypeError):
        return _ENCODER.encode((FORMAT, columns, _tamed(written)))


def _rows(records: list[tuple[int, Record]]) -> list[tuple[Any, ...]]:
    return [(index, item.kind, *_VALUES[type(item)](item)) for index, item in records]


def _tamed(value: Any) -> Any:
    """Return a value in which numbers beyond 64 bits and broken Unicode are wrapped: a vendor may send either."""
    if isinstance(value, (list, tuple)):
        return [_tamed(item) for item in value]
    if isinstance(value, dict):
        return msgspec.msgpack.Ext(_MAPPING, _ENCODER.encode(_tamed(list(value.items()))))
    if isinstance(value, str):
        return msgspec.msgpack.Ext(_TEXT, value.encode("utf-8", "surrogatepass"))
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        return msgspec.msgpack.Ext(_INTEGER, hex(value).encode())
    if value is None or isinstance(value, (int, float)):
        return value
    raise JournalError(f"a {type(value).__name__} cannot be written down: {value!r}")


def _restored(code: int, content: memoryview) -> Any:
    if code == _MAPPING:
        return dict(_DECODER.decode(content))
    if code == _TEXT:
        return str(content, "utf-8", "surrogatepass")
    if code == _INTEGER:
        return int(str(content, "ascii"), 16)
    raise JournalError(f"a value of type {code}, which this version does not know")


def _build(kind: str, values: list[Any]) -> Record:
    cls = _BY_KIND.get(kind)
    if cls is None:
        raise JournalError(f"a record of kind {kind!r}, which this version does not know")
    record: Record = cls(*(_tupled(value) if type(value) is list else value for value in values))
    return record


def _tupled(values: list[Any]) -> tuple[Any, ...]:
    """Return nested lists as tuples: the records are values, and compare and hash as such."""
    return tuple(_tupled(value) if type(value) is list else value for value in values)


def _deflated(packed: bytes) -> bytes:
    if len(packed) < _SMALLEST_DEFLATED_BYTES:
        return packed
    smaller = zlib.compress(packed, 1)
    return smaller if len(smaller) < len(packed) else packed


def _inflated(payload: bytes) -> bytes:
    """Tell the two by their first byte: 0x93 begins an array of three, 0x78 what zlib wrote."""
    if payload[:1] != b"\x78":
        return payload
    inflater = zlib.decompressobj()
    packed = inflater.decompress(payload, _LARGEST_BYTES)
    if not inflater.eof or inflater.unused_data:
        raise JournalError("unreadable payload: cut short, too large, or followed by something else")
    return packed


def _values_of(cls: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    return operator.attrgetter(*(field.name for field in attrs.fields(cls)))


_TEXT, _INTEGER, _MAPPING = 1, 2, 3
_LEAST, _MOST = -(2**63), 2**64 - 1
_VALUES = {cls: _values_of(cls) for cls in CLASSES}
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Any], ext_hook=_restored)
