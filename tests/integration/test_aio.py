"""What is asyncio's alone: cancels, loops that close, blocks that nobody leaves, and the wrong loop."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import trio

import trio_ticks
from tests.support.facades import FACADES, World, X, engine_threads, hang_guard, open_stage
from trio_ticks import AllTick, ConfigError, EngineError, Tick, aio, sync
from trio_ticks.hosting.host import Host

S = 1_000_000


@pytest.fixture
def world() -> Iterator[World]:
    """A vendor and the asyncio facade. Engines that were told to leave end by themselves; others trip the guard."""
    with hang_guard(), open_stage() as stage:
        yield World(FACADES["aio"], stage)
        for thread in engine_threads():
            thread.join()


async def steps(count: int) -> None:
    """Let the loop go round so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


# ---- cancelling


def test_a_cancelled_read_loses_nothing(world: World) -> None:
    """Cancelled after any number of rounds of the loop, the next read goes on where this one was."""

    async def main() -> None:
        async with world.open_engine() as engine, engine.subscribe() as ticks:
            seen: list[float] = []
            for number in range(90):
                if number % 3 == 0:
                    await world.trade(number + 1.0, number + 2.0)
                reading = asyncio.ensure_future(anext(ticks))
                await steps(number % 20)
                reading.cancel()
                done = await asyncio.gather(reading, return_exceptions=True)
                seen += [got.price for got in done if isinstance(got, Tick)]
                assert engine.statistics().ledger.imbalances() == []
            sent = [float(price) for number in range(0, 90, 3) for price in (number + 1, number + 2)]
            seen += await world.prices(ticks, len(sent) - len(seen))
            assert seen == sent

    asyncio.run(main())


def test_a_read_that_timed_out_leaves_the_queue_to_its_policy(world: World) -> None:
    """The question is taken back: what comes afterwards is conflated, not handed over behind the reader's back."""

    async def main() -> None:
        async with (
            world.open_engine() as engine,
            engine.subscribe() as witness,
            engine.subscribe(overflow="conflate", capacity=10) as slow,
        ):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(slow), 0.001)
            for price in (1.0, 2.0, 3.0):
                await world.trade(price)
                await world.prices(witness, 1)
            assert await world.prices(slow, 1) == [3.0]
            assert slow.dropped == 2

    asyncio.run(main())


@pytest.mark.parametrize("rounds", [0, 1, 2, 3, 5, 8, 13, 100, 1000])
def test_a_block_can_be_cancelled_at_any_point(world: World, rounds: int) -> None:
    """Entering, reading or leaving: the cancel comes out, and by then the thread is gone."""

    async def block() -> None:
        async with world.open_engine(X) as engine, engine.subscribe() as ticks:
            engine.stop()
            async for _ in ticks:
                pass

    async def main() -> None:
        task = asyncio.ensure_future(block())
        await steps(rounds)
        was_done = task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled() or was_done
        assert engine_threads() == []

    asyncio.run(main())


def test_a_second_cancel_while_leaving_waits_for_the_thread_too(world: World) -> None:
    """However often it is cancelled, the block's end is the thread's end."""

    async def stuck(ticks: Any) -> None:
        await asyncio.sleep(3600.0)

    async def block(entered: asyncio.Event) -> None:
        async with world.open_engine(strategies=[stuck], grace_s=3600.0):
            entered.set()

    async def main() -> None:
        entered = asyncio.Event()
        task = asyncio.ensure_future(block(entered))
        await entered.wait()
        await steps(10)
        task.cancel()
        await steps(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        assert engine_threads() == []

    asyncio.run(main())


def test_a_block_that_sleeps_is_cancelled_when_the_engine_fails(world: World) -> None:
    """Nobody waits in vain for an engine that has failed; and the task is no longer counted as cancelled."""

    async def main() -> None:
        with pytest.raises(EngineError, match="token"):
            async with world.open_engine(token="wrong"):
                await asyncio.sleep(3600.0)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0)

    asyncio.run(main())


@pytest.mark.parametrize("waits", [True, False])
def test_an_engine_that_fails_while_its_block_is_entered_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    """A loop that hears of the start and of the failure at once: not a cancel comes out, but the engine's error."""
    failed = threading.Event()
    hear_of_failure = Host._hear_of_failure

    async def hear(host: Host) -> None:
        try:
            await hear_of_failure(host)
        finally:
            failed.set()

    async def block() -> None:
        with pytest.raises(EngineError, match="token"):  # noqa: PT012 - the engine's block fails as a whole
            async with world.open_engine(token="wrong"):
                if waits:
                    await asyncio.sleep(3600.0)
        await asyncio.sleep(0)

    async def main() -> None:
        task = asyncio.create_task(block())
        await steps(1)
        failed.wait()  # the loop stands still for as long
        await task
        assert task.cancelling() == 0

    monkeypatch.setattr(Host, "_hear_of_failure", hear)
    asyncio.run(main())


