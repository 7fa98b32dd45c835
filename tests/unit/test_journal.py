"""The journal, end by end: what it accepts, what it refuses, and what it says."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.journal import NOW_US, made_ticks, recorded_trades
from trio_ticks.errors import JournalDamagedError, JournalError, JournalFullError, JournalLockedError
from trio_ticks.model import Clock, Gap, Status
from trio_ticks.storage.journal import Cursors, Damage, Journal, JournalReader, Mark, NewDeadLetter
from trio_ticks.storage.payload import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trio_ticks.model import Record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ticks #1?.journal"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal.open(path, now_us=NOW_US) as journal:
        yield journal


def all_records(path: Path, **wanted: Any) -> list[Record]:
    with JournalReader(path) as reader:
        return [item for records in reader.records(**wanted) for item in records]


def change_payload(path: Path, position: int) -> None:
    """Flip one bit of a stored payload, behind the journal's back."""
    with sqlite3.connect(path) as connection:
        payload = bytearray(
            connection.execute("SELECT payload FROM batch WHERE position = ?", (position,)).fetchone()[0]
        )
        payload[-1] ^= 1
        connection.execute("UPDATE batch SET payload = ? WHERE position = ?", (bytes(payload), position))
    connection.close()


def test_what_is_committed_is_read_in_order(journal: Journal, path: Path) -> None:
    """Every record of every batch comes back equal, in the order of the commits."""
    trades = recorded_trades("btcusdt-2021-01-08.csv", symbol="BTCUSDT")
    batches: list[list[Record]] = [list(trades[:500]), [Gap(1, 2, "closed")], [], [Clock(5), *trades[500:]]]
    done = journal.commit(batches[:2], now_us=NOW_US)
    assert (done.first_position, done.last_position, done.ticks) == (1, 2, 500)
    done = journal.commit(batches[2:], now_us=NOW_US)
    assert (done.first_position, done.last_position, done.ticks) == (3, 3, 1501)
    assert all_records(path) == [item for batch in batches for item in batch]
    assert journal.total_ticks == 2001


def test_a_mark_is_the_latest_under_its_key(path: Path) -> None:
    """It comes with the batches of its transaction, knows those before it, and stays until it is replaced."""
    with Journal.open(path, now_us=NOW_US) as journal:
        assert journal.marks() == {}
        journal.commit([made_ticks(0, 2)], marks={"a": b"one", "b": b"other"}, now_us=NOW_US)
        journal.commit([made_ticks(2, 2), made_ticks(4, 2)], marks={"a": b"two"}, now_us=NOW_US + 1)
        journal.commit([made_ticks(6, 2)], now_us=NOW_US + 2)
        journal.commit([], marks={"c": b"alone"}, now_us=NOW_US + 3)
    with Journal.open(path, now_us=NOW_US) as journal:
        assert journal.marks() == {
            "a": Mark(1, 3, NOW_US + 1, b"two"),
            "b": Mark(0, 1, NOW_US, b"other"),
            "c": Mark(4, 4, NOW_US + 3, b"alone"),
        }
        assert journal.last_position == 4


def test_a_changed_mark_is_refused(path: Path) -> None:
    """A sequencer that starts from a wrong state would number ticks twice."""
    with Journal.open(path, now_us=NOW_US) as journal:
        journal.commit([made_ticks(0, 1)], marks={"a": b"state"}, now_us=NOW_US)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE mark SET payload = ?", (b"stats",))
    connection.close()
    with Journal.open(path, now_us=NOW_US) as journal, pytest.raises(JournalDamagedError, match="mark a"):
        journal.marks()


def test_a_second_writer_is_refused_and_the_first_named(path: Path) -> None:
    """Two engines on one journal would number the same ticks twice."""
    with (
        Journal.open(path, now_us=NOW_US, owner="process 7 on trader"),
        pytest.raises(JournalLockedError, match="process 7 on trader"),
    ):
        Journal.open(path, now_us=NOW_US)
    Journal.open(path, now_us=NOW_US).close()


def test_the_owner_is_this_process(path: Path) -> None:
    """The message of a second engine says which process to look for, and since when."""
    with (
        Journal.open(path, now_us=NOW_US),
        pytest.raises(JournalLockedError, match=r"process \d+ on .*2023-11-14T22"),
    ):
        Journal.open(path, now_us=NOW_US)


