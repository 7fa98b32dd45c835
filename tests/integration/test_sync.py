"""What is the blocking facade's alone; and, for asyncio's as well, Ctrl-C and an interpreter that ends."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.facades import CONNECTION, FACADES, World, engine_threads, hang_guard, open_stage
from trio_ticks import EngineError, sync

ROOT = Path(__file__).parents[2]
HANG_S = 120.0

# Whoever runs the tests in the background has SIGINT ignored, and what he starts inherits that.
PROGRAM = """
import signal, sys, threading
from trio_ticks import sync
from tests.support.facades import CONNECTION
signal.signal(signal.SIGINT, signal.default_int_handler)
feed = sync.AllTick("BTCUSDT", url=sys.argv[1], token="demo", plan="professional")
"""


@pytest.fixture
def world() -> Iterator[World]:
    """A vendor and the blocking facade. Engines that were told to leave end by themselves; others trip the guard."""
    with hang_guard(), open_stage() as stage:
        yield World(FACADES["sync"], stage)
        for thread in engine_threads():
            thread.join()


def opened(world: World) -> sync.Ticks:
    return sync.open_ticks(world.feed(), connection=CONNECTION)


def test_a_stream_that_nobody_closes_ends_when_it_is_collected(world: World) -> None:
    """A loop that was left by ``break`` leaves no thread behind, once its stream is gone."""
    world.stage.direct(world.stage.keep_trading, 1.0)
    for tick in opened(world):
        assert tick.price == 1.0
        (thread,) = engine_threads()
        break
    del tick
    gc.collect()
    thread.join()


def test_a_stream_keeps_its_engine(world: World) -> None:
    """And so do its iterators: what can still be read goes on."""
    records = sync.open_engine(world.feed(), connection=CONNECTION).subscribe().records()
    gc.collect()
    world.stage.direct(world.stage.trade, 1.0)
    while next(records).kind != "tick":
        pass
    (thread,) = engine_threads()
    del records
    gc.collect()
    thread.join()


def test_a_stream_closed_by_another_thread_ends_its_loop(world: World) -> None:
    """Nobody waits for what has been closed, and closing twice is closing once."""
    ticks = opened(world)
    reader = threading.Thread(target=lambda: list(ticks))
    reader.start()
    ticks.close()
    reader.join()
    ticks.close()
    assert list(ticks) == []


def test_what_was_closed_says_so(world: World) -> None:
    """A closed engine still tells its counts, and refuses the rest in one sentence."""
    engine = sync.open_engine(world.feed(), connection=CONNECTION)
    ticks = engine.subscribe()
    engine.close()
    assert list(ticks) == []
    assert engine.statistics().state == "stopped"
    assert "stopped: 0 ticks received" in repr(engine)
    for use in (engine.subscribe, lambda: engine.add_symbols("ETHUSDT")):
        with pytest.raises(EngineError, match="has been left"):
            use()


def run_program(world: World, program: str, *, interrupt: bool = False) -> str:
    """Run a program to its end; with ``interrupt`` send it a real SIGINT when it says that it reads."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-u", "-c", PROGRAM + program, world.stage.sim.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        if interrupt:
            process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=HANG_S)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, errors) == (0, "")
    return first + rest


READING = {
    "sync": """
def main():
    with sync.open_ticks(feed, connection=CONNECTION) as ticks:
        for tick in ticks:
            print("reads", tick.price)
""",
    "sync, asleep": """
def main():
    with sync.open_ticks(feed, connection=CONNECTION) as ticks:
        print("reads", next(ticks).price)
        ticks.sleep(1000.0)
""",
    "aio": """
import asyncio
from trio_ticks import aio
async def read():
    async with aio.open_ticks(feed, connection=CONNECTION) as ticks:
        async for tick in ticks:
            print("reads", tick.price)
def main():
    asyncio.run(read())
""",
}

INTERRUPTED = """
try:
    main()
except KeyboardInterrupt:
    print("interrupted", threading.active_count())
"""


@pytest.mark.parametrize("facade", READING)
def test_ctrl_c_ends_a_loop_and_leaves_no_thread(world: World, facade: str) -> None:
    """A real SIGINT while the loop waits for ticks: KeyboardInterrupt comes out, after the engine has stopped."""
    world.stage.direct(world.stage.keep_trading, 1.0)
    first, *_, last = run_program(world, READING[facade] + INTERRUPTED, interrupt=True).splitlines()
    assert (first, last) == ("reads 1.0", "interrupted 1")


@pytest.mark.parametrize("facade", ["sync", "aio"])
def test_an_interpreter_that_ends_takes_its_engines_along(world: World, facade: str, tmp_path: Path) -> None:
    """Nobody has left the engine: the program ends all the same, without a word, and its journal is whole."""
    world.stage.direct(world.stage.keep_trading, 1.0)
    journal = tmp_path / "ticks.journal"
    blocking = f"""
engine = sync.open_engine(feed, connection=CONNECTION, journal={str(journal)!r})
ticks = engine.subscribe()
print(next(ticks).price, next(ticks).price)
"""
    in_asyncio = f"""
import asyncio
from trio_ticks import aio
loop = asyncio.new_event_loop()
opening = aio.open_engine(feed, connection=CONNECTION, journal={str(journal)!r})
engine = loop.run_until_complete(opening.__aenter__())
subscribing = engine.subscribe()
ticks = loop.run_until_complete(subscribing.__aenter__())
async def both():
    print((await anext(ticks)).price, (await anext(ticks)).price)
loop.run_until_complete(both())
loop.close()
"""
    assert run_program(world, blocking if facade == "sync" else in_asyncio) == "1.0 1.0\n"
    assert [tick.price for tick in sync.read(journal)][:2] == [1.0, 1.0]
