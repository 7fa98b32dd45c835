"""Strategies that begin in the past: the journal first, then live, and no seam that anybody could see."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import trio
from trio.testing import MockClock

from tests.support.replaying import decided, journal_of, momentum, started, stopped
from tests.support.storing import Disk, fragile_disk, kept, refusing
from trio_ticks.config import ConnectionConfig, JournalConfig, parse_config
from trio_ticks.core.marks import is_of_journal
from trio_ticks.errors import ConfigError
from trio_ticks.model import Clock, Gap, Record, Signal, Status, Tick
from trio_ticks.replay.comparing import compare
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks
from trio_ticks.testing.simulation import on_the_spot
from trio_ticks.testing.venue import Venue

S = 1_000_000
PATIENT = ConnectionConfig(silent_after_s=80_000.0, mute_after_s=80_000.0)
"""Nothing but trades is in these stories."""


@pytest.fixture(autouse=True)
def disk() -> Iterator[None]:
    with fragile_disk():
        yield
    Disk.refusal = None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ticks.journal"


class Watcher:
    """A strategy that remembers what it was shown, and may take its time."""

    def __init__(self, pause_s: float = 0.0) -> None:
        self.seen: list[Record] = []
        self.pause_s = pause_s

    async def __call__(self, ticks: Ticks) -> None:
        async for item in ticks.records():
            self.seen.append(item)
            if self.pause_s:
                await trio.sleep(self.pause_s)

    @property
    def prices(self) -> list[float]:
        return [item.price for item in self.seen if isinstance(item, Tick)]


@asynccontextmanager
async def life(venue: Venue, path: Path, *strategies: Any, **options: Any) -> AsyncIterator[Engine]:
    config = JournalConfig(path=str(path), min_free=0, queue_ticks=options.pop("queue_ticks", 100_000))
    async with venue.open_engine(
        *("X", "Y"),
        journal=config,
        run_sync=on_the_spot,
        strategies=strategies,
        connection=PATIENT,
        grace_s=1000.0,
        **options,
    ) as engine:
        await venue.wait_subscribed()
        yield engine
    assert engine.statistics().ledger.imbalances() == []


async def trade(venue: Venue, *prices: float, every_s: float = 1.0, symbol: str = "X") -> None:
    for price in prices:
        await venue.send(Tick(symbol, venue.now_us(), price, received_us=venue.now_us()))
        await trio.sleep(every_s)


def told(path: Path, since_us: int, symbols: frozenset[str] | None = None) -> list[Record]:
    """Return what the journal says that a strategy called since was to be shown in its last life."""
    records = kept(path)
    starts = [place for place, item in enumerate(records) if isinstance(item, Status) and item.status == "started"]
    start = starts[-1]
    shown = [item for item in records[:start] if item.time_us >= since_us] + records[start:]
    shown = [item for item in shown if not is_of_journal(item)]
    return [item for item in shown if symbols is None or item.symbol is None or item.symbol in symbols]


async def test_a_strategy_begins_in_the_journal_and_goes_over_to_live(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """What happened since then, to the microsecond, then what comes: each record once, in the journal's order."""
    async with life(venue, path):
        await trade(venue, *range(100))
    watcher = Watcher()
    await trio.sleep(5.0)
    since_us = venue.now_us() - 60 * S
    async with life(venue, path, Strategy(watcher, name="since", since="1m")):
        await trade(venue, *range(100, 110))
    assert watcher.seen == told(path, since_us)
    assert watcher.prices[-65:] == [float(price) for price in range(45, 110)]
    assert any(isinstance(item, Gap) and item.cause == "stopped" for item in watcher.seen)


@pytest.mark.parametrize("overflow", ["fail", "drop_oldest"])
async def test_a_slow_strategy_overflows_nowhere_while_it_catches_up(
    autojump_clock: MockClock, venue: Venue, path: Path, overflow: Any
) -> None:
    """It reads the journal, however much comes meanwhile, and its little queue is not used before it is there."""
    async with life(venue, path):
        await trade(venue, *range(100))
    watcher = Watcher(pause_s=2.0)
    strategy = Strategy(watcher, name="since", since=3600, overflow=overflow, capacity=4)
    async with life(venue, path, strategy) as engine:
        await trade(venue, *range(100, 300), every_s=0.1)
        assert len(watcher.prices) < 40
        await trio.sleep(1000.0)
        watcher.pause_s = 0.0
        await trade(venue, *range(300, 310))
    assert watcher.prices == [float(price) for price in range(310)]
    ledger = engine.statistics().ledger.consumers["since"]
    assert (ledger.offered, ledger.delivered, ledger.dropped) == (310, 310, 0)


