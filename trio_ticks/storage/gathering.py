"""Ticks from the journal's payloads to Arrow tables without building a `Tick`.

The columns of many batches are collected as they were written, and become arrays for tens of thousands of ticks at
once. Words are joined by their codes, numbers that are what their text says are parsed by Arrow from the column of
texts, and a column that is the same throughout costs next to nothing. Only the rest passes through lists of Python.
"""

from __future__ import annotations

import contextlib
import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import attrs

from trio_ticks.errors import JournalError
from trio_ticks.model import Tick
from trio_ticks.storage import columns as ways
from trio_ticks.storage.arrow import array_of, pyarrow_or_refuse, schema_of
from trio_ticks.storage.frames import ArrowTable
from trio_ticks.storage.layout import Column, Type, columns_of_kind
from trio_ticks.storage.payload import columns_in, decode

ROWS_IN_TABLE = 16_384
"""Fewer pay for more arrays; more leave the processor's cache, and are more for the collector to look through."""

Piece: TypeAlias = tuple[ways.Column, int]
"""One column of one batch as it was written, and its length."""

_NO_COLUMNS = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
_FIELDS = attrs.fields(Tick)
_NAMES = [field.name for field in _FIELDS]
_DEFAULTS: list[ways.Column] = [(ways.CONSTANT, field.default) for field in _FIELDS]
_VALUES_OF = operator.attrgetter(*_NAMES)


class Gathering:
    """Ticks on their way into tables.

    Attributes:
        count: How many have been taken since the last table.
    """

    def __init__(self) -> None:
        self._pa = pyarrow_or_refuse()
        self._columns = columns_of_kind("ticks")
        self._schema = schema_of(self._columns)
        self._batches: list[tuple[Sequence[ways.Column], int]] = []
        self._loose: list[Tick] = []
        self.count = 0

    def add(self, payload: bytes) -> None:
        """Take the ticks of a payload.

        Raises:
            JournalError: the bytes are no payload, or of a newer version.
        """
        columns = columns_in(payload)
        if not columns:
            ticks = [item for item in decode(payload) if type(item) is Tick]
            self._loose += ticks
            self.count += len(ticks)
            return
        if len(columns) > len(_NAMES):
            raise JournalError("ticks with a field that this version does not know")
        with self._readable():
            count = ways.length(columns)
        self._end_loose()
        self._batches.append(((*columns, *_DEFAULTS[len(columns) :]), count))
        self.count += count

    def table(self) -> ArrowTable:
        """Return what was taken as one table, and begin anew.

        Raises:
            JournalError: what was taken does not fit together.
        """
        self._end_loose()
        batches, self._batches = self._batches, []
        count, self.count = self.count, 0
        with self._readable():
            arrays = self._arrays(batches)
            if any(len(array) != count for array in arrays):
                raise JournalError("unreadable payload: columns of different lengths")
            return self._pa.table(arrays, schema=self._schema)

    def _end_loose(self) -> None:
        """Make columns of the ticks that came in rows, of as many as follow each other."""
        if self._loose:
            ticks, self._loose = self._loose, []
            values = zip(*map(_VALUES_OF, ticks), strict=True)
            self._batches.append(([(ways.PLAIN, column) for column in values], len(ticks)))

    def _arrays(self, batches: Sequence[tuple[Sequence[ways.Column], int]]) -> list[Any]:
        counts = [count for _, count in batches]
        pieces = {
            name: list(zip(column, counts, strict=True))
            for name, column in zip(_NAMES, zip(*(columns for columns, _ in batches), strict=True), strict=True)
        }
        texts = {
            column.field: _values(pieces[column.field], column)
            for column in self._columns
            if column.type is Type.TEXT
        }
        arrays = []
        for column in self._columns:
            if column.type is Type.NUMBER:
                text = f"{column.field}_text"
                arrays.append(_numbers(self._pa, pieces[column.field], pieces[text], texts[text]))
            else:
                arrays.append(
                    texts.get(column.field) or _READERS.get(column.type, _values)(pieces[column.field], column)
                )
        return arrays

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (*_NO_COLUMNS, self._pa.ArrowException) as error:
            raise JournalError(f"unreadable payload: {error}") from error


