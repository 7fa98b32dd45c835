"""One strategy over batches of records, in market time: the seam between a script and what runs it.

Trio's clock follows the records: between two of them, it has moved on by what lies between their times. So plain
``trio.sleep`` and timeouts in a strategy mean the script's time, and no test waits for them.
"""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs
import trio

from trio_ticks.core.ledger import ConsumerLedger
from trio_ticks.errors import StrategyError
from trio_ticks.model import Clock, Gap, Record, Signal, ticks_in
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks
from trio_ticks.testing.simulation import run_seeded
from trio_ticks.testing.trades import arrived_us


@attrs.frozen
class Simulated:
    """What became of a strategy.

    Attributes:
        value: What it returned; None where it still waited for something when the records were over.
        signals: Its decisions, in order.
        gaps: Those that its stream held.
        ledger: What became of the ticks.
    """

    value: Any
    signals: Sequence[Signal]
    gaps: Sequence[Gap]
    ledger: ConsumerLedger


def run_over(
    function: Callable[..., Awaitable[Any]],
    batches: Iterable[Sequence[Record]],
    *,
    params: Mapping[str, Any] | None = None,
    symbols: Sequence[str] | None = None,
    seed: int = 0,
) -> Simulated:
    """Run a strategy over batches, each at the time at which its first record arrived.

    Args:
        function: An async function of a `Ticks`.
        batches: In order; none is empty.
        params: Passed to it by keyword.
        symbols: What it wants to see; None: everything.
        seed: Of Trio's scheduler.

    Raises:
        StrategyError: it is not an async function.
        Exception: what the strategy raises, as it is.
    """
    strategy = Strategy(function, params=params or {}, symbols=symbols)
    wanted = [some for batch in batches if (some := strategy.wanted.of(batch))]
    return run_seeded(lambda: _run(strategy, wanted), seed=seed)


async def _run(strategy: Strategy, batches: Sequence[Sequence[Record]]) -> Simulated:
    stage = _Stage(strategy.title, batches)
    ticks = _Ticks(stage)
    value = None
    # What is due at the last instant still happens; whoever waits for what never comes must not hang the test.
    with trio.move_on_at(stage.last_s + 1e-6):
        running = strategy.function(ticks, **strategy.params)
        if not isinstance(running, Awaitable):
            raise StrategyError(f"{strategy.title} is not an async function")
        value = await running
    ledger = ticks.ledger()
    ticks.close()
    return Simulated(value, stage.signals, stage.gaps, ledger)


class _Stage:
    """Where the stream's records come from, each at its time, and where its decisions go."""

    def __init__(self, name: str, batches: Sequence[Sequence[Record]]) -> None:
        self.name = name
        self.signals: list[Signal] = []
        self.gaps: list[Gap] = []
        self.offered = self.dropped = self.queued = 0
        self.now_us = 0
        self._batches = batches
        self._at = 0
        self._zero_us = arrived_us(batches[0][0]) if batches else 0
        self._zero_s = trio.current_time()
        self.last_s = self._clock_s(arrived_us(batches[-1][0])) if batches else self._zero_s
        self._timers: list[int] = []
        self._asked = trio.Event()

    async def take(self) -> Sequence[Record]:
        while self._at < len(self._batches):
            self._asked = trio.Event()
            with trio.move_on_at(self._clock_s(self._due_us())) as waiting:
                await self._asked.wait()
            if waiting.cancelled_caught:
                return self._hand_over()
        await trio.lowlevel.checkpoint()
        return ()

    def end(self) -> None:
        self._at = len(self._batches)

    def keep(self, signal: Signal) -> None:
        self.signals.append(signal)

    def wake_at(self, due_us: int) -> None:
        heapq.heappush(self._timers, due_us)
        self._asked.set()

    def _hand_over(self) -> Sequence[Record]:
        due_us = self._due_us()
        batch: Sequence[Record] = [Clock(due_us)]
        if due_us == arrived_us(self._batches[self._at][0]):
            batch = self._batches[self._at]
            self._at += 1
        self.now_us = max(self.now_us, *(record.time_us for record in batch))
        while self._timers and self._timers[0] <= self.now_us:
            heapq.heappop(self._timers)
        self.offered += ticks_in(batch)
        self.gaps += [record for record in batch if type(record) is Gap]
        return batch

    def _due_us(self) -> int:
        """Return when the next batch arrives, or a timer is due before that."""
        next_us = arrived_us(self._batches[self._at][0])
        return min([next_us, *self._timers[:1]])

    def _clock_s(self, time_us: int) -> float:
        return self._zero_s + (time_us - self._zero_us) / 1e6


class _Ticks(Ticks):
    """The stream, with what a strategy may tell the stage."""

    def __init__(self, stage: _Stage) -> None:
        super().__init__(source=stage, now_us=lambda: stage.now_us)
        self._stage = stage

    @property
    def now_us(self) -> int:
        return self._stage.now_us

    async def signal(self, name: str, symbol: str, **fields: Any) -> None:
        await trio.lowlevel.checkpoint()
        self._stage.keep(Signal(name, symbol, self.now_us, fields, strategy=self.name))
