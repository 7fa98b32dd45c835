"""How many ticks a second a recorded strategy is given: in plain order, and in market time with timers.

Run from the root of the repository, on a quiet machine::

    python -m bench.replay --ticks 10_000_000 [--quick]

A journal is written first, a tick every ten milliseconds of market time, and then played to strategies that do
nothing. Memory is the process's own highest mark before and after, so that a leak of ten bytes a tick would show.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import trio

import trio_ticks
from trio_ticks.model import Tick
from trio_ticks.storage.journal import Journal, JournalReader

START_US = 1_763_000_000_000_000
SPACING_US = 10_000
BATCH = 500
QUICK = 200_000


def batches(count: int) -> Iterator[list[Tick]]:
    """Yield ticks such as a feed brings: texts of prices, ids, the clock of one symbol."""
    for low in range(0, count, BATCH):
        yield [
            Tick("BTC-USD", START_US + number * SPACING_US, 60_000.5, 0.01, "60000.5", "0.01", "buy", number)
            for number in range(low, min(low + BATCH, count))
        ]


def write(path: Path, count: int) -> None:
    """Write the journal."""
    with Journal.open(path, now_us=START_US, fsync="checkpoint") as journal:
        for batch in batches(count):
            journal.commit([batch], now_us=START_US)


async def empty(ticks: trio_ticks.Ticks) -> int:
    """Read everything."""
    count = 0
    async for _ in ticks:
        count += 1
    return count


async def with_timer(ticks: trio_ticks.Ticks) -> int:
    """Read everything beside a task that wakes each minute of market time."""

    async def each_minute() -> None:
        while True:  # noqa: ASYNC110 - there is nothing to wait for but time
            await trio.sleep(60)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(each_minute)
        count = await empty(ticks)
        nursery.cancel_scope.cancel()
    return count


async def with_timeouts(ticks: trio_ticks.Ticks) -> int:
    """Read everything, each tick under a timeout of its own."""
    count = 0
    while True:
        with trio.move_on_after(1):
            try:
                await anext(ticks)
            except StopAsyncIteration:
                return count
            count += 1


def decoded(path: Path) -> int:
    """Decode the journal and do nothing else: what any way of playing it costs at least."""
    with JournalReader(path) as journal:
        return sum(map(len, journal.records()))


def _played(strategy: Callable[[trio_ticks.Ticks], Awaitable[int]], path: Path) -> int:
    count: int = trio_ticks.backtest(strategy, path).value
    return count


def measure(play: Callable[[], int], count: int) -> dict[str, float]:
    """Return ticks a second, and by how much the process grew."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began_s = time.perf_counter()
    assert play() == count
    took_s = time.perf_counter() - began_s
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"ticks_per_s": round(count / took_s), "grown_kib": grown}


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ticks", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} ticks, to see that it runs")
    given = parser.parse_args()
    count = QUICK if given.quick else given.ticks
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "bench.journal"
        write(path, count)
        figures = {"decoding": measure(lambda: decoded(path), count)}
        for strategy in (empty, with_timer, with_timeouts):
            name = f"backtest_{strategy.__name__}"
            figures[name] = measure(partial(_played, strategy, path), count)
    print(json.dumps({"ticks": count, **figures}, indent=2))


if __name__ == "__main__":
    main()
