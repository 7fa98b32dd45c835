"""The kit's sink and faults: each does what its name says, and nothing after it is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import find, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from trio_ticks.model import Tick
from trio_ticks.testing import Fault, MemorySink, Venue, disordered, fault_scripts, on_the_spot, run_faults, streams
from trio_ticks.testing.fixtures import journal_path, memory_sink

__all__ = ["journal_path", "memory_sink"]  # pytest finds fixtures by name


def storing(path: Path, sink: MemorySink) -> dict[str, Any]:
    return {"journal": path, "sinks": [sink], "run_sync": on_the_spot}


async def trade(venue: Venue, *prices: float) -> None:
    for price in prices:
        await venue.send(Tick("X", venue.now_us(), price))
        await trio.sleep(1.0)


@pytest.mark.parametrize("fault", ["refusing", "failing", "hanging"])
async def test_a_sink_with_a_fault_takes_nothing_and_everything_later(
    autojump_clock: MockClock, venue: Venue, memory_sink: MemorySink, journal_path: Path, fault: str
) -> None:
    """Whatever the fault: what was handed over meanwhile arrives once, in order."""
    async with venue.open_engine("X", **storing(journal_path, memory_sink)):
        await venue.wait_subscribed()
        with getattr(memory_sink, fault)():
            await trade(venue, 1, 2)
            assert (memory_sink.ticks, memory_sink.attempts > 0) == ([], True)
        await memory_sink.wait_ticks(2)
    assert [tick.price for tick in memory_sink.ticks] == [1.0, 2.0]
    assert sum(len(batch.ticks) for batch in memory_sink.batches) == 2


async def test_a_lost_receipt_brings_the_same_batch_again(
    autojump_clock: MockClock, venue: Venue, memory_sink: MemorySink, journal_path: Path
) -> None:
    """Under the same id; counted once."""
    async with venue.open_engine("X", **storing(journal_path, memory_sink)):
        await venue.wait_subscribed()
        with memory_sink.losing_receipts():
            await trade(venue, 1)
        await trade(venue, 2)
        await memory_sink.wait_ticks(2)
    ids = [batch.id for batch in memory_sink.batches]
    assert len(ids) > len(set(ids)) == 2
    assert [tick.price for tick in memory_sink.ticks] == [1.0, 2.0]


async def test_what_is_rejected_is_a_dead_letter(
    autojump_clock: MockClock, venue: Venue, memory_sink: MemorySink, journal_path: Path
) -> None:
    """The others of its batch are taken."""
    async with venue.open_engine("X", **storing(journal_path, memory_sink)) as engine:
        await venue.wait_subscribed()
        with memory_sink.rejecting(lambda tick: tick.price < 0):
            await venue.send(*(Tick("X", venue.now_us(), price) for price in (1.0, -1.0, 2.0)))
            await trio.sleep(10.0)
        assert engine.statistics().sinks[0].ledger.dead_lettered == 1
    assert [tick.price for tick in memory_sink.ticks] == [1.0, 2.0]


async def test_faults_of_one_name_take_turns(autojump_clock: MockClock, venue: Venue) -> None:
    """The second one begins when the first is over, so none ends another."""
    began = trio.current_time()
    await run_faults(venue, [(0.0, Fault("mute", 5.0)), (1.0, Fault("mute", 5.0)), (2.0, Fault("delay", 5.0))])
    assert trio.current_time() - began == pytest.approx(10.0)


def test_a_fault_that_is_none_is_told() -> None:
    """By name, and one that cannot last."""
    with pytest.raises(ValueError, match="'explode' is no fault; accepted: drop"):
        Fault("explode")
    with pytest.raises(ValueError, match="'drop' cannot last"):
        Fault("drop", 1.0)


def test_fault_scripts_shrink_to_one_fault() -> None:
    """What is found is small enough to be read."""
    calm = settings(derandomize=True, database=None)
    faults = find(fault_scripts(), lambda faults: any(fault.lasts_s >= 5 for _, fault in faults), settings=calm)
    assert len(faults) == 1


@given(st.data(), streams(max_size=8), st.integers(0, 3))
def test_disorder_is_bounded(data: st.DataObject, source: list[Tick], places: int) -> None:
    """No tick is overtaken by more than so many, and none is lost."""
    shown = data.draw(disordered(source, max_places=places, repeats=False))
    order = [tick.trade_id or 0 for tick in shown]
    assert sorted(order) == [tick.trade_id for tick in source]
    for at, number in enumerate(order):
        assert sum(other > number for other in order[:at]) <= places
