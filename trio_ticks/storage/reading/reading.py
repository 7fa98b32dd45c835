"""`read`: what a journal, an archive or InfluxDB holds, as rows, records, data frames or tables."""

from __future__ import annotations

import logging
import operator
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

import attrs

from trio_ticks.config.sinks import InfluxDB
from trio_ticks.core.bars import BarMaker
from trio_ticks.core.instants import Instant, instant_us
from trio_ticks.errors import ConfigError
from trio_ticks.model import Record
from trio_ticks.storage.arrow import pyarrow_or_refuse, schema_of
from trio_ticks.storage.extras import extra
from trio_ticks.storage.frames import ArrowSchema, ArrowTable, PandasFrame, PolarsFrame
from trio_ticks.storage.layout import KINDS, Type, columns_of_kind
from trio_ticks.storage.reading.archive import ArchiveSource
from trio_ticks.storage.reading.bars import BarSource
from trio_ticks.storage.reading.influxdb import InfluxSource
from trio_ticks.storage.reading.journal import JournalSource, OnDamage, OnProgress
from trio_ticks.storage.reading.query import ALL, END_US, FIRST_US, Query
from trio_ticks.storage.reading.sightings import Sightings, beginning_of

Kind: TypeAlias = Literal["ticks", "gaps", "statuses", "signals", "bars", "books", "clocks", "all"]
Kept: TypeAlias = JournalSource | ArchiveSource | InfluxSource
"""Where records are kept."""


log = logging.getLogger("trio_ticks.reading")

# Of these a symbol that was traded has some; gaps and signals it need not have.
_OF_SYMBOLS = frozenset({"ticks", "bars", ALL})


@attrs.frozen(kw_only=True)
class Reading:
    """Records to read, as `read` describes them. Nothing is read before one of the methods is called.

    It can be read any number of times; each time anew, so that on a journal that is being written later readings see
    more. One reading sees what was committed when it began.
    """

    source: Kept | BarSource
    query: Query

    def __iter__(self) -> Iterator[Any]:
        """Yield the records one by one: `Tick`, `Gap` …, in the order of where they are kept."""
        for batch in self.batches():
            yield from batch

    def batches(self, *, on_progress: OnProgress | None = None) -> Generator[Sequence[Record], None, None]:
        """Yield the records in lists, as they lie together.

        Args:
            on_progress: Is told how far it is, and how far it goes.
        """
        return self._sightings().of_records(self.source.batches(self.query, on_progress=on_progress))

    def tables(self, *, on_progress: OnProgress | None = None) -> Iterator[ArrowTable]:
        """Yield the records in Arrow tables of some ten thousand rows, for what does not fit into memory.

        Args:
            on_progress: Is told how far it is, and how far it goes.

        Raises:
            ConfigError: ``kind`` is ``all``, which has no one set of columns; or pyarrow is not installed.
        """
        self._check_table()
        return self._sightings().of_tables(self.source.tables(self.query, on_progress=on_progress))

    def count(self) -> int:
        """Return how many records there are."""
        return self.source.count(self.query)

    def to_rows(self) -> list[dict[str, Any]]:
        """Return the records as dictionaries: ``kind``, and every field by its name.

        A tick's ``price`` and ``volume`` are floats; ``price_text`` and ``volume_text`` are the exact decimal texts.
        """
        return [
            {"kind": item.kind, **dict(zip(names, values_of(item), strict=True))}
            for item in self
            for names, values_of in (_FIELDS[type(item)],)
        ]

    def to_arrow(self) -> ArrowTable:
        """Return an Arrow table; `schema` says of which columns.

        Raises:
            ConfigError: ``kind`` is ``all``, or pyarrow is not installed.
        """
        tables = list(self.tables())
        pa = pyarrow_or_refuse()
        table = pa.concat_tables(tables) if tables else self.schema.empty_table()
        return table.unify_dictionaries()

    def to_pandas(self) -> PandasFrame:
        """Return a data frame with the columns of `schema`.

        Times are ``datetime64[us, UTC]``, symbol, side and feed categories, and whole numbers that may be missing
        ``Int64``, so that no id loses digits in a float.

        Raises:
            ConfigError: ``kind`` is ``all``, or pandas or pyarrow is not installed.
        """
        pd, pa = extra("pandas", "pandas"), pyarrow_or_refuse()
        nullable = {pa.int64(): pd.Int64Dtype()}
        frame = self.to_arrow().to_pandas(types_mapper=nullable.get, self_destruct=True, split_blocks=True)
        counts = [column.name for column in columns_of_kind(self.query.kind) if column.type is Type.COUNT]
        return frame.astype(dict.fromkeys(counts, "int64"))

    def to_polars(self) -> PolarsFrame:
        """Return a data frame with the columns of `schema`; times are ``Datetime("us", "UTC")``.

        Raises:
            ConfigError: ``kind`` is ``all``, or polars or pyarrow is not installed.
        """
        frame: PolarsFrame = extra("polars", "polars").from_arrow(self.to_arrow())
        return frame

    @property
    def schema(self) -> ArrowSchema:
        """The columns of tables and frames.

        Raises:
            ConfigError: ``kind`` is ``all``, or pyarrow is not installed.
        """
        self._check_table()
        return schema_of(columns_of_kind(self.query.kind))

    def _sightings(self) -> Sightings:
        """Return what watches for the symbols that were asked for, and says which have not come."""
        wanted = self.query.symbols if self.query.kind in _OF_SYMBOLS else None
        sightings = Sightings(wanted, on_over=lambda: log.warning("%s", self._lacking(sightings.unseen)))
        return sightings

    def _lacking(self, symbols: Iterable[str]) -> str:
        source = self.source.source if isinstance(self.source, BarSource) else self.source
        begins = beginning_of(source.batches(Query()))
        return f"{source.title} has no tick of {', '.join(sorted(symbols))} in that stretch; {begins}"

    def _check_table(self) -> None:
        if self.query.kind == ALL:
            raise ConfigError(f"kind = 'all' makes no table; accepted: one of {', '.join(KINDS)}")


