"""A cancel at every await: the engine leaves no task, no link and an exact ledger, wherever it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import attrs
import pytest
import trio

from trio_ticks.config import ConnectionConfig, SequencerConfig
from trio_ticks.model import Tick
from trio_ticks.runtime.assembly import EnginePlan, assemble
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.statistics import EngineStatistics
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks
from trio_ticks.testing.simulation import run_seeded
from trio_ticks.testing.venue import Venue

SCRIPT = "script"


class Tripwire(trio.abc.Instrument):
    """Counts the steps of the engine's tasks, and does something just before one of them."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.steps = 0
        self.pulled = False
        self.names: set[str] = set()
        self.pull: Callable[[], None] | None = None

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if self.pull is None or task.name.startswith((SCRIPT, "<")) or "." in task.name:
            return  # not yet armed, or a task of the test or of Trio itself
        self.steps += 1
        self.names.add(task.name)
        if self.steps == self.at:
            self.pull()
            self.pulled = True


class Run:
    """One run of the scenario: what can be said about it afterwards."""

    def __init__(self, how: str, at: int, ingest_batches: int) -> None:
        self.how = how
        self.ingest_batches = ingest_batches
        self.wire = Tripwire(at)
        self.venue = Venue()
        self.seen: list[Tick] = []
        self.read: list[Tick] = []
        self.engine: Engine | None = None
        self.scope = trio.CancelScope()
        self.was_running = False
        self.tasks_left = -1
        self.statistics: EngineStatistics | None = None

    async def __call__(self) -> None:
        before = _tasks()
        with self.scope, mock.patch("trio_ticks.runtime.opening.assemble", self._assemble):
            async with self.venue.open_engine(
                self.venue.feed("X", "Y", heartbeat_s=2.0),
                strategies=[Strategy(self._watch), Strategy(self._dawdle, overflow="conflate")],
                connection=ConnectionConfig(silent_after_s=5.0, mute_after_s=6.0, lines=1),
                sequencer=SequencerConfig(lateness_s=0.5),
            ) as engine:
                self.engine = engine
                self.wire.pull = self._stop
                async with engine.subscribe("Y") as ticks, trio.open_nursery() as nursery:
                    nursery.start_soon(self._play, nursery, name=SCRIPT)
                    async for tick in ticks:
                        self.read.append(tick)
                    nursery.cancel_scope.cancel("the stream has ended")
        self.tasks_left = _tasks() - before
        assert self.engine is not None
        self.statistics = self.engine.statistics()

    def _assemble(self, *sources: Any, **options: Any) -> EnginePlan:
        return attrs.evolve(assemble(*sources, **options), ingest_batches=self.ingest_batches)

    def _stop(self) -> None:
        assert self.engine is not None
        self.was_running = not self.engine.is_stopping
        {"cancel": self.scope.cancel, "stop": self.engine.stop, "abort": self.engine.abort}[self.how]()

    async def _watch(self, ticks: Ticks) -> None:
        async for tick in ticks:
            self.seen.append(tick)

    async def _dawdle(self, ticks: Ticks) -> None:
        async for _ in ticks:
            await trio.sleep(0.3)

    async def _play(self, nursery: trio.Nursery) -> None:
        """Ticks, a drop, repeats after the reconnect, a mute link, a silent one, ticks held for lateness."""
        venue, prices = self.venue, self._prices()
        await venue.wait_subscribed()
        await venue.send(next(prices), next(prices))
        venue.greeting = [next(prices)]
        await venue.send(*venue.greeting)
        venue.drop()
        await venue.wait_subscribed()
        with venue.muting():
            await trio.sleep(7.0)
        await venue.wait_subscribed()
        await venue.send(next(prices), next(prices))
        await trio.sleep(0.2)
        with venue.ignoring():
            await trio.sleep(6.0)
        with venue.refusing():
            await trio.sleep(1.0)
        await venue.wait_subscribed()
        await venue.send(next(prices))
        await trio.sleep(0.3)
        assert self.engine is not None
        self.engine.stop()

    def _prices(self) -> Iterator[Tick]:
        """Ticks that differ, alternating between two symbols, every third one out of order."""
        number = 0
        while True:
            number += 1
            lag_us = 100_000 if number % 3 == 0 else 0
            yield Tick("XY"[number % 2], self.venue.now_us() - lag_us, float(number))