@pytest.mark.parametrize("mode", ["write", "read"])
def test_files_that_are_no_journals_are_refused(path: Path, mode: str) -> None:
    """Neither another program's database nor a text is touched, and one line says why."""

    def refused(message: str) -> None:
        before = path.read_bytes()
        with pytest.raises(JournalError, match=message) as caught:
            Journal.open(path, now_us=NOW_US) if mode == "write" else JournalReader(path)
        assert "\n" not in str(caught.value)
        assert path.read_bytes() == before

    path.write_text("time,price\n" * 500)
    refused("no journal")
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    refused("another program")
    path.unlink()
    Journal.open(path, now_us=NOW_US).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    refused("journal format 2")


def test_a_file_that_cannot_be_opened_is_a_journal_error(tmp_path: Path) -> None:
    """Whatever the system says of a path arrives as this package's error."""
    with pytest.raises(JournalError, match="lock"):
        Journal.open(tmp_path / "nowhere" / "x.journal", now_us=NOW_US)
    (tmp_path / "folder.journal").mkdir()
    with pytest.raises(JournalError, match="cannot be used"):
        Journal.open(tmp_path / "folder.journal", now_us=NOW_US)
    with pytest.raises(JournalError, match="there is no journal"):
        JournalReader(tmp_path / "x.journal")
    with pytest.raises(JournalError, match="there is no journal"):
        Cursors(tmp_path / "x.journal")


def test_an_empty_file_is_no_journal_to_read_and_becomes_one_to_write(path: Path) -> None:
    """A process that died while it made the file left nothing that anyone would miss."""
    path.touch()
    with pytest.raises(JournalError, match="empty"):
        JournalReader(path)
    Journal.open(path, now_us=NOW_US).close()
    assert all_records(path) == []


def test_what_cannot_be_written_down_leaves_the_journal_as_it_was(journal: Journal, path: Path) -> None:
    """One bad record keeps its whole commit out, and nothing after it."""
    with pytest.raises(JournalError, match="cannot be written down"):
        journal.commit([made_ticks(0, 3), [Status(object(), 1)]], now_us=NOW_US)  # type: ignore[arg-type]
    journal.commit([made_ticks(0, 3)], now_us=NOW_US)
    assert journal.last_position == 1
    assert all_records(path) == made_ticks(0, 3)


def test_reading_by_time_symbol_and_kind(journal: Journal, path: Path) -> None:
    """A selection over many zones is what a filter over everything yields."""
    everything: list[Record] = []
    for number in range(600):
        batch = made_ticks(number, 1, symbol="XY"[number % 2])
        if number % 100 == 7:
            batch.append(Gap(NOW_US + number * 1_000_000, NOW_US + (number + 3) * 1_000_000, "closed"))
        journal.commit([batch], now_us=NOW_US)
        everything += batch
    assert all_records(path) == everything
    for low, high in [(0, 600), (250, 262), (255, 257), (599, 600), (600, 700), (-5, 0), (256, 512)]:
        start_us, end_us = NOW_US + low * 1_000_000, NOW_US + high * 1_000_000
        within = [
            item
            for item in everything
            if (item.start_us if type(item) is Gap else item.time_us) < end_us and item.time_us >= start_us
        ]
        assert all_records(path, start_us=start_us, end_us=end_us) == within
        gaps = [item for item in within if type(item) is Gap]
        assert all_records(path, start_us=start_us, end_us=end_us, kinds=["gap"]) == gaps
        for_x = [item for item in within if item.symbol in ("X", None)]
        assert all_records(path, start_us=start_us, end_us=end_us, symbols=["X"]) == for_x
    assert all_records(path, after=598) == everything[-2:]
    with pytest.raises(ValueError, match="'trade'"):
        all_records(path, kinds=["trade"])


