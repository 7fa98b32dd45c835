"""Reading a journal, from any process, also while it is written. Needs no lock and takes none."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from trio_ticks.errors import JournalDamagedError, JournalError
from trio_ticks.model import Gap, Record
from trio_ticks.storage.journal.faults import translated
from trio_ticks.storage.journal.info import info_of
from trio_ticks.storage.journal.records import Damage, JournalInfo, StoredBatch, Verified
from trio_ticks.storage.journal.rows import ROW, batch_of
from trio_ticks.storage.journal.scan import Wanted, scan
from trio_ticks.storage.journal.schema import check_format, connect_reading
from trio_ticks.storage.journal.tail import read_tail
from trio_ticks.storage.journal.verify import verify
from trio_ticks.storage.payload import bits_of

# A page of batches: a few megabytes at most, and enough that asking for it costs nothing beside decoding it.
_PAGE = 256
_FIRST_US, _LAST_US = -(2**63), 2**63 - 1


class JournalReader:
    """A journal to read. For one thread at a time; no query outlives the call that makes it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a journal.

        Raises:
            JournalDamagedError: not even the first page can be read.
            JournalError: there is none, or it is no journal, or a newer version's.
        """
        self.path = Path(path)
        self._connection = connect_reading(self.path)
        try:
            with translated(self.path):
                is_journal = check_format(self._connection, self.path)
        except BaseException:
            self._connection.close()
            raise
        if not is_journal:
            self._connection.close()
            raise JournalError(f"{self.path} is not a journal yet: it is empty")

    @property
    def last_position(self) -> int:
        """The position of the last batch; 0 where there is none."""
        with translated(self.path):
            return self._connection.execute("SELECT max(position) FROM batch").fetchone()[0] or 0

    def batches(self, *, after: int = 0, limit: int = _PAGE) -> list[StoredBatch]:
        """Return the next batches behind a position, oldest first; none where there are none yet.

        A position that is missing between two others was deleted by retention, which never takes what a cursor has
        not passed, or is lost.

        Raises:
            JournalDamagedError: a batch is not what was written.
        """
        with translated(self.path):
            rows = self._connection.execute(_NEXT, (after, limit)).fetchall()
        return [batch_of(row) for row in rows]

    def records(
        self,
        *,
        symbols: Collection[str] | None = None,
        start_us: int | None = None,
        end_us: int | None = None,
        kinds: Collection[str] | None = None,
        after: int = 0,
        on_damage: Callable[[Damage], None] | None = None,
    ) -> Iterator[list[Record]]:
        """Yield the records that match, in the journal's order, a list for each batch that has any.

        Args:
            symbols: Of these, and those that concern every symbol of a feed. None: all.
            start_us: From this instant on. A gap matches with any part of its stretch.
            end_us: Before this one.
            kinds: ``tick``, ``gap``, … None: all.
            after: Behind this position.
            on_damage: Is told what cannot be read, which is left out. None: it raises.

        Raises:
            JournalDamagedError: a batch is not what was written, and nobody wants to be told.
            ValueError: there is no such kind.
        """
        start_us = _FIRST_US if start_us is None else start_us
        end_us = _LAST_US if end_us is None else end_us
        bits = bits_of(*kinds) if kinds is not None else -1
        chosen = None if symbols is None else frozenset(symbols)
        wanted = Wanted(start_us, end_us, bits)
        for batch in self._scan(after, wanted, on_damage or self._refuse):
            records = batch.decode()
            if chosen is not None or kinds is not None or not start_us <= batch.first_us <= batch.last_us < end_us:
                records = [item for item in records if _matches(item, chosen, start_us, end_us, kinds)]
            if records:
                yield records

    def first_since(self, start_us: int) -> int | None:
        """Return the position of the first batch that may hold something from an instant on; None: there is none."""
        batch = next(self._scan(0, Wanted(start_us=start_us), _tell_nobody), None)
        return None if batch is None else batch.position

    def verify(self, *, on_progress: Callable[[int, int], None] | None = None) -> Verified:
        """Read everything and return what of it is not what was written; see `Verified`.

        Args:
            on_progress: Is told the position that was reached and the last one.
        """
        with translated(self.path):
            return verify(self._connection, on_progress=on_progress or _ignore)

    def damage_at_end(self) -> list[Damage]:
        """Return what is wrong with the last batches, as whoever writes it next will find it."""
        with translated(self.path):
            return read_tail(self._connection)[1]

    def info(self) -> JournalInfo:
        """Return what the journal holds, and where its sinks stand, all of one instant."""
        with translated(self.path):
            return info_of(self._connection, self.path)

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

    def _refuse(self, damage: Damage) -> None:
        where = f"{self.path}: batches {damage.first_position} to {damage.last_position}"
        raise JournalDamagedError(f"{where}: {damage.reason}")

    def _scan(self, after: int, wanted: Wanted, on_damage: Callable[[Damage], None]) -> Iterator[StoredBatch]:
        with translated(self.path):
            yield from scan(self._connection, after=after, wanted=wanted, on_damage=on_damage)


def _matches(
    item: Record, symbols: Collection[str] | None, start_us: int, end_us: int, kinds: Collection[str] | None
) -> bool:
    if kinds is not None and item.kind not in kinds:
        return False
    if symbols is not None and item.symbol is not None and item.symbol not in symbols:
        return False
    first_us = item.start_us if type(item) is Gap else item.time_us
    return first_us < end_us and item.time_us >= start_us


def _tell_nobody(_damage: Damage) -> None:
    """Whoever reads on will come across it."""


def _ignore(_position: int, _last: int) -> None:
    """Nobody watches."""


_NEXT = f"SELECT {ROW} FROM batch WHERE position > ? ORDER BY position LIMIT ?"
