"""Passing over a journal zone by zone, around whatever cannot be read.

A page of SQLite that is lost takes only the batches on it, yet any query that comes across it fails as a whole. So a
window of 256 positions is asked for at once, and one by one where that fails.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from trio_ticks.errors import JournalDamagedError
from trio_ticks.storage.journal.records import Damage, StoredBatch
from trio_ticks.storage.journal.rows import ROW, batch_of
from trio_ticks.storage.journal.schema import PAGE_BYTES, ZONE, pragma
from trio_ticks.storage.journal.transaction import snapshot

# With nothing else to go by, the file's size bounds the positions: no batch with its header takes less than this.
_LEAST_ROW_BYTES = 64

# Where SQLite's file format has the number of its pages, in the header that a file begins with.
_HEADER_BYTES, _PAGES = 100, slice(28, 32)


@attrs.frozen
class Wanted:
    """Which batches may hold what is looked for: times in [start_us, end_us), and any of the kinds' bits."""

    start_us: int = -(2**63)
    end_us: int = 2**63 - 1
    kinds: int = -1

    @property
    def parameters(self) -> tuple[int, int, int]:
        """In the order of the condition."""
        return self.start_us, self.end_us, self.kinds

    def matches(self, row: Sequence[Any]) -> bool:
        """Return whether a row fulfils the condition; one that is damaged may be anything, and does."""
        try:
            return bool((row[2] >= self.start_us and row[1] < self.end_us and row[8] & self.kinds) or not row[8])
        except TypeError:
            return True


def scan(
    connection: sqlite3.Connection, *, after: int, wanted: Wanted, on_damage: Callable[[Damage], None]
) -> Iterator[StoredBatch]:
    """Yield the batches behind a position that may hold what is wanted, up to what is the last one now."""
    first, last = ends(connection)
    for low, high in _windows(connection, max(after, first - 1), last, wanted):
        batches, lost = _read(connection, low, high, wanted)
        for damage in lost:
            on_damage(damage)
        yield from batches


def ends(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the first and the last position, or bounds of them where these pages are lost; (1, 0): none."""
    try:
        first, last = connection.execute("SELECT min(position), max(position) FROM batch").fetchone()
    except sqlite3.DatabaseError:
        return 1, _bound(connection)
    if last:  # half a page that was cut off is full of rows numbered 0
        return first, last
    return (1, _bound(connection)) if _is_cut(connection) else (1, 0)


def merged(damage: list[Damage]) -> list[Damage]:
    """Return damage with neighbours of one reason as one."""
    joined: list[Damage] = []
    for item in damage:
        if joined and joined[-1].reason == item.reason and joined[-1].last_position + 1 == item.first_position:
            joined[-1] = attrs.evolve(joined[-1], last_position=item.last_position)
        else:
            joined.append(item)
    return joined


def _is_cut(connection: sqlite3.Connection) -> bool:
    """Tell whether the file is shorter than it says of itself, though no log is about to be carried over into it."""
    path = Path(connection.execute("PRAGMA database_list").fetchone()[2])
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        return False
    with path.open("rb") as file:
        pages = int.from_bytes(file.read(_HEADER_BYTES)[_PAGES], "big")
    return path.stat().st_size < pages * PAGE_BYTES


def _bound(connection: sqlite3.Connection) -> int:
    """Return a position that is not before the last: a zone is written when the next one begins."""
    try:
        return (int(connection.execute("SELECT max(zone) FROM zone").fetchone()[0]) + 2) * ZONE
    except (sqlite3.DatabaseError, TypeError):
        size_bytes: int = pragma(connection, "page_count") * pragma(connection, "page_size")
        return size_bytes // _LEAST_ROW_BYTES


def _windows(connection: sqlite3.Connection, after: int, last: int, wanted: Wanted) -> Iterator[tuple[int, int]]:
    """Yield (low, high] for each zone that may hold what is wanted; those not yet summed up may hold anything."""
    try:
        known = connection.execute("SELECT coalesce(max(zone), -1) FROM zone").fetchone()[0]
        zones = [zone for (zone,) in connection.execute(_ZONES, (*wanted.parameters, after // ZONE)).fetchall()]
    except sqlite3.DatabaseError:
        known, zones = -1, []
    zones += range(max(known + 1, after // ZONE), (last - 1) // ZONE + 1)
    for zone in zones:
        yield max(after, zone * ZONE), min(last, (zone + 1) * ZONE)


def _read(
    connection: sqlite3.Connection, low: int, high: int, wanted: Wanted
) -> tuple[list[StoredBatch], list[Damage]]:
    """Return the batches of one window, and what of it is lost."""
    batches: list[StoredBatch] = []
    lost: list[Damage] = []
    try:
        rows: Iterable[Any] = _whole(connection, low, high, wanted)
    except sqlite3.DatabaseError:
        rows = _one_by_one(connection, low, high, wanted, lost)
    for row in rows:
        try:
            batches.append(batch_of(row))
        except JournalDamagedError as error:
            lost.append(Damage(row[0], row[0], str(error)))
    return batches, merged(sorted(lost, key=lambda item: item.first_position))


def _whole(connection: sqlite3.Connection, low: int, high: int, wanted: Wanted) -> list[Any]:
    """Return what is wanted of a window in which every position is there.

    Half a page that was cut off reads as zeros, in which SQLite finds no row, or rows numbered 0, and sees no harm.
    So rows are counted, and their numbers looked at.

    Raises:
        sqlite3.DatabaseError: some of it is not there.
    """
    with snapshot(connection):
        rows = connection.execute(_WINDOW, (*wanted.parameters, low, high)).fetchall()
        count, first = connection.execute(_COUNT, (low, high)).fetchone()
    if count != high - max(low, first - 1) or any(not low < row[0] <= high for row in rows):
        raise sqlite3.DatabaseError("missing")
    return rows


def _one_by_one(
    connection: sqlite3.Connection, low: int, high: int, wanted: Wanted, lost: list[Damage]
) -> Iterator[Any]:
    for position in range(max(low + 1, ends(connection)[0]), high + 1):
        try:
            row = connection.execute(_ROW_AT, (position,)).fetchone()
        except sqlite3.DatabaseError as error:
            lost.append(Damage(position, position, f"unreadable: {error}"))
        else:
            if row is None:
                lost.append(Damage(position, position, "missing"))
            elif wanted.matches(row):
                yield row


# Nothing that was written is of no kind. Half a page that was cut off reads as zeros: it may be anything.
_WANTED = "(last_us >= ? AND first_us < ? AND kinds & ? OR coalesce(kinds, 0) = 0)"
_ZONES = f"SELECT zone FROM zone WHERE {_WANTED} AND zone >= ? ORDER BY zone"
_WINDOW = f"SELECT {ROW} FROM batch WHERE {_WANTED} AND position > ? AND position <= ? ORDER BY position"
_COUNT = """
SELECT count(*), coalesce((SELECT min(position) FROM batch), 1) FROM batch WHERE position > ? AND position <= ?
"""
_ROW_AT = f"SELECT {ROW} FROM batch WHERE position = ?"
