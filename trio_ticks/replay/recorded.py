"""The range of a recording that is played: where its records come from, and from when to when."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import tzinfo

import attrs

from trio_ticks.core.instants import Instant
from trio_ticks.errors import ConfigError
from trio_ticks.model import Gap, Record, Tick, datetime_of
from trio_ticks.storage.journal import JournalReader
from trio_ticks.storage.reading import Reading, read
from trio_ticks.storage.reading.journal import JournalSource
from trio_ticks.storage.reading.query import END_US, FIRST_US, Query
from trio_ticks.storage.reading.reading import query_of


@attrs.frozen(kw_only=True)
class Range:
    """Records, and the bounds of time.

    Attributes:
        title: What errors call the recording.
        batches: The records, in their order, none of them outside of the range.
        start_us: Where it begins; None: with the first record.
        end_us: Where it ends; None: with the last record, wherever that is.
        words: The range for people.
    """

    title: str
    batches: Generator[Sequence[Record], None, None]
    start_us: int | None
    end_us: int | None
    words: str

    def close(self) -> None:
        """Let go of the recording."""
        self.batches.close()


def range_of(
    source: object,
    symbols: Sequence[str],
    *,
    start: Instant | None,
    end: Instant | None,
    tz: str | tzinfo,
) -> Range:
    """Return what is to be played; nothing of it is read yet.

    Args:
        source: The path of a journal or an archive, or lists of records.
        symbols: None: all.
        start: From then on.
        end: Before then.
        tz: Where times without an offset stand.

    Raises:
        ConfigError: the source, or one of the bounds, is none.
        JournalError: there is no such journal.
    """
    if isinstance(source, (str, os.PathLike)):
        reading = read(source, *symbols, start=start, end=end, kind="all", tz=tz)
        return _range(str(source), _of_path(reading), reading.query, _last_us(reading))
    if not isinstance(source, Iterable):
        kind = type(source).__name__
        raise ConfigError(f"a {kind} is no recording; accepted: the path of a journal, or lists of records")
    query = query_of(symbols, start=start, end=end, kind="all", tz=tz)
    return _range("the records", _given(source, query), query, None)


def _range(title: str, batches: Iterator[Sequence[Record]], query: Query, last_us: int | None) -> Range:
    return Range(
        title=title,
        batches=_cut_at(query.end_us, batches),
        start_us=None if query.start_us == FIRST_US else query.start_us,
        end_us=last_us if query.end_us == END_US else query.end_us,
        words=_words(query),
    )


def _of_path(reading: Reading) -> Iterator[Sequence[Record]]:
    if not isinstance(reading.source, JournalSource):
        yield from reading.batches()
        return
    query = reading.query
    with JournalReader(reading.source.path) as journal:
        # Whole batches pass it unlooked at, which counts for millions of ticks.
        yield from journal.records(symbols=query.symbols, start_us=query.start_us, end_us=query.end_us)


def _last_us(reading: Reading) -> int | None:
    """Return the greatest time that a journal knows of itself; an archive knows none."""
    if not isinstance(reading.source, JournalSource):
        return None
    with JournalReader(reading.source.path) as journal:
        return journal.info().last_us


def _given(source: Iterable[Sequence[Record]], query: Query) -> Iterator[Sequence[Record]]:
    order = _Order()
    for records in source:
        order.check(records)
        if wanted := [item for item in records if query.matches(item)]:
            yield wanted


def _cut_at(end_us: int, batches: Iterator[Sequence[Record]]) -> Generator[Sequence[Record], None, None]:
    """Let a gap that reaches beyond the end be over at the end: what comes later does not happen here."""
    for records in batches:
        if end_us < END_US and Gap in set(map(type, records)):
            yield [_ended(item, end_us) if type(item) is Gap else item for item in records]
        else:
            yield records


def _ended(gap: Gap, end_us: int) -> Gap:
    return gap if gap.end_us <= end_us else attrs.evolve(gap, end_us=end_us)


class _Order:
    """Sees to it that ticks of one symbol do not go back in time, unless they say that they are late."""

    def __init__(self) -> None:
        self._count = 0
        self._last: dict[tuple[str, str], int] = {}

    def check(self, records: Sequence[Record]) -> None:
        """Look at the next records.

        Raises:
            ConfigError: one of them goes back; its number is named.
        """
        for record in records:
            self._count += 1
            if type(record) is not Tick or record.late:
                continue
            series = (record.feed, record.symbol)
            last_us = self._last.get(series, record.time_us)
            if record.time_us < last_us:
                raise ConfigError(
                    f"record {self._count}: {record.symbol} goes back in time, to {spelled(record.time_us)} after "
                    f"{spelled(last_us)}; accepted are ticks in order of time, and such as have late=True"
                )
            self._last[series] = record.time_us


def spelled(time_us: int) -> str:
    """Return an instant for people, to the microsecond."""
    return datetime_of(time_us).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _words(query: Query) -> str:
    bounds = [
        *([] if query.symbols is None else [f"of {', '.join(sorted(query.symbols))}"]),
        *([] if query.start_us == FIRST_US else [f"from {spelled(query.start_us)} on"]),
        *([] if query.end_us == END_US else [f"before {spelled(query.end_us)}"]),
    ]
    return " ".join(bounds) or "at all"
