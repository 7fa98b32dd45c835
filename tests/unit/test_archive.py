"""The archive: what is rolled, what the journal may forget for it, and what a failure in between leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # comes without types
import pytest

from tests.support.reading import DAY_US, FIRST_US, write_journal
from trio_ticks import ConfigError, JournalError, Signal, Tick, read
from trio_ticks.config.archive import ArchiveConfig
from trio_ticks.model import Gap, Record
from trio_ticks.storage.archive import CURSOR, Archived, archive_days
from trio_ticks.storage.journal import Cursors, Journal, JournalReader
from trio_ticks.storage.parquet import SEGMENT_ROWS, write_segments


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ticks.journal"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def tick(day: float, number: int = 0, **fields: object) -> Tick:
    return Tick("A", FIRST_US + int(day * DAY_US) + number, 1.5, price_text="1.50", trade_id=number, **fields)  # type: ignore[arg-type]  # names of its fields


def roll(path: Path, archive: Path, *, today: float, after_days: int = 1) -> Archived:
    with Cursors(path) as cursors:
        return archive_days(cursors, archive, after_days=after_days, now_us=FIRST_US + int(today * DAY_US))


def names(archived: Archived) -> list[str]:
    return [file.name for file in archived.files]


def stored(path: Path) -> int:
    with JournalReader(path) as reader:
        return reader.info().ticks


def test_a_day_is_rolled_when_it_has_been_over_for_so_long(path: Path, archive: Path) -> None:
    """One file for each day and kind, and none for the days that are still kept back."""
    write_journal(path, [[tick(0), Gap(FIRST_US, FIRST_US + 5, "closed"), tick(0.9)], [tick(1)], [tick(2)]])
    assert names(roll(path, archive, today=1.99)) == []
    assert names(roll(path, archive, today=2)) == ["2024-10-04.gaps.parquet", "2024-10-04.ticks.parquet"]
    assert names(roll(path, archive, today=2.5)) == []
    assert names(roll(path, archive, today=9)) == ["2024-10-05.ticks.parquet", "2024-10-06.ticks.parquet"]
    assert sorted(file.name for file in archive.iterdir()) == [
        "2024-10-04.gaps.parquet", "2024-10-04.ticks.parquet", "2024-10-05.ticks.parquet", "2024-10-06.ticks.parquet",
    ]  # fmt: skip


def test_a_gap_is_found_from_every_day_that_it_touches(path: Path, archive: Path) -> None:
    """It lies in the file of the day on which it ended."""
    gap = Gap(FIRST_US + 5, FIRST_US + 2 * DAY_US, "closed")
    write_journal(path, [[gap]])
    assert names(roll(path, archive, today=5)) == ["2024-10-06.gaps.parquet"]
    assert list(read(archive, end="2024-10-05", kind="gaps")) == [gap]
    assert list(read(archive, end="2024-10-04", kind="gaps")) == []


def test_a_late_tick_is_added_to_its_day(path: Path, archive: Path) -> None:
    """Its file is replaced by one with both; no other is touched."""
    write_journal(path, [[tick(0)], [tick(1)]])
    roll(path, archive, today=5)
    before = {file: file.read_bytes() for file in archive.iterdir()}
    write_journal(path, [[tick(0, 7, late=True)]])
    again = roll(path, archive, today=5)
    assert (names(again), again.records) == (["2024-10-04.ticks.parquet"], 1)
    assert [file.name for file, content in before.items() if file.read_bytes() != content] == names(again)
    assert list(read(archive)) == [tick(0), tick(0, 7, late=True), tick(1)]


def test_the_journal_forgets_only_what_is_archived_and_every_sink_has(path: Path, archive: Path) -> None:
    """Each of the two holds back what it has not."""
    with Journal.open(path, now_us=FIRST_US) as journal, journal.open_cursors() as cursors:
        journal.commit([[tick(0)], [tick(1)], [tick(5)]], now_us=FIRST_US)
        cursors.start("influxdb", now_us=FIRST_US)
        archive_days(cursors, archive, after_days=1, now_us=FIRST_US + 4 * DAY_US)
        assert journal.trim(want_bytes=1_000_000).batches == 0
        cursors.settle("influxdb", 3, now_us=FIRST_US, stored=3)
        assert journal.trim(want_bytes=1_000_000).batches == 2
    assert list(read(path)) == [tick(5)]
    assert list(read(archive)) == [tick(0), tick(1)]


def test_the_archive_stands_in_the_journal_as_a_sink_does(path: Path, archive: Path) -> None:
    """Its counts add up, under a name that no table of sinks can have."""
    write_journal(path, [[tick(0), tick(0.5)], [tick(3)]])
    roll(path, archive, today=2)
    with Cursors(path) as cursors:
        (state,) = cursors.states()
    assert (state.name, state.position, state.stored, state.pending) == (CURSOR, 1, 2, 1)


def test_a_batch_that_is_not_wholly_over_is_not_passed(path: Path, archive: Path) -> None:
    """Its old part is archived, and once only; the cursor waits for the rest."""
    write_journal(path, [[tick(0), tick(2)], [tick(0, 1)]])
    first = roll(path, archive, today=1, after_days=0)
    assert (first.records, first.position) == (2, 0)
    second = roll(path, archive, today=3, after_days=0)
    assert (second.records, second.position) == (1, 2)
    assert list(read(archive)) == [tick(0), tick(0, 1), tick(2)]


def test_what_was_written_is_compared_before_anything_may_be_deleted(
    path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is not what the journal holds is not put in place, and the cursor stands."""
    write_journal(path, [[tick(0), tick(0.1)]])

    def lose_a_row(file: object, kind: str, tables: Iterator[object], through: dict[str, int]) -> None:
        write_segments(file, kind, (table.slice(1) for table in tables), through)  # type: ignore[attr-defined]  # of pyarrow

    monkeypatch.setattr("trio_ticks.storage.archive.write_segments", lose_a_row)
    with pytest.raises(JournalError, match="is not what the journal holds"):
        roll(path, archive, today=5)
    assert list(archive.iterdir()) == []
    monkeypatch.undo()
    assert roll(path, archive, today=5).position == 1
    assert list(read(archive)) == [tick(0), tick(0.1)]


