"""How records are written down: each as an array that begins with its kind, many of them as one msgpack text.

A tag for each record, rather than a format for ticks alone, lets gaps, statuses and decisions lie between the
ticks in the very order in which they were seen. The fields follow in the order of `trio_ticks.model`; a field that
is added to a record later goes to its end and has a default, so that what was written before stays readable.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import msgspec

from trio_ticks.errors import JournalError
from trio_ticks.model import Bar, Book, Clock, Gap, Record, Signal, Status, Tick

_CLASSES: tuple[type[Any], ...] = (Tick, Book, Bar, Gap, Status, Clock, Signal)
_BY_KIND = {cls.kind: cls for cls in _CLASSES}


def encode(records: Sequence[Record]) -> bytes:
    """Return records as bytes, in order."""
    return _ENCODER.encode([(item.kind, *_VALUES[type(item)](item)) for item in records])


def decode(payload: bytes) -> list[Record]:
    """Return the records that `encode` was given, equal in every field.

    Raises:
        JournalError: the bytes are no such text, or hold a kind that this version does not know.
    """
    try:
        return [_build(*row) for row in _DECODER.decode(payload)]
    except (msgspec.MsgspecError, TypeError) as error:
        raise JournalError(f"unreadable payload: {error}") from error


def _build(kind: str, *values: Any) -> Record:
    cls = _BY_KIND.get(kind)
    if cls is None:
        raise JournalError(f"a record of kind {kind!r}, which this version does not know")
    record: Record = cls(*(_tupled(value) if type(value) is list else value for value in values))
    return record


def _tupled(values: list[Any]) -> tuple[Any, ...]:
    """Return nested lists as tuples: the records are values, and compare and hash as such."""
    return tuple(_tupled(value) if type(value) is list else value for value in values)


def _values_of(cls: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    return operator.attrgetter(*(field.name for field in attrs.fields(cls)))


_VALUES = {cls: _values_of(cls) for cls in _CLASSES}
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[list[Any]])
