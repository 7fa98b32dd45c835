"""What is read back is what was committed, and any filter is the naive one."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.reading import (
    BATCHES,
    FIRST_US,
    INSTANTS,
    KIND_NAMES,
    LAST_US,
    SYMBOLS,
    naive,
    tick_row,
    write_journal,
)
from trio_ticks.model import Record, Tick
from trio_ticks.storage.archive import archive_days
from trio_ticks.storage.arrow import records_of
from trio_ticks.storage.journal import Cursors
from trio_ticks.storage.reading import read

# Each example makes a journal of its own, which takes a hundred times as long as what is tested.
FEWER = settings(max_examples=settings.default.max_examples // 2)  # type: ignore[union-attr]  # one is always loaded
SOME_SYMBOLS = st.lists(SYMBOLS, max_size=2, unique=True)
STRETCHES: st.SearchStrategy[tuple[int | None, int | None]] = st.one_of(
    st.tuples(st.none(), st.none() | INSTANTS),
    st.tuples(INSTANTS, st.none()),
    st.tuples(INSTANTS, INSTANTS).map(lambda pair: (min(pair), max(pair))),
)


@FEWER
@given(BATCHES, KIND_NAMES, SOME_SYMBOLS, STRETCHES)
def test_any_filter_is_the_naive_one(
    batches: list[list[Record]], kind: str, symbols: list[str], stretch: tuple[int | None, int | None]
) -> None:
    """Records, rows and their number are those that match, in the journal's order, to the last bit."""
    start, end = stretch
    with TemporaryDirectory() as directory:
        path = write_journal(Path(directory, "j"), batches)
        reading = read(path, *symbols, start=start, end=end, kind=kind)  # type: ignore[arg-type]  # drawn from them
        expected = naive([item for batch in batches for item in batch], kind, symbols, start, end)
        assert repr(list(reading)) == repr(expected)
        assert reading.count() == len(expected)
        assert reading.to_rows() == [{"kind": item.kind, **attrs.asdict(item, recurse=False)} for item in expected]


@FEWER
@given(BATCHES, SOME_SYMBOLS, STRETCHES)
def test_a_table_of_ticks_holds_every_field(
    batches: list[list[Record]], symbols: list[str], stretch: tuple[int | None, int | None]
) -> None:
    """The way around the ticks comes to the same rows as the ticks themselves."""
    start, end = stretch
    with TemporaryDirectory() as directory:
        path = write_journal(Path(directory, "j"), batches)
        table = read(path, *symbols, start=start, end=end).to_arrow()
    records = [item for batch in batches for item in batch]
    ticks = [item for item in naive(records, "ticks", symbols, start, end) if isinstance(item, Tick)]
    assert repr(table.to_pylist()).replace("zoneinfo.ZoneInfo(key='UTC')", "datetime.timezone.utc") == repr(
        [tick_row(tick) for tick in ticks]
    )
    assert repr(records_of("ticks", table)) == repr(ticks)


@FEWER
@given(BATCHES, KIND_NAMES, SOME_SYMBOLS, STRETCHES, st.lists(st.integers(0, 4), max_size=2))
def test_an_archive_reads_as_its_journal(
    batches: list[list[Record]],
    kind: str,
    symbols: list[str],
    stretch: tuple[int | None, int | None],
    days: list[int],
) -> None:
    """However often days are rolled in between, the archive at last has what was committed, each record once."""
    start, end = stretch
    cuts = sorted(days)
    with TemporaryDirectory() as directory:
        path, archive = Path(directory, "j"), Path(directory, "archive")
        write_journal(path, [])
        for number, batch in enumerate(batches):
            write_journal(path, [batch])
            if number < len(cuts):
                _roll(path, archive, cuts[number])
        _roll(path, archive, 10)
        records = [item for batch in batches for item in batch]
        if not records:
            return
        reading = read(archive, *symbols, start=start, end=end, kind=kind)  # type: ignore[arg-type]  # drawn from them
        expected = naive(records, kind, symbols, start, end)
        by_day = sorted(expected, key=lambda item: item.time_us // 86_400_000_000)
        assert repr(list(reading)) == repr(by_day)
        assert reading.count() == len(expected)
        if kind != "all":
            assert reading.to_arrow().num_rows == len(expected)
        with Cursors(path) as cursors:
            (state,) = cursors.states()
        assert (state.stored, state.pending, state.position) == (state.appended, 0, len(batches))


def _roll(path: Path, archive: Path, days: int) -> None:
    with Cursors(path) as cursors:
        archive_days(cursors, archive, after_days=0, now_us=FIRST_US + days * 86_400_000_000)


def test_the_days_of_the_strategy_are_rolled_at_the_end() -> None:
    """The last roll above is after every record, or the law would be about nothing."""
    assert LAST_US + 86_400_000_000 < FIRST_US + 10 * 86_400_000_000
