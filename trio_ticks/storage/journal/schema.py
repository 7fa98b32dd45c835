"""The file: its tables, its mark and version, and how a connection to it is set up.

One row of ``batch`` is one batch, its position the row's number: 1, 2, 3 … over the journal's life. The headers of
256 rows are summed up in one row of ``zone``, written when the next ones begin, so that a search by time or kind
reads one small row in place of 256 large ones; an index over the times would cost a page with every commit. The last
batch is never deleted: it carries the position and the count of ticks from which the next one goes on.

The payload stands last in its row, so that SQLite reads a header without the pages the payload flows over to.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from trio_ticks.errors import JournalError
from trio_ticks.storage.journal.faults import translated
from trio_ticks.storage.journal.transaction import transaction

# "TTJ" and the number of the file's layout before any version: `file` and SQLite itself tell whose file it is.
APPLICATION_ID = 0x54544A31
FORMAT_VERSION = 1
ZONE = 256

# Longer than any commit on a failing disk. Another process writes only when someone asks for dead letters again.
_BUSY_S = 60.0
# Readers ask for a page at a time; whoever reads for longer does not hold up an engine's start.
_CARRY_OVER_MS = 1_000
# The blocks of the file systems it will lie on. Larger pages save nothing: a batch flows over several anyhow, and
# each commit of one tick would write one whole page.
PAGE_BYTES = 4_096
# The pages that a commit touches, and those a search passes through.
_CACHE_KIB = 8_192

_TABLES = """
CREATE TABLE batch (
    position INTEGER PRIMARY KEY,
    first_us INTEGER NOT NULL, last_us INTEGER NOT NULL,
    first_received_us INTEGER NOT NULL, last_received_us INTEGER NOT NULL,
    records INTEGER NOT NULL, ticks INTEGER NOT NULL, total_ticks INTEGER NOT NULL,
    kinds INTEGER NOT NULL, crc INTEGER NOT NULL, payload BLOB NOT NULL
);
CREATE TABLE zone (
    zone INTEGER PRIMARY KEY, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, kinds INTEGER NOT NULL
);
CREATE TABLE mark (
    key TEXT PRIMARY KEY, behind INTEGER NOT NULL, position INTEGER NOT NULL, saved_us INTEGER NOT NULL,
    crc INTEGER NOT NULL, payload BLOB NOT NULL
);
CREATE TABLE cursor (
    name TEXT PRIMARY KEY, position INTEGER NOT NULL, base_ticks INTEGER NOT NULL, passed_ticks INTEGER NOT NULL,
    stored INTEGER NOT NULL, dead_lettered INTEGER NOT NULL, discarded INTEGER NOT NULL, retrying INTEGER NOT NULL,
    settled_us INTEGER NOT NULL
);
CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT, cursor TEXT NOT NULL, retrying INTEGER NOT NULL,
    position INTEGER NOT NULL, place INTEGER NOT NULL, ticks INTEGER NOT NULL, reason TEXT NOT NULL,
    died_us INTEGER NOT NULL, payload BLOB NOT NULL
);
CREATE INDEX dead_letter_queue ON dead_letter (cursor, retrying, id);
CREATE TABLE about (created_us INTEGER NOT NULL, created_by TEXT NOT NULL);
"""


def connect_writing(path: Path, *, synchronous: str, log_pages: int) -> sqlite3.Connection:
    """Return a connection that writes; the file is created where there is none, and checked where there is.

    Args:
        path: The file.
        synchronous: SQLite's word for when it waits for the disk.
        log_pages: How long the log grows before it is carried over into the file.
    """
    with translated(path):
        connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        with translated(path):
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            check_format(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            _set_up(connection, synchronous, log_pages)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reading(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write, to a file that exists."""
    if not path.is_file():
        raise JournalError(f"there is no journal {path}")
    with translated(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        # Without this SQLite reads nothing at all of a file that was cut short. The connection cannot write anyway.
        connection.execute("PRAGMA writable_schema = ON")
    return connection


def check_format(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether it is a journal; False where the file is still empty.

    Raises:
        JournalError: another program's file, or a newer version's.
    """
    application, version = pragma(connection, "application_id"), pragma(connection, "user_version")
    if application == APPLICATION_ID:
        if version > FORMAT_VERSION:
            raise JournalError(
                f"{path} has journal format {version}, and this trio_ticks knows none after {FORMAT_VERSION}:"
                " install a newer one, or give the journal another path"
            )
        return True
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] or application or version:
        raise JournalError(f"{path} is a database of another program: give the journal another path")
    return False


def carry_over(connection: sqlite3.Connection) -> None:
    """Carry the log that the last writer left over into the file, and empty it.

    SQLite passes over what of a torn log is no whole commit, but leaves it there, where it could one day follow upon
    new commits that happen to be the same bytes. On a full disk, or beside a reader that is in the middle of
    something, the log stays.
    """
    with contextlib.suppress(sqlite3.OperationalError):
        connection.execute(f"PRAGMA busy_timeout = {_CARRY_OVER_MS}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute(f"PRAGMA busy_timeout = {round(_BUSY_S * 1_000)}")


def create_tables(connection: sqlite3.Connection, path: Path, *, created_us: int, created_by: str) -> None:
    """Make an empty file a journal, wholly or not at all; one that is a journal stays as it is."""
    if check_format(connection, path):
        return
    with transaction(connection):
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO about VALUES (?, ?)", (created_us, created_by))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
    _sync_directory(path)


def pragma(connection: sqlite3.Connection, name: str) -> int:
    """Return a number that SQLite keeps about the file."""
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _set_up(connection: sqlite3.Connection, synchronous: str, log_pages: int) -> None:
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    # macOS answers fsync before the disk has it. Elsewhere these two mean nothing.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    # Debian overwrites what is deleted with zeros, which writes every page of a batch once more.
    connection.execute("PRAGMA secure_delete = OFF")
    connection.execute(f"PRAGMA wal_autocheckpoint = {log_pages}")
    connection.execute(f"PRAGMA journal_size_limit = {log_pages * PAGE_BYTES}")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


def _sync_directory(path: Path) -> None:
    """Make the file's name survive a power cut, where the system knows how."""
    if os.name != "posix":
        return
    directory = os.open(path.absolute().parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
