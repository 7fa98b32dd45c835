"""A strategy's past: what the journal holds for it from an instant before its start on, read a page at a time.

Up to the position at which the engine was opened it is history, of which only what happened since that instant
counts. What lies behind was written by this engine, and all of it counts: it is what the strategy would have seen
live. A page is read anew wherever it was asked for from, so whoever is cancelled while he waits for one asks again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import attrs

from trio_ticks.core.marks import is_of_journal
from trio_ticks.errors import JournalDamagedError
from trio_ticks.model import Gap, Record
from trio_ticks.runtime.mailbox import Wanted
from trio_ticks.storage.journal import JournalReader, StoredBatch

log = logging.getLogger("trio_ticks.strategy")

PAGE_RECORDS = 4_096
"""A page is handed out once it has so many: some milliseconds of work. Fewer would open the file more often; more
would be memory, and keep a strategy that has little to do waiting."""

ROWS = 16
"""Batches of the journal that are read at once. They are full where it is busy, so a page goes beyond its length by
at most as many."""

LACKS = "journal"
"""The cause of a gap where the journal lacks something."""


@attrs.frozen
class Page:
    """Some records, and up to which position of the journal that is all there is for the strategy."""

    records: list[Record]
    position: int


@attrs.frozen(kw_only=True)
class History:
    """What a journal holds for one strategy.

    Attributes:
        path: The journal's.
        wanted: What the strategy wants to see.
        since_us: From this instant on, up to ``before``.
        before: The last position of the past.
    """

    path: Path
    wanted: Wanted
    since_us: int
    before: int

    def page(self, after: int, upto: int) -> Page:
        """Return the next records behind a position and up to another, perhaps none. Blocks.

        Raises:
            JournalError: it cannot be read. What is damaged, or was deleted meanwhile, is passed over as a gap.
        """
        records: list[Record] = []
        position = after
        with JournalReader(self.path) as reader:
            if not position:
                position = self._beginning(reader)
            while position < upto and len(records) < PAGE_RECORDS:
                stored = [batch for batch in _next(reader, position, upto) if batch.position <= upto]
                for batch in stored:
                    if batch.position != position + 1:
                        records.append(_hole(batch, records))
                    records += self._shown(batch)
                    position = batch.position
                if not stored:  # what there was is gone
                    position = upto
        return Page(records, min(position, upto))

    def pages(self) -> Iterator[list[Record]]:
        """Yield the records of the past, in lists that are not empty. Blocks."""
        position = 0
        while position < self.before:
            page = self.page(position, self.before)
            position = page.position
            if page.records:
                yield page.records

    def shown(self, records: list[Record]) -> list[Record]:
        """Return what of records the strategy is shown."""
        return [item for item in self.wanted.of(records) if not is_of_journal(item)]

    def _beginning(self, reader: JournalReader) -> int:
        """Return the position behind which the first record may be."""
        first = reader.first_since(self.since_us)
        return self.before if first is None else min(first - 1, self.before)

    def _shown(self, batch: StoredBatch) -> list[Record]:
        if batch.position > self.before:
            return self.shown(batch.decode())
        if batch.last_us < self.since_us:
            return []
        return [item for item in self.shown(batch.decode()) if item.time_us >= self.since_us]


def _next(reader: JournalReader, after: int, upto: int) -> list[StoredBatch]:
    """Return the next batches that can be read; none where there are none up to a position."""
    try:
        return reader.batches(after=after, limit=ROWS)
    except JournalDamagedError as error:
        log.critical("a strategy's history lacks what cannot be read: %s", error)
    for place in range(after, upto):
        try:
            return reader.batches(after=place, limit=1)
        except JournalDamagedError:
            continue
    return []


def _hole(batch: StoredBatch, records: list[Record]) -> Gap:
    """Return the gap before a batch that does not follow upon the one before it."""
    start_us = records[-1].time_us if records else batch.first_us
    return Gap(start_us=min(start_us, batch.first_us), end_us=batch.first_us, cause=LACKS)
