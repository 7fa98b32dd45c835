"""What open pages take of the server's memory in an hour: no more than in their first minutes."""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, cast

import attrs
import msgspec
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_ticks import Engine, Gap, Signal, Tick
from trio_ticks.app.http.collector import TURN_S, TURNS_A_SECOND, Collector
from trio_ticks.app.http.page_flow import run_page
from trio_ticks.testing.venue import EPOCH_US

CHOSEN = "venue/X"
SYMBOLS = ("X", "Y", "Z")
RATE = 10_000
READ_TICKS = 125
"""Of one batch at that rate, with an engine that wakes eighty times a second."""

MINUTE_TURNS = round(60 / TURN_S)
QUIET_TICKS = 5 * len(SYMBOLS)
"""Of a turn: from five of a symbol on, its outline is as large as at any rate. `FULL` has the rate in every turn."""

FULL = "TRIO_TICKS_FULL_HOUR" in os.environ

SLACK_BYTES = 64 * 1024
"""One point of each turn that were kept would take four times as much in an hour."""


@attrs.define
class Priced:
    """All that the collector asks of an engine."""

    symbols: dict[str, tuple[str, ...]]
    prices: dict[str, dict[str, Tick]]


@pytest.fixture
def held_bytes() -> Iterator[Callable[[], int]]:
    """Return what Python holds, of what it took since the test began."""

    def held() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    yield held
    tracemalloc.stop()


def ticks_of_a_turn(count: int) -> list[list[Tick]]:
    """Return what comes between two turns, read by read. It is the same each time: what is held of it is not."""
    ticks = [
        Tick(SYMBOLS[number % len(SYMBOLS)], EPOCH_US + number * 100, 100.0 + number * 7 % 37, feed="venue")
        for number in range(count)
    ]
    return [ticks[first : first + READ_TICKS] for first in range(0, count, READ_TICKS)]


async def play(collector: Collector, minutes: float, reads: list[list[Tick]]) -> None:
    """Let minutes pass in which comes whatever a page is told of."""
    for number in range(round(minutes * MINUTE_TURNS)):
        for ticks in reads:
            collector.offer(ticks)
        if number % TURNS_A_SECOND == 0:
            at = EPOCH_US + number
            collector.offer([Gap(at, at + 1, "closed", "X", feed="venue"), Signal("buy", "X", at, {"size": 1})])
        collector.turn()
        await wait_all_tasks_blocked()


async def test_an_hour_of_open_pages_leaves_the_server_as_light_as_it_was(held_bytes: Callable[[], int]) -> None:
    """With a page that reads and one that has stopped; ten thousand ticks a second as it begins and ends."""
    pieces = 0

    async def read(_: bytes) -> None:
        nonlocal pieces
        pieces += 1
        await trio.lowlevel.checkpoint()

    async def stop(_: bytes) -> None:
        await trio.sleep_forever()

    full = ticks_of_a_turn(round(RATE * TURN_S))
    quiet = full if FULL else ticks_of_a_turn(QUIET_TICKS)
    prices = {tick.symbol: tick for tick in quiet[-1]}
    engine: Any = Priced({"venue": SYMBOLS}, {"venue": prices})
    collector = Collector(cast("Engine", engine))

    def state() -> bytes:
        return msgspec.json.encode(collector.symbols())

    async with trio.open_nursery() as nursery:
        for send in (read, stop):
            nursery.start_soon(run_page, collector, state, CHOSEN, send)
        await play(collector, 0.25, full)
        await play(collector, 3.75, quiet)  # by now all that is bounded is at its bound
        before = held_bytes()
        await play(collector, 55.75, quiet)
        await play(collector, 0.25, full)
        grown = held_bytes() - before
        nursery.cancel_scope.cancel()
    assert pieces >= 60 * MINUTE_TURNS
    assert grown < SLACK_BYTES, f"{grown:,} bytes more"
