"""Reading every row of a journal, and saying what of it is not what was written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from trio_ticks.errors import JournalError
from trio_ticks.storage.journal.records import Damage, StoredBatch, Verified
from trio_ticks.storage.journal.scan import Wanted, ends, merged, scan

# What SQLite finds beyond this repeats itself.
_MOST_STRUCTURAL = 20


def verify(connection: sqlite3.Connection, *, on_progress: Callable[[int, int], None]) -> Verified:
    """Check the file's structure, every checksum, and that positions and counts go on without a hole."""
    damage = _structural(connection)
    rows: list[Damage] = []
    before: StoredBatch | None = None
    batches = ticks = 0
    last = ends(connection)[1]
    for batch in scan(connection, after=0, wanted=Wanted(), on_damage=rows.append):
        rows += _flaws(before, batch)
        before = batch
        batches += 1
        ticks += batch.ticks
        on_progress(batch.position, last)
    return Verified(batches, ticks, tuple(damage + merged(sorted(rows, key=lambda item: item.first_position))))


def _flaws(before: StoredBatch | None, batch: StoredBatch) -> list[Damage]:
    """Return what is wrong with a batch whose checksum is right."""
    flaws = []
    follows = before is not None and batch.position == before.position + 1
    if before and follows and batch.total_ticks != before.total_ticks + batch.ticks:
        flaws.append(Damage(batch.position, batch.position, "its count of ticks does not follow from the one before"))
    try:
        batch.decode()
    except JournalError as error:
        flaws.append(Damage(batch.position, batch.position, str(error)))
    return flaws


def _structural(connection: sqlite3.Connection) -> list[Damage]:
    try:
        found = connection.execute(f"PRAGMA quick_check({_MOST_STRUCTURAL})").fetchall()
    except sqlite3.DatabaseError as error:
        return [Damage(0, 0, f"the file's structure: {error}")]
    return [Damage(0, 0, f"the file's structure: {line}") for (line,) in found if line != "ok"]
