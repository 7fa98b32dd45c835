"""SQLite's errors in this package's words: one table, at the seam."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from trio_ticks.errors import JournalDamagedError, JournalError, JournalFullError

# A quota of the user's (EDQUOT) or a limit of the process (EFBIG) arrives as a failed write, and a full disk under
# the shared memory file as a failed resize. A failing disk does, too: either way nothing was written.
_FULL = {
    sqlite3.SQLITE_FULL: "the disk or the quota is full: make room, or raise the quota",
    sqlite3.SQLITE_IOERR_WRITE: "the disk takes no more: it is full, over a quota, or failing",
    sqlite3.SQLITE_IOERR_SHMSIZE: "the disk is full: make room on it",
    sqlite3.SQLITE_IOERR_SHMMAP: "the disk is full: make room on it",
}
_DAMAGED = {
    sqlite3.SQLITE_CORRUPT: "is damaged: `trio-ticks journal verify` tells what can still be read",
    sqlite3.SQLITE_NOTADB: "is no journal, or its first page is damaged",
}
# The lower byte is the general error, the rest says more.
_GENERAL = 0xFF


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what SQLite raises inside as a `JournalError` that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translation(path, error) from error


def _translation(path: Path, error: sqlite3.Error) -> JournalError:
    code = getattr(error, "sqlite_errorcode", 0)
    if reason := _FULL.get(code):
        return JournalFullError(f"the journal {path} cannot grow: {reason}")
    if reason := _DAMAGED.get(code & _GENERAL):
        return JournalDamagedError(f"{path} {reason}")
    return JournalError(f"the journal {path} cannot be used: {error}")


FULL_CODES = frozenset(_FULL)
