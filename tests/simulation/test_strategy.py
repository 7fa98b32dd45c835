"""Strategies and streams: each on its own, none at the cost of another, nothing dropped without a word."""

from __future__ import annotations

import itertools
import logging
from typing import Any

import pytest
import trio
from trio.testing import MockClock, assert_checkpoints, wait_all_tasks_blocked

from trio_ticks.app.blocking import run
from trio_ticks.errors import ConfigError, EngineError, StrategyError
from trio_ticks.feeds.base import Limits, Verdict
from trio_ticks.model import Gap, Record, Tick
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.mailbox import Mailbox, Room, Wanted
from trio_ticks.runtime.strategy import FAILURES_IN_A_ROW, Strategy, StrategyState
from trio_ticks.runtime.stream import Ticks
from trio_ticks.testing.venue import Venue


def ticks_of(venue: Venue, *prices: float, symbol: str = "X", ago_s: float = 0.0) -> list[Tick]:
    """Return trades of now, or of so long ago."""
    return [Tick(symbol, venue.now_us() - round(ago_s * 1e6), price) for price in prices]


async def send(venue: Venue, *prices: float, ago_s: float = 0.0) -> None:
    """Send each price in a wake-up of its own, and let everybody finish with it."""
    for price in prices:
        await venue.send(*ticks_of(venue, price, ago_s=ago_s))
        await wait_all_tasks_blocked()


def state_of(engine: Engine) -> StrategyState:
    return engine.statistics().strategies[0]


async def prices_of(ticks: Ticks, seen: list[Any]) -> None:
    """Read a stream to its end."""
    async for item in ticks:
        seen.append(item.price)  # noqa: PERF401 - one by one: the tests look at it meanwhile


async def never_reads(ticks: Ticks) -> None:
    await trio.sleep_forever()


async def sleeps(ticks: Ticks) -> None:
    async for _ in ticks:
        await trio.sleep(3600.0)


async def raises(ticks: Ticks) -> None:
    async for _ in ticks:
        raise ValueError("my bug")


# ---- nobody waits for another


@pytest.mark.parametrize("bad", [never_reads, sleeps, raises])
async def test_a_bad_strategy_does_not_delay_a_good_one(autojump_clock: MockClock, venue: Venue, bad: Any) -> None:
    """The good one has seen each batch before the venue can send the next, with no time passing in between."""
    order: list[object] = []
    good = Strategy(prices_of, params={"seen": order})
    async with venue.open_engine("X", strategies=[bad, good], grace_s=0.0):
        await venue.wait_subscribed()
        for number in range(5):
            order.append("sent")
            await venue.send(*ticks_of(venue, float(number)))
            await wait_all_tasks_blocked()
        assert trio.current_time() == 0.0
    assert order == ["sent", 0.0, "sent", 1.0, "sent", 2.0, "sent", 3.0, "sent", 4.0]


