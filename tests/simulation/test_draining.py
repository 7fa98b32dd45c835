"""Sinks that fail in every way, and a journal that cannot be read or written beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import trio
from trio.testing import MockClock

from tests.support.storing import kept_ticks
from trio_ticks.config import JournalConfig
from trio_ticks.errors import ConfigError, JournalFullError, SinkRejectedError, SinkUnavailableError
from trio_ticks.model import Gap, Status, Tick
from trio_ticks.runtime.draining import SinkStatistics
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.portions import portions_of
from trio_ticks.runtime.sinks import AnySink, Delivery, Refused, Sink, SinkBatch
from trio_ticks.storage.journal import Cursors, CursorState, Journal, JournalReader, StoredBatch
from trio_ticks.testing.simulation import on_the_spot
from trio_ticks.testing.venue import Venue


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ticks.journal"


class Store:
    """A sink that does as it is told, and remembers what it took."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.prices: list[float] = []
        self.calls = 0

    async def take(self, batch: SinkBatch) -> None:
        self.calls += 1
        await trio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        self.prices += [tick.price for tick in batch.ticks]


async def trade(venue: Venue, *prices: int) -> None:
    """Let these trades happen, each in a batch of its own."""
    for price in prices:
        await venue.send(Tick("X", venue.now_us(), float(price)))
        await trio.sleep(0.1)


def statistics(engine: Engine) -> SinkStatistics:
    assert engine.statistics().ledger.imbalances() == []
    (found,) = engine.statistics().sinks
    return found


def options(path: Path, sink: AnySink | Store) -> dict[str, Any]:
    taken = Sink(sink.take, name="store") if isinstance(sink, Store) else sink
    journal = JournalConfig(path=str(path), min_free=0)
    return {"journal": journal, "sinks": [taken], "run_sync": on_the_spot}


async def test_a_sink_that_is_away_gets_everything_later_and_says_how_far_it_is(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """Lag, attempts and the reason are told meanwhile; strategies and the journal notice nothing."""
    store = Store()
    async with venue.open_engine("X", **options(path, store)) as engine:
        await venue.wait_subscribed()
        await trio.sleep(100.0)
        assert (statistics(engine).state, statistics(engine).lag_s) == ("waiting", 0.0)
        store.error = SinkUnavailableError("not now")
        await trade(venue, 1, 2, 3)
        await trio.sleep(10.0 - 0.3)
        found = statistics(engine)
        assert (found.state, found.last_error, found.ledger.pending) == ("holding", "not now", 3)
        assert 9.9 < found.lag_s < 10.1
        assert found.attempts == found.failures == store.calls >= 3
        store.error = None
        await trio.sleep(60.0)
        found = statistics(engine)
        assert (found.state, found.lag_s, found.ledger.stored) == ("waiting", 0.0, 3)
    assert store.prices == [1.0, 2.0, 3.0]


class Ferry:
    """A sink that takes two batches at once, of which the first to come fails when the second one has landed."""

    name, kinds, batch_ticks, in_flight, reads_payloads = "ferry", frozenset({"tick"}), 1, 2, False

    def __init__(self, path: Path) -> None:
        self.landed: list[float] = []
        self.positions: list[int] = []
        self.most = 0
        self._path = path
        self._aboard: list[float] = []
        self._second = trio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Delivery]:
        yield self

    async def deliver(self, batch: SinkBatch) -> Sequence[Refused]:
        (tick,) = batch.ticks
        self._aboard.append(tick.price)
        self.most = max(self.most, len(self._aboard))
        try:
            if tick.price == 1.0 and not self._second.is_set():
                await self._second.wait()
                raise SinkUnavailableError("not this one")
            await trio.sleep(0.01)
        finally:
            self._aboard.remove(tick.price)
        self.landed.append(tick.price)
        with Cursors(self._path) as cursors:
            self.positions.append(cursors.states()[0].position)
        if tick.price == 2.0:
            self._second.set()
        return []


