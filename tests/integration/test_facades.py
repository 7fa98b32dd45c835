"""What holds for the native API holds for asyncio's and for the blocking one: each law is written once."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.support.facades import World, X, Y, everywhere
from tests.support.storing import kept
from trio_ticks import (
    Backtest,
    ConfigError,
    EngineError,
    Gap,
    Signal,
    Sink,
    SinkBatch,
    Status,
    Strategy,
    StrategyError,
    Tick,
    aio,
    sync,
)

S = 1_000_000


@everywhere
async def test_ticks_come_in_order_and_a_stop_ends_the_loop(world: World) -> None:
    """What was received before a clean stop is handed on, in order, and then the loop is over; at every attempt."""
    async with world.open_engine() as engine, engine.subscribe() as ticks:
        await world.trade(1.0, 2.0, 3.0)
        assert await world.prices(ticks, 1) == [1.0]
        await world.trade(4.0)
        assert await world.prices(ticks, 3) == [2.0, 3.0, 4.0]
        engine.stop()
        assert [tick.price async for tick in ticks] == []
        assert [tick.price async for tick in ticks] == []
        await engine.wait_stopped()
        assert engine.statistics().state == "stopped"
    await engine.wait_stopped()


@everywhere
async def test_the_shortest_way_in(world: World) -> None:
    """`open_ticks` needs no engine in sight, and a reconnect is invisible in its loop."""
    async with world.facade.open_ticks(world.feed()) as ticks:
        await world.trade(1.0)
        assert await world.prices(ticks, 1) == [1.0]
    from_here = world.facade.api
    assert from_here.Tick is Tick


@everywhere
async def test_records_and_batches_draw_from_the_same_queue(world: World) -> None:
    """Everything in order, or whole batches."""
    async with world.open_engine() as engine, engine.subscribe() as ticks:
        await world.trade(1.0, 2.0)
        seen = []
        async for record in ticks.records():
            seen.append(record)
            if isinstance(record, Tick):
                break
        assert (seen[-1].kind, seen[-1].symbol) == ("tick", X)
        assert await world.prices(ticks, 1) == [2.0]
        await world.trade(3.0, 4.0)
        prices: list[float] = []
        async for batch in ticks.batches():
            prices += [tick.price for tick in batch.ticks]
            if len(prices) == 2:
                break
        assert prices == [3.0, 4.0]


@everywhere
async def test_a_failure_raises_at_the_end_of_the_stream_and_of_the_block(world: World) -> None:
    """A token that is not accepted: the stream raises, every time it is asked, and so does `wait_stopped`."""
    with pytest.raises(EngineError, match="token") as caught:  # noqa: PT012 - the engine's block fails as a whole
        async with world.open_engine(token="wrong") as engine, engine.subscribe() as ticks:
            for _ in range(2):
                with pytest.raises(EngineError, match="token"):
                    await anext(ticks)
            with pytest.raises(EngineError, match="token"):
                await engine.wait_stopped()
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert list(engine.statistics().failed_feeds) == ["alltick"]


@everywhere
async def test_what_does_not_fit_is_dropped_counted_and_shown(world: World) -> None:
    """While nobody asks, the native queue keeps its policy: the oldest give way, and a gap says how many."""
    async with (
        world.open_engine() as engine,
        engine.subscribe() as witness,
        engine.subscribe(capacity=3) as slow,
    ):
        for first in range(1, 101, 10):
            await world.trade(*(float(price) for price in range(first, first + 10)))
            await world.prices(witness, 10)
        assert slow.dropped == 97
        assert engine.statistics().ledger.consumers[slow.name].queued == 3
        seen: list[Any] = []
        async for record in slow.records():
            seen.append(record)
            if record.kind == "tick" and record.price == 100.0:
                break
        assert [record.price for record in seen if isinstance(record, Tick)] == [98.0, 99.0, 100.0]
        assert sum(gap.missed or 0 for gap in seen if isinstance(gap, Gap) and gap.cause == "overflow") == 97
        account = engine.statistics().ledger.consumers[slow.name]
        assert (account.offered, account.delivered, account.dropped, account.queued) == (100, 3, 97, 0)
        assert engine.statistics().ledger.imbalances() == []


@everywhere
async def test_conflation_leaves_the_newest_of_each_symbol(world: World) -> None:
    """Whoever is slow and wants only the last price gets that."""
    async with (
        world.open_engine(X, Y) as engine,
        engine.subscribe() as witness,
        engine.subscribe(overflow="conflate", capacity=10) as slow,
    ):
        await world.trade(*map(float, range(1, 31)))
        await world.trade(*map(float, range(101, 131)), symbol=Y)
        await world.prices(witness, 60)
        assert {tick.symbol: tick.price for tick in [await anext(slow), await anext(slow)]} == {X: 30.0, Y: 130.0}


@everywhere
async def test_overflow_may_fail(world: World) -> None:
    """With ``overflow="fail"`` a stream that fell behind ends in an error, after what fitted."""
    async with (
        world.open_engine() as engine,
        engine.subscribe() as witness,
        engine.subscribe(overflow="fail", capacity=5) as slow,
    ):
        await world.trade(*map(float, range(1, 51)))
        await world.prices(witness, 50)
        with pytest.raises(StrategyError, match="fell behind"):
            _ = [tick async for tick in slow]


@everywhere
async def test_old_prices_are_not_shown_but_counted(world: World) -> None:
    """`max_age_s` is judged when the price is read; what is too old becomes a gap."""
    async with world.open_engine() as engine, engine.subscribe(max_age_s=1800.0) as ticks:
        await world.trade(1.0, 2.0, ago_s=7200.0)
        await world.trade(3.0)
        assert await world.prices(ticks, 1) == [3.0]
        assert ticks.dropped == 2
        account = engine.statistics().ledger.consumers[ticks.name]
        assert (account.offered, account.delivered, account.dropped) == (3, 1, 2)


@everywhere
async def test_asking_for_what_is_not_carried_is_refused(world: World) -> None:
    """An unknown symbol, feed or option raises at the door and names what there is."""
    async with world.open_engine() as engine:
        with pytest.raises(ConfigError, match=f"does not carry 'Z'; it carries {X}"):
            async with engine.subscribe("Z"):
                pass
        with pytest.raises(ConfigError, match="no feed 'other'"):
            engine.latest(X, "other")
        with pytest.raises(ConfigError, match="capacity"):
            async with engine.subscribe(capacity=0):
                pass
        with pytest.raises(ConfigError, match="would carry nothing"):
            await engine.remove_symbols(X)
        assert engine.statistics().ledger.consumers == {}
    with pytest.raises(ConfigError, match="grace_s"):
        async with world.open_engine(grace_s=-1.0):
            pass


@everywhere
async def test_symbols_come_and_go(world: World) -> None:
    """What was added ticks, and what was removed is carried no longer."""
    async with world.open_engine(X) as engine, engine.subscribe() as ticks:
        await engine.add_symbols(Y)
        await world.trade(1.0, symbol=Y)
        tick = await anext(ticks)
        assert (tick.symbol, tick.price) == (Y, 1.0)
        assert engine.latest(Y) == tick
        assert engine.latest(X) is None
        await engine.remove_symbols(X)
        assert list(engine.symbols.values()) == [(Y,)]


@everywhere
async def test_two_streams_do_not_disturb_each_other(world: World) -> None:
    """Each has its own queue and symbols; one that is left leaves the other as it was, and its counts behind."""
    async with world.open_engine(X, Y) as engine, engine.subscribe(X) as only, engine.subscribe() as both:
        await world.trade(1.0)
        await world.trade(2.0, symbol=Y)
        await world.trade(3.0)
        assert await world.prices(both, 3) == [1.0, 2.0, 3.0]
        async with engine.subscribe() as brief:
            assert brief.name in engine.statistics().ledger.consumers
        assert brief.name not in engine.statistics().ledger.consumers
        assert await world.prices(only, 2) == [1.0, 3.0]
        assert engine.statistics().ledger.imbalances() == []


@everywhere
async def test_the_error_of_the_block_comes_out_bare(world: World) -> None:
    """After a soft stop, in which strategies still get everything."""
    seen: list[float] = []

    async def keep(ticks: Any) -> None:
        async for tick in ticks:
            seen.append(tick.price)  # noqa: PERF401 - as it comes

    with pytest.raises(ValueError, match="mine"):  # noqa: PT012 - the engine's block fails as a whole
        async with world.open_engine(strategies=[world.facade.function(keep)]) as engine, engine.subscribe() as ticks:
            await world.trade(1.0, 2.0)
            await world.prices(ticks, 2)
            raise ValueError("mine")
    assert seen == [1.0, 2.0]
    assert engine.statistics().ledger.imbalances() == []


@everywhere
async def test_a_strategy_that_fails_goes_on_with_the_same_stream(world: World) -> None:
    """It is isolated, counted under its own name, started again with its parameters, and misses nothing."""
    seen: list[float] = []

    async def fragile(ticks: Any, bad: float) -> None:
        async for tick in ticks:
            seen.append(tick.price)
            if tick.price == bad:
                raise ValueError("mine")

    strategy = Strategy(world.facade.function(fragile), params={"bad": 2.0}, name="mine")
    async with world.open_engine(strategies=[strategy]) as engine, engine.subscribe() as ticks:
        await world.trade(1.0, 2.0, 3.0)
        await world.prices(ticks, 3)
        await world.trade(4.0)
    assert seen[:2] == [1.0, 2.0]
    assert seen == sorted(set(seen))
    (state,) = engine.statistics().strategies
    assert (state.name, state.failures, state.last_error) == ("mine", 1, "ValueError: mine")
    assert engine.statistics().ledger.imbalances() == []


@everywhere
async def test_a_strategy_may_stop_the_engine(world: World) -> None:
    """With ``on_error="stop"`` its error is what the engine failed of."""

    async def broken(ticks: Any) -> None:
        await anext(ticks)
        raise ValueError("mine")

    strategy = Strategy(world.facade.function(broken), on_error="stop")
    with pytest.raises(EngineError, match="broken failed: ValueError: mine"):  # noqa: PT012 - as above
        async with world.open_engine(strategies=[strategy]) as engine:
            await world.trade(1.0)
            await engine.wait_stopped()


@everywhere
async def test_an_inline_strategy_sees_every_tick(world: World) -> None:
    """A plain function in the engine's own thread, whatever the facade."""
    seen: list[float] = []
    strategy = Strategy(lambda tick: seen.append(tick.price), name="inline", inline=True)
    async with world.open_engine(strategies=[strategy]) as engine, engine.subscribe() as ticks:
        await world.trade(1.0, 2.0)
        await world.prices(ticks, 2)
    assert seen == [1.0, 2.0]