def test_a_crash_between_the_files_and_the_cursor_doubles_nothing(
    path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files themselves say how far they go."""
    write_journal(path, [[tick(0), tick(1)]])

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Cursors, "settle", crash)
    with pytest.raises(KeyboardInterrupt):
        roll(path, archive, today=5)
    monkeypatch.undo()
    write_journal(path, [[tick(1, 1)]])
    again = roll(path, archive, today=5)
    assert (names(again), again.records, again.position) == (["2024-10-05.ticks.parquet"], 1, 2)
    assert list(read(archive)) == [tick(0), tick(1), tick(1, 1)]


def test_two_journals_may_share_an_archive(path: Path, tmp_path: Path, archive: Path) -> None:
    """Positions of a new journal begin anew, and are not taken for those of the old one."""
    write_journal(path, [[tick(0)], [tick(0, 1)]], now_us=FIRST_US)
    roll(path, archive, today=5)
    new = write_journal(tmp_path / "new.journal", [[tick(0, 2)]], now_us=FIRST_US + 1)
    roll(new, archive, today=5)
    assert list(read(archive, kind="all")) == [tick(0), tick(0, 1), tick(0, 2)]


def test_what_parquet_cannot_hold_is_kept_all_the_same(path: Path, archive: Path) -> None:
    """A number beyond 64 bits and half a character come back as they were."""
    odd: list[Record] = [
        tick(0, sequence=2**70),
        tick(0, 1),
        Tick("\ud800", FIRST_US, 1.0),
        Signal("buy", "A", FIRST_US, {"why": "\ud800", "big": 2**70, "far": float("-inf"), "odd": float("nan")}),
    ]
    write_journal(path, [odd])
    roll(path, archive, today=5)
    assert sorted(map(repr, read(archive, kind="all"))) == sorted(map(repr, odd))
    assert read(archive).to_arrow()["sequence"].to_pylist() == [None, None, None]


def test_damage_is_passed_by_and_told(path: Path, archive: Path) -> None:
    """What cannot be read holds nothing up for ever; it is named, and counted as discarded."""
    write_journal(path, [[tick(0)], [tick(0, 1)], [tick(0, 2)]])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE batch SET payload = zeroblob(40) WHERE position = 2")
    connection.close()
    archived = roll(path, archive, today=5)
    assert [(item.first_position, item.last_position) for item in archived.damage] == [(2, 2)]
    assert (archived.position, archived.records) == (3, 2)
    with Cursors(path) as cursors:
        (state,) = cursors.states()
    assert (state.stored, state.discarded, state.pending) == (2, 1, 0)


def test_a_large_day_is_in_segments(path: Path, archive: Path) -> None:
    """So that a program that wants an hour does not decompress a day; what comes later fills the last one up."""
    ticks = [tick(0, n) for n in range(SEGMENT_ROWS + 5)]
    write_journal(path, [ticks[n : n + 10_000] for n in range(0, len(ticks), 10_000)])
    (file,) = roll(path, archive, today=5).files
    write_journal(path, [[tick(0, n) for n in range(10)]])
    roll(path, archive, today=5)
    with pq.ParquetFile(file) as parquet:
        groups = [parquet.metadata.row_group(n) for n in range(parquet.num_row_groups)]
    assert [group.num_rows for group in groups] == [SEGMENT_ROWS, 15]
    assert groups[0].column(0).compression == "ZSTD"


def test_another_program_reads_the_files(path: Path, archive: Path) -> None:
    """The columns are what their names say, without this package."""
    write_journal(path, [[tick(0)]])
    (file,) = roll(path, archive, today=5).files
    (row,) = pq.read_table(file).to_pylist()
    assert (row["symbol"], row["price"], row["price_text"], row["position"]) == ("A", 1.5, "1.50", 1)
    assert row["time"] == tick(0).time


def test_a_file_of_another_program_is_not_replaced(path: Path, archive: Path) -> None:
    """It is named, and left."""
    write_journal(path, [[tick(0)]])
    archive.mkdir()
    foreign = archive / "2024-10-04.ticks.parquet"
    foreign.write_bytes(b"not Parquet")
    with pytest.raises(JournalError, match=r"2024-10-04\.ticks\.parquet"):
        roll(path, archive, today=5)
    assert foreign.read_bytes() == b"not Parquet"


def test_a_place_that_cannot_be_written_is_an_error_of_ours(path: Path, archive: Path) -> None:
    """The directory is named."""
    write_journal(path, [[tick(0)]])
    archive.write_text("a file stands here")
    with pytest.raises(JournalError, match="cannot be written"):
        roll(path, archive, today=5)


def test_the_settings_hold_their_rules() -> None:
    """A week by default, for what comes late."""
    assert ArchiveConfig() == ArchiveConfig(path="archive", after_days=7)
    with pytest.raises(ConfigError, match="after_days"):
        ArchiveConfig(after_days=-1)


def test_rolling_takes_nothing_away(path: Path, archive: Path) -> None:
    """What is archived stays in the journal until the room is needed."""
    write_journal(path, [[tick(0)], [tick(1)]])
    roll(path, archive, today=5)
    assert stored(path) == 2
