"""The sinks' end of the journal: cursors, their counts, and dead letters.

One transaction moves a cursor, counts what became of the ticks it passed and keeps those that the sink refused, so
that for each sink, over the journal's life, in ticks::

    appended = stored + dead_lettered + discarded + pending

A settlement that does not account for exactly the ticks it passes is refused. Moves are not synced to the disk one
by one: a power cut may take a cursor back a little, and the sink gets the same batches once more, which it must
stand anyway.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from trio_ticks.errors import JournalError
from trio_ticks.storage.journal.faults import translated
from trio_ticks.storage.journal.records import CursorState, DeadLetter, NewDeadLetter
from trio_ticks.storage.journal.room import Room
from trio_ticks.storage.journal.schema import connect_writing
from trio_ticks.storage.journal.standing import standing, standings, ticks_up_to, total_ticks
from trio_ticks.storage.journal.transaction import transaction


class Cursors:
    """A connection that moves cursors. For one thread at a time.

    `Journal.open_cursors` makes one beside the writer. Made by itself, on a journal that exists, it needs no lock:
    a person's command may ask for dead letters again while an engine runs.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        writing: threading.Lock | None = None,
        max_size_bytes: int | None = None,
        free_floor_bytes: int = 0,
        free_bytes: Callable[[], int] | None = None,
    ) -> None:
        """Connect.

        Args:
            path: The journal's file.
            writing: Held while writing, so that threads of one process wait for each other instead of polling.
            max_size_bytes, free_floor_bytes, free_bytes: As in `Journal.open`; they bind dead letters.

        Raises:
            JournalError: there is no journal, or it cannot be opened.
        """
        self.path = Path(path)
        if not self.path.is_file():
            raise JournalError(f"there is no journal {self.path}")
        self._writing = writing or threading.Lock()
        self._connection = connect_writing(self.path, synchronous="NORMAL")
        self._room = Room(
            self._connection,
            max_size_bytes=max_size_bytes,
            free_floor_bytes=free_floor_bytes,
            free_bytes=free_bytes or (lambda: shutil.disk_usage(self.path.absolute().parent).free),
        )

    def start(self, name: str, *, now_us: int, at: Literal["first", "next"] = "first") -> CursorState:
        """Return a sink's cursor, made where there is none.

        Args:
            name: The sink's, for ever: under another name it is another sink, and gets everything again.
            now_us: The present.
            at: Where a new one begins: before the first batch that is kept, or behind the last.
        """
        with self._writing, translated(self.path), transaction(self._connection):
            if standing(self._connection, name) is None:
                position, ticks = self._beginning(at)
                self._connection.execute(_START, (name, position, ticks, ticks, now_us))
            return self._known(name)

    def states(self) -> tuple[CursorState, ...]:
        """Return where every sink stands, by name."""
        with translated(self.path):
            self._connection.execute("BEGIN")
            try:
                return standings(self._connection)
            finally:
                self._connection.execute("COMMIT")

    def settle(
        self,
        name: str,
        position: int,
        *,
        now_us: int,
        stored: int,
        dead: Sequence[NewDeadLetter] = (),
        discarded: int = 0,
    ) -> CursorState:
        """Move a cursor, and say what became of every tick in between.

        Args:
            name: The sink's.
            position: The last batch that is settled now; beyond the cursor, at most the last of the journal.
            now_us: The present.
            stored: Ticks that the sink has.
            dead: What it will never take.
            discarded: Ticks it was not meant to get.

        Raises:
            ValueError: the counts are not the ticks in between, or the position is not ahead; nothing was written.
            JournalFullError: there is no room for the dead letters. Without any, a cursor always moves.
        """
        with self._writing, translated(self.path):
            self._room.admit(reserved=not dead)
            with transaction(self._connection):
                self._settle(name, position, now_us, stored, dead, discarded)
                return self._known(name)

    def forget(self, name: str) -> None:
        """Remove a sink with its counts and dead letters. It holds back retention as long as it is known."""
        with self._writing, translated(self.path), transaction(self._connection):
            self._connection.execute("DELETE FROM cursor WHERE name = ?", (name,))
            self._connection.execute("DELETE FROM dead_letter WHERE cursor = ?", (name,))

    def dead_letters(self, name: str, *, after_id: int = 0, limit: int = 1_000) -> list[DeadLetter]:
        """Return what a sink refused and nobody has asked for again, oldest first."""
        return self._letters(name, False, after_id, limit)

    def retrying(self, name: str, *, limit: int = 1_000) -> list[DeadLetter]:
        """Return the dead letters that are to be sent again, oldest first. A drainer takes them before new batches."""
        return self._letters(name, True, 0, limit)

    def retry(self, name: str, ids: Collection[int] | None = None) -> int:
        """Put dead letters back to be sent again; None: all. Return how many there were."""
        with self._writing, translated(self.path), transaction(self._connection):
            letters = self._chosen(name, ids, retrying=False)
            self._connection.executemany("UPDATE dead_letter SET retrying = 1 WHERE id = ?", _keys(letters))
            self._count(name, dead_lettered=-_ticks(letters), retrying=_ticks(letters))
        return len(letters)

    def discard(self, name: str, ids: Collection[int] | None = None) -> int:
        """Give dead letters up for good; None: all. Return how many there were."""
        with self._writing, translated(self.path), transaction(self._connection):
            letters = self._chosen(name, ids, retrying=False)
            self._connection.executemany("DELETE FROM dead_letter WHERE id = ?", _keys(letters))
            self._count(name, dead_lettered=-_ticks(letters), discarded=_ticks(letters))
        return len(letters)

    def settle_retries(
        self, name: str, *, stored: Collection[int] = (), dead: Mapping[int, str] | None = None
    ) -> CursorState:
        """Say what became of dead letters that were sent again.

        Args:
            name: The sink's.
            stored: The ids of those that it took.
            dead: The ids of those it refused once more, and why.
        """
        dead = dead or {}
        with self._writing, translated(self.path), transaction(self._connection):
            taken = self._chosen(name, stored, retrying=True)
            refused = self._chosen(name, dead, retrying=True)
            self._connection.executemany("DELETE FROM dead_letter WHERE id = ?", _keys(taken))
            reasons = [(dead[letter.id], letter.id) for letter in refused]
            self._connection.executemany("UPDATE dead_letter SET retrying = 0, reason = ? WHERE id = ?", reasons)
            self._count(name, retrying=-_ticks(taken) - _ticks(refused))
            self._count(name, stored=_ticks(taken), dead_lettered=_ticks(refused))
            return self._known(name)

    def close(self) -> None:
        """Disconnect."""
        with translated(self.path):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _known(self, name: str) -> CursorState:
        state = standing(self._connection, name)
        if state is None:
            raise ValueError(f"the journal knows no sink {name!r}; start it first")
        return state

    def _beginning(self, at: str) -> tuple[int, int]:
        """Return the position before which a new sink has nothing to get, and the ticks up to there."""
        ends = self._connection.execute("SELECT min(position), max(position) FROM batch").fetchone()
        if ends[0] is None:
            return 0, total_ticks(self._connection)
        position = ends[1] if at == "next" else ends[0] - 1
        return position, ticks_up_to(self._connection, position)

    def _settle(
        self, name: str, position: int, now_us: int, stored: int, dead: Sequence[NewDeadLetter], discarded: int
    ) -> None:
        row = self._connection.execute("SELECT position, passed_ticks FROM cursor WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise ValueError(f"the journal knows no sink {name!r}; start it first")
        last = self._connection.execute("SELECT max(position) FROM batch").fetchone()[0] or 0
        if not row[0] < position <= last:
            raise ValueError(f"{name} stands at {row[0]} and the journal at {last}: it cannot move to {position}")
        ticks = ticks_up_to(self._connection, position)
        refused = _ticks(dead)
        if ticks - row[1] != stored + refused + discarded or min(stored, refused, discarded) < 0:
            raise ValueError(
                f"{name} passes {ticks - row[1]:,} ticks, but {stored:,} stored, {refused:,} dead and {discarded:,} "
                f"discarded are accounted for"
            )
        letters = [(name, item.position, item.place, item.ticks, item.reason, now_us, item.payload) for item in dead]
        self._connection.executemany(_BURY, letters)
        self._connection.execute(_MOVE, (position, ticks, now_us, name))
        self._count(name, stored=stored, dead_lettered=refused, discarded=discarded)

    def _count(
        self, name: str, *, stored: int = 0, dead_lettered: int = 0, discarded: int = 0, retrying: int = 0
    ) -> None:
        self._connection.execute(_COUNT, (stored, dead_lettered, discarded, retrying, name))

    def _letters(self, name: str, retrying: bool, after_id: int, limit: int) -> list[DeadLetter]:
        with translated(self.path):
            rows = self._connection.execute(_LETTERS, (name, retrying, after_id, limit)).fetchall()
        return [_letter(row) for row in rows]

    def _chosen(self, name: str, ids: Collection[int] | None, *, retrying: bool) -> list[DeadLetter]:
        rows = self._connection.execute(_LETTERS, (name, retrying, 0, -1)).fetchall()
        return [letter for letter in map(_letter, rows) if ids is None or letter.id in ids]


def _letter(row: tuple[object, ...]) -> DeadLetter:
    position, place, reason, payload, ticks, number, died_us, retrying = row
    return DeadLetter(position, place, reason, payload, ticks, number, died_us, bool(retrying))  # type: ignore[arg-type]


def _ticks(letters: Sequence[NewDeadLetter]) -> int:
    return sum(letter.ticks for letter in letters)


def _keys(letters: Sequence[DeadLetter]) -> list[tuple[int]]:
    return [(letter.id,) for letter in letters]


_START = "INSERT INTO cursor VALUES (?, ?, ?, ?, 0, 0, 0, 0, ?)"
_MOVE = "UPDATE cursor SET position = ?, passed_ticks = ?, settled_us = ? WHERE name = ?"
_COUNT = """
UPDATE cursor SET stored = stored + ?, dead_lettered = dead_lettered + ?, discarded = discarded + ?,
    retrying = retrying + ? WHERE name = ?
"""
_BURY = """
INSERT INTO dead_letter (cursor, retrying, position, place, ticks, reason, died_us, payload)
VALUES (?, 0, ?, ?, ?, ?, ?, ?)
"""
_LETTERS = """
SELECT position, place, reason, payload, ticks, id, died_us, retrying FROM dead_letter
WHERE cursor = ? AND retrying = ? AND id > ? ORDER BY id LIMIT ?
"""
