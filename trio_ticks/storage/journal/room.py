"""How far the file may grow: a quota, a floor of free disk below which it does not grow, and a reserve for a gap.

Both limits are SQLite's ``max_page_count``, moved before a commit: at the quota, or at the present size while the
disk has less free than the floor. Pages that were freed inside the file can be used in either case, so trimming helps
under both. What a process that has no room must still say is that it has none: a reserved commit may take a few
pages beyond the limits, and if the disk itself is full, a small file beside the journal gives its blocks back first.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import attrs

from trio_ticks.storage.journal.schema import PAGE_BYTES, pragma

# A gap takes a row of two hundred bytes; its commit touches four pages in the file and as many in the log.
_RESERVED_PAGES = 16
_RESERVE_BYTES = 256 * 1024
# Tables, one large batch and the reserve. A smaller quota could not hold anything.
LEAST_QUOTA_BYTES = 512 * 1024
# Four times the log: room to carry it over into the file and to write another, so that cursors still move, and with
# them retention, on a disk that only the journal fills. With less, both may wait for someone to make room.
FLOOR_BYTES = 64 * 1024 * 1024

# 16 MiB of log before it is carried over into the file, or a sixteenth of a small disk or quota. Less carries hot
# pages over too often; more is disk that the quota does not count, and a longer start after a crash.
_MOST_LOG_PAGES = 4_096
_LEAST_LOG_PAGES = 64
_LOG_SHARE = 16


@attrs.frozen(kw_only=True)
class Limits:
    """The quota of the file, how much of the disk must stay free, and who knows how much is."""

    max_size_bytes: int | None = None
    free_floor_bytes: int = FLOOR_BYTES
    free_bytes: Callable[[], int]
    log_pages: int = attrs.field(init=False)

    @log_pages.default
    def _log_pages(self) -> int:
        room_bytes = min(self.free_bytes(), self.max_size_bytes or sys.maxsize)
        return max(_LEAST_LOG_PAGES, min(_MOST_LOG_PAGES, room_bytes // _LOG_SHARE // PAGE_BYTES))

    def __attrs_post_init__(self) -> None:
        if self.max_size_bytes is not None and self.max_size_bytes < LEAST_QUOTA_BYTES:
            raise ValueError(
                f"max_size_bytes is {self.max_size_bytes:,}; a journal needs {LEAST_QUOTA_BYTES:,} or more"
            )


class Room:
    """The limits, as they bind one connection."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits) -> None:
        self._connection = connection
        self._page_bytes = pragma(connection, "page_size")
        self._quota_pages = (limits.max_size_bytes or 0) // self._page_bytes
        self._floor_bytes = limits.free_floor_bytes
        self._free_bytes = limits.free_bytes
        self._limit = -1

    def admit(self, *, reserved: bool = False) -> None:
        """Set the limit for the next commit. ``reserved``: with the room that is kept for a gap."""
        limit = (
            self._frozen_limit(reserved=reserved) if self.is_below_floor() else self._quota_limit(reserved=reserved)
        )
        if limit != self._limit:
            self._connection.execute(f"PRAGMA max_page_count = {limit}")
            self._limit = limit

    def is_below_floor(self) -> bool:
        """Return whether the disk has less room than must stay free."""
        return self._floor_bytes > 0 and self._free_bytes() < self._floor_bytes

    def shortage(self) -> str:
        """Say what is full."""
        if self.is_below_floor():
            return (
                f"the disk has {self._free_bytes():,} bytes free, of which {self._floor_bytes:,} are to stay free:"
                " make room on it, or give the journal a path on another"
            )
        pages = pragma(self._connection, "page_count")
        if self._quota_pages and pages >= self._quota_pages - 2 * _RESERVED_PAGES:
            return f"it has reached its quota of {self._quota_pages * self._page_bytes:,} bytes: raise max_size"
        return f"the disk is full ({self._free_bytes():,} bytes free): make room on it"

    def _quota_limit(self, *, reserved: bool) -> int:
        if not self._quota_pages:
            return _NO_LIMIT
        return self._quota_pages if reserved else self._quota_pages - _RESERVED_PAGES

    def _frozen_limit(self, *, reserved: bool) -> int:
        """Return the present size; SQLite takes 1 for it, since a file cannot be limited to less than it has."""
        if not reserved:
            return 1
        return pragma(self._connection, "page_count") + _RESERVED_PAGES


def free_beside(path: Path) -> Callable[[], int]:
    """Return how to ask for the free bytes of the disk that a file lies on."""
    directory = path.absolute().parent
    return lambda: shutil.disk_usage(directory).free


class Reserve:
    """Blocks of the disk that are held so that they can be given back."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".reserve")
        self.is_held = False

    def hold(self) -> None:
        """Take the blocks, if the disk has them."""
        if self.is_held:
            return
        try:
            self._path.write_bytes(os.urandom(_RESERVE_BYTES))
        except OSError:
            self._path.unlink(missing_ok=True)
        else:
            self.is_held = True

    def release(self) -> bool:
        """Give the blocks back; return whether there were any."""
        held, self.is_held = self.is_held, False
        self._path.unlink(missing_ok=True)
        return held


_NO_LIMIT = 2**32 - 2
