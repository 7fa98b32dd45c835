"""Columns as Arrow arrays, and records as Arrow tables.

Arrow holds no whole number beyond 64 bits and no half of a surrogate pair, though a vendor may send either. In a
table the former is null and the latter a question mark, so that one odd value does not cost a million good ones.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence
from typing import Any

from trio_ticks.model import Record
from trio_ticks.storage.extras import extra
from trio_ticks.storage.frames import ArrowTable
from trio_ticks.storage.layout import STRUCTURED, Column, Type, build, columns_of_kind, plain

_LEAST, _MOST = -(2**63), 2**63 - 1


@functools.cache
def pyarrow_or_refuse() -> Any:
    """Return pyarrow.

    Raises:
        ConfigError: it is not installed.
    """
    return extra("pyarrow", "arrow")


@functools.cache
def compute_or_refuse() -> Any:
    """Return Arrow's functions on arrays.

    Raises:
        ConfigError: they are not installed.
    """
    return extra("pyarrow.compute", "arrow")


@functools.cache
def arrow_type(kind: Type) -> Any:
    """Return the Arrow type of a column."""
    pa = pyarrow_or_refuse()
    level = [("price", pa.float64()), ("volume", pa.float64())]
    return {
        Type.WORD: pa.dictionary(pa.int32(), pa.string()),
        Type.TEXT: pa.string(),
        Type.INSTANT: pa.timestamp("us", tz="UTC"),
        Type.COUNT: pa.int64(),
        Type.WHOLE: pa.int64(),
        Type.NUMBER: pa.float64(),
        Type.TRUTH: pa.bool_(),
        Type.TEXTS: pa.list_(pa.string()),
        Type.LEVELS: pa.list_(pa.struct(level)),
        Type.FIELDS: pa.string(),
    }[kind]


def schema_of(columns: Iterable[Column]) -> Any:
    """Return the Arrow schema of some columns."""
    return pyarrow_or_refuse().schema([(column.name, arrow_type(column.type)) for column in columns])


def array_of(values: Sequence[Any], kind: Type) -> Any:
    """Return values of a field, as `plain` gives them, as an Arrow array."""
    pa = pyarrow_or_refuse()
    try:
        return _array(pa, values, kind)
    except (UnicodeEncodeError, OverflowError, pa.ArrowException):
        return _array(pa, list(map(_fitted, values)), kind)


def table_of(kind: str, records: Sequence[Record]) -> ArrowTable:
    """Return records of one kind as a table."""
    columns = columns_of_kind(kind)
    arrays = [array_of(_values(records, column), column.type) for column in columns]
    return pyarrow_or_refuse().table(arrays, schema=schema_of(columns))


def fits(kind: str, record: Record) -> bool:
    """Return whether a table holds everything that a record says."""
    values = [_values([record], column)[0] for column in columns_of_kind(kind)]
    return all(value == _fitted(value) for value in values)


def records_of(kind: str, table: ArrowTable) -> list[Record]:
    """Return the records that a table holds."""
    pa = pyarrow_or_refuse()
    columns = columns_of_kind(kind)
    lists = [
        (table[column.name].cast(pa.int64()) if column.type is Type.INSTANT else table[column.name]).to_pylist()
        for column in columns
    ]
    names = [column.field for column in columns]
    return [build(kind, dict(zip(names, values, strict=True))) for values in zip(*lists, strict=True)]


def _values(records: Sequence[Record], column: Column) -> list[Any]:
    values = map(operator.attrgetter(column.field), records)
    return [plain(value, column.type) for value in values] if column.type in STRUCTURED else list(values)


def _array(pa: Any, values: Sequence[Any], kind: Type) -> Any:
    if kind is Type.WORD:
        return pa.array(values, pa.string()).dictionary_encode()
    return pa.array(values, arrow_type(kind))


def _fitted(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int):
        return value if _LEAST <= value <= _MOST else None
    if isinstance(value, (list, tuple)):
        return type(value)(_fitted(item) for item in value)
    return value
