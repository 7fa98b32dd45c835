"""The archive's files: one for each UTC day of event time and each kind, such as ``2026-11-21.ticks.parquet``.

The columns are those of `trio_ticks.storage.layout`, so that any program reads them, and four more:

``journal``, ``position``, ``place``
    Which journal a record came from, in which of its batches, and its place there: the order between kinds, and
    what tells a record that is there from one that is not. Repetitions, they take no room.
``exact``
    Null, or the record as the journal had it where the other columns cannot hold it (a number beyond 64 bits).

The file's metadata say up to which position of each journal it holds all records of its day and kind.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from trio_ticks.errors import JournalError
from trio_ticks.model import Record
from trio_ticks.storage.arrow import arrow_type, fits, pyarrow_or_refuse, records_of, table_of
from trio_ticks.storage.extras import extra
from trio_ticks.storage.frames import ArrowTable
from trio_ticks.storage.layout import KINDS, Type, columns_of_kind
from trio_ticks.storage.payload import decode, encode

DAY_US = 86_400_000_000
SEGMENT_ROWS = 100_000
"""Rows that are compressed, and read, together: five megabytes of ticks. Fewer compress worse; more are memory for
whoever reads a few of them."""

_FORMAT = 1
_PLACE = ("journal", "position", "place")
_KEY = b"trio_ticks"
_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.([a-z]+)\.parquet")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Place: TypeAlias = tuple[int, int, int]
"""Which journal, its batch, and the place in it."""


@attrs.frozen
class DayFile:
    """One file of an archive."""

    directory: Path
    day_us: int
    kind: str

    @property
    def path(self) -> Path:
        """Where it lies."""
        day = _EPOCH + timedelta(microseconds=self.day_us)
        return self.directory / f"{day:%Y-%m-%d}.{self.kind}.parquet"


def day_files(directory: Path) -> list[DayFile]:
    """Return the files of an archive, by day and kind."""
    found = []
    for path in directory.iterdir():
        name = _NAME.fullmatch(path.name)
        if name and name[2] in KINDS:
            day = datetime.fromisoformat(name[1]).replace(tzinfo=UTC)
            found.append(DayFile(directory, (day - _EPOCH) // timedelta(microseconds=1), name[2]))
    return sorted(found, key=lambda file: (file.day_us, file.kind))


def through_of(file: DayFile) -> dict[str, int]:
    """Return up to which position of each journal a file is complete; nothing where there is none.

    Raises:
        JournalError: a newer version's, or another program's.
    """
    if not file.path.exists():
        return {}
    with _open(file.path) as parquet:
        return _through(file.path, parquet.schema_arrow.metadata)


def segments(file: DayFile, path: Path | None = None) -> Iterator[ArrowTable]:
    """Yield a file's rows in tables of 100,000; nothing where there is no file.

    Args:
        file: Of the archive.
        path: Where it lies while it is not yet in its place.

    Raises:
        JournalError: it is damaged, a newer version's or another program's.
    """
    pa = pyarrow_or_refuse()
    path = path or file.path
    if not path.exists():
        return
    with _open(path) as parquet:
        _through(path, parquet.schema_arrow.metadata)
        schema = _schema(file.kind)
        try:
            for number in range(parquet.num_row_groups):
                yield parquet.read_row_group(number).cast(schema)
        except (OSError, pa.ArrowException) as error:
            raise JournalError(f"{path} cannot be read: {error}") from error


def placed_records(file: DayFile) -> Iterator[tuple[Place, Record]]:
    """Yield a file's records with their places, in order.

    Raises:
        JournalError: as `segments`.
    """
    for table in segments(file):
        places = zip(*(table[name].to_pylist() for name in _PLACE), strict=True)
        exact = table["exact"].to_pylist()
        for place, record, payload in zip(places, records_of(file.kind, table), exact, strict=True):
            yield place, record if payload is None else decode(payload)[0]


def segment_of(kind: str, places: Sequence[Place], records: Sequence[Record]) -> ArrowTable:
    """Return records of one kind as a table of an archive."""
    pa = pyarrow_or_refuse()
    table = table_of(kind, records)
    exact = [None if fits(kind, record) else encode([record]) for record in records]
    numbers = [pa.array(values, pa.int64()) for values in zip(*places, strict=True)]
    return pa.table([*table.columns, *numbers, pa.array(exact, pa.binary())], names=_schema(kind).names).cast(
        _schema(kind)
    )


def write_segments(file: Any, kind: str, tables: Iterator[ArrowTable], through: Mapping[str, int]) -> None:
    """Write a file of an archive.

    Args:
        file: Open for writing.
        kind: Of the records.
        tables: Its segments, in order.
        through: Up to which position of each journal it will be complete.
    """
    said = {_KEY: json.dumps({"format": _FORMAT, "through": dict(through)}).encode()}
    pq = extra("pyarrow.parquet", "arrow")
    with pq.ParquetWriter(
        file, _schema(kind).with_metadata(said), compression="zstd", write_page_checksum=True
    ) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=SEGMENT_ROWS)


def regrouped(tables: Iterator[ArrowTable]) -> Iterator[ArrowTable]:
    """Yield the same rows in tables of 100,000, the last of them shorter."""
    pa = pyarrow_or_refuse()
    held: list[Any] = []
    for table in tables:
        held.append(table)
        while sum(item.num_rows for item in held) >= SEGMENT_ROWS:
            whole = pa.concat_tables(held)
            yield whole.slice(0, SEGMENT_ROWS)
            held = [whole.slice(SEGMENT_ROWS)]
    if any(item.num_rows for item in held):
        yield pa.concat_tables(held)


def compare(file: DayFile, path: Path, expected: Iterator[ArrowTable]) -> None:
    """Read back what was written and compare it with what was to be, row by row.

    Raises:
        JournalError: it is something else.
    """
    for found, wanted in itertools.zip_longest(segments(file, path), expected):
        if found is None or wanted is None or not _same(found, wanted):
            raise JournalError(f"{file.path}: what was written is not what the journal holds; it was left out")


def _same(one: Any, other: Any) -> bool:
    """Return whether two tables are equal. To Arrow a NaN never is, so those are compared as texts."""
    return bool(one.equals(other)) or repr(one.to_pylist()) == repr(other.to_pylist())


def _schema(kind: str) -> Any:
    """Return the columns of a file. Words are plain texts: Parquet has dictionaries of its own."""
    pa = pyarrow_or_refuse()
    columns = [
        (column.name, pa.string() if column.type is Type.WORD else arrow_type(column.type))
        for column in columns_of_kind(kind)
    ]
    return pa.schema([*columns, *((name, pa.int64()) for name in _PLACE), ("exact", pa.binary())])


def _open(path: Path) -> Any:
    pa = pyarrow_or_refuse()
    try:
        return extra("pyarrow.parquet", "arrow").ParquetFile(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise JournalError(f"{path} cannot be read: {error}") from error


def _through(path: Path, metadata: Mapping[bytes, bytes] | None) -> dict[str, int]:
    said = json.loads((metadata or {}).get(_KEY, b"{}"))
    if said.get("format") != _FORMAT:
        raise JournalError(f"{path} is not of this archive's format, {_FORMAT}: {said.get('format')}")
    through: dict[str, int] = said["through"]
    return through