def _fields(cls: type[Any]) -> tuple[list[str], Callable[[Any], tuple[Any, ...]]]:
    names = [field.name for field in attrs.fields(cls)]
    return names, operator.attrgetter(*names)


_FIELDS = {cls: _fields(cls) for cls in KINDS.values()}


def read(
    path: str | os.PathLike[str] | InfluxDB,
    *symbols: str,
    start: Instant | None = None,
    end: Instant | None = None,
    kind: Kind = "ticks",
    tz: str | tzinfo = "UTC",
    on_damage: OnDamage | None = None,
    now_us: int | None = None,
    interval: str | None = None,
    session: str | None = None,
    fill: bool = False,
    lateness_s: float = 0.0,
) -> Reading:
    """Read a journal, also while an engine writes it, an archive's directory, or what a sink wrote to InfluxDB.

    Takes no lock, and holds up no writer. A journal comes in its own order, in which the engine delivered; an archive
    day by day, each in that order; InfluxDB by event time, where a gap is at its end.

    Args:
        path: The journal's file, the directory of an archive, or a bucket.
        symbols: As the vendor spells them. None: all. What concerns all symbols of a feed always belongs to it.
        start: From this instant of event time on: ISO 8601, ``-12h`` and the like before now, whole microseconds,
            or a ``datetime``. None: the first.
        end: Before this one. None: up to the last.
        kind: ``ticks``, ``gaps``, ``statuses``, ``signals``, ``bars``, ``books``, ``clocks``, or ``all``. A gap
            belongs to a stretch that it overlaps. InfluxDB has the first four, and what is made of them.
        tz: In which zone times without an offset stand.
        on_damage: Is told what cannot be read, which is then left out. None: it raises `JournalError`.
        now_us: What relative times count from. None: the present.
        interval: With ``kind="bars"``: make them of the ticks, one for each ``5m``, ``1d``, ``100 ticks`` or
            ``2.5 volume``; `BarMaker` says how. None: those that were kept as bars.
        session: Of these bars: such as ``09:30-16:00 America/New_York``.
        fill: Of these bars: intervals without a tick have one as well.
        lateness_s: Of these bars: for how long they wait for late ticks.

    Raises:
        ConfigError: an argument is none of these.
        JournalError: there is no journal.
    """
    query = query_of(symbols, start=start, end=end, kind=kind, tz=tz, now_us=now_us)
    source = InfluxSource(settings=path) if isinstance(path, InfluxDB) else _of_path(Path(path), on_damage)
    made = _made(source, kind, interval, session=session, fill=fill, lateness_s=lateness_s)
    if not isinstance(source, InfluxSource):
        source.check()
    elif made is source:  # not where bars are made of its ticks
        source.check(query)
    return Reading(source=made, query=query)


