"""Where every sink stands, read from the tables by whoever holds a connection."""

from __future__ import annotations

import sqlite3
from typing import Any

from trio_ticks.storage.journal.records import CursorState
from trio_ticks.storage.journal.transaction import snapshot

_COLUMNS = "name, position, base_ticks, passed_ticks, stored, dead_lettered, discarded, retrying, settled_us"


def standings(connection: sqlite3.Connection) -> tuple[CursorState, ...]:
    """Return all sinks at one instant, by name."""
    with snapshot(connection):
        total = total_ticks(connection)
        rows = connection.execute(f"SELECT {_COLUMNS} FROM cursor ORDER BY name").fetchall()
        return tuple(_standing(connection, row, total) for row in rows)


def standing(connection: sqlite3.Connection, name: str) -> CursorState | None:
    """Return one sink, or None where there is none of that name."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM cursor WHERE name = ?", (name,)).fetchone()
    return _standing(connection, row, total_ticks(connection)) if row else None


def total_ticks(connection: sqlite3.Connection) -> int:
    """Return how many ticks the journal has taken; what a cursor knows counts where the end of the file is lost."""
    last = connection.execute("SELECT total_ticks FROM batch ORDER BY position DESC LIMIT 1").fetchone()
    passed = connection.execute("SELECT max(passed_ticks) FROM cursor").fetchone()[0]
    return max(last[0] if last else 0, passed or 0)


def ticks_up_to(connection: sqlite3.Connection, position: int) -> int:
    """Return how many ticks the journal took up to and with this position, trimmed ones included."""
    row = connection.execute(
        "SELECT position, total_ticks, ticks FROM batch WHERE position >= ? ORDER BY position LIMIT 1", (position,)
    ).fetchone()
    if row is None:
        return total_ticks(connection)
    found, total, ticks = row
    before: int = total - ticks
    return total if found == position else before


def _standing(connection: sqlite3.Connection, row: tuple[Any, ...], total: int) -> CursorState:
    name, position, base, passed, stored, dead_lettered, discarded, retrying, settled_us = row
    oldest = connection.execute(
        "SELECT first_received_us FROM batch WHERE position > ? ORDER BY position LIMIT 1", (position,)
    ).fetchone()
    letters = connection.execute(
        "SELECT count(*) FROM dead_letter WHERE cursor = ? AND retrying = 1", (name,)
    ).fetchone()
    return CursorState(
        name=name,
        position=position,
        appended=total - base,
        stored=stored,
        dead_lettered=dead_lettered,
        discarded=discarded,
        pending=total - passed + retrying,
        retrying=retrying,
        letters=letters[0],
        settled_us=settled_us,
        oldest_pending_us=oldest[0] if oldest else None,
    )
