"""Dead letters: what sinks refused, with the reason, until someone asks for them again or gives them up."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from trio_ticks.storage.journal.records import DeadLetter, NewDeadLetter


def bury(connection: sqlite3.Connection, name: str, letters: Sequence[NewDeadLetter], now_us: int) -> None:
    """Keep what a sink refused."""
    rows = [(name, item.position, item.place, item.ticks, item.reason, now_us, item.payload) for item in letters]
    connection.executemany(_BURY, rows)


def letters_of(
    connection: sqlite3.Connection, name: str, *, retrying: bool, after_id: int, limit: int
) -> list[DeadLetter]:
    """Return a sink's dead letters, or those of them that are to be sent again, oldest first."""
    rows = connection.execute(_LETTERS, (name, retrying, after_id, limit)).fetchall()
    return [_letter(*row) for row in rows]


def choose(
    connection: sqlite3.Connection, name: str, ids: Collection[int] | None, *, retrying: bool
) -> list[tuple[int, int]]:
    """Return (id, ticks) of those of the ids that are a sink's and in that state; None: of all."""
    if ids is None:
        return connection.execute(f"{_CHOOSE} ORDER BY id", (name, retrying)).fetchall()
    found = (connection.execute(f"{_CHOOSE} AND id = ?", (name, retrying, number)).fetchone() for number in set(ids))
    return [row for row in found if row]


def revive(connection: sqlite3.Connection, chosen: Sequence[tuple[int, int]]) -> None:
    """Mark dead letters to be sent again."""
    connection.executemany("UPDATE dead_letter SET retrying = 1 WHERE id = ?", _keys(chosen))


def rebury(connection: sqlite3.Connection, reasons: Sequence[tuple[str, int]]) -> None:
    """Keep what was sent again and refused again, each with its new reason: (reason, id)."""
    connection.executemany("UPDATE dead_letter SET retrying = 0, reason = ? WHERE id = ?", reasons)


def remove(connection: sqlite3.Connection, chosen: Sequence[tuple[int, int]]) -> None:
    """Delete dead letters."""
    connection.executemany("DELETE FROM dead_letter WHERE id = ?", _keys(chosen))


def _letter(
    position: int, place: int, reason: str, payload: bytes, ticks: int, number: int, died_us: int, retrying: int
) -> DeadLetter:
    return DeadLetter(position, place, reason, payload, ticks, number, died_us, bool(retrying))


def _keys(chosen: Sequence[tuple[int, int]]) -> list[tuple[int]]:
    return [(number,) for number, _ in chosen]


_BURY = """
INSERT INTO dead_letter (cursor, retrying, position, place, ticks, reason, died_us, payload)
VALUES (?, 0, ?, ?, ?, ?, ?, ?)
"""
_LETTERS = """
SELECT position, place, reason, payload, ticks, id, died_us, retrying FROM dead_letter
WHERE cursor = ? AND retrying = ? AND id > ? ORDER BY id LIMIT ?
"""
_CHOOSE = "SELECT id, ticks FROM dead_letter WHERE cursor = ? AND retrying = ?"
