"""Deleting what every sink has, oldest first, in steps that succeed on a disk that is nearly full."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from trio_ticks.storage.journal.records import Trimmed
from trio_ticks.storage.journal.schema import ZONE
from trio_ticks.storage.journal.transaction import transaction

# Batches in one transaction. More would write a log that a full disk does not take; fewer pay for more commits.
_STEP = 64


def trim(connection: sqlite3.Connection, *, last_position: int, want_bytes: int, guards: Collection[str]) -> Trimmed:
    """Delete batches that every cursor has passed until their payloads reach ``want_bytes``, never the last one.

    Nor what lies behind one of these marks: a restart reads on from there.
    """
    limit = min(_passed(connection), last_position - 1, *_behind(connection, guards))
    trimmed = Trimmed(0, 0, 0)
    while trimmed.payload_bytes < want_bytes:
        rows = connection.execute(_OLDEST, (limit, _STEP)).fetchall()
        if not rows:
            break
        _delete_up_to(connection, rows[-1][0])
        trimmed = Trimmed(
            trimmed.batches + len(rows),
            trimmed.ticks + sum(ticks for _, ticks, _ in rows),
            trimmed.payload_bytes + sum(size for _, _, size in rows),
        )
    return trimmed


def is_held_for_restart(connection: sqlite3.Connection, guards: Collection[str]) -> bool:
    """Tell whether every sink has more than may be deleted, because a restart reads on from there."""
    return any(behind < _passed(connection) for behind in _behind(connection, guards))


def _passed(connection: sqlite3.Connection) -> int:
    """Return up to where every cursor is; without one nowhere."""
    return connection.execute("SELECT min(position) FROM cursor").fetchone()[0] or 0


def _behind(connection: sqlite3.Connection, guards: Collection[str]) -> list[int]:
    marks = ",".join("?" * len(guards))
    rows = connection.execute(f"SELECT behind FROM mark WHERE key IN ({marks})", tuple(guards))
    return [behind for (behind,) in rows]


def _delete_up_to(connection: sqlite3.Connection, position: int) -> None:
    with transaction(connection):
        connection.execute("DELETE FROM batch WHERE position <= ?", (position,))
        connection.execute("DELETE FROM zone WHERE zone < ?", (position // ZONE,))


_OLDEST = "SELECT position, ticks, length(payload) FROM batch WHERE position <= ? ORDER BY position LIMIT ?"