def test_reading_goes_on_while_it_is_written(journal: Journal, path: Path) -> None:
    """A reader that was opened first sees each commit, and none half."""
    with JournalReader(path) as reader:
        assert reader.batches() == []
        after = 0
        for number in range(5):
            journal.commit([made_ticks(number, 1), made_ticks(number, 1)], now_us=NOW_US)
            batches = reader.batches(after=after)
            assert [batch.position for batch in batches] == [after + 1, after + 2]
            after = reader.last_position
        assert [batch.position for batch in reader.batches(after=3, limit=2)] == [4, 5]


def test_cursors_account_for_every_tick(journal: Journal, path: Path) -> None:
    """appended = stored + dead_lettered + discarded + pending after every step."""
    journal.commit([made_ticks(0, 10), [Clock(1)], made_ticks(10, 5)], now_us=NOW_US)
    with journal.open_cursors() as cursors:
        state = cursors.start("a", now_us=NOW_US)
        assert (state.position, state.appended, state.pending) == (0, 15, 15)
        assert state.oldest_pending_us == NOW_US
        letter = NewDeadLetter(1, 4, "too large", encode(made_ticks(4, 1)))
        state = cursors.settle("a", 2, now_us=NOW_US + 1, stored=8, dead=[letter], discarded=1)
        assert (state.stored, state.dead_lettered, state.discarded, state.pending) == (8, 1, 1, 5)
        assert cursors.start("a", now_us=NOW_US) == state
        later = cursors.start("b", now_us=NOW_US, at="next")
        assert (later.position, later.appended, later.pending, later.oldest_pending_us) == (3, 0, 0, None)
        journal.commit([made_ticks(15, 2)], now_us=NOW_US)
        assert [state.pending for state in cursors.states()] == [7, 2]
    with JournalReader(path) as reader:
        assert [state.name for state in reader.info().cursors] == ["a", "b"]


@pytest.mark.parametrize(
    ("position", "counts"),
    [
        (1, {"stored": 9}),
        (1, {"stored": 11}),
        (1, {"stored": 11, "discarded": -1}),
        (0, {"stored": 0}),
        (2, {"stored": 10}),
    ],
)
def test_a_settlement_that_does_not_add_up_is_refused(
    journal: Journal, position: int, counts: dict[str, Any]
) -> None:
    """A drainer that miscounts changes nothing."""
    journal.commit([made_ticks(0, 10)], now_us=NOW_US)
    with journal.open_cursors() as cursors:
        before = cursors.start("a", now_us=NOW_US)
        with pytest.raises(ValueError, match=r"accounted|cannot move"):
            cursors.settle("a", position, now_us=NOW_US, **counts)
        assert cursors.start("a", now_us=NOW_US) == before
        with pytest.raises(ValueError, match="knows no sink 'b'"):
            cursors.settle("b", 1, now_us=NOW_US, stored=10)


def test_dead_letters_are_kept_retried_and_given_up(journal: Journal, path: Path) -> None:
    """Each is in one place at any time, with its reason, and the counts say where."""
    journal.commit([made_ticks(0, 4)], now_us=NOW_US)
    dead = [NewDeadLetter(1, place, f"refused {place}", encode(made_ticks(place, 1))) for place in range(4)]
    with journal.open_cursors() as engine, Cursors(path) as person:
        engine.start("a", now_us=NOW_US)
        engine.start("b", now_us=NOW_US)
        engine.settle("a", 1, now_us=NOW_US, stored=0, dead=dead)
        letters = person.dead_letters("a")
        assert [(letter.place, letter.reason) for letter in letters] == [(n, f"refused {n}") for n in range(4)]
        assert decode(letters[2].payload) == made_ticks(2, 1)
        assert person.dead_letters("a", after_id=letters[1].id, limit=1) == letters[2:3]
        assert person.retry("a", [letters[0].id, letters[1].id, 999]) == 2
        assert person.retry("b", [letters[2].id]) == 0
        assert [letter.place for letter in engine.retrying("a", limit=1)] == [0]
        assert person.discard("a", [letters[0].id, letters[3].id]) == 1
        state = engine.settle_retries("a", stored=[letters[0].id], dead={letters[1].id: "again"})
        assert (state.stored, state.dead_lettered, state.discarded, state.retrying) == (1, 2, 1, 0)
        assert [letter.reason for letter in engine.dead_letters("a")] == ["again", "refused 2"]
        assert engine.retry("a") == 2
        assert engine.start("a", now_us=NOW_US).pending == 2
        engine.settle_retries("a", stored=[letter.id for letter in engine.retrying("a")])
        assert engine.dead_letters("a") == engine.retrying("a") == []
        engine.forget("a")
        assert [state.name for state in engine.states()] == ["b"]


