"""What holds for the native API holds for asyncio's and for the blocking one: each law is written once."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.facades import World, X, Y, everywhere
from trio_ticks import ConfigError, EngineError, Gap, Sink, SinkBatch, Strategy, StrategyError, Tick


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
            while len(stored) + len(more) < 4:
                await world.trade(3.0, symbol=X)
                await world.prices(ticks, 1)
        assert stored[:2] == more[:2] == [1.0, 2.0]
        assert [tick.price for tick in world.facade.api.read(path)][:2] == [1.0, 2.0]
    assert engine.statistics().ledger.imbalances() == []
