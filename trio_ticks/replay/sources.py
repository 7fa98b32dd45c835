"""Recordings: what a replay can be made of, read a batch at a time and in one order.

A journal, an archive and a file come in their own order, which is that in which the engine delivered; InfluxDB comes
by event time. Everything is read lazily, and nothing of it stays in memory.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import attrs

from trio_ticks.config.sinks import InfluxDB
from trio_ticks.core.instants import Instant, instant_us
from trio_ticks.errors import ConfigError, TrioTicksError, in_one_line
from trio_ticks.model import Record, Tick
from trio_ticks.storage.layout import KINDS
from trio_ticks.storage.parquet_files import records_of_parquet
from trio_ticks.storage.reading import ALL, OnProgress, Reading, read
from trio_ticks.storage.reading.influxdb import InfluxSource
from trio_ticks.storage.reading.query import END_US, FIRST_US, Query
from trio_ticks.storage.reading.reading import zone_of
from trio_ticks.storage.reading.sightings import beginning_of, spelled
from trio_ticks.storage.record_files import FileFormat, Ordinals, Unsaid, records_of_text

Recorded: TypeAlias = "str | os.PathLike[str] | InfluxDB | Reading | Iterable[Sequence[Record]]"
"""What `replay` takes for a recording."""

# The lists in which what is read record by record is handed on: as many as the journal puts in one batch.
_IN_BATCH = 1_000
_FORMS = {f".{form}": form for form in FileFormat}
_KINDS = frozenset(KINDS.values())


class Recording(Protocol):
    """Records in one order, to be read once or again."""

    @property
    def title(self) -> str:
        """What errors call it."""
        ...

    @property
    def is_remote(self) -> bool:
        """Whether reading may take long, so that it belongs in a thread."""
        ...

    def batches(self, *, on_progress: OnProgress | None = None) -> Iterator[Sequence[Record]]:
        """Yield the records in lists that are not empty.

        Args:
            on_progress: Is told how far it is, and how far it goes.

        Raises:
            TrioTicksError: it cannot be read further; what came before was yielded.
        """
        ...

    @property
    def query(self) -> Query:
        """What of it is asked for."""
        ...


def recording_of(
    source: Recorded,
    *,
    symbols: Sequence[str] | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    tz: str | tzinfo = "UTC",
    now_us: int,
) -> Recording:
    """Return what is to be replayed; nothing of it is read yet.

    Args:
        source: The path of a journal, of an archive, or of a ``.csv``, ``.jsonl`` or ``.parquet`` file; an
            `InfluxDB`; what `trio_ticks.read` returns; or lists of records.
        symbols: Only these, and what concerns all symbols of a feed. None: all.
        start: From this instant on, as `trio_ticks.read` takes it.
        end: Before this one.
        tz: Where ``start`` and ``end`` stand without an offset.
        now_us: What relative instants count from.

    Raises:
        ConfigError: it is none of these, or an instant is none.
        JournalError: there is no such journal.
    """
    query = _query(symbols, start, end, now_us, zone_of(tz))
    if isinstance(source, InfluxDB):
        return ReadRecording(attrs.evolve(read(source, kind="all"), query=query))
    if isinstance(source, Reading):
        return ReadRecording(attrs.evolve(source, query=narrowed(source.query, query)))
    if not isinstance(source, (str, os.PathLike)):
        return GivenRecording(_iterable(source), query)
    form = _FORMS.get(Path(source).suffix.lower())
    if form is None or Path(source).is_dir():
        return ReadRecording(attrs.evolve(read(source, kind="all"), query=query))
    return FileRecording(path=Path(source), form=form, query=query)


def _iterable(source: Any) -> Iterable[Sequence[Record]]:
    if not isinstance(source, Iterable):
        kind = type(source).__name__
        raise ConfigError(f"a {kind} is no recording; accepted: the path of a journal, or lists of records")
    return source


def narrowed(one: Query, other: Query) -> Query:
    """Return what both ask for."""
    both = [names for names in (one.symbols, other.symbols) if names is not None]
    return Query(
        kind=one.kind,
        symbols=frozenset.intersection(*both) if both else None,
        start_us=max(one.start_us, other.start_us),
        end_us=min(one.end_us, other.end_us),
    )


@attrs.frozen
class ReadRecording:
    """What `trio_ticks.read` reads; a journal that is being written up to its end when the replay begins."""

    reading: Reading

    @property
    def title(self) -> str:
        """Its path, or the name of its bucket."""
        return self.reading.source.title

    @property
    def is_remote(self) -> bool:
        """Whether it is asked for over the network."""
        return isinstance(self.reading.source, InfluxSource)

    def batches(self, *, on_progress: OnProgress | None = None) -> Iterator[Sequence[Record]]:
        """Yield the batches in which it was written, or pages."""
        return self.reading.source.batches(self.query, on_progress=on_progress)

    @property
    def query(self) -> Query:
        """What of it is asked for."""
        return self.reading.query


@attrs.frozen(kw_only=True)
class FileRecording:
    """A file, whose records have to be in order of time but for ticks that say they are late."""

    path: Path
    form: FileFormat
    query: Query
    is_remote = False

    @property
    def title(self) -> str:
        """Its path."""
        return str(self.path)

    def batches(self, *, on_progress: OnProgress | None = None) -> Iterator[Sequence[Record]]:
        """Yield what is wanted of the file."""
        order = Order(self.title)
        for records in self._read(on_progress):
            yield from _sound(records, order, self.query)

    def _read(self, on_progress: OnProgress | None) -> Iterator[list[Record]]:
        if self.form is FileFormat.PARQUET:
            return records_of_parquet(self.path, on_progress=on_progress)
        return in_lists(self._lines(on_progress))

    def _lines(self, on_progress: OnProgress | None) -> Iterator[Record]:
        # A file whose ticks do not name their symbol is of one, which its own name tells.
        unsaid = Unsaid(symbol=self.path.stem, feed="")
        tell = None
        if on_progress is not None:
            size, told = self.path.stat().st_size, on_progress

            def tell(done: int) -> None:
                told(done, size)

        return records_of_text(self.path, self.form, unsaid=unsaid, ordinals=Ordinals(), on_progress=tell)


@attrs.frozen
class GivenRecording:
    """Lists of records from anywhere, in order of time as those of a file."""

    given: Iterable[Sequence[Record]]
    query: Query
    title = "the given recording"
    is_remote = False

    def batches(self, *, on_progress: OnProgress | None = None) -> Iterator[Sequence[Record]]:
        """Yield what is wanted of them; how far they go nobody knows."""
        order = Order(self.title)
        for done, records in enumerate(self._lists(), 1):
            if on_progress:
                on_progress(done, done)
            yield from _sound(records, order, self.query)

    def _lists(self) -> Iterator[Sequence[Record]]:
        """Yield them as they are given. An error of whoever makes them is the recording's, and not the strategy's."""
        try:
            for records in self.given:
                self._check(records)
                yield records
        except TrioTicksError:
            raise
        except Exception as error:
            raise ConfigError(f"{self.title} fails: {in_one_line(error)}") from error

    def _check(self, records: Any) -> None:
        """Check that these are records."""
        if type(records) in _KINDS:
            kind = type(records).__name__
            raise ConfigError(f"{self.title} holds a {kind}; accepted are lists of records: [[tick, tick], [tick]]")
        strange = set(map(type, records)) - _KINDS if isinstance(records, Sequence) else {type(records)}
        if strange:
            kind = min(one.__name__ for one in strange)
            raise ConfigError(f"{self.title} holds a {kind}; accepted are lists of records, such as Tick and Gap")


def nothing_recorded(recording: Recording, everything: Recording) -> ConfigError:
    """Return what to say of a recording in which nothing is that was asked for. Reads a little; blocks.

    Args:
        recording: What was asked for.
        everything: The same without symbols, start and end.
    """
    asked = asked_for(recording.query)
    if not asked:
        return ConfigError(f"{recording.title} has no tick at all")
    return ConfigError(f"{recording.title} has no tick {asked}; {_beginning_of(everything)}")


def not_seen(recording: Recording, everything: Recording, symbols: Collection[str]) -> str:
    """Return what to say of symbols that were asked for beside others, and never came. Reads a little; blocks."""
    asked = asked_for(attrs.evolve(recording.query, symbols=frozenset(symbols)))
    return f"{recording.title} has no tick {asked}; {_beginning_of(everything)}"


def _beginning_of(everything: Recording) -> str:
    if isinstance(everything, ReadRecording):  # what was read asks for something already
        everything = ReadRecording(attrs.evolve(everything.reading, query=Query(kind=ALL)))
    return beginning_of(everything.batches())


def asked_for(query: Query) -> str:
    """Return what is asked for, for people; nothing where it is everything."""
    parts = [
        *([] if query.kind in {ALL, "ticks"} else [f"among its {query.kind}"]),
        *([] if query.symbols is None else [f"of {', '.join(sorted(query.symbols))}"]),
        *([] if query.start_us == FIRST_US else [f"from {spelled(query.start_us)} on"]),
        *([] if query.end_us == END_US else [f"before {spelled(query.end_us)}"]),
    ]
    return " ".join(parts)


class Order:
    """Sees to it that ticks of one symbol do not go back in time, unless they say that they are late."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._count = 0
        self._last: dict[tuple[str, str], int] = {}

    def check(self, record: Record) -> None:
        """Look at the next record.

        Raises:
            ConfigError: it goes back; its number is named.
        """
        self._count += 1
        if type(record) is not Tick or record.late:
            return
        series = (record.feed, record.symbol)
        last_us = self._last.get(series, record.time_us)
        if record.time_us < last_us:
            raise ConfigError(
                f"{self._title}: record {self._count}: {record.symbol} goes back in time, to "
                f"{spelled(record.time_us)} after {spelled(last_us)}; accepted are ticks in order of time, and such "
                "as say late = true"
            )
        self._last[series] = record.time_us