async def test_both_sides_show_the_same_symbols_and_nothing_of_the_journals_own(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """Other symbols, other strategies' decisions and the marks of their runs are not among the records."""

    async def decide(ticks: Ticks) -> None:
        async for tick in ticks:
            await ticks.signal("seen", tick.symbol)

    watcher = Watcher()
    for since in (None, "1h"):
        strategies = [decide, Strategy(watcher, name="since", since=since, symbols=("Y",))]
        async with life(venue, path, *strategies):
            for price in range(5):
                await trade(venue, price, every_s=0.1)
                await trade(venue, -price, symbol="Y", every_s=0.1)
        if since is None:
            watcher.seen.clear()
    assert sum(isinstance(item, Signal) for item in kept(path)) == 20
    assert watcher.seen == told(path, 0, frozenset("Y"))
    assert watcher.prices == [0.0, -1.0, -2.0, -3.0, -4.0] * 2


async def test_an_engine_without_a_tick_hangs_nobody(autojump_clock: MockClock, venue: Venue, path: Path) -> None:
    """Nothing in the journal, nothing live: a soft stop ends the stream."""
    watcher = Watcher()
    async with life(venue, path, Strategy(watcher, name="since", since="30m")) as engine:
        await trio.sleep(1.0)
        began = trio.current_time()
        engine.stop()
        await engine.wait_stopped()
        assert trio.current_time() - began < 10.0
    assert watcher.prices == []
    assert engine.statistics().strategies[0].state == "finished"


async def test_a_soft_stop_lets_it_read_to_the_end(autojump_clock: MockClock, venue: Venue, path: Path) -> None:
    """What was received before the stop is in the journal, and is shown, within the grace."""
    async with life(venue, path):
        await trade(venue, *range(20))
    watcher = Watcher(pause_s=1.0)
    async with life(venue, path, Strategy(watcher, name="since", since="1h")):
        await trade(venue, *range(20, 30), every_s=0.01)
    assert watcher.prices == [float(price) for price in range(30)]


async def test_a_hard_stop_cuts_it_off(autojump_clock: MockClock, venue: Venue, path: Path) -> None:
    """In the middle of its past; the ledger is exact."""
    async with life(venue, path):
        await trade(venue, *range(20))
    watcher = Watcher(pause_s=1000.0)
    async with life(venue, path, Strategy(watcher, name="since", since="1h")) as engine:
        await trio.sleep(5.0)
        engine.abort()
    assert len(watcher.seen) < 20


async def test_a_stop_at_any_step_of_the_way_leaves_an_exact_account(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """Soft or hard, after however many rounds of the scheduler: what was shown is what is kept.

    A hard stop ends the strategy before the journal's end; or the journal before that of which nobody waits for it.
    """
    async with life(venue, path):
        await trade(venue, *range(10), every_s=0.1)
    since_us = venue.now_us() - 3600 * S
    with mock.patch.multiple("trio_ticks.runtime.history", PAGE_RECORDS=2, ROWS=1):
        for rounds in range(0, 40, 3):
            watcher = Watcher()
            async with life(venue, path, Strategy(watcher, name="since", since="1h")) as engine:
                for _ in range(rounds):
                    await trio.lowlevel.checkpoint()
                await venue.send(Tick("X", venue.now_us(), 1000.0 + rounds, received_us=venue.now_us()))
                for _ in range(rounds):
                    await trio.lowlevel.checkpoint()
                if rounds % 2:
                    engine.abort()
            there = told(path, since_us)
            common = min(len(there), len(watcher.seen)) if rounds % 2 else None
            assert watcher.seen[:common] == there[:common], rounds


async def test_a_journal_that_takes_nothing_holds_nobody_up(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """What waits for the disk is taken over from memory, what is left out is a gap, and then comes what comes."""
    async with life(venue, path):
        await trade(venue, *range(5))
    watcher = Watcher(pause_s=1.0)
    async with life(venue, path, Strategy(watcher, name="since", since="1h"), queue_ticks=4):
        with refusing():
            await trade(venue, *range(5, 30), every_s=0.01)
            await trio.sleep(100.0)
            watcher.pause_s = 0.0
            await trade(venue, *range(30, 40))
            assert watcher.prices[-10:] == [float(price) for price in range(30, 40)]
    (gap,) = [item for item in watcher.seen if isinstance(item, Gap) and item.cause == "full"]
    missing = 40 - len(watcher.prices)
    assert gap.missed == missing > 10
    place = watcher.seen.index(gap)
    before = [item.price for item in watcher.seen[:place] if isinstance(item, Tick)]
    assert before == [float(price) for price in range(40 - missing - 10)]


async def test_age_is_judged_live_only(autojump_clock: MockClock, venue: Venue, path: Path) -> None:
    """What happened long ago is shown as the past, whatever may not be traded on."""
    async with life(venue, path):
        await trade(venue, *range(5))
    await trio.sleep(100.0)
    watcher = Watcher()
    async with life(venue, path, Strategy(watcher, name="since", since="1h", max_age_s=1.0)) as engine:
        await trade(venue, 5)  # and with it the gap since the last life
        watcher.pause_s = 3.0
        await trade(venue, 6, 7, every_s=0.1)
    assert watcher.prices == [0, 1, 2, 3, 4, 5, 6]
    assert engine.statistics().ledger.consumers["since"].dropped == 1


# ---- in-band time


class Timed:
    """Decides at each tick, and by two timers of tasks of its own."""

    def __init__(self, pause_s: float = 0.0) -> None:
        self.pause_s = pause_s

    async def __call__(self, ticks: Ticks, step: float) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.beat, ticks, step)
            nursery.start_soon(self.beat, ticks, 3.000001)  # never at an instant of the other: they would race
            async for tick in ticks:
                await ticks.signal("seen", tick.symbol, price=tick.price)
                if self.pause_s:
                    await trio.sleep(self.pause_s)

    async def beat(self, ticks: Ticks, step: float) -> None:
        async for due_us in ticks.every(step):
            await ticks.signal("beat", "", due_us=due_us, step=step)


@pytest.mark.parametrize("pause_s", [0.0, 1.5])
async def test_a_comparison_replays_it_with_its_past(
    autojump_clock: MockClock, venue: Venue, path: Path, pause_s: float
) -> None:
    """Signal for signal the same, over two lives of which each begins in the one before; and clocks never go back."""
    for number in range(3):
        since = None if number == 0 else "25s"
        strategy = Strategy(Timed(pause_s * number), name="timed", params={"step": 2.0}, since=since)
        async with life(venue, path, strategy):
            await trade(venue, *range(20), every_s=0.5)
            await trio.sleep(15.0)
            await trade(venue, *range(20), every_s=0.3)
    found = await compare(Strategy(Timed(), name="timed", params={"step": 2.0}), path)
    assert (found.difference, found.runs, found.remarks) == (None, 3, ())
    assert found.signals == sum(isinstance(item, Signal) for item in kept(path)) > 200
    assert found.ticks > 3 * 40
    clocks = [item.time_us for item in kept(path) if isinstance(item, Clock)]
    assert clocks == sorted(clocks)


async def test_a_comparison_without_its_past_would_differ(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """So it is what the journal says of the start that makes them the same."""

    async def count(ticks: Ticks) -> None:
        seen = 0
        async for tick in ticks:
            seen += 1
            await ticks.signal("seen", tick.symbol, count=seen)

    for since in (None, "1h"):
        async with life(venue, path, Strategy(count, since=since)):
            await trade(venue, *range(5))
    found = await compare(Strategy(count), path)
    assert (found.difference, found.signals) == (None, 15)


async def test_a_sleeper_alone_goes_through_the_past_and_into_the_present(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """It holds nothing in its queue meanwhile, wakes at its instants, and all is read afterwards."""
    async with life(venue, path):
        await trade(venue, *range(10))
    woken: list[int] = []
    watcher = Watcher()

    async def nap(ticks: Ticks) -> None:
        for _ in range(4):
            await ticks.sleep(6.0)
            woken.append(ticks.now_us)
        await watcher(ticks)

    async with life(venue, path, Strategy(nap, since="1h", capacity=2)):
        await trade(venue, 10, 11, 12, every_s=0.1)
        await trio.sleep(60.0)
        await trade(venue, 13)
    assert [later - sooner for sooner, later in itertools.pairwise(woken)] == [6 * S] * 3
    assert watcher.prices == [float(price) for price in range(14)]


async def test_a_timer_set_in_the_past_is_woken_in_a_quiet_present(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """It asks for its clock once the past is known not to pass it, and for none that the past passes."""
    async with life(venue, path):
        await trade(venue, *range(10))
    woken: list[tuple[int, int]] = []

    async def nap(ticks: Ticks) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Watcher(), ticks)
            await ticks.sleep(5.0)
            await ticks.sleep(60.0)
            woken.append((ticks.now_us, venue.now_us()))

    with mock.patch.multiple("trio_ticks.runtime.history", PAGE_RECORDS=2, ROWS=1):
        async with life(venue, path, Strategy(nap, since="1h")):
            await trio.sleep(100.0)
            (first,) = [item.time_us for item in kept(path) if isinstance(item, Tick) and item.price == 0.0]
            ((asleep_to_us, woken_us),) = woken
            assert asleep_to_us == min(item.time_us for item in kept(path)) + 65 * S
            assert asleep_to_us < woken_us < asleep_to_us + S
            assert first < asleep_to_us
    assert [item.time_us for item in kept(path) if isinstance(item, Clock)] == [asleep_to_us + 1]


async def test_the_past_of_a_run_goes_up_to_its_start(path: Path) -> None:
    """To the batch just before it, from the instant that the journal names; what comes behind is shown whole."""
    first_us = 1_700_000_000_000_000
    ticks = [Tick("A", first_us + number * S, float(number)) for number in range(10)]
    late = Tick("A", first_us, 99.0, late=True)
    start = started(first_us + 5 * S, params={"every": 2}, since_us=first_us + 3 * S)
    signals = decided([*ticks[3:], late], every=2)
    journal_of(path, [*ticks[:5], start, *ticks[5:], late, *signals, stopped(first_us + 20 * S)], size=5)
    found = await compare(Strategy(momentum), path)
    assert (found.difference, found.signals, found.ticks) == (None, 4, 8)


# ---- what is accepted


async def test_what_cannot_begin_in_the_past_is_refused(autojump_clock: MockClock, venue: Venue, path: Path) -> None:
    """In one line, before anything starts."""
    with pytest.raises(ConfigError, match="strategy since: since reads the journal"):
        async with venue.open_engine("X", strategies=[Strategy(Watcher(), name="since", since="30m")]):
            pass
    with pytest.raises(ConfigError, match="strategy f: inline has no stream that could begin in the past"):
        Strategy(lambda tick: None, name="f", inline=True, since="30m")
    for wrong in ("half an hour", "-30m", 0, -1.0, "400d", True, float("nan"), "30m "):
        with pytest.raises(ConfigError, match=r"strategy since: since = .*'30m', '2h' or '1d', or seconds"):
            Strategy(Watcher(), name="since", since=wrong)


def test_the_configuration_knows_it() -> None:
    """As a duration or as seconds."""
    table = '[feeds.coinbase]\nsymbols = ["X"]\n[strategies.s]\nuse = "m:f"\nsince = {}\n'
    for text, seconds in (('"30m"', 1800.0), ('"2h"', 7200.0), ('"1d"', 86_400.0), ('"90 s"', 90.0), ("45.5", 45.5)):
        assert parse_config(table.format(text), source="test", environ={}).strategies["s"].since == seconds
    with pytest.raises(ConfigError, match=r"strategies\.s.*since = 'soon'"):
        parse_config(table.format('"soon"'), source="test", environ={})