def _tasks() -> int:
    """Return how many tasks there are."""

    def count(task: trio.lowlevel.Task) -> int:
        return 1 + sum(count(child) for nursery in task.child_nurseries for child in nursery.child_tasks)

    root = trio.lowlevel.current_root_task()
    assert root is not None
    return count(root)


def _runs(how: str, seed: int, ingest_batches: int) -> Iterator[Run]:
    """Run the scenario with a tripwire at step 1, 2, … until one is not reached any more."""
    for at in range(1, 10_000):
        run = Run(how, at, ingest_batches)
        run_seeded(run, seed=seed, instruments=[run.wire])
        yield run
        if not run.wire.pulled:
            assert at > 100, "the scenario is too short to mean anything"
            assert run.wire.names == {
                "engine",
                "sequencer",
                "venue",
                "venue 0A",
                "venue 0A heart",
                "venue 0A talker",
                "venue 0A watch",
                "stale symbols",
                "clock",
                "strategy _watch",
                "strategy _dawdle",
            }
            return


def _key(tick: Tick) -> tuple[str, int, float]:
    return tick.symbol, tick.time_us, tick.price


# With no room between lines and sequencer, lines are found in the middle of handing on.
ROOM = pytest.mark.parametrize(("seed", "ingest_batches"), [(1, 64), (2, 0)])


@pytest.mark.parametrize("how", ["cancel", "stop", "abort"])
@ROOM
def test_wherever_it_is_stopped_nothing_is_left_and_the_ledger_is_exact(
    how: str, seed: int, ingest_batches: int
) -> None:
    """No task, no link, no exception, and every equation holds: at each step of each task."""
    for run in _runs(how, seed, ingest_batches):
        where = f"{how} at step {run.wire.at}"
        statistics = run.statistics
        assert statistics is not None
        assert statistics.ledger.imbalances() == [], where
        assert statistics.state == "stopped", where
        assert run.venue.open_links == 0, where
        assert run.tasks_left == 0, where
        assert run.scope.cancelled_caught or how != "cancel" or not run.was_running, where
        assert all(line.state == "ended" for shard in statistics.shards for line in shard.lines), where


@ROOM
def test_a_soft_stop_hands_on_all_that_was_received(seed: int, ingest_batches: int) -> None:
    """Every tick the engine read from a link reaches the reading strategy, once; nothing is held or waits."""
    for run in _runs("stop", seed, ingest_batches):
        where = f"stop at step {run.wire.at}"
        assert sorted(map(_key, run.seen)) == sorted({_key(tick) for tick in run.venue.taken_ticks()}), where
        assert run.statistics is not None
        ledger = run.statistics.ledger
        assert (ledger.held, ledger.inbox) == (0, 0), where
        assert ledger.consumers["_watch"].delivered == ledger.accepted == len(run.seen), where
        assert run.read == [tick for tick in run.seen if tick.symbol == "Y"], where


class Auditor(trio.abc.Instrument):
    """Looks into the ledger before each step of any task, and keeps what is wrong with it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.looks = 0
        self.wrong: list[str] = []

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if self.run.engine is None:
            return
        self.looks += 1
        ledger = self.run.engine.statistics().ledger
        self.wrong += ledger.imbalances()
        counts = attrs.asdict(ledger, recurse=False)
        self.wrong += [f"{name} is {count}" for name, count in counts.items() if isinstance(count, int) and count < 0]
        self.wrong += [f"{name} is {of}" for name, of in ledger.consumers.items() if min(attrs.astuple(of)) < 0]


@ROOM
def test_the_account_is_exact_between_any_two_steps(seed: int, ingest_batches: int) -> None:
    """Every equation holds, and nothing is negative, whenever no task is in the middle of a step."""
    run = Run("stop", 0, ingest_batches)
    auditor = Auditor(run)
    run_seeded(run, seed=seed, instruments=[auditor])
    assert auditor.wrong == []
    assert auditor.looks > 150
