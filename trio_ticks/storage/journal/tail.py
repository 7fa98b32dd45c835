"""The end of the journal: where the next batch goes, and whether the last ones are what was written."""

from __future__ import annotations

import sqlite3
from typing import Any

import attrs

from trio_ticks.errors import JournalDamagedError
from trio_ticks.storage.journal.records import Damage
from trio_ticks.storage.journal.rows import ROW, Sealed, batch_of
from trio_ticks.storage.journal.schema import ZONE


@attrs.frozen
class Zone:
    """What is known of the batches of one zone so far."""

    number: int
    first_us: int
    last_us: int
    kinds: int

    def __or__(self, other: Zone) -> Zone:
        return Zone(
            number=other.number,
            first_us=min(self.first_us, other.first_us),
            last_us=max(self.last_us, other.last_us),
            kinds=self.kinds | other.kinds,
        )


@attrs.frozen
class Tail:
    """The last position that was given, the ticks up to it, and the zone that is not yet full."""

    position: int = 0
    total_ticks: int = 0
    zone: Zone | None = None

    def appended(self, batch: Sealed) -> tuple[Tail, Zone | None]:
        """Return the tail with one more batch, and the zone that this one ends."""
        position = self.position + 1
        first_us, last_us = batch.header[:2]
        grown = Zone((position - 1) // ZONE, first_us, last_us, batch.kinds)
        ended = None
        if self.zone and self.zone.number == grown.number:
            grown = self.zone | grown
        else:
            ended = self.zone
        return Tail(position, self.total_ticks + batch.ticks, grown), ended


def read_tail(connection: sqlite3.Connection) -> tuple[Tail, list[Damage]]:
    """Return the tail of a journal, and what is wrong with the batches of its last zone.

    A position that a cursor or a mark knows is never given again, though the batch itself may be lost with
    the end of the file: a sink would take the new batch for one that it has.
    """
    tail, damage = Tail(), []
    last_zone = connection.execute("SELECT max(zone) FROM zone").fetchone()[0]
    begin = 0 if last_zone is None else (last_zone + 1) * ZONE
    rows = connection.execute(f"SELECT {ROW} FROM batch WHERE position > ? ORDER BY position", (begin,)).fetchall()
    rows = rows or connection.execute(f"SELECT {ROW} FROM batch ORDER BY position DESC LIMIT 1").fetchall()
    for row in rows:
        if tail.position and row[0] != tail.position + 1:
            damage.append(Damage(tail.position + 1, row[0] - 1, "missing"))
        tail, flaw = _with_row(tail, row, begin)
        damage += flaw
    known, known_ticks = connection.execute(_KNOWN).fetchone()
    if known > tail.position:
        damage.append(Damage(tail.position + 1, known, "missing at the end, though a sink or a mark knows it"))
        tail = Tail(known, max(tail.total_ticks, known_ticks), tail.zone)
    return tail, damage


def _with_row(tail: Tail, row: tuple[Any, ...], begin: int) -> tuple[Tail, list[Damage]]:
    position, first_us, last_us, _, _, _, ticks, total_ticks, kinds, *_ = row
    try:
        batch_of(row)
    except JournalDamagedError as error:
        return Tail(position, tail.total_ticks + ticks, tail.zone), [Damage(position, position, str(error))]
    if position <= begin:
        return Tail(position, total_ticks), []
    zone = Zone((position - 1) // ZONE, first_us, last_us, kinds)
    return Tail(position, total_ticks, tail.zone | zone if tail.zone else zone), []


_KNOWN = """
SELECT coalesce(max(position), 0), coalesce(max(ticks), 0) FROM (
    SELECT position, passed_ticks AS ticks FROM cursor UNION ALL SELECT position, 0 FROM mark
)
"""