def _values(pieces: Sequence[Piece], column: Column) -> Any:
    """Return a column's values as an array, by way of a list."""
    if _is_constant(pieces, column):
        return _repeated(pieces[0][0][1], sum(count for _, count in pieces), column.type)
    lists = (ways.values_of(written, count) for written, count in pieces)
    return array_of(list(itertools.chain.from_iterable(lists)), column.type)


def _is_constant(pieces: Sequence[Piece], column: Column) -> bool:
    """Return whether a column has one value throughout."""
    first = pieces[0][0]
    if first[0] != ways.CONSTANT or any(written != first for written, _ in pieces):
        return False
    # -0.0 equals 0.0, and is another.
    return column.type is not Type.NUMBER or len({repr(written) for written, _ in pieces}) == 1


def _repeated(value: Any, count: int, kind: Type) -> Any:
    pa = pyarrow_or_refuse()
    return array_of([value], kind).take(pa.repeat(0, count))


def _words(pieces: Sequence[Piece], column: Column) -> Any:
    """Return words as codes into one list of them, where they are few enough that a code is a byte."""
    if _is_constant(pieces, column):
        return _values(pieces, column)
    pa = pyarrow_or_refuse()
    coded = [_coded(*piece) for piece in pieces]
    numbers = {
        value: number
        for number, value in enumerate(dict.fromkeys(itertools.chain.from_iterable(values for values, _ in coded)))
    }
    if len(numbers) > ways.MOST_CODES:
        return _values(pieces, column)
    codes = b"".join(
        text.translate(bytes(map(numbers.__getitem__, values)).ljust(ways.MOST_CODES, b"\0"))
        for values, text in coded
    )
    indexes = pa.Array.from_buffers(pa.uint8(), len(codes), [None, pa.py_buffer(codes)])
    return array_of(list(numbers), Type.TEXT).take(indexes).dictionary_encode()


def _coded(written: ways.Column, count: int) -> tuple[Sequence[Any], bytes]:
    """Return the different values of a piece, and a byte for each of its ticks."""
    way, *rest = written
    if way == ways.CODED:
        return rest[0], rest[1]
    if way == ways.CONSTANT:
        return rest, bytes(count)
    values = ways.values_of(written, count)
    numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
    if len(numbers) > ways.MOST_CODES:  # more than `_words` can join, which is told by their number alone
        return list(numbers), b""
    return list(numbers), bytes(map(numbers.__getitem__, values))


def _numbers(pa: Any, pieces: Sequence[Piece], texts_written: Sequence[Piece], texts: Any) -> Any:
    """Return numbers; those that are what their text says are parsed, as many in a row as there are."""
    parts = []
    begin = 0
    said = zip(pieces, map(operator.itemgetter(0), texts_written), strict=True)
    for is_said, run in itertools.groupby(said, lambda item: _is_said(*item)):
        numbers = [piece for piece, _ in run]
        count = sum(length for _, length in numbers)
        parts.append(_parsed(pa, texts.slice(begin, count)) if is_said else _values(numbers, _NUMBER))
        begin += count
    return parts[0] if len(parts) == 1 else pa.concat_arrays(parts)


def _is_said(piece: Piece, text: ways.Column) -> bool:
    """Return whether numbers are what their texts say. A few that were not written so are looked at."""
    written, count = piece
    if written[0] in {ways.CONSTANT, ways.PLAIN} and text[0] == written[0]:
        size = 1 if written[0] == ways.CONSTANT else count
        numbers, words = ways.values_of(written, size), ways.values_of(text, size)
        return ways.is_said(numbers, words)
    return bool(written[0] == ways.PARSED)


def _parsed(pa: Any, texts: Any) -> Any:
    """Read numbers from their texts; Python takes some spellings that Arrow does not."""
    try:
        return texts.cast(pa.float64())
    except pa.ArrowInvalid:
        return pa.array(list(map(float, texts.to_pylist())), pa.float64())


_NUMBER = Column("price", Type.NUMBER)
_READERS: dict[Type, Callable[[Sequence[Piece], Column], Any]] = {Type.WORD: _words}
