"""One symbol's silence is told, and nothing is done about it."""

from __future__ import annotations

import itertools

import trio
from trio.testing import MockClock

from trio_ticks.config import ConnectionConfig
from trio_ticks.model import Record, Status, Tick
from trio_ticks.runtime.line import PATIENT_S, SLOT_S
from trio_ticks.runtime.opening import open_engine
from trio_ticks.runtime.stream import Ticks
from trio_ticks.testing.venue import Venue


async def trade(venue: Venue, symbol: str, *, every_s: float, for_s: float) -> None:
    """Let a symbol tick for a while."""
    ends = trio.current_time() + for_s
    while trio.current_time() < ends:
        await venue.send(Tick(symbol, venue.now_us(), 1.0))
        await trio.sleep(every_s)


async def test_a_symbol_that_never_ticks_while_others_do_is_reported(autojump_clock: MockClock, venue: Venue) -> None:
    """It is named once, with its own status; when it ticks after all that is told, too; nobody reconnects."""
    seen: list[Record] = []

    async def collect(ticks: Ticks) -> None:
        seen.extend([record async for record in ticks.records()])

    feed = venue.feed("BUSY", "DEAD", heartbeat_s=10.0)
    async with open_engine(feed, open_link=venue.open_link, now_us=venue.now_us, strategies=[collect]) as engine:
        await venue.wait_subscribed()
        await trade(venue, "BUSY", every_s=5.0, for_s=1_000.0)
        await trade(venue, "DEAD", every_s=5.0, for_s=30.0)
        reconnects = engine.statistics().shards[0].lines[0].reconnects
    told = [(record.status, record.symbol) for record in seen if isinstance(record, Status) and record.symbol]
    assert told == [("stale", "DEAD"), ("resumed", "DEAD")]
    assert reconnects == {}


async def test_a_night_makes_no_symbol_stale(autojump_clock: MockClock, venue: Venue) -> None:
    """Time in which nothing of the feed ticks is nobody's silence."""
    feed = venue.feed("A", "B", heartbeat_s=10.0)
    async with (
        open_engine(feed, open_link=venue.open_link, now_us=venue.now_us) as engine,
        engine.subscribe() as ticks,
    ):
        await venue.wait_subscribed()
        for _ in range(3):
            await trade(venue, "A", every_s=2.0, for_s=60.0)
            await trade(venue, "B", every_s=2.0, for_s=60.0)
            await trio.sleep(16 * 3_600.0)
        engine.stop()
        told = [record.status async for record in ticks.records() if isinstance(record, Status) and record.symbol]
    assert told == []


async def test_a_symbol_that_pauses_by_habit_is_given_longer(autojump_clock: MockClock, venue: Venue) -> None:
    """A thin share that trades every four minutes is not stale after five, nor after ten."""
    feed = venue.feed("BUSY", "THIN", heartbeat_s=10.0)
    async with (
        open_engine(feed, open_link=venue.open_link, now_us=venue.now_us) as engine,
        engine.subscribe() as ticks,
        trio.open_nursery() as nursery,
    ):
        await venue.wait_subscribed()
        nursery.start_soon(trade_busily, venue)
        await trade(venue, "THIN", every_s=240.0, for_s=1_200.0)
        await trio.sleep(600.0)
        engine.stop()
        told = [record.status async for record in ticks.records() if isinstance(record, Status) and record.symbol]
        nursery.cancel_scope.cancel()
    assert told == []


async def trade_busily(venue: Venue) -> None:
    """Let the neighbour tick for as long as the test lasts."""
    await trade(venue, "BUSY", every_s=5.0, for_s=10_000.0)


async def test_a_slot_that_is_still_taken_is_waited_for(autojump_clock: MockClock, venue: Venue) -> None:
    """After a loss the vendor may refuse us for half a minute; the pauses stay short until that has passed."""
    feed = venue.feed("X", heartbeat_s=10.0)
    async with open_engine(feed, open_link=venue.open_link, now_us=venue.now_us, chance=lambda: 0.99):
        await venue.wait_subscribed()
        await venue.send(Tick("X", venue.now_us(), 1.0))
        await trio.sleep(ConnectionConfig().healthy_s)
        venue.drop()
        with venue.refusing():
            await trio.sleep(SLOT_S)
            early = list(venue.attempts)
            await trio.sleep(600.0)
        late = venue.attempts[len(early) :]
    assert max(after - before for before, after in itertools.pairwise(early[1:])) <= PATIENT_S
    assert max(after - before for before, after in itertools.pairwise(late)) > 2 * PATIENT_S