async def test_all_consumers_of_a_batch_run_in_the_same_scheduler_round(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """Whoever waits for a batch gets it in the round after it was published: a queue of consumers is no chain."""
    rounds: dict[str, int] = {}
    all_saw_it = trio.Event()
    now = 0

    async def count_rounds() -> None:
        nonlocal now
        while True:
            await trio.lowlevel.checkpoint()
            now += 1

    def watching(name: str) -> Strategy:
        async def watch(ticks: Ticks) -> None:
            async for _ in ticks:
                rounds[name] = now
                if len(rounds) == len(names):
                    all_saw_it.set()

        return Strategy(watch, name=name)

    names = [f"watch {number}" for number in range(20)]
    async with venue.open_engine("X", strategies=map(watching, names), grace_s=0.0):
        await venue.wait_subscribed()
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(count_rounds)
            await venue.send(*ticks_of(venue, 1.0))
            await all_saw_it.wait()
            nursery.cancel_scope.cancel()
    assert set(rounds) == set(names)
    assert max(rounds.values()) - min(rounds.values()) <= 1  # within one round, tasks run in any order


async def test_a_burst_does_not_overflow_the_queue_of_a_strategy_that_reads(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """However much thirty lines bring at once, it is handed on in steps between which a reader gets its turn."""
    seen: list[float] = []
    symbols = [f"X{number}" for number in range(30)]
    feed = venue.feed(*symbols, limits=Limits(connections=30, symbols_per_connection=1, connect_s=0.0))
    prices = [float(price) for price in range(500)]
    async with venue.open_engine(feed, strategies=[Strategy(prices_of, params={"seen": seen}, capacity=3_000)]):
        await venue.wait_subscribed(30)
        async with trio.open_nursery() as nursery:
            for symbol in symbols:
                nursery.start_soon(venue.send, *ticks_of(venue, *prices, symbol=symbol))
        await wait_all_tasks_blocked()
    assert len(seen) == 30 * 500


# ---- overflow


@pytest.mark.parametrize(
    ("overflow", "shown", "counts"),
    [
        ("drop_oldest", ["gap 3", 4.0, 5.0], (5, 2, 3)),
        ("drop_newest", [1.0, 2.0, "gap 3"], (5, 2, 3)),
        ("conflate", ["gap 4", 5.0], (5, 1, 4)),
        ("fail", [1.0, 2.0, "gap 1", "failed"], (3, 2, 1)),  # nothing is offered any more after the failure
    ],
)
async def test_what_gives_way_is_counted_and_shown(
    autojump_clock: MockClock, venue: Venue, overflow: Any, shown: list[object], counts: tuple[int, int, int]
) -> None:
    """Each policy keeps what it promises; the rest is in `dropped`, in the ledger, and a Gap among the records."""
    seen: list[object] = []
    async with venue.open_engine("X") as engine:
        await venue.wait_subscribed()
        await send(venue, 0.5)
        async with engine.subscribe(overflow=overflow, capacity=2) as ticks:
            await send(venue, 1.0, 2.0, 3.0, 4.0, 5.0)
            assert ticks.dropped == counts[2]
            engine.stop()
            try:
                async for record in ticks.records():
                    if isinstance(record, Gap):
                        assert record.cause == "overflow"
                        seen.append(f"gap {record.missed}")
                    if isinstance(record, Tick):
                        seen.append(record.price)
            except StrategyError:
                seen.append("failed")
            ledger = engine.statistics().ledger
    assert seen == shown
    assert ledger.imbalances() == []
    mine = ledger.consumers["subscription 1"]
    assert (mine.offered, mine.delivered, mine.dropped) == counts


async def test_falling_behind_under_fail_raises_for_that_consumer_only(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """StrategyError, by name, after what was queued; the engine and everyone else go on."""
    async with venue.open_engine("X") as engine, engine.subscribe() as other:
        await venue.wait_subscribed()
        with pytest.raises(StrategyError, match=r"subscription 2 fell behind: its queue of 2 is full"):  # noqa: PT012 - the engine's block fails as a whole
            async with engine.subscribe(overflow="fail", capacity=2) as ticks:
                await send(venue, 1.0, 2.0, 3.0)
                async for _ in ticks:
                    pass
        assert [(await anext(other)).price for _ in range(3)] == [1.0, 2.0, 3.0]
        assert engine.statistics().state == "running"


async def test_a_strategy_whose_stream_failed_is_not_restarted_on_it(autojump_clock: MockClock, venue: Venue) -> None:
    """A queue that overflowed under ``fail`` is over: running on it again could only fail again."""
    runs = 0

    async def slow(ticks: Ticks) -> None:
        nonlocal runs
        runs += 1
        async with trio.open_nursery():  # its errors come as a group
            async for _ in ticks:
                await trio.sleep(1.0)

    async with venue.open_engine("X", strategies=[Strategy(slow, overflow="fail", capacity=2)]) as engine:
        await venue.wait_subscribed()
        await send(venue, 1.0, 2.0, 3.0, 4.0)
        await trio.sleep(100.0)
        assert (runs, state_of(engine).state, state_of(engine).failures) == (1, "failed", 1)
        assert engine.statistics().state == "running"


# ---- failing


async def test_restarts_come_with_growing_pauses_and_end_at_the_limit(
    autojump_clock: MockClock, venue: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten failures in a row and no more; each is logged and counted; the recorder goes on without it."""
    starts: list[float] = []

    async def fails(ticks: Ticks) -> None:
        starts.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        raise ValueError("my bug")

    async with venue.open_engine("X", strategies=[fails]) as engine:
        await trio.sleep(200.0)
        assert state_of(engine).state == "failed"
        assert state_of(engine).failures == len(starts) == FAILURES_IN_A_ROW
        assert state_of(engine).last_error == "ValueError: my bug"
        assert engine.statistics().state == "running"
    pauses = [after - before for before, after in itertools.pairwise(starts)]
    assert pauses == sorted(pauses)
    assert pauses[0] > 0.05
    assert [record.levelno for record in caplog.records if "fails" in record.getMessage()] == (
        [logging.ERROR] * (FAILURES_IN_A_ROW - 1) + [logging.CRITICAL]
    )


async def test_a_plain_function_is_told_from_an_async_one(
    autojump_clock: MockClock, venue: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    """What only its call can tell is named, once: ten restarts could not mend it."""

    def plain(ticks: Ticks) -> int:
        return 1

    async def late(item: Tick) -> None:
        pass

    async with venue.open_engine("X", strategies=[plain]) as engine:
        await venue.wait_subscribed()
        await wait_all_tasks_blocked()
        assert (state_of(engine).state, state_of(engine).failures) == ("failed", 1)
    assert "strategy plain failed: StrategyError: it is not an async function" in caplog.text
    with pytest.raises(ConfigError, match="strategy late: inline takes a plain function"):
        Strategy(late, inline=True)
    with pytest.raises(ConfigError, match="on_tick: accepted is a plain function"):
        run(venue.feed("X"), on_tick=late)


async def test_failures_after_a_healthy_minute_do_not_add_up(autojump_clock: MockClock, venue: Venue) -> None:
    """A strategy that stumbles once in a while is restarted for ever."""

    async def stumbles(ticks: Ticks) -> None:
        await trio.sleep(61.0)
        raise ValueError("once a minute")

    async with venue.open_engine("X", strategies=[stumbles], grace_s=0.0) as engine:
        await trio.sleep(3_600.0)
        assert state_of(engine).failures > 2 * FAILURES_IN_A_ROW
        assert state_of(engine).state == "running"


async def test_a_restart_goes_on_with_the_same_stream(autojump_clock: MockClock, venue: Venue) -> None:
    """What came while it was down waits for it; only the tick it failed on was delivered for nothing."""
    seen: list[float] = []

    async def stumbles(ticks: Ticks) -> None:
        async for item in ticks:
            if item.price == 2.0 and not seen.count(-1.0):
                seen.append(-1.0)
                raise ValueError("stumbled")
            seen.append(item.price)

    async with venue.open_engine("X", strategies=[stumbles]) as engine:
        await venue.wait_subscribed()
        await venue.send(*ticks_of(venue, 1.0, 2.0, 3.0))
        await send(venue, 4.0)
        await trio.sleep(1.0)
        assert state_of(engine).state == "running"
        assert engine.statistics().ledger.consumers["stumbles"].delivered == 4
    assert seen == [1.0, -1.0, 3.0, 4.0]


async def test_on_error_stop_stops_the_engine_after_the_drain(autojump_clock: MockClock, venue: Venue) -> None:
    """The error is a StrategyError with the original as its cause; the others still get everything received."""
    seen: list[float] = []

    async def slow(ticks: Ticks) -> None:
        async for item in ticks:
            await trio.sleep(0.5)
            seen.append(item.price)

    with pytest.raises(EngineError, match="strategy raises failed: ValueError: my bug") as caught:  # noqa: PT012 - the engine's block fails as a whole
        async with venue.open_engine("X", strategies=[Strategy(raises, on_error="stop"), slow]):
            await venue.wait_subscribed()
            await venue.send(*ticks_of(venue, 1.0, 2.0, 3.0))
            await trio.sleep_forever()
    assert seen == [1.0, 2.0, 3.0]
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    (error,) = caught.value.__cause__.exceptions
    assert isinstance(error, StrategyError)
    assert isinstance(error.__cause__, ValueError)


@pytest.mark.parametrize("nested", [False, True])
async def test_that_the_engine_failed_is_no_failure_of_the_strategy(
    autojump_clock: MockClock, venue: Venue, nested: bool
) -> None:
    """A strategy that its stream tells of it has finished, whether it reads in a nursery of its own or not."""

    async def reads(ticks: Ticks) -> None:
        if not nested:
            async for _ in ticks:
                pass
        async with trio.open_nursery():
            async for _ in ticks:
                pass

    with pytest.raises(EngineError), venue.denying(Verdict.UNAUTHORISED):
        async with venue.open_engine("X", strategies=[reads]) as engine:
            await trio.sleep_forever()
    assert state_of(engine) == StrategyState("reads", "finished")


# ---- options


async def test_params_and_symbols_reach_the_strategy(autojump_clock: MockClock, venue: Venue) -> None:
    """Parameters come by keyword; of the ticks only the wanted symbols, of the rest what concerns everyone."""
    seen: list[object] = []

    async def picky(ticks: Ticks, *, fast: int) -> None:
        seen.append(fast)
        seen.extend([item.symbol if isinstance(item, Tick) else item.kind async for item in ticks.records()])

    strategy = Strategy(picky, symbols=["Y"], params={"fast": 20})
    async with venue.open_engine("X", "Y", strategies=[strategy]):
        await venue.wait_subscribed()
        await venue.send(*ticks_of(venue, 1.0), *ticks_of(venue, 2.0, symbol="Y"))
        await wait_all_tasks_blocked()
    assert seen == [20, "status", "Y"]


async def test_a_strategy_for_a_symbol_that_no_feed_carries_is_refused(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """It would wait for ever; the mistake is named before anything starts."""
    with pytest.raises(ConfigError, match="strategy raises wants 'Z'"):
        async with venue.open_engine("X", strategies=[Strategy(raises, symbols=["X", "Z"])]):
            pass
    assert venue.attempts == []


async def test_an_inline_function_sees_every_tick_before_anybody_else_runs(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """It is called in the sequencer's own step: earlier than any task, even one that waits already."""
    order: list[object] = []

    def inline(item: Tick, *, mark: str) -> None:
        order.append(f"{mark} {item.price}")

    strategies = [
        Strategy(prices_of, params={"seen": order}),
        Strategy(inline, inline=True, params={"mark": "inline"}),
    ]
    async with venue.open_engine("X", strategies=strategies) as engine:
        await venue.wait_subscribed()
        await venue.send(*ticks_of(venue, 1.0, 2.0))
        await wait_all_tasks_blocked()
        ledger = engine.statistics().ledger.consumers["inline"]
    assert order == ["inline 1.0", "inline 2.0", 1.0, 2.0]
    assert (ledger.offered, ledger.delivered, ledger.dropped) == (2, 2, 0)


@pytest.mark.parametrize("on_error", ["restart", "stop"])
async def test_an_inline_function_that_raises_harms_nobody_else(
    autojump_clock: MockClock, venue: Venue, on_error: Any
) -> None:
    """It is called no more after ten failures in a row, or stops the engine; the account stays exact either way."""
    seen: list[float] = []

    def inline(item: Tick) -> None:
        raise ValueError("my bug")

    async def run() -> Engine:
        strategies = [
            Strategy(inline, inline=True, on_error=on_error),
            Strategy(prices_of, params={"seen": seen}),
        ]
        async with venue.open_engine("X", strategies=strategies) as engine:
            await venue.wait_subscribed()
            await venue.send(*ticks_of(venue, *map(float, range(12))))
            await wait_all_tasks_blocked()
        return engine

    if on_error == "stop":
        with pytest.raises(EngineError, match="strategy inline failed: ValueError: my bug"):
            await run()
    else:
        engine = await run()
        assert (state_of(engine).state, state_of(engine).failures) == ("failed", FAILURES_IN_A_ROW)
        assert engine.statistics().ledger.imbalances() == []
        assert engine.statistics().ledger.consumers["inline"].dropped == 12 - FAILURES_IN_A_ROW
    assert seen == [float(number) for number in range(12)]


# ---- old prices


async def test_old_prices_are_dropped_counted_and_shown(autojump_clock: MockClock, venue: Venue) -> None:
    """Beyond `max_age_s` a tick is not shown; a Gap("stale") stands in its place, and the counts say so."""
    async with venue.open_engine("X") as engine, engine.subscribe(max_age_s=1.0) as ticks:
        await venue.wait_subscribed()
        old, fresh = ticks_of(venue, 1.0, 2.0, ago_s=5.0), ticks_of(venue, 3.0)
        await venue.send(*old, *fresh)
        records = ticks.records()
        shown = [await anext(records) for _ in range(3)]
        assert [item.kind for item in shown] == ["status", "gap", "tick"]
        assert shown[1] == Gap(old[0].time_us, old[1].time_us, "stale", missed=2)
        ledger = engine.statistics().ledger
        assert (ledger.imbalances(), ticks.dropped) == ([], 2)
        assert ledger.consumers["subscription 1"].delivered == 1


async def test_an_inline_function_is_not_called_with_old_prices(autojump_clock: MockClock, venue: Venue) -> None:
    """`max_age_s` means the same to it as to a task: nobody trades on a stale price unknowingly."""
    seen: list[float] = []

    def inline(item: Tick) -> None:
        seen.append(item.price)

    async with venue.open_engine("X", strategies=[Strategy(inline, inline=True, max_age_s=1.0)]) as engine:
        await venue.wait_subscribed()
        await venue.send(*ticks_of(venue, 1.0, ago_s=5.0), *ticks_of(venue, 2.0, ago_s=1.0))
        await wait_all_tasks_blocked()
        ledger = engine.statistics().ledger
    assert seen == [2.0]
    assert (ledger.consumers["inline"].dropped, ledger.imbalances()) == (1, [])


async def test_a_price_ages_in_the_queue(autojump_clock: MockClock, venue: Venue) -> None:
    """Age counts when the consumer gets the tick, not when it arrived: that is when it would trade on it."""
    async with venue.open_engine("X") as engine, engine.subscribe(max_age_s=1.0) as ticks:
        await venue.wait_subscribed()
        await venue.send(*ticks_of(venue, 1.0, 2.0))
        assert (await anext(ticks)).price == 1.0
        await trio.sleep(1.5)
        await send(venue, 3.0)
        assert (await anext(ticks)).price == 3.0
        assert ticks.dropped == 1


@pytest.mark.parametrize("way", ["records", "batches"])
async def test_that_prices_were_old_is_told_at_once(autojump_clock: MockClock, venue: Venue, way: str) -> None:
    """The gap does not wait for the next fresh tick, which may never come."""
    async with venue.open_engine("X") as engine:
        await venue.wait_subscribed()
        await send(venue, 0.5)
        async with engine.subscribe(max_age_s=1.0) as ticks:
            await send(venue, 1.0, ago_s=5.0)
            with trio.fail_after(1.0):
                if way == "records":
                    shown: Record = await anext(ticks.records())
                else:
                    (shown,) = (await anext(ticks.batches())).records
            assert isinstance(shown, Gap)
            assert (shown.cause, shown.missed) == ("stale", 1)


# ---- one queue, several ways to read it


def stream(*, max_age_s: float | None = None) -> tuple[Mailbox, Ticks]:
    """Return a stream without an engine, and the end to put records in."""
    mailbox = Mailbox(name="test", wanted=Wanted(), room=Room())
    return mailbox, Ticks(source=mailbox, now_us=lambda: 0, max_age_s=max_age_s)


def batch(*prices: float) -> list[Record]:
    return [Tick("X", 0, price) for price in prices]


async def test_ways_of_reading_share_one_queue_without_loss(autojump_clock: MockClock) -> None:
    """Iteration, records and batches may alternate; each goes on where the other stopped."""
    mailbox, ticks = stream()
    mailbox.offer([Gap(0, 1, "closed"), *batch(1.0, 2.0, 3.0)])
    mailbox.offer(batch(4.0, 5.0))
    mailbox.end()
    assert (await anext(ticks.records())).kind == "gap"
    assert (await anext(ticks)).price == 1.0
    assert [item.price for item in (await anext(ticks.batches())).ticks] == [2.0, 3.0]
    assert [item.price async for item in ticks] == [4.0, 5.0]
    assert ticks.ledger().delivered == 5


async def test_a_reader_with_a_full_queue_lets_others_run(autojump_clock: MockClock) -> None:
    """Each batch costs a checkpoint, even if it lies there already."""
    mailbox, ticks = stream()
    mailbox.offer(batch(1.0))
    mailbox.offer(batch(2.0))
    for _ in range(2):
        with assert_checkpoints():
            await anext(ticks)


async def test_two_tasks_may_read_one_stream(autojump_clock: MockClock) -> None:
    """Each tick goes to one of them, none is lost between them, and both hear of the end."""
    mailbox, ticks = stream()
    seen: list[float] = []
    ended = 0

    async def read() -> None:
        nonlocal ended
        async for item in ticks:
            seen.append(item.price)
            await trio.lowlevel.checkpoint()
        ended += 1

    with trio.fail_after(1.0):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(read)
            await wait_all_tasks_blocked()
            mailbox.offer(batch(1.0, 2.0, 3.0))
            mailbox.offer(batch(4.0, 5.0, 6.0))
            await wait_all_tasks_blocked()
            mailbox.end()
    assert sorted(seen) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert ended == 3
    assert ticks.ledger().delivered == 6


async def test_a_cancelled_iteration_loses_nothing(autojump_clock: MockClock) -> None:
    """Whether it waits for a batch or stands before one, the next iteration gets what this one would have got."""
    mailbox, ticks = stream()
    seen: list[float] = []
    for number in range(20):
        with trio.CancelScope() as scope:
            if number % 3 == 0:
                scope.cancel()
            if number % 4 == 0:
                mailbox.offer(batch(number, number + 0.5))
            if number % 3 == 1:
                scope.deadline = trio.current_time() + 1.0
            if number % 3 == 2 and not mailbox.queued:
                mailbox.offer(batch(number))
            seen.append((await anext(ticks)).price)
    mailbox.end()
    seen += [item.price async for item in ticks]
    assert seen == sorted(seen)
    assert len(seen) == ticks.ledger().offered == ticks.ledger().delivered > 10


async def test_closing_counts_the_rest_as_dropped(autojump_clock: MockClock) -> None:
    """After `close` the stream is over for good: what lay in the queue or in hand is in the account, once."""
    mailbox, ticks = stream()
    mailbox.offer(batch(1.0, 2.0, 3.0))
    mailbox.offer(batch(4.0))
    assert (await anext(ticks)).price == 1.0
    ticks.close()
    ticks.close()
    mailbox.offer(batch(5.0))
    assert [item async for item in ticks] == []
    ledger = ticks.ledger()
    assert (ledger.offered, ledger.delivered, ledger.dropped, ledger.queued) == (4, 1, 3, 0)


async def test_closing_under_a_reader_leaves_the_account_exact(autojump_clock: MockClock) -> None:
    """A task that stands before a batch when another closes the stream gets the end, not the batch."""
    mailbox, ticks = stream()
    mailbox.offer(batch(1.0, 2.0))
    seen: list[Tick] = []

    async def read() -> None:
        seen.extend([item async for item in ticks])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.lowlevel.checkpoint()
        ticks.close()
    ledger = ticks.ledger()
    assert ledger.offered == ledger.delivered + ledger.dropped == 2
    assert ledger.delivered == len(seen)
    assert ledger.queued == 0


async def test_a_subscription_that_is_gone_stays_in_the_account(autojump_clock: MockClock, venue: Venue) -> None:
    """A thousand short subscriptions leave one sum behind, and the sum is right."""
    async with venue.open_engine("X") as engine:
        await venue.wait_subscribed()
        for number in range(1000):
            async with engine.subscribe() as ticks:
                await venue.send(*ticks_of(venue, float(number), float(number) + 0.5))
                await anext(ticks)
        ledger = engine.statistics().ledger
    assert list(ledger.consumers) == ["former"]
    former = ledger.consumers["former"]
    assert (former.offered, former.delivered, former.dropped) == (2000, 1000, 1000)
