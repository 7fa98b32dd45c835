"""The engine under load, over real sockets: nothing is lost, memory is bounded, backpressure reaches the sender.

What is asserted is counted in ticks and bytes, never in seconds: a slow machine makes these tests longer, not red.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.load_process import open_vendor
from trio_ticks import AllTick, ConnectionConfig, Engine, Secret, SequencerConfig, Tick, open_engine
from trio_ticks.runtime import engine as engine_module
from trio_ticks.runtime.sequencing import run_sequencer
from trio_ticks.runtime.vitals import LineStatistics
from trio_ticks.sim import Load, open_sim
from trio_ticks.sim.load import PACE_S

PATIENCE_S = 120.0
"""For a test that hangs."""

ROUNDS = 4
"""A symbol's prices end in .00, .25, .50, .75, .00 …, so that a tick that is missing leaves a hole."""

CUSHION_S = 0.05
"""Of real idleness, after which nothing is on its way through the kernel any more."""


@attrs.define
class Turns:
    """Counts ticks, and those that do not follow upon the tick before them."""

    ticks: int = 0
    holes: int = 0
    _last: dict[str, int] = attrs.field(factory=dict)

    def take(self, ticks: Iterable[Tick]) -> None:
        """Hold each tick against the one before it of its symbol."""
        for tick in ticks:
            turn = round(tick.price % 1 * ROUNDS)
            self.holes += (self._last.get(tick.symbol, turn - 1) + 1) % ROUNDS != turn
            self._last[tick.symbol] = turn
            self.ticks += 1


def lines(engine: Engine) -> list[LineStatistics]:
    return [line for shard in engine.statistics().shards for line in shard.lines]


def resident_bytes() -> int:
    """Return how much memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def test_5000_symbols_at_10000_ticks_a_second() -> None:
    """Two connections at the vendor's pace, the vendor on a core of its own: every tick once, in bounded memory.

    Once every symbol's window is full, 40,000 ticks more, four seconds' worth, may not take 16 MB more: 400 bytes a
    tick, a fraction of what a tick that is kept costs with its share of the batch.
    """
    load = Load(symbols=5_000, rate=10_000.0)
    connection = ConnectionConfig(symbols_per_connection=2_500, proxy=Secret(""))
    turns = Turns()
    async with open_vendor(load) as vendor:
        feed = AllTick(*load.codes, token="demo", plan="professional", url=vendor.url)
        with trio.fail_after(PATIENCE_S):
            async with (
                open_engine(feed, connection=connection, sequencer=SequencerConfig(window_s=1.0)) as engine,
                engine.subscribe(capacity=200_000) as ticks,
            ):
                batches = ticks.batches()

                async def read_on(count: int) -> None:
                    while turns.ticks < count:
                        turns.take((await anext(batches)).ticks)

                while {line.state for line in lines(engine)} != {"live"}:
                    await read_on(turns.ticks + 1)
                await read_on(turns.ticks + 30_000)
                before = resident_bytes()
                await read_on(turns.ticks + 40_000)
                grown = resident_bytes() - before
                sent, violations = await vendor.fall_silent()
                await read_on(sent)
                statistics = engine.statistics()
    ledger = statistics.ledger
    assert [line.symbols for shard in statistics.shards for line in shard.lines] == [2_500, 2_500]
    assert (ledger.accepted, ledger.received, turns.ticks, turns.holes) == (sent, sent, sent, 0)
    assert (ledger.imbalances(), ledger.inbox, statistics.gaps) == ([], 0, {})
    assert [line.reconnects for line in lines(engine)] == [{}, {}]
    # Two processes in real time: whichever stands still shortens the distances that the vendor measures, so it serves
    # whoever is hasty. That the pacing keeps them is proved where time is simulated.
    assert [rule for rule in violations if "pacing" not in rule] == []
    assert grown < 16 * 2**20


@attrs.define(eq=False)
class Gate:
    """A sequencer that can be held up: what stands between it and the lines' channel."""

    _events: Any = None
    _open: trio.Event = attrs.field(factory=trio.Event)

    async def run(self, *, events: Any, **rest: Any) -> None:
        """Be the engine's sequencer."""
        self._events = events
        self._open.set()
        with events:
            await run_sequencer(events=self, **rest)  # type: ignore[arg-type]  # it has all that is called

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Hold it up for as long as the block lasts."""
        self._open = trio.Event()
        try:
            yield
        finally:
            self._open.set()

    async def receive(self) -> Any:
        event = await self._events.receive() if self._open.is_set() else None
        await self._open.wait()
        return event or await self._events.receive()

    def receive_nowait(self) -> Any:
        if not self._open.is_set():
            raise trio.WouldBlock
        return self._events.receive_nowait()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


async def test_backpressure_reaches_the_sender_and_is_no_silence(
    mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sequencer that stands still: ticks pile up with the sender, nobody reconnects, and later all of them come."""
    gate = Gate()
    monkeypatch.setattr(engine_module, "run_sequencer", gate.run)
    load = Load(symbols=3_000, rate=math.inf)
    connection = ConnectionConfig(silent_after_s=2.0, mute_after_s=2.0, proxy=Secret(""))
    turns = Turns()
    async with open_sim([], load=load, plan="professional") as sim:
        feed = AllTick(*load.codes, token="demo", plan="professional", url=sim.url)
        async with (
            open_engine(feed, connection=connection) as engine,
            engine.subscribe(capacity=1_000_000) as ticks,
        ):
            batches = ticks.batches()
            await sim.wait_subscribed(*load.codes)
            mock_clock.jump(PACE_S)  # the load looks again whether anybody is there
            while turns.ticks < 20_000:
                turns.take((await anext(batches)).ticks)
            with gate.shut():
                await wait_all_tasks_blocked(CUSHION_S)
                stuck = sim.statistics()
                taken = engine.statistics().ledger.received
                assert (
                    sum(stuck.published.values()) > stuck.pushes
                )  # these wait with the sender: it cannot write them
                for _ in range(4):
                    mock_clock.jump(2.0)
                    await wait_all_tasks_blocked(CUSHION_S)
                assert sim.statistics() == stuck
                assert engine.statistics().ledger.received == taken
                assert [(line.attempts, line.questions, line.reconnects) for line in lines(engine)] == [(1, 0, {})]
                sim.mute()
            while not turns.ticks == sim.statistics().pushes > stuck.pushes:
                turns.take((await anext(batches)).ticks)
            ledger = engine.statistics().ledger
            assert (ledger.accepted, ticks.dropped, turns.holes) == (turns.ticks, 0, 0)
            assert turns.ticks >= sum(stuck.published.values())
            assert (ledger.imbalances(), engine.statistics().gaps) == ([], {})
            assert [(line.attempts, line.questions, line.reconnects) for line in lines(engine)] == [(1, 0, {})]
        assert (sim.statistics().violations, sim.statistics().ended) == ({}, {"peer": 1})
