"""The sinks' end of the journal: cursors, their counts, and dead letters.

One transaction moves a cursor, counts what became of the ticks it passed and keeps those that the sink refused, so
that for each sink, over the journal's life, in ticks::

    appended = stored + dead_lettered + discarded + pending

A settlement that does not account for exactly the ticks it passes is refused. Moves are not synced to the disk one
by one: a power cut may take a cursor back a little, and the sink gets the same batches once more, which it must
stand anyway.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from trio_ticks.errors import JournalError
from trio_ticks.storage.journal import letters
from trio_ticks.storage.journal.faults import translated
from trio_ticks.storage.journal.records import CursorState, DeadLetter, NewDeadLetter
from trio_ticks.storage.journal.room import Limits, Room, free_beside
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
        limits: Limits | None = None,
    ) -> None:
        """Connect.

        Args:
            path: The journal's file.
            writing: Held while writing, so that threads of one process wait for each other instead of polling.
            limits: Beyond these no dead letter is kept. None: the disk, and its usual floor.

        Raises:
            JournalError: there is no journal, or it cannot be opened.
        """
        self.path = Path(path)
        if not self.path.is_file():
            raise JournalError(f"there is no journal {self.path}")
        self._writing = writing or threading.Lock()
        limits = limits or Limits(free_bytes=free_beside(self.path))
        self._connection = connect_writing(self.path, synchronous="NORMAL", log_pages=limits.log_pages)
        self._room = Room(self._connection, limits)

    def start(self, name: str, *, now_us: int, at: Literal["first", "next"] = "first") -> CursorState:
        """Return a sink's cursor, made where there is none.

        Args:
            name: The sink's, for ever: under another name it is another sink, and gets everything again.
            now_us: The present.
            at: Where a new one begins: before the first batch that is kept, or behind the last.
        """
        with self._transaction():
            if standing(self._connection, name) is None:
                position, ticks = self._beginning(at)
                self._connection.execute(_START, (name, position, ticks, ticks, now_us))
            return self._known(name)

    def states(self) -> tuple[CursorState, ...]:
        """Return where every sink stands at one instant, by name."""
        with translated(self.path):
            return standings(self._connection)

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
            JournalFullError: there is no room for the dead letters. Without any, a cursor moves as long as the
                floor of free space holds.
        """
        refused = sum(letter.ticks for letter in dead)
        with self._transaction(reserved=not dead):
            ticks = self._passed(name, position, stored, refused, discarded)
            letters.bury(self._connection, name, dead, now_us)
            self._connection.execute(_MOVE, (position, ticks, now_us, name))
            self._count(name, stored=stored, dead_lettered=refused, discarded=discarded)
            return self._known(name)

    def forget(self, name: str) -> None:
        """Remove a sink with its counts and dead letters. It holds back retention as long as it is known."""
        with self._transaction():
            self._connection.execute("DELETE FROM cursor WHERE name = ?", (name,))
            self._connection.execute("DELETE FROM dead_letter WHERE cursor = ?", (name,))

    def dead_letters(self, name: str, *, after_id: int = 0, limit: int = 1_000) -> list[DeadLetter]:
        """Return what a sink refused and nobody has asked for again, oldest first."""
        with translated(self.path):
            return letters.letters_of(self._connection, name, retrying=False, after_id=after_id, limit=limit)

    def retrying(self, name: str, *, limit: int = 1_000) -> list[DeadLetter]:
        """Return the dead letters that are to be sent again, oldest first; a drainer asks between two batches."""
        with translated(self.path):
            return letters.letters_of(self._connection, name, retrying=True, after_id=0, limit=limit)

    def retry(self, name: str, ids: Collection[int] | None = None) -> int:
        """Put dead letters back to be sent again; None: all. Return how many there were."""
        with self._transaction():
            chosen = letters.choose(self._connection, name, ids, retrying=False)
            letters.revive(self._connection, chosen)
            self._count(name, dead_lettered=-_ticks(chosen), retrying=_ticks(chosen))
        return len(chosen)

    def discard(self, name: str, ids: Collection[int] | None = None) -> int:
        """Give dead letters up for good; None: all. Return how many there were."""
        with self._transaction():
            chosen = letters.choose(self._connection, name, ids, retrying=False)
            letters.remove(self._connection, chosen)
            self._count(name, dead_lettered=-_ticks(chosen), discarded=_ticks(chosen))
        return len(chosen)

    def settle_retries(
        self, name: str, *, stored: Collection[int] = (), dead: Mapping[int, str] | None = None
    ) -> CursorState:
        """Say what became of dead letters that were sent again.

        Args:
            name: The sink's.
            stored: The ids of those that it took.
            dead: The ids of those it refused once more, and why.
        """
        reasons = dead or {}
        with self._transaction():
            taken = letters.choose(self._connection, name, stored, retrying=True)
            letters.remove(self._connection, taken)
            refused = letters.choose(self._connection, name, reasons, retrying=True)
            letters.rebury(self._connection, [(reasons[number], number) for number, _ in refused])
            self._count(
                name,
                stored=_ticks(taken),
                dead_lettered=_ticks(refused),
                retrying=-_ticks(taken) - _ticks(refused),
            )
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

    @contextlib.contextmanager
    def _transaction(self, *, reserved: bool = True) -> Iterator[None]:
        with self._writing, translated(self.path):
            self._room.admit(reserved=reserved)
            with transaction(self._connection):
                yield

    def _known(self, name: str) -> CursorState:
        state = standing(self._connection, name)
        if state is None:
            raise ValueError(f"the journal knows no sink {name!r}; start it first")
        return state

    def _beginning(self, at: str) -> tuple[int, int]:
        """Return the position before which a new sink has nothing to get, and the ticks up to there."""
        first, last = self._connection.execute("SELECT min(position), max(position) FROM batch").fetchone()
        if first is None:
            return 0, total_ticks(self._connection)
        position = last if at == "next" else first - 1
        return position, ticks_up_to(self._connection, position)

    def _passed(self, name: str, position: int, stored: int, refused: int, discarded: int) -> int:
        """Return the ticks up to a position to which the sink may move with these counts."""
        state = self._known(name)
        last = self._connection.execute("SELECT max(position) FROM batch").fetchone()[0] or 0
        if not state.position < position <= last:
            raise ValueError(
                f"{name} stands at {state.position}, the journal at {last}: it cannot move to {position}"
            )
        ticks = ticks_up_to(self._connection, position)
        passed = ticks - self._connection.execute(_PASSED_TICKS, (name,)).fetchone()[0]
        if passed != stored + refused + discarded or min(stored, refused, discarded) < 0:
            raise ValueError(
                f"{name} passes {passed:,} ticks, but {stored:,} stored, {refused:,} dead and {discarded:,} "
                f"discarded are accounted for"
            )
        return ticks

    def _count(
        self, name: str, *, stored: int = 0, dead_lettered: int = 0, discarded: int = 0, retrying: int = 0
    ) -> None:
        self._connection.execute(_COUNT, (stored, dead_lettered, discarded, retrying, name))


def _ticks(chosen: Sequence[tuple[int, int]]) -> int:
    return sum(ticks for _, ticks in chosen)


_START = "INSERT INTO cursor VALUES (?, ?, ?, ?, 0, 0, 0, 0, ?)"
_PASSED_TICKS = "SELECT passed_ticks FROM cursor WHERE name = ?"
_MOVE = "UPDATE cursor SET position = ?, passed_ticks = ?, settled_us = ? WHERE name = ?"
_COUNT = """
UPDATE cursor SET stored = stored + ?, dead_lettered = dead_lettered + ?, discarded = discarded + ?,
    retrying = retrying + ? WHERE name = ?
"""