def test_a_timeout_around_the_block_is_a_timeout(world: World) -> None:
    """The cancel of a scope outside belongs to that scope."""

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), world.open_engine():
                await asyncio.sleep(3600.0)
        assert engine_threads() == []

    asyncio.run(main())


# ---- in-band time, with tasks beside the reader; prices are stamped tens of seconds ahead of any pause


async def first_price(world: World, ticks: Any) -> int:
    """Read the first price, and return the time that the stream has then."""
    await world.trade(1.0)
    assert await world.prices(ticks, 1) == [1.0]
    now_us: int = ticks.now_us
    return now_us


def test_a_sleeper_runs_before_the_reader_is_given_what_lies_beyond(world: World) -> None:
    """Up to its next wait; the timers of two tasks ring in the order of their instants."""
    told: list[str] = []

    async def nap(ticks: Any, seconds: float) -> None:
        async for due_us in ticks.every(seconds):
            assert ticks.now_us == due_us
            told.append(f"timer {due_us // S}")
            await ticks.signal("beat", X)

    async def main() -> None:
        async with world.open_engine() as engine, engine.subscribe() as ticks:
            begun_us = await first_price(world, ticks)
            async with asyncio.TaskGroup() as group:
                naps = [group.create_task(nap(ticks, seconds)) for seconds in (20.0, 30.0)]
                for number in range(2, 6):
                    await world.trade(float(number), time_us=begun_us + number * 10 * S)
                    await anext(ticks)
                    told.append(f"tick {ticks.now_us // S}")
                for task in naps:
                    task.cancel()
            instants = [int(words.split()[1]) for words in told]
            assert instants == sorted(instants)
            seconds = range(begun_us // S + 1, begun_us // S + 51)
            dues = [due for due in seconds for step in (20, 30) if due % step == 0 and due * S < ticks.now_us]
            assert [int(words.split()[1]) for words in told if words.startswith("timer")] == dues

    asyncio.run(main())


def test_a_timer_goes_on_when_the_reader_has_left(world: World) -> None:
    """Whether the task that read has ended, or waits at the end of a group for the one that sleeps."""

    async def main() -> None:
        async with world.open_engine() as engine, engine.subscribe() as ticks:
            begun_us = await asyncio.create_task(first_price(world, ticks))
            await world.trade(2.0, time_us=begun_us + 15 * S)
            await ticks.sleep(10.0)
            assert ticks.now_us == begun_us + 10 * S
            async with asyncio.TaskGroup() as group:
                assert await world.prices(ticks, 1) == [2.0]
                group.create_task(ticks.sleep(10.0))
                await world.trade(3.0, time_us=begun_us + 50 * S)
            assert await world.prices(ticks, 1) == [3.0]

    asyncio.run(main())


def test_cancelled_sleepers_and_readers_lose_nothing(world: World) -> None:
    """After any number of rounds of the loop: the rest is read, once and in order, and the loop's task goes on."""

    async def nap(ticks: Any) -> None:
        async for _ in ticks.every(0.002):
            pass

    async def read(ticks: Any, seen: list[float]) -> None:
        async for tick in ticks:
            seen.append(tick.price)  # noqa: PERF401 - what was read before a cancel counts, too

    async def main() -> None:
        async with world.open_engine() as engine, engine.subscribe() as ticks:
            begun_us = await first_price(world, ticks)
            seen: list[float] = []
            for number in range(60):
                await world.trade(number + 0.5, number + 0.75, time_us=begun_us + number * 5_000)
                tasks = [asyncio.create_task(nap(ticks)), asyncio.create_task(ticks.sleep(0.02))]
                if number % 2:
                    tasks.append(asyncio.create_task(read(ticks, seen)))
                await steps(number % 15)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                assert all(task.cancelled() or task.exception() is None for task in tasks)
            sent = [number + part for number in range(60) for part in (0.5, 0.75)]
            seen += await world.prices(ticks, len(sent) - len(seen))
            assert seen == sent
            me = asyncio.current_task()
            assert me is not None
            assert me.cancelling() == 0
            assert engine.statistics().ledger.imbalances() == []

    asyncio.run(main())


def test_closing_ends_the_sleepers(world: World) -> None:
    """Nobody sleeps on a stream that was given up, whichever thread closes it."""

    async def main() -> None:
        async with world.open_engine() as engine:
            async with engine.subscribe() as ticks:
                await first_price(world, ticks)
                sleepers = [asyncio.create_task(ticks.sleep(1000.0)) for _ in range(3)]
                await steps(5)
            await asyncio.gather(*sleepers)

    asyncio.run(main())


def test_a_replay_that_is_cancelled_leaves_no_thread(world: World) -> None:
    """After any number of rounds of the loop: the strategy is cancelled, and the thread is gone."""
    recording = [[Tick(X, 1_700_000_000_000_000 + number, float(number))] for number in range(1000)]

    async def dawdle(ticks: Any) -> None:
        async for _ in ticks:
            await asyncio.sleep(3600.0)

    async def main() -> None:
        for rounds in (0, 1, 2, 5, 50, 500):
            task = asyncio.create_task(aio.replay(dawdle, recording))
            await steps(rounds)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()
            assert [thread for thread in threading.enumerate() if thread.name == "trio_ticks replay"] == []

    asyncio.run(main())


# ---- never left


@pytest.mark.parametrize("strategies", [0, 1])
def test_a_loop_that_is_closed_takes_the_thread_along(world: World, strategies: int) -> None:
    """The block was never left, the objects are still held: the engine ends nevertheless, its strategies with it."""

    async def stuck(ticks: Any) -> None:
        await asyncio.sleep(3600.0)

    async def cancel_all() -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await steps(3)

    loop = asyncio.new_event_loop()
    opening = world.open_engine(strategies=[stuck] * strategies)
    engine = loop.run_until_complete(opening.__aenter__())
    (thread,) = engine_threads()
    loop.run_until_complete(cancel_all())
    assert thread.is_alive()
    loop.close()
    thread.join()
    assert engine.statistics().state == "stopped"


def test_a_block_that_is_forgotten_ends_when_it_is_collected(world: World) -> None:
    """No reference, no thread."""

    async def main() -> None:
        ticks = await world.facade.open_ticks(world.feed()).__aenter__()
        opening = world.open_engine()
        engine = await opening.__aenter__()
        threads = engine_threads()
        del ticks, opening, engine
        gc.collect()
        for thread in threads:
            await asyncio.to_thread(thread.join)

    asyncio.run(main())


# ---- the wrong loop


def test_a_stream_belongs_to_its_loop(world: World) -> None:
    """Used from another loop, from Trio or from none, each object says in one sentence where it belongs."""

    async def main() -> None:
        async with world.open_engine() as engine, engine.subscribe() as ticks:

            async def read() -> None:
                await anext(ticks)

            for use in (read, engine.wait_stopped, partial(engine.add_symbols, "X")):
                with pytest.raises(ConfigError, match="belongs to the asyncio loop that opened it"):
                    await asyncio.to_thread(asyncio.run, use())
                with pytest.raises(ConfigError, match="in Trio use trio_ticks itself"):
                    await asyncio.to_thread(trio.run, use)

    asyncio.run(main())


def test_the_wrong_way_in_says_which_is_the_right_one() -> None:
    """The native API from asyncio, asyncio's from Trio, and the blocking one from Trio."""
    feed = AllTick(X, token="demo")

    async def native() -> None:
        async with trio_ticks.open_ticks(feed):
            pass

    async def through_aio() -> None:
        async with aio.open_ticks(feed):
            pass

    async def through_sync() -> None:
        sync.open_ticks(feed)

    with pytest.raises(ConfigError, match=r"use trio_ticks\.aio from asyncio"):
        asyncio.run(native())
    with pytest.raises(ConfigError, match="in Trio use trio_ticks itself"):
        trio.run(through_aio)
    with pytest.raises(ConfigError, match="in Trio use trio_ticks itself"):
        trio.run(through_sync)


# ---- what a notebook shows


def test_an_engine_shows_its_ledger(world: World) -> None:
    """One line: state, received, delivered, journaled; with HTML's own characters escaped."""

    async def main() -> None:
        async with world.open_engine() as engine, engine.subscribe() as ticks:
            await world.trade(1.0, 2.0)
            await world.prices(ticks, 1)
            line = "running: 2 ticks received, 1 delivered, 1 queued, no journal"
            assert line in repr(engine)
            assert engine._repr_html_() == f"<b>trio_ticks</b> {line}"

    asyncio.run(main())