async def test_a_sink_may_take_two_batches_at_once_and_its_cursor_moves_in_order(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """One that landed before the batch ahead of it has not moved the cursor; nothing is lost or handed over twice."""
    written = [[Tick("X", venue.now_us(), float(price), feed="venue")] for price in (1, 2, 3, 4)]
    with Journal.open(path, now_us=venue.now_us()) as journal, journal.open_cursors() as cursors:
        cursors.start("ferry", now_us=venue.now_us())
        journal.commit(written, now_us=venue.now_us())
    ferry = Ferry(path)
    async with venue.open_engine("X", **options(path, ferry)) as engine:
        await trio.sleep(60.0)
        assert statistics(engine).ledger.stored == 4
        assert statistics(engine).failures == 1
    assert (ferry.landed[:2], sorted(ferry.landed[2:])) == ([2.0, 1.0], [3.0, 4.0])  # the last two land together
    assert ferry.positions[:2] == [0, 0]
    assert ferry.most == 2


async def test_a_sink_is_asked_again_no_sooner_than_it_wants(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """``after_s`` is the least pause."""
    store = Store()
    store.error = SinkUnavailableError("busy", after_s=100.0)
    async with venue.open_engine("X", **options(path, store)):
        await venue.wait_subscribed()
        await trade(venue, 1)
        await trio.sleep(99.0)
        assert store.calls == 1
        await trio.sleep(2.0)
        assert store.calls == 2


async def test_what_a_sink_refuses_for_good_is_kept_and_can_be_sent_again(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """A dead letter does not hold up what follows, and is delivered once somebody asks for it again."""
    store = Store()
    async with venue.open_engine("X", **options(path, store)) as engine:
        await venue.wait_subscribed()
        store.error = SinkRejectedError("too strange")
        await trade(venue, 1)
        store.error = None
        await trade(venue, 2)
        assert store.prices == [2.0]
        assert statistics(engine).ledger.dead_lettered == 1
        with Cursors(path) as cursors:
            assert [letter.reason for letter in cursors.dead_letters("store")] == ["too strange"]
            assert cursors.retry("store") == 1
        await trade(venue, 3)  # what moves the cursor next shows that something waits
        await trade(venue, 4)
        ledger = statistics(engine).ledger
        assert (ledger.stored, ledger.dead_lettered, ledger.pending) == (4, 0, 0)
    assert sorted(store.prices) == [1.0, 2.0, 3.0, 4.0]


async def test_an_event_that_a_sink_refuses_is_a_letter_of_no_tick(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """It holds nothing up and counts nowhere, and is sent again with its own place when somebody asks for it."""
    places: list[tuple[int, int]] = []
    picky = True

    async def take(batch: SinkBatch) -> None:
        await trio.lowlevel.checkpoint()
        if picky and any(isinstance(item, Gap) for item in batch.records):
            raise SinkRejectedError("no gaps")
        places.extend(batch.places)

    sink = Sink(take, name="store", kinds=frozenset({"tick", "gap"}))
    now_us = venue.now_us()
    with Journal.open(path, now_us=now_us) as journal, journal.open_cursors() as cursors:
        cursors.start("store", now_us=now_us)
        journal.commit([[Status("silent", now_us), Gap(now_us, now_us, "closed")]], now_us=now_us)
    async with venue.open_engine("X", **options(path, sink)) as engine:
        await venue.wait_subscribed()
        await trade(venue, 1)
        ledger = statistics(engine).ledger
        assert (ledger.appended, ledger.stored, ledger.dead_lettered, ledger.pending) == (1, 1, 0, 0)
        with Cursors(path) as cursors:
            letters = cursors.dead_letters("store")
            first = letters[0]
            assert (first.reason, first.position, first.place, first.ticks) == ("no gaps", 1, 1, 0)
            picky = False
            assert cursors.retry("store") == len(letters)
        await trade(venue, 2)  # what moves the cursor next shows that something waits
        await trade(venue, 3)
        assert (1, 1) in places
        with Cursors(path) as cursors:
            assert cursors.dead_letters("store") == cursors.retrying("store") == []
        assert statistics(engine).ledger.stored == 3


async def test_a_sink_that_hangs_holds_a_stop_up_for_the_grace_and_no_longer(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """Meanwhile it is not told as up to date; its cursor stands, and the next life hands it the same again."""

    async def hang(_batch: SinkBatch) -> None:
        await trio.sleep_forever()

    async with venue.open_engine("X", **options(path, Sink(hang, name="store")), grace_s=3.0) as engine:
        await venue.wait_subscribed()
        await trade(venue, 1)
        assert statistics(engine).state == "draining"
        stopped = trio.current_time()
        engine.stop()
        await engine.wait_stopped()
        assert trio.current_time() == stopped + 3.0
    assert statistics(engine).ledger.pending == 1
    store = Store()
    async with venue.open_engine("X", **options(path, store)):
        await trio.sleep(1.0)
    assert store.prices == [1.0]


async def test_a_sink_that_fails_does_not_hold_a_stop_up(autojump_clock: MockClock, venue: Venue, path: Path) -> None:
    """Nobody waits for the next attempt."""
    store = Store()
    store.error = LookupError("a bug")
    async with venue.open_engine("X", **options(path, store), grace_s=1_000.0) as engine:
        await venue.wait_subscribed()
        await trade(venue, 1)
        await trio.sleep(50.0)
        stopped = trio.current_time()
        engine.stop()
        await engine.wait_stopped()
        assert trio.current_time() < stopped + 1.0
    assert statistics(engine).last_error == "LookupError: a bug"


async def test_a_cursor_that_cannot_be_moved_is_no_end(autojump_clock: MockClock, venue: Venue, path: Path) -> None:
    """On a disk that is full to the last byte the engine goes on; what was handed over is not handed over again."""
    store = Store()
    is_full = True
    settle: Callable[..., CursorState] = Cursors.settle

    def settle_or_not(self: Cursors, *args: Any, **named: Any) -> CursorState:
        if is_full:
            raise JournalFullError("no room")
        return settle(self, *args, **named)

    with mock.patch.object(Cursors, "settle", settle_or_not):
        async with venue.open_engine("X", **options(path, store)) as engine:
            await venue.wait_subscribed()
            await trade(venue, 1, 2)
            await trio.sleep(20.0)
            found = statistics(engine)
            assert (found.state, found.last_error, found.ledger.stored) == ("holding", "no room", 0)
            is_full = False
            await trio.sleep(60.0)
            assert statistics(engine).ledger.stored == 2
    assert store.prices == [1.0, 2.0]


def spoil(path: Path, positions: Sequence[int]) -> None:
    """Flip a bit of some batches, behind the journal's back."""
    with sqlite3.connect(path) as connection:
        for position in positions:
            (payload,) = connection.execute("SELECT payload FROM batch WHERE position = ?", (position,)).fetchone()
            changed = bytes([*payload[:-1], payload[-1] ^ 1])
            connection.execute("UPDATE batch SET payload = ? WHERE position = ?", (changed, position))
    connection.close()


@pytest.mark.parametrize("lost", [[2], [2, 3], [1, 2, 5]])
async def test_a_damaged_stretch_is_passed_by_and_accounted_for(
    autojump_clock: MockClock, venue: Venue, path: Path, lost: list[int]
) -> None:
    """The sink gets the readable part; the rest are dead letters that say why, also when they are asked for again."""
    store = Store()
    store.error = SinkUnavailableError("not now")
    async with venue.open_engine("X", **options(path, store)):
        await venue.wait_subscribed()
        await trade(venue, 1, 2, 3, 4, 5, 6)
    with JournalReader(path) as reader:
        held = {batch.position: batch for batch in reader.batches()}
    spoil(path, lost)
    lost_prices = [tick.price for position in lost for tick in held[position].decode() if isinstance(tick, Tick)]
    assert lost_prices
    store.error = None
    venue.step_clock(60.0)
    async with venue.open_engine("X", **options(path, store)) as engine:
        await venue.wait_subscribed()
        await trade(venue, 7)
        with Cursors(path) as cursors:
            cursors.retry("store")
        await trade(venue, 8, 9)
        ledger = statistics(engine).ledger
        assert (ledger.dead_lettered, ledger.pending) == (len(lost_prices), 0)
    assert store.prices == [price for price in map(float, range(1, 10)) if price not in lost_prices]


def stored(path: Path, batches: Sequence[Sequence[Tick | Status]]) -> list[StoredBatch]:
    """Return batches as a journal keeps them."""
    with Journal.open(path, now_us=1) as journal:
        journal.commit(batches, now_us=1)
    with JournalReader(path) as reader:
        return reader.batches()


TICK, STATUS = Tick("X", 1, 1.0), Status("connected", 1)


def test_portions_are_as_full_as_wanted_and_account_for_every_tick(path: Path) -> None:
    """At least so many records together; batches that hold none of them go with the next ones."""
    batches = stored(path, [[TICK], [STATUS], [TICK, TICK], [TICK, STATUS], [TICK], [STATUS]])
    portions = portions_of(batches, after=0, passed_ticks=0, kinds={"tick"}, batch_ticks=2)
    assert [(one.position, one.records, one.ticks) for one in portions] == [(3, 3, 3), (5, 2, 2), (6, 0, 0)]
    assert SinkBatch(5, portions[1].parts, {"tick"}).places == [(4, 0), (5, 0)]
    portions = portions_of(batches, after=0, passed_ticks=0, kinds={"status"}, batch_ticks=1)
    assert [(one.position, one.ticks, one.discarded) for one in portions] == [(2, 1, 1), (4, 3, 3), (6, 1, 1)]


def test_what_is_missing_between_two_batches_is_seen_by_the_count(path: Path) -> None:
    """Ticks that the journal had taken and that are not there are lost for a sink of ticks, and nothing to others."""
    batches = stored(path, [[TICK, TICK], [TICK], [TICK]])
    (portion,) = portions_of(batches[2:], after=1, passed_ticks=2, kinds={"tick"}, batch_ticks=9)
    assert [(letter.position, letter.ticks) for letter in portion.lost] == [(2, 1)]
    assert portion.ticks == 2
    (portion,) = portions_of(batches[2:], after=1, passed_ticks=2, kinds={"gap"}, batch_ticks=9)
    assert (portion.lost, portion.ticks, portion.discarded) == ([], 2, 2)


@pytest.mark.parametrize("sink", [print, 5, Store()])
async def test_what_is_no_sink_is_refused(autojump_clock: MockClock, venue: Venue, path: Path, sink: object) -> None:
    """Before anything is started, with what is accepted."""
    with pytest.raises(ConfigError, match="async function"):
        async with venue.open_engine("X", journal=path, sinks=[sink]):
            pass
    with pytest.raises(ConfigError, match="kinds"):
        Sink(Store().take, kinds="tick")


async def test_the_engine_itself_never_hears_of_a_sinks_trouble(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """Whatever a sink raises, the journal has every tick and the engine runs."""
    store = Store()
    async with venue.open_engine("X", **options(path, store)) as engine:
        await venue.wait_subscribed()
        for number, error in enumerate(
            [ValueError("x"), SinkUnavailableError("y"), SinkRejectedError("z"), OSError(5)]
        ):
            store.error = error
            await trade(venue, number)
        assert engine.statistics().state == "running"
    assert [tick.price for tick in kept_ticks(path)] == [0.0, 1.0, 2.0, 3.0]
