"""The range of a recording that is played: where its records come from, and from when to when."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import attrs

from trio_ticks.model import Gap, Record
from trio_ticks.replay.sources import ReadRecording, Recording
from trio_ticks.storage.journal import JournalReader
from trio_ticks.storage.reading.journal import JournalSource
from trio_ticks.storage.reading.query import END_US, FIRST_US
from trio_ticks.storage.reading.sightings import Sightings


@attrs.frozen(kw_only=True)
class Range:
    """Records, and the bounds of time.

    Attributes:
        batches: The records, in their order, none of them outside of the range.
        start_us: Where it begins; None: with the first record.
        end_us: Where it ends; None: with the last record, wherever that is.
    """

    batches: Generator[Sequence[Record], None, None]
    start_us: int | None
    end_us: int | None

    def close(self) -> None:
        """Let go of the recording."""
        self.batches.close()


def range_of(recording: Recording, sightings: Sightings) -> Range:
    """Return what is to be played; of its records none is read yet.

    Raises:
        JournalError: the journal cannot be read.
    """
    query = recording.query
    return Range(
        batches=_cut_at(query.end_us, sightings.of_records(recording.batches())),
        start_us=None if query.start_us == FIRST_US else query.start_us,
        end_us=_last_us(recording) if query.end_us == END_US else query.end_us,
    )


def _last_us(recording: Recording) -> int | None:
    """Return the greatest time that a journal knows of itself; no other recording knows one."""
    if not isinstance(recording, ReadRecording) or not isinstance(recording.reading.source, JournalSource):
        return None
    with JournalReader(recording.reading.source.path) as journal:
        return journal.info().last_us


def _cut_at(end_us: int, batches: Iterator[Sequence[Record]]) -> Generator[Sequence[Record], None, None]:
    """Let a gap that reaches beyond the end be over at the end: what comes later does not happen here."""
    for records in batches:
        if end_us < END_US and Gap in set(map(type, records)):
            yield [_ended(item, end_us) if type(item) is Gap else item for item in records]
        else:
            yield records


def _ended(gap: Gap, end_us: int) -> Gap:
    return gap if gap.end_us <= end_us else attrs.evolve(gap, end_us=end_us)