@everywhere
async def test_a_sink_gets_what_the_journal_has(world: World) -> None:
    """A function of the facade's own kind, bare or as a `Sink`, gets every batch."""
    stored: list[float] = []
    more: list[float] = []

    async def store(batch: SinkBatch) -> None:
        stored.extend(tick.price for tick in batch.ticks)

    async def store_more(batch: SinkBatch) -> None:
        more.extend(tick.price for tick in batch.ticks)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ticks.journal"
        sinks = [world.facade.function(store), Sink(world.facade.function(store_more), name="more")]
        async with world.open_engine(journal=path, sinks=sinks) as engine, engine.subscribe() as ticks:
            await world.trade(1.0, 2.0)
            await world.prices(ticks, 2)
            while min(len(stored), len(more)) < 2:
                await world.trade(3.0, symbol=X)
                await world.prices(ticks, 1)
        assert stored[:2] == more[:2] == [1.0, 2.0]
        assert [tick.price for tick in world.facade.api.read(path)][:2] == [1.0, 2.0]
    assert engine.statistics().ledger.imbalances() == []


# ---- in-band time: prices are stamped tens of seconds ahead, so that no pause of this machine overtakes them


async def first_price(world: World, ticks: Any) -> int:
    """Read the first price, and return the time that the stream has then."""
    await world.trade(1.0)
    assert await world.prices(ticks, 1) == [1.0]
    now_us: int = ticks.now_us
    return now_us


