"""What a journal holds, from its tables."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from trio_ticks.storage.journal.records import JournalInfo
from trio_ticks.storage.journal.schema import ZONE, pragma
from trio_ticks.storage.journal.standing import standings, total_ticks
from trio_ticks.storage.journal.transaction import snapshot


def info_of(connection: sqlite3.Connection, path: Path) -> JournalInfo:
    """Return what the journal holds at one instant."""
    with snapshot(connection):
        return _info(connection, path)


def _info(connection: sqlite3.Connection, path: Path) -> JournalInfo:
    created_us, created_by = connection.execute("SELECT created_us, created_by FROM about").fetchone()
    first_position, last_position = _batch_ends(connection)
    first_us, last_us = _time_ends(connection)
    saved = connection.execute("SELECT max(position) FROM mark").fetchone()
    return JournalInfo(
        path=str(path),
        format_version=pragma(connection, "user_version"),
        created_us=created_us,
        created_by=created_by,
        size_bytes=sum(file.stat().st_size for file in (path, Path(f"{path}-wal")) if file.exists()),
        free_bytes=pragma(connection, "freelist_count") * pragma(connection, "page_size"),
        first_position=first_position,
        last_position=last_position,
        ticks=_ticks_held(connection),
        total_ticks=total_ticks(connection),
        first_us=first_us,
        last_us=last_us,
        marked_position=saved[0],
        cursors=standings(connection),
    )


def _batch_ends(connection: sqlite3.Connection) -> tuple[int, int]:
    first, last = connection.execute("SELECT min(position), max(position) FROM batch").fetchone()
    return first or 0, last or 0


def _time_ends(connection: sqlite3.Connection) -> tuple[int | None, int | None]:
    """Return the least and the greatest time: of the summed-up zones, and of the batches behind the last of them.

    A zone that retention has begun to delete counts whole.
    """
    last_zone = connection.execute("SELECT coalesce(max(zone), -1) FROM zone").fetchone()[0]
    first_us, last_us = connection.execute(_TIMES, ((last_zone + 1) * ZONE,)).fetchone()
    return first_us, last_us


def _ticks_held(connection: sqlite3.Connection) -> int:
    first = connection.execute("SELECT total_ticks - ticks FROM batch ORDER BY position LIMIT 1").fetchone()
    last = connection.execute("SELECT total_ticks FROM batch ORDER BY position DESC LIMIT 1").fetchone()
    return last[0] - first[0] if first and last else 0


_TIMES = """
SELECT min(first_us), max(last_us) FROM (
    SELECT first_us, last_us FROM zone UNION ALL SELECT first_us, last_us FROM batch WHERE position > ?
)
"""