def in_lists(records: Iterator[Record]) -> Iterator[list[Record]]:
    """Yield records in lists of a thousand; what was read before an error is yielded first."""
    held: list[Record] = []
    failure: TrioTicksError | None = None
    try:
        for record in records:
            held.append(record)
            if len(held) == _IN_BATCH:
                yield held
                held = []
    except TrioTicksError as error:
        failure = error
    if held:
        yield held
    if failure is not None:
        raise failure


def _sound(records: Sequence[Record], order: Order, query: Query) -> Iterator[list[Record]]:
    """Yield those of the records that are wanted, up to the first that is out of order."""
    wanted: list[Record] = []
    failure: TrioTicksError | None = None
    try:
        for record in records:
            order.check(record)
            if query.matches(record):
                wanted.append(record)
    except TrioTicksError as error:
        failure = error
    if wanted:
        yield wanted
    if failure is not None:
        raise failure


def _query(
    symbols: Sequence[str] | None, start: Instant | None, end: Instant | None, now_us: int, zone: tzinfo
) -> Query:
    if isinstance(symbols, str):
        raise ConfigError(f"symbols = {symbols!r}: accepted is a list of texts")
    query = Query(
        kind=ALL,
        symbols=None if symbols is None else frozenset(symbols),
        start_us=FIRST_US if start is None else _instant("start", start, now_us, zone),
        end_us=END_US if end is None else _instant("end", end, now_us, zone),
    )
    if query.start_us >= query.end_us:
        raise ConfigError(f"start = {start!r} is not before end = {end!r}: there is nothing in between")
    return query


def _instant(name: str, value: Instant, now_us: int, zone: tzinfo) -> int:
    try:
        return instant_us(value, now_us=now_us, tz=zone)
    except ValueError as error:
        raise ConfigError(f"{name} = {value!r}: {error}") from None
