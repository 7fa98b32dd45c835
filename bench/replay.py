"""A strategy on recorded ticks: ``python -m bench.replay [--ticks N] [--json FILE] [--markdown FILE]``.

A journal is written first, of 2,001 recorded trades of BTCUSDT over and over, each time later, and then played to
strategies that do nothing: in plain order, and in market time. The collector is set as the commands set it. Memory
is the process's own highest mark before and after, so that a leak of ten bytes a tick would show.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import islice
from pathlib import Path

import trio
from rich import box
from rich.console import Console
from rich.table import Table

import trio_ticks
from bench.page import fill, markdown
from bench.storage import BATCH, batches
from trio_ticks.app.tuning import tune
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.storage.journal import Journal, JournalReader

QUICK = 200_000
RATES = {"replay": 700_000, "backtest, with a timer": 200_000}
"""What was to be reached, in ticks a second."""


def write(path: Path, count: int) -> None:
    """Write the journal."""
    with Journal.open(path, now_us=utc_now_us(), fsync="checkpoint") as journal:
        for batch in islice(batches(), count // BATCH):
            journal.commit([batch], now_us=utc_now_us())


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


def replayed(path: Path) -> int:
    """Play it as fast as it is read."""
    count: int = trio.run(partial(trio_ticks.replay, empty, path)).value
    return count


def tested(strategy: Callable[[trio_ticks.Ticks], Awaitable[int]], path: Path) -> int:
    """Play it in market time."""
    count: int = trio_ticks.backtest(strategy, path).value
    return count


WAYS: dict[str, Callable[[Path], int]] = {
    "decoding alone": decoded,
    "replay": replayed,
    "backtest": partial(tested, empty),
    "backtest, with a timer": partial(tested, with_timer),
    "backtest, with a timeout for each tick": partial(tested, with_timeouts),
}


def measure(play: Callable[[Path], int], path: Path, count: int) -> tuple[float, int]:
    """Return ticks a second, and by how many KiB the process grew."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began_s = time.perf_counter()
    if play(path) != count:
        raise RuntimeError(f"not all of {count:,} ticks were played")
    took_s = time.perf_counter() - began_s
    return count / took_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def table(found: dict[str, tuple[float, int]]) -> Table:
    """Return one line for each way."""
    drawn = Table(title="Replay", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "ticks/s", "target", "", "memory grew by"):
        drawn.add_column(name, justify="right" if name else "left")
    for name, (rate, grown) in found.items():
        target = RATES.get(name)
        verdict = "" if target is None else "met" if rate >= target else "MISSED"
        drawn.add_row(name, f"{rate:,.0f}", "" if target is None else f"≥ {target:,}", verdict, f"{grown:,} KiB")
    return drawn


def main() -> None:
    """Measure, show, and write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.replay", description="A strategy on recorded ticks.")
    parser.add_argument("--ticks", type=int, default=10_000_000, metavar="N")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} ticks, to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table into this page")
    given = parser.parse_args()
    count = (QUICK if given.quick else given.ticks) // BATCH * BATCH
    tune()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "bench.journal"
        write(path, count)
        found = {name: measure(play, path, count) for name, play in WAYS.items()}
    drawn = table(found)
    Console().print(drawn)
    if given.json:
        given.json.write_text(json.dumps({"ticks": count, "ways": found}, indent=2) + "\n", encoding="utf-8")
    if given.markdown:
        fill(given.markdown, "replay", markdown([drawn], f"{count:,} ticks, once"))


if __name__ == "__main__":
    main()