@everywhere
async def test_whoever_sleeps_misses_nothing(world: World) -> None:
    """A sleep ends at its instant once a record beyond it has come; all that came is read afterwards, in order."""
    async with world.open_engine() as engine, engine.subscribe() as ticks:
        assert ticks.now_us == 0
        begun_us = await first_price(world, ticks)
        await world.trade(2.0, time_us=begun_us + 15 * S)
        await world.trade(3.0, time_us=begun_us + 40 * S)
        await ticks.sleep(20.0)
        assert ticks.now_us == begun_us + 20 * S
        assert await world.prices(ticks, 2) == [2.0, 3.0]
        assert ticks.now_us == (begun_us + 40 * S) // 1000 * 1000  # the vendor counts milliseconds
        assert engine.statistics().ledger.imbalances() == []


@everywhere
async def test_the_instants_of_every_are_those_of_the_records(world: World) -> None:
    """The multiples since 1970, none left out, however far one record jumps."""
    async with world.open_engine() as engine, engine.subscribe() as ticks:
        begun_us = await first_price(world, ticks)
        await world.trade(2.0, time_us=begun_us + 50 * S)
        instants: list[int] = []
        async for due_us in ticks.every(15.0):
            instants.append(due_us)
            assert ticks.now_us == due_us
            if len(instants) == 3:
                break
        first_us = (begun_us // (15 * S) + 1) * 15 * S
        assert instants == [first_us, first_us + 15 * S, first_us + 30 * S]
        assert await world.prices(ticks, 1) == [2.0]


@everywhere
async def test_while_nothing_trades_the_clock_ends_a_sleep(world: World) -> None:
    """By a record in the one order, which the engine puts there because the timer asked for it."""
    async with world.open_engine() as engine, engine.subscribe() as ticks:
        begun_us = await first_price(world, ticks)
        await ticks.sleep(0.05)
        assert ticks.now_us >= begun_us + S // 20
        async for record in ticks.records():
            if record.kind == "clock":
                break


@everywhere
async def test_the_queue_keeps_its_bound_while_its_reader_sleeps(world: World) -> None:
    """Looking ahead takes nothing: what does not fit is dropped and counted as ever."""
    async with (
        world.open_engine() as engine,
        engine.subscribe() as witness,
        engine.subscribe(capacity=3) as ticks,
    ):
        begun_us = await first_price(world, ticks)
        await world.prices(witness, 1)
        for number in range(1, 11):
            await world.trade(float(number), time_us=begun_us + number * S)
            await world.prices(witness, 1)
        await world.trade(99.0, time_us=begun_us + 40 * S)
        await ticks.sleep(30.0)
        assert await world.prices(witness, 1) == [99.0]
        assert ticks.dropped == 8
        assert await world.prices(ticks, 3) == [9.0, 10.0, 99.0]


@everywhere
async def test_time_ends_with_the_stream(world: World) -> None:
    """The first sleep returns, what came is still read, iteration ends; who would sleep for ever is told."""
    async with world.open_engine() as engine, engine.subscribe() as witness, engine.subscribe() as ticks:
        await first_price(world, ticks)
        await world.trade(2.0)
        assert await world.prices(witness, 2) == [1.0, 2.0]
        engine.stop()
        await engine.wait_stopped()
        await ticks.sleep(1000.0)
        assert [due_us async for due_us in ticks.every(1000.0)] == []
        with pytest.raises(trio.EndOfChannel):
            await ticks.sleep(1000.0)
        with pytest.raises(ValueError, match="finite number of seconds"):
            await ticks.sleep(-1.0)
        assert [tick.price async for tick in ticks] == [2.0]


@everywhere
async def test_bars_are_made_of_what_is_read(world: World) -> None:
    """Two ticks each, and what is unfinished when the stream ends."""
    async with world.open_engine() as engine, engine.subscribe() as witness, engine.subscribe() as ticks:
        await world.trade(1.0, 3.0, 2.0)
        assert await world.prices(witness, 3) == [1.0, 3.0, 2.0]
        bars = ticks.bars(ticks=2)
        bar = await anext(bars)
        assert (bar.open, bar.high, bar.close, bar.count) == (1.0, 3.0, 3.0, 2)
        engine.stop()
        assert [(bar.close, bar.complete) async for bar in bars] == [(2.0, False)]
        with pytest.raises(ConfigError, match="accepted"):
            ticks.bars("1 fortnight")


@everywhere
async def test_decisions_stand_in_the_journal_behind_what_led_to_them(world: World) -> None:
    """With in-band time, those after the stop, too, between the marks of the run; and a replay agrees."""

    async def echo(ticks: Any) -> None:
        async for tick in ticks:
            await ticks.signal("seen", tick.symbol, price=tick.price)
        await ticks.signal("last", X)

    def word(item: Any) -> str:
        if isinstance(item, Status):
            return item.status if item.source == "strategy echo" else ""
        return item.name if isinstance(item, Signal) else item.kind if isinstance(item, Tick) else ""

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ticks.journal"
        strategy = Strategy(world.facade.function(echo), name="echo")
        async with world.open_engine(journal=path, strategies=[strategy]) as engine, engine.subscribe() as ticks:
            for price in (1.0, 2.0):
                await world.trade(price)
                await world.prices(ticks, 1)
                while engine.statistics().strategies[0].signals < price:
                    await world.direct(trio.sleep, 0.01)
        records = kept(path)
    told = list(filter(None, map(word, records)))
    assert (told[0], told[-2], told[-1]) == ("started", "last", "stopped")
    assert sorted(told[1:-2]) == ["seen", "seen", "tick", "tick"]
    times = {item.price: item.time_us for item in records if isinstance(item, Tick)}
    signals = [item for item in records if isinstance(item, Signal)]
    assert [signal.fields.get("price") for signal in signals] == [1.0, 2.0, None]
    assert all(signal.time_us >= times[price] for signal, price in zip(signals, (1.0, 2.0), strict=False))


@everywhere
async def test_a_strategy_of_the_facade_is_replayed(world: World) -> None:
    """On what an engine kept: every tick, in order, with its timers where they fell; its value comes back."""

    async def mean(ticks: Any, least: int) -> Any:
        prices = [(await anext(ticks)).price]
        await ticks.sleep(20.0)
        await ticks.signal("woken", X, at=ticks.now_us)
        async for tick in ticks:
            prices.append(tick.price)  # noqa: PERF401 - the list has one already
        assert len(prices) >= least
        return sum(prices) / len(prices)

    first_us = 1_700_000_000_000_000
    recording = [[Tick(X, first_us + 15 * S * number, float(number))] for number in range(5)]
    strategy = Strategy(world.facade.function(mean), params={"least": 5}, name="mean")
    done = await world.facade.replay(strategy, recording)
    assert (done.value, done.ticks, done.failures) == (2.0, 5, 0)
    assert done.signals == (Signal("woken", X, first_us + 20 * S, {"at": first_us + 20 * S}, "mean"),)

    async def broken(ticks: Any) -> None:
        await anext(ticks)
        raise ValueError("mine")

    with pytest.raises(StrategyError, match="broken failed: ValueError: mine"):
        await world.facade.replay(Strategy(world.facade.function(broken), on_error="stop"), recording)
    with pytest.raises(ConfigError, match="no tick"):
        await world.facade.replay(Strategy(world.facade.function(broken), symbols=("Z",)), recording)


def test_a_backtest_is_the_same_call_under_asyncio() -> None:
    """It blocks, the strategy is Trio's, and market time is Trio's clock there."""

    async def wait(ticks: Any) -> int:
        await anext(ticks)
        await trio.sleep(10.0)
        now_us: int = ticks.now_us
        return now_us

    async def main() -> Backtest:
        return aio.backtest(wait, recording)

    recording = [[Tick(X, 1_700_000_000_000_000 + 15 * S * number, float(number))] for number in range(3)]
    assert asyncio.run(main()).value == sync.backtest(wait, recording).value == 1_700_000_010_000_000


@everywhere
async def test_a_strategy_may_begin_in_the_journal(world: World) -> None:
    """Its stream crosses to the facade's side like any other: the past, then live, once each."""
    seen: list[float] = []

    async def watch(ticks: Any) -> None:
        async for tick in ticks:
            seen.append(tick.price)  # noqa: PERF401 - as it comes

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ticks.journal"
        async with world.open_engine(journal=path) as engine, engine.subscribe() as ticks:
            await world.trade(1.0, 2.0)
            await world.prices(ticks, 2)
        strategy = Strategy(world.facade.function(watch), since="1h")
        async with world.open_engine(journal=path, strategies=[strategy]) as engine, engine.subscribe() as ticks:
            await world.trade(3.0, 4.0)
            await world.prices(ticks, 2)
    assert seen == [1.0, 2.0, 3.0, 4.0]
    assert engine.statistics().ledger.imbalances() == []