def test_retention_takes_only_what_every_cursor_has_passed(journal: Journal, path: Path) -> None:
    """Without a cursor nothing goes; with some, nothing that the slowest still needs; the last batch never."""
    for number in range(700):
        journal.commit([made_ticks(number, 2)], now_us=NOW_US)
    assert journal.trim(want_bytes=10**9).batches == 0
    with journal.open_cursors() as cursors:
        for name in "ab":
            cursors.start(name, now_us=NOW_US)
        cursors.settle("a", 700, now_us=NOW_US, stored=1400)
        assert journal.trim(want_bytes=10**9).batches == 0
        cursors.settle("b", 600, now_us=NOW_US, stored=1200)
        trimmed = journal.trim(want_bytes=10**9)
        assert (trimmed.batches, trimmed.ticks) == (600, 1200)
        assert all_records(path) == made_ticks_in_pairs(600, 700)
        cursors.settle("b", 700, now_us=NOW_US, stored=200)
        journal.trim(want_bytes=10**9)
        assert [state.appended for state in cursors.states()] == [1400, 1400]
        assert cursors.start("c", now_us=NOW_US).pending == 2
    with JournalReader(path) as reader:
        info = reader.info()
        assert (info.first_position, info.last_position, info.ticks, info.total_ticks) == (700, 700, 2, 1400)
        assert not reader.verify().damage
    assert journal.commit([made_ticks(0, 1)], now_us=NOW_US).first_position == 701


def test_retention_leaves_what_a_restart_reads(journal: Journal) -> None:
    """Behind a guarded mark nothing is deleted, though every sink has it; behind the others it is."""
    with journal.open_cursors() as cursors:
        cursors.start("sink", now_us=NOW_US)
        for position in range(1, 21):
            marks = {5: {"kept": b""}, 15: {"other": b""}}.get(position, {})
            journal.commit([made_ticks(position, 1)], now_us=NOW_US, marks=marks)
        cursors.settle("sink", 20, now_us=NOW_US, stored=20)
        journal.guards = ["kept", "not there"]
        assert journal.trim(want_bytes=10**9).batches == 4
        journal.commit([], now_us=NOW_US, marks={"kept": b""})
        assert journal.trim(want_bytes=10**9).batches == 15


def test_a_quota_that_holds_no_more_than_a_restart_needs_is_told(path: Path) -> None:
    """Every sink has everything, and yet nothing may be deleted: the message says what is too small."""
    with Journal.open(path, now_us=NOW_US, max_size_bytes=600_000) as journal, journal.open_cursors() as cursors:
        cursors.start("sink", now_us=NOW_US)
        journal.guards = ["kept"]
        journal.commit([bulky(0)], now_us=NOW_US, marks={"kept": b""})

        def fill() -> None:
            for number in range(1, 500):
                position = journal.commit([bulky(number)], now_us=NOW_US).last_position
                cursors.settle("sink", position, now_us=NOW_US, stored=0)

        with pytest.raises(JournalFullError, match=r"quota.*kept for a restart.*what comes in two checkpoint_s"):
            fill()
        journal.commit([], now_us=NOW_US, marks={"kept": b""})
        assert journal.commit([bulky(500)], now_us=NOW_US).last_position > 1  # the mark has moved on: there is room


def made_ticks_in_pairs(first: int, last: int) -> list[Record]:
    return [item for number in range(first, last) for item in made_ticks(number, 2)]


def bulky(number: int) -> list[Record]:
    """Return a batch that no compressor makes small."""
    return [Status("bulk", number, "".join(f"{n * 7_919 * (number + 1):x}" for n in range(2_000)))]


