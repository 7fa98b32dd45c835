"""Rolling days that are over from the journal to Parquet.

The archive stands in the journal as a sink does, with a cursor of its own: retention deletes nothing that it has not
passed, and the room it gives back goes to whoever needs it. The cursor moves over a batch only when every record in
it lies in a file that was read back and compared with the journal, row by row.

A day is one of event time, and is rolled when it has been over for so many days. What comes for it later still is
added: its file is written anew, with what it held before, and replaced in one step. A crash in between leaves the old
file or the new one, and the next call goes on from what the file itself says.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import attrs

from trio_ticks.errors import JournalError
from trio_ticks.model import Record
from trio_ticks.storage.frames import ArrowTable
from trio_ticks.storage.journal import Cursors, Damage, JournalReader, StoredBatch
from trio_ticks.storage.layout import KINDS
from trio_ticks.storage.parquet import (
    DAY_US,
    SEGMENT_ROWS,
    DayFile,
    Place,
    compare,
    regrouped,
    segment_of,
    segments,
    through_of,
    write_segments,
)
from trio_ticks.storage.payload import bits_of
from trio_ticks.storage.reading.journal import JournalSource
from trio_ticks.storage.reading.query import ALL, Query
from trio_ticks.storage.replacing import replacing

CURSOR = "[archive]"
"""A name that no table of sinks can have."""


@attrs.frozen(kw_only=True)
class Archived:
    """What one call of `archive_days` did.

    Attributes:
        files: What was written, by day and kind.
        records: How many records were added.
        position: Everything up to this batch of the journal is in the archive.
        damage: What could not be read, and is not in it.
    """

    files: tuple[Path, ...]
    records: int
    position: int
    damage: tuple[Damage, ...]


def archive_days(cursors: Cursors, directory: Path, *, after_days: int, now_us: int) -> Archived:
    """Roll every day that has been over for ``after_days`` days, and let the journal forget what is rolled.

    Takes seconds for each million ticks and as much memory as 100,000 need, and blocks: call it in a thread. A second
    call changes nothing until there is more to roll.

    Args:
        cursors: The sinks' end of the journal, for this thread alone.
        directory: Of the archive; it is made where there is none.
        after_days: So many whole UTC days before today's stay out.
        now_us: The present.

    Raises:
        ConfigError: pyarrow is not installed.
        JournalError: the journal or a file cannot be read or written, or what was written is not what the journal
            holds. Nothing may be deleted on account of it then.
    """
    state = cursors.start(CURSOR, now_us=now_us)
    roll = _Roll(
        path=cursors.path, directory=directory, after=state.position, end_us=(now_us // DAY_US - after_days) * DAY_US
    )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file in roll.files():
            roll.write(file)
    except OSError as error:
        raise JournalError(f"the archive {directory} cannot be written: {error}") from error
    position = roll.settle(cursors, now_us)
    return Archived(files=tuple(roll.written), records=roll.records, position=position, damage=roll.damage)


class _Roll:
    """One pass over the journal's batches behind ``after``, up to the last one of now."""

    def __init__(self, *, path: Path, directory: Path, after: int, end_us: int) -> None:
        self._directory = directory
        self._after = after
        self._end_us = end_us
        self._source = JournalSource(path=path, on_damage=self._note)
        with JournalReader(path) as reader:
            info = reader.info()
        self._last = info.last_position
        self._journal_us = info.created_us
        self._passed_ticks = info.total_ticks - next(item.pending for item in info.cursors if item.name == CURSOR)
        self._damage: dict[int, Damage] = {}
        self.written: list[Path] = []
        self.records = 0

    @property
    def damage(self) -> tuple[Damage, ...]:
        """What could not be read on the way."""
        return tuple(self._damage.values())

    def files(self) -> list[DayFile]:
        """Return the files for which there may be something new."""
        found: set[tuple[int, str]] = set()
        for batch in self._stored(Query(kind=ALL, end_us=self._end_us)):
            found.update(_days_of(batch))
        return [DayFile(self._directory, day_us, kind) for day_us, kind in sorted(found) if day_us < self._end_us]

    def write(self, file: DayFile) -> None:
        """Write a file with what it holds and what is new, compare it, and put it in place."""
        through = through_of(file)
        after = max(self._after, through.get(str(self._journal_us), 0))
        added = sum(len(records) for _, records in self._portions(file, after))
        if not added:
            return

        def rows() -> Iterator[ArrowTable]:
            new = itertools.starmap(partial(segment_of, file.kind), self._portions(file, after))
            return regrouped(itertools.chain(segments(file), new))

        with replacing(file.path) as out:
            write_segments(out, file.kind, rows(), {**through, str(self._journal_us): self._last})
            out.flush()
            compare(file, Path(out.name), rows())
        self.written.append(file.path)
        self.records += added

    def settle(self, cursors: Cursors, now_us: int) -> int:
        """Move the cursor over the batches of which everything is in files; return where it stands."""
        reach, stored, total = self._after, 0, self._passed_ticks
        awaited = reach + 1
        for batch in self._stored(Query(kind=ALL, end_us=self._end_us)):
            while awaited in self._damage:
                awaited = self._damage[awaited].last_position + 1
            if batch.position != awaited or batch.last_us >= self._end_us:
                break
            reach, stored, total = batch.position, stored + batch.ticks, batch.total_ticks
            awaited = reach + 1
        if reach == self._after:
            return reach
        unreadable = total - self._passed_ticks - stored
        return cursors.settle(CURSOR, reach, now_us=now_us, stored=stored, discarded=unreadable).position

    def _stored(self, query: Query, *, after: int | None = None) -> Iterator[StoredBatch]:
        behind = self._after if after is None else after
        batches = self._source.stored(query, after=behind)
        return itertools.takewhile(lambda batch: batch.position <= self._last, batches)

    def _portions(self, file: DayFile, after: int) -> Iterator[tuple[list[Place], list[Record]]]:
        """Yield what the journal has for a file behind a position, as many records at once as a segment holds."""
        places: list[Place] = []
        records: list[Record] = []
        query = Query(kind=file.kind, start_us=file.day_us, end_us=file.day_us + DAY_US)
        for batch in self._stored(query, after=after):
            for place, item in enumerate(batch.decode()):
                if type(item) is KINDS[file.kind] and item.time_us // DAY_US * DAY_US == file.day_us:
                    places.append((self._journal_us, batch.position, place))
                    records.append(item)
            if len(records) >= SEGMENT_ROWS:
                yield places, records
                places, records = [], []
        if records:
            yield places, records

    def _note(self, damage: Damage) -> None:
        self._damage[damage.first_position] = damage


def _days_of(batch: StoredBatch) -> set[tuple[int, str]]:
    """Return the days and kinds of a batch's records: from its header where that says so."""
    first, last = batch.first_us // DAY_US, batch.last_us // DAY_US
    if first == last:
        return {(first * DAY_US, kind) for kind, cls in KINDS.items() if batch.kinds & bits_of(cls.kind)}
    return {(item.time_us // DAY_US * DAY_US, _KIND_OF[type(item)]) for item in batch.decode()}


_KIND_OF = {cls: kind for kind, cls in KINDS.items()}
