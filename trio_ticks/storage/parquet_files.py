"""Parquet files as ``export`` writes them: the columns of one kind, read a few thousand rows at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

from trio_ticks.errors import ConfigError
from trio_ticks.model import Record, Tick
from trio_ticks.storage.arrow import pyarrow_or_refuse, records_of
from trio_ticks.storage.extras import extra
from trio_ticks.storage.layout import KINDS, columns_of_kind
from trio_ticks.storage.reading import OnProgress

# A few megabytes as records, and enough that asking for them costs nothing beside building them.
_ROWS = 4_096


def records_of_parquet(path: Path, *, on_progress: OnProgress | None = None) -> Iterator[list[Record]]:
    """Yield the records of a file, in order, in lists.

    Args:
        path: The file.
        on_progress: Is told how many records were read, and how many there are.

    Raises:
        ConfigError: it cannot be read, or its columns are not those of one kind of record; or pyarrow is missing.
    """
    pa, pq = pyarrow_or_refuse(), extra("pyarrow.parquet", "arrow")
    done = 0
    try:
        with pq.ParquetFile(path) as file:
            kind = _kind_of(path, set(file.schema_arrow.names))
            for batch in file.iter_batches(batch_size=_ROWS):
                records = records_of(kind, pa.Table.from_batches([batch]))
                yield from _up_to_a_hole(path, records, done)
                done += len(records)
                if on_progress:
                    on_progress(done, file.metadata.num_rows)
    except (OSError, pa.ArrowException, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: behind record {done:,}: cannot be read: {error}") from None


def _up_to_a_hole(path: Path, records: list[Record], done: int) -> Iterator[list[Record]]:
    sound = list(itertools.takewhile(_is_sound, records))
    if sound:
        yield sound
    if len(sound) < len(records):
        raise ConfigError(f"{path}: record {done + len(sound) + 1:,}: has no symbol, no time or no price")


def _is_sound(record: Record) -> bool:
    """Tell whether a record has what every one of its kind has: a column may have holes, and pandas fills them so."""
    if type(record) is not Tick:
        return True
    return None not in (record.symbol, record.time_us, record.price) and not math.isnan(record.price)


def _kind_of(path: Path, names: set[str]) -> str:
    for kind in KINDS:
        columns = {column.name for column in columns_of_kind(kind)}
        if columns <= names:
            return kind
    wanted = ", ".join(column.name for column in columns_of_kind("ticks"))
    raise ConfigError(f"{path}: has not the columns of any kind of record; for ticks these are {wanted}")