def test_the_quota_is_kept_and_everything_stays_readable(path: Path) -> None:
    """At the quota a commit is refused whole; a gap still finds room; cursors still move."""
    quota = 1024 * 1024
    with Journal.open(path, now_us=NOW_US, max_size_bytes=quota) as journal, journal.open_cursors() as cursors:
        cursors.start("a", now_us=NOW_US)
        kept = fill_bulky(journal)
        assert len(kept) > 50
        with pytest.raises(JournalFullError, match="quota of 1,048,576"):
            journal.commit([bulky(len(kept))], now_us=NOW_US)
        gap = Gap(1, 2, "journal full")
        journal.commit([[gap]], now_us=NOW_US, reserved=True)
        assert all_records(path) == [*kept, gap]
        assert path.stat().st_size <= quota
        cursors.settle("a", len(kept) // 2, now_us=NOW_US, stored=0)
        journal.commit([bulky(0)], now_us=NOW_US)
        assert all_records(path)[-2:] == [gap, *bulky(0)]
    assert path.stat().st_size <= quota


def fill_bulky(journal: Journal) -> list[Record]:
    kept: list[Record] = []
    while True:
        batch = bulky(len(kept))
        try:
            journal.commit([batch], now_us=NOW_US)
        except JournalFullError:
            return kept
        kept += batch
        assert len(kept) < 10_000, "the quota never came"


def test_a_sink_that_keeps_up_lets_it_run_for_ever_in_its_quota(path: Path) -> None:
    """Freed room is used again, so the file stays within its quota for ten times what it holds."""
    with (
        Journal.open(path, now_us=NOW_US, fsync="checkpoint", max_size_bytes=1024 * 1024) as journal,
        journal.open_cursors() as cursors,
    ):
        cursors.start("a", now_us=NOW_US)
        for number in range(1_000):
            position = journal.commit([bulky(number)], now_us=NOW_US).last_position
            cursors.settle("a", position, now_us=NOW_US, stored=0)
    assert path.stat().st_size <= 1024 * 1024


def test_the_file_does_not_grow_below_the_floor(path: Path) -> None:
    """Under the floor of free space only room inside the file is used, and the reserve for a gap."""
    free = 10**9
    with (
        Journal.open(path, now_us=NOW_US, free_floor_bytes=10**6, free_bytes=lambda: free) as journal,
        journal.open_cursors() as cursors,
    ):
        cursors.start("a", now_us=NOW_US)
        for number in range(100):
            journal.commit([bulky(number)], now_us=NOW_US)
        free = 10**5
        with pytest.raises(JournalFullError, match="100,000 bytes free, of which 1,000,000 are to stay free"):
            journal.commit([bulky(number) for number in range(9)], now_us=NOW_US)
        journal.commit([[Gap(1, 2, "disk")]], now_us=NOW_US, reserved=True)
        cursors.settle("a", 50, now_us=NOW_US, stored=0)
        journal.commit([bulky(100)], now_us=NOW_US)
        free = 10**9
        journal.commit([bulky(101)] * 50, now_us=NOW_US)
    assert [item for item in all_records(path) if type(item) is Gap] == [Gap(1, 2, "disk")]


def test_a_quota_that_holds_nothing_is_refused(path: Path) -> None:
    """It would be full before the first tick."""
    with pytest.raises(ValueError, match="524,288 or more"):
        Journal.open(path, now_us=NOW_US, max_size_bytes=4096)


def test_a_changed_byte_is_found_and_passed_by(journal: Journal, path: Path) -> None:
    """The batch is named, everything else is read, and nobody gets the changed one."""
    for number in range(600):
        journal.commit([made_ticks(number, 1)], now_us=NOW_US)
    for position in (300, 301, 599):
        change_payload(path, position)
    sound = [item for n in range(600) if n + 1 not in (300, 301, 599) for item in made_ticks(n, 1)]
    found: list[Damage] = []
    assert all_records(path, on_damage=found.append) == sound
    assert [damage.first_position for damage in found] == [300, 301, 599]
    with pytest.raises(JournalDamagedError, match="300"):
        all_records(path)
    with JournalReader(path) as reader:
        seen: list[tuple[int, int]] = []
        verified = reader.verify(on_progress=lambda position, last: seen.append((position, last)))
        assert (verified.batches, verified.ticks, seen[-1]) == (597, 597, (600, 600))
        assert [damage.first_position for damage in verified.damage] == [300, 301, 599]
        with pytest.raises(JournalDamagedError, match="batch 300"):
            reader.batches(after=298)


def test_damage_at_the_end_is_told_when_it_is_opened_and_appending_goes_on(path: Path) -> None:
    """An engine starts on a journal whose last batches are damaged, and says so."""
    with Journal.open(path, now_us=NOW_US) as journal:
        journal.commit([made_ticks(0, 3), made_ticks(3, 3)], now_us=NOW_US)
    change_payload(path, 2)
    with Journal.open(path, now_us=NOW_US) as journal:
        assert [damage.first_position for damage in journal.damage] == [2]
        journal.commit([made_ticks(6, 1)], now_us=NOW_US)
        assert journal.total_ticks == 7
    found: list[Damage] = []
    assert all_records(path, on_damage=found.append) == made_ticks(0, 3) + made_ticks(6, 1)
    assert len(found) == 1


def test_positions_that_a_sink_knows_are_never_given_again(path: Path) -> None:
    """A journal that lost its end goes on behind what a sink has: otherwise the sink would skip new batches."""
    with Journal.open(path, now_us=NOW_US) as journal, journal.open_cursors() as cursors:
        journal.commit([made_ticks(0, 3), made_ticks(3, 3), made_ticks(6, 3)], now_us=NOW_US)
        cursors.start("a", now_us=NOW_US)
        cursors.settle("a", 3, now_us=NOW_US, stored=9)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM batch WHERE position > 1")
    connection.close()
    with Journal.open(path, now_us=NOW_US) as journal, journal.open_cursors() as cursors:
        assert [(item.first_position, item.last_position) for item in journal.damage] == [(2, 3)]
        assert journal.commit([made_ticks(9, 1)], now_us=NOW_US).last_position == 4
        assert cursors.settle("a", 4, now_us=NOW_US, stored=1).appended == 10
    with JournalReader(path) as reader:
        assert [(item.first_position, item.last_position) for item in reader.verify().damage] == [(2, 3)]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_that_was_cut_short_is_read_as_far_as_it_goes(path: Path, share: float) -> None:
    """What lies on pages that are still there is read, the rest is named, and no engine appends to it."""
    with Journal.open(path, now_us=NOW_US) as journal:
        for number in range(600):
            journal.commit([made_ticks(number, 3)], now_us=NOW_US)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    found: list[Damage] = []
    readable = all_records(path, on_damage=found.append)
    lost = {n for damage in found for n in range(damage.first_position, damage.last_position + 1)}
    assert readable == [item for n in range(600) if n + 1 not in lost for item in made_ticks(n, 3)]
    assert readable
    assert found
    with JournalReader(path) as reader:
        verified = reader.verify()
        assert verified.ticks == len(readable)
        assert verified.damage
    with pytest.raises(JournalDamagedError, match="journal verify"):
        Journal.open(path, now_us=NOW_US)


def test_a_file_cut_in_its_first_batch_is_not_taken_for_an_empty_one(path: Path) -> None:
    """Half a page reads as zeros, in which SQLite sees no batch and no harm; the header knows of more pages."""
    with Journal.open(path, now_us=NOW_US) as journal:
        journal.commit([made_ticks(0, 3)], now_us=NOW_US)
    path.write_bytes(path.read_bytes()[:5_000])
    found: list[Damage] = []
    assert all_records(path, on_damage=found.append) == []
    assert found
    with JournalReader(path) as reader, pytest.raises(JournalDamagedError, match=r"\.journal: batches 1 to"):
        list(reader.records())


def test_info_says_what_it_holds(journal: Journal, path: Path) -> None:
    """Sizes, ends and the last mark are of what was committed."""
    with JournalReader(path) as reader:
        assert (reader.info().last_position, reader.info().first_us) == (0, None)
        for number in range(300):
            journal.commit([made_ticks(number, 2)], now_us=NOW_US, marks={"c": b""} if number == 7 else {})
        info = reader.info()
    assert (info.first_position, info.last_position, info.ticks, info.total_ticks) == (1, 300, 600, 600)
    assert (info.first_us, info.last_us) == (NOW_US, NOW_US + 300 * 1_000_000)
    assert info.marked_position == 8
    assert info.size_bytes > 300 * 100
    assert info.created_us == NOW_US
