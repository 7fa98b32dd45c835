"""The writer's end of the journal."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from trio_ticks.errors import JournalDamagedError, JournalFullError
from trio_ticks.model import Record
from trio_ticks.storage.journal.cursors import Cursors
from trio_ticks.storage.journal.faults import FULL_CODES, translated
from trio_ticks.storage.journal.lock import WriterLock, owner_text
from trio_ticks.storage.journal.records import Committed, Damage, Mark, Trimmed
from trio_ticks.storage.journal.retention import is_held_for_restart, trim
from trio_ticks.storage.journal.room import FLOOR_BYTES, Limits, Reserve, Room, free_beside
from trio_ticks.storage.journal.rows import INSERT, Sealed, seal
from trio_ticks.storage.journal.schema import carry_over, connect_writing, create_tables
from trio_ticks.storage.journal.tail import Zone, read_tail
from trio_ticks.storage.journal.transaction import transaction

_SYNCHRONOUS = {"commit": "FULL", "checkpoint": "NORMAL"}

# What a commit that finds no room frees at least, so that not every one after it has to.
_TRIM_BYTES = 1024 * 1024


class Journal:
    """An open journal and the right to write it.

    Not for two threads at a time; `open_cursors` gives what a drainer's thread needs.

    Attributes:
        path: The file.
        damage: What was found wrong at the end of the file when it was opened. Appending goes on behind it.
        guards: Keys of marks from which a restart reads on: what lies behind one of them is not deleted, even if
            every sink has it. To be set by whoever writes such marks.
    """

    guards: Collection[str] = ()

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: WriterLock, limits: Limits) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        self._limits = limits
        self._room = Room(connection, limits)
        self._reserve = Reserve(path)
        self._writing = threading.Lock()
        self._tail, damage = read_tail(connection)
        self.damage: tuple[Damage, ...] = tuple(damage)
        self._reserve.hold()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        now_us: int,
        fsync: Literal["commit", "checkpoint"] = "commit",
        max_size_bytes: int | None = None,
        free_floor_bytes: int = FLOOR_BYTES,
        free_bytes: Callable[[], int] | None = None,
        owner: str | None = None,
    ) -> Self:
        """Take the lock and open the journal, which is made where there is none.

        Args:
            path: The file. ``<path>.lock`` and, while it is open, SQLite's ``-wal`` and ``-shm`` lie beside it.
            now_us: The present, UTC microseconds.
            fsync: ``commit``: what is committed survives a power cut. ``checkpoint``: it survives the end of the
                process; a power cut takes what was committed since the log was last carried over.
            max_size_bytes: The quota of the file; the log beside it may hold a sixteenth of it, at most 16 MiB, more.
                None: the disk.
            free_floor_bytes: The file does not grow while the disk has less free than this. With less than the
                default, retention may get stuck on a disk that is full to the last byte.
            free_bytes: How much the disk has free. None: asks the system.
            owner: Who writes, for the message that a second engine gets. None: process, host and ``now_us``.

        Raises:
            JournalLockedError: another engine writes it.
            JournalDamagedError: it cannot be read well enough to be written.
            JournalError: it is no journal, or a newer version's, or cannot be opened.
            ValueError: the quota is too small for anything.
        """
        file = Path(path)
        owner = owner or owner_text(now_us)
        with contextlib.ExitStack() as undo:
            lock = WriterLock(file, owner=owner)
            undo.callback(lock.release)
            limits = Limits(
                max_size_bytes=max_size_bytes,
                free_floor_bytes=free_floor_bytes,
                free_bytes=free_bytes or free_beside(file),
            )
            connection = connect_writing(file, synchronous=_SYNCHRONOUS[fsync], log_pages=limits.log_pages)
            undo.callback(connection.close)
            with translated(file):
                carry_over(connection)
                create_tables(connection, file, created_us=now_us, created_by=owner)
                journal = cls(file, connection, lock, limits)
            undo.pop_all()
        return journal

    @property
    def last_position(self) -> int:
        """The position of the last batch; 0 where there is none."""
        return self._tail.position

    @property
    def total_ticks(self) -> int:
        """How many ticks it has taken in its life."""
        return self._tail.total_ticks

    def commit(
        self,
        batches: Sequence[Sequence[Record]],
        *,
        now_us: int,
        marks: Mapping[str, bytes] | None = None,
        reserved: bool = False,
    ) -> Committed:
        """Append batches, each as one row, and replace marks, all in one transaction.

        When it returns, everything is in the journal; when it raises, nothing is. Where there is no room, what every
        cursor has passed is deleted first.

        Args:
            batches: Records in order; empty ones are left out.
            now_us: The present, UTC microseconds.
            marks: By key, what is true behind these batches. Others stay as they are.
            reserved: May use the room that is kept for saying that there is none.

        Raises:
            JournalFullError: no room; the same commit may succeed later.
            JournalError: the disk failed, or a record cannot be written down.
        """
        sealed = [seal(records, now_us) for records in batches if records]
        with self._writing, translated(self.path):
            self._room.admit(reserved=reserved)
            try:
                committed = self._append(sealed, marks or {}, now_us)
            except sqlite3.OperationalError as error:
                if not self._make_room(error, sealed, reserved=reserved):
                    raise
                committed = self._append(sealed, marks or {}, now_us)
        if not reserved and not self._room.is_below_floor():
            self._reserve.hold()
        return committed

    def marks(self) -> dict[str, Mark]:
        """Return all marks by their keys.

        Raises:
            JournalDamagedError: one is not what was written.
        """
        with translated(self.path):
            rows = self._connection.execute(
                "SELECT key, crc, behind, position, saved_us, payload FROM mark ORDER BY key"
            ).fetchall()
        for key, crc, *_, payload in rows:
            if zlib.crc32(payload) != crc:
                raise JournalDamagedError(f"the mark {key} in {self.path} is not what was written")
        return {key: Mark(*fields) for key, _, *fields in rows}

    def trim(self, *, want_bytes: int) -> Trimmed:
        """Delete the oldest batches that every cursor has passed, until their payloads reach ``want_bytes``.

        The room is used again by later commits; the file does not shrink. Without a cursor nothing is deleted, and
        the last batch never is, nor what lies behind one of the `guards`.
        """
        with self._writing, translated(self.path):
            return self._trim(want_bytes)

    def open_cursors(self) -> Cursors:
        """Return the sinks' end: a connection of its own, for one thread at a time. Close it before the journal."""
        return Cursors(self.path, writing=self._writing, limits=self._limits)

    def close(self) -> None:
        """Carry the log over into the file, and give the lock back."""
        with translated(self.path):
            self._connection.close()
        self._reserve.release()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, batches: Sequence[Sealed], marks: Mapping[str, bytes], now_us: int) -> Committed:
        before = tail = self._tail
        rows, zones = [], []
        for batch in batches:
            tail, ended = tail.appended(batch)
            rows.append(batch.row(tail.position, tail.total_ticks))
            if ended:
                zones.append(ended)
        with transaction(self._connection):
            self._connection.executemany(INSERT, rows)
            self._connection.executemany(_INSERT_ZONE, map(_zone_row, zones))
            self._connection.executemany(
                _REPLACE_MARK,
                [
                    (key, before.position, tail.position, now_us, zlib.crc32(payload), payload)
                    for key, payload in marks.items()
                ],
            )
        self._tail = tail
        return Committed(
            min(before.position + 1, tail.position),
            tail.position,
            tail.total_ticks - before.total_ticks,
            sum(len(batch.payload) for batch in batches),
        )

    def _trim(self, want_bytes: int) -> Trimmed:
        last = self._tail.position
        return trim(self._connection, last_position=last, want_bytes=want_bytes, guards=self.guards)

    def _make_room(self, error: sqlite3.OperationalError, batches: Sequence[Sealed], *, reserved: bool) -> bool:
        """Return whether something was freed; otherwise raise what is full."""
        if error.sqlite_errorcode not in FULL_CODES:
            return False
        if reserved and self._reserve.release():
            return True
        needed = sum(len(batch.payload) for batch in batches)
        if self._trim(max(_TRIM_BYTES, 2 * needed)).batches:
            return True
        words = f"the journal {self.path} cannot grow: {self._room.shortage()}"
        if is_held_for_restart(self._connection, self.guards):
            words += "; all of it is kept for a restart: max_size has to hold what comes in two checkpoint_s"
        raise JournalFullError(words) from error


def _zone_row(zone: Zone) -> tuple[int, int, int, int]:
    return zone.number, zone.first_us, zone.last_us, zone.kinds


_INSERT_ZONE = "INSERT OR REPLACE INTO zone VALUES (?, ?, ?, ?)"
_REPLACE_MARK = "INSERT OR REPLACE INTO mark VALUES (?, ?, ?, ?, ?, ?)"