def query_of(
    symbols: Sequence[str],
    *,
    start: Instant | None = None,
    end: Instant | None = None,
    kind: str = "ticks",
    tz: str | tzinfo = "UTC",
    now_us: int | None = None,
) -> Query:
    """Return what is asked for, from the arguments of `read`.

    Raises:
        ConfigError: an argument is none of those.
    """
    now_us = time.time_ns() // 1_000 if now_us is None else now_us
    zone = zone_of(tz)
    query = Query(
        kind=_known(kind),
        symbols=_listed(symbols),
        start_us=FIRST_US if start is None else _instant("start", start, now_us, zone),
        end_us=END_US if end is None else _instant("end", end, now_us, zone),
    )
    if query.start_us > query.end_us:
        raise ConfigError(f"start = {start!r} is after end = {end!r}")
    return query


def _of_path(path: Path, on_damage: OnDamage | None) -> JournalSource | ArchiveSource:
    return ArchiveSource(path=path) if path.is_dir() else JournalSource(path=path, on_damage=on_damage)


def _made(source: Kept, kind: str, interval: str | None, **how: Any) -> Kept | BarSource:
    """Return the source as one of bars, where they are to be made."""
    if interval is None:
        if any(how.values()):
            raise ConfigError("session, fill, lateness_s: accepted with kind = 'bars' and an interval only")
        return source
    if kind != "bars":
        raise ConfigError(f"interval = {interval!r}: accepted with kind = 'bars' only, and kind = {kind!r}")
    BarMaker(interval, **how)  # what is not accepted, is told now and not when it is read
    return BarSource(
        source=source,
        make=lambda since_us: BarMaker(interval, since_us=since_us, **how),
        lateness_s=how["lateness_s"],
    )


def _known(kind: str) -> str:
    if kind not in KINDS and kind != ALL:
        raise ConfigError(f"kind = {kind!r}: accepted: {', '.join(KINDS)} or {ALL}")
    return kind


def _listed(symbols: Sequence[str]) -> frozenset[str] | None:
    if not all(isinstance(symbol, str) for symbol in symbols):
        raise ConfigError("symbols are texts, one argument each")
    return frozenset(symbols) or None


def _instant(name: str, value: Instant, now_us: int, zone: tzinfo) -> int:
    try:
        return instant_us(value, now_us=now_us, tz=zone)
    except ValueError as error:
        raise ConfigError(f"{name} = {value!r}: {error}") from None


def zone_of(tz: str | tzinfo) -> tzinfo:
    """Return a zone.

    Raises:
        ConfigError: there is none of this name.
    """
    if isinstance(tz, tzinfo):
        return tz
    try:
        return UTC if tz.upper() == "UTC" else ZoneInfo(tz)
    except (AttributeError, ValueError, LookupError, OSError):  # no text, not found, no file's name, a directory
        raise ConfigError(f"tz = {tz!r}: accepted: UTC, or a zone such as Europe/Berlin") from None
