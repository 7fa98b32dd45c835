"""An engine with a journal in simulated time: SQLite on the spot, and a disk that refuses when it is told to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar
from unittest import mock

from trio_ticks.errors import JournalError, JournalFullError
from trio_ticks.model import Gap, Record, Tick
from trio_ticks.storage.journal import Committed, Journal, JournalReader


class Disk(Journal):
    """A journal whose disk takes nothing while there is a refusal; what is kept for the last gap it may still take.

    Attributes:
        refusal: What every commit raises.
        keeps_reserve: Whether a reserved commit is taken all the same.
    """

    refusal: ClassVar[JournalError | None] = None
    keeps_reserve: ClassVar[bool] = True

    def commit(
        self,
        batches: Sequence[Sequence[Record]],
        *,
        now_us: int,
        marks: Mapping[str, bytes] | None = None,
        reserved: bool = False,
    ) -> Committed:
        if Disk.refusal is not None and not (reserved and Disk.keeps_reserve):
            raise Disk.refusal
        return super().commit(batches, now_us=now_us, marks=marks, reserved=reserved)


@contextmanager
def fragile_disk() -> Iterator[None]:
    """Let engines write to a `Disk`."""
    with mock.patch("trio_ticks.runtime.keeping.Journal", Disk):
        yield


@contextmanager
def refusing(error: JournalError | None = None, *, keeps_reserve: bool = True) -> Iterator[None]:
    """Let the disk take nothing meanwhile."""
    Disk.refusal, Disk.keeps_reserve = error or JournalFullError("no room"), keeps_reserve
    try:
        yield
    finally:
        Disk.refusal = None


def crash_copy(path: Path, to: Path) -> Path:
    """Copy what a crash would leave of a journal: the file and its log, while both are written."""
    for suffix in ("", "-wal"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            shutil.copyfile(source, to.with_name(to.name + suffix))
    return to


def kept(path: Path) -> list[Record]:
    """Return all records of a journal."""
    with JournalReader(path) as reader:
        return [item for records in reader.records() for item in records]


def kept_ticks(path: Path) -> list[Tick]:
    """Return its ticks."""
    return [item for item in kept(path) if isinstance(item, Tick)]


def kept_gaps(path: Path) -> list[Gap]:
    """Return its gaps."""
    return [item for item in kept(path) if isinstance(item, Gap)]
