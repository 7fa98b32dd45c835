"""The engine and its journal: what a disk that is full, fails or hangs does to it, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.storing import Disk, fragile_disk, kept, kept_gaps, kept_ticks, refusing
from trio_ticks.config import JournalConfig
from trio_ticks.errors import ConfigError, EngineError, JournalError, JournalFullError
from trio_ticks.model import Gap, Record, Status, Tick
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.stream import Ticks
from trio_ticks.storage.journal import JournalReader
from trio_ticks.testing.simulation import on_the_spot
from trio_ticks.testing.venue import BUFFER, Venue

QUEUE = 4


@pytest.fixture(autouse=True)
def disk() -> Iterator[None]:
    with fragile_disk():
        yield
    Disk.refusal = None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ticks.journal"


def config(path: Path, when_full: str = "gap", queue_ticks: int = QUEUE) -> JournalConfig:
    return JournalConfig(path=str(path), when_full=when_full, queue_ticks=queue_ticks, min_free=0)  # type: ignore[arg-type]  # it is checked at run time


def tick(venue: Venue, price: float) -> Tick:
    return Tick("X", venue.now_us(), price, received_us=venue.now_us())


async def trade(venue: Venue, *prices: int) -> None:
    """Let these trades happen, a tenth of a second apart."""
    for price in prices:
        await trio.sleep(0.1)
        await venue.send(tick(venue, price))


def prices(path: Path) -> list[float]:
    return [item.price for item in kept_ticks(path)]


def losses(path: Path) -> list[Gap]:
    """Return the gaps that the journal is to blame for."""
    return [gap for gap in kept_gaps(path) if gap.symbol is None]


def check_account(engine: Engine) -> None:
    assert engine.statistics().ledger.imbalances() == []


async def test_what_a_full_disk_refuses_waits_as_long_as_there_is_room(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """A disk that is full for a moment costs nothing, and the order stays."""
    async with venue.open_engine("X", journal=config(path), run_sync=on_the_spot) as engine:
        await venue.wait_subscribed()
        await trade(venue, 1)
        with refusing():
            await trade(venue, 2, 3)
            await trio.sleep(0.5)
            statistics = engine.statistics()
            assert statistics.journal is not None
            assert (statistics.journal.state, statistics.journal.last_error) == ("holding", "no room")
            check_account(engine)
        await trade(venue, 4)
        await trio.sleep(2.0)
        assert prices(path) == [1, 2, 3, 4]
    assert engine.statistics().ledger.imbalances() == []
    assert losses(path) == []


async def test_a_full_disk_is_one_exact_gap_and_strategies_go_on(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """However long it lasts: what found no room is one gap in its place, with its bounds and its number."""
    seen: list[float] = []
    told: list[str] = []

    async def strategy(ticks: Ticks) -> None:
        async for item in ticks.records():
            if isinstance(item, Tick):
                seen.append(item.price)
            elif isinstance(item, Status) and item.source == "journal":
                told.append(item.status)

    async with venue.open_engine("X", journal=config(path), run_sync=on_the_spot, strategies=[strategy]) as engine:
        await venue.wait_subscribed()
        await trade(venue, 0)
        await trio.sleep(0.5)
        with refusing():
            await trade(venue, *range(1, 60))
            await wait_all_tasks_blocked()
            assert seen == [float(price) for price in range(60)]
            statistics = engine.statistics()
            assert statistics.journal is not None
            assert statistics.journal.state == "lossy"
            check_account(engine)
        await trio.sleep(2.0)
        await trade(venue, 60)
    check_account(engine)
    ledger = engine.statistics().ledger
    (gap,) = losses(path)
    held = prices(path)
    left_out = [price for price in range(61) if price not in held]
    assert held == sorted(held)
    assert held[:2] == [0, 1]
    assert held[-1] == 60
    assert left_out == list(range(left_out[0], left_out[-1] + 1))
    assert (gap.cause, gap.missed) == ("full", len(left_out))
    times = {item.price: item.time_us for item in venue.taken_ticks()}
    assert (gap.start_us, gap.end_us) == (times[left_out[0]], times[left_out[-1]])
    records = [item for item in kept(path) if isinstance(item, Tick) or item is gap or item == gap]
    assert [item.price if isinstance(item, Tick) else None for item in records].index(None) == left_out[0]
    assert ledger.journal is not None
    assert (ledger.journal.journaled, ledger.journal.gapped) == (len(held), len(left_out))
    assert told[0] == "journal"
    assert told[-1] == "resumed"


async def test_a_failure_that_no_waiting_helps_costs_what_was_in_hand(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """What cannot be written for a reason of its own is left out at once, named, and holds nothing up."""
    async with venue.open_engine("X", journal=config(path), run_sync=on_the_spot):
        await venue.wait_subscribed()
        await trade(venue, 1)
        await trio.sleep(0.5)
        with refusing(JournalError("cannot be written down")):
            await trade(venue, 2)
            await trio.sleep(0.5)
        await trio.sleep(2.0)
        await trade(venue, 3)
    (gap,) = losses(path)
    assert prices(path) == [1, 3]
    assert (gap.cause, gap.missed) == ("journal", 1)


async def test_a_recorder_that_blocks_loses_nothing(autojump_clock: MockClock, venue: Venue, path: Path) -> None:
    """With ``block`` a full disk holds the vendor up at the socket; when there is room, every tick is kept, once."""
    count = 2 * BUFFER + 200
    async with venue.open_engine("X", journal=config(path, "block"), run_sync=on_the_spot) as engine:
        await venue.wait_subscribed()
        await trade(venue, 0)
        with refusing():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trade, venue, *range(1, count))
                await trio.sleep(60.0)
                assert len(nursery.child_tasks) == 1, "the vendor could send everything: nothing held it up"
                check_account(engine)
                ledger = engine.statistics().ledger.journal
                assert ledger is not None
                assert (ledger.gapped, ledger.queued < QUEUE + 512) == (0, True)
                Disk.refusal = None
        await trio.sleep(5.0)
    assert prices(path) == [float(price) for price in range(count)]
    assert losses(path) == []
    check_account(engine)


async def test_an_engine_that_stops_on_a_full_disk_fails_and_names_it(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """With ``stop`` the engine ends by the way on which what was received is handed on, and the gap is written."""
    seen: list[float] = []

    async def strategy(ticks: Ticks) -> None:
        async for item in ticks:
            seen.append(item.price)  # noqa: PERF401 - the list is looked at from outside

    with pytest.raises(EngineError, match="no room"):  # noqa: PT012 - the engine's block fails as a whole
        async with venue.open_engine(
            "X", journal=config(path, "stop"), run_sync=on_the_spot, strategies=[strategy]
        ) as engine:
            await venue.wait_subscribed()
            await trade(venue, 1)
            await trio.sleep(0.5)
            Disk.refusal = JournalFullError("no room")
            await trade(venue, 2)
            await trio.sleep_forever()
    check_account(engine)
    assert seen == [1.0, 2.0]
    assert prices(path) == [1.0]
    assert [(gap.cause, gap.missed) for gap in losses(path)] == [("full", 1)]


async def test_a_hard_stop_counts_what_was_not_written(autojump_clock: MockClock, venue: Venue, path: Path) -> None:
    """What waits for a disk that takes nothing is told as queued, and the engine still ends."""
    async with venue.open_engine("X", journal=config(path), run_sync=on_the_spot) as engine:
        await venue.wait_subscribed()
        Disk.refusal = JournalFullError("no room")
        await trade(venue, 1, 2)
        await trio.sleep(0.5)
        engine.abort()
    ledger = engine.statistics().ledger
    assert ledger.imbalances() == []
    assert ledger.journal is not None
    assert (ledger.journal.journaled, ledger.journal.queued) == (0, 2)


@pytest.mark.parametrize("keeps_reserve", [True, False])
async def test_a_stop_on_a_full_disk_still_names_what_it_lacks(
    autojump_clock: MockClock, venue: Venue, path: Path, *, keeps_reserve: bool
) -> None:
    """The gap is written into the room that is kept for it; without any, the next start names the time instead."""
    async with venue.open_engine("X", journal=config(path), run_sync=on_the_spot) as engine:
        await venue.wait_subscribed()
        await trade(venue, 1)
        await trio.sleep(0.5)
        Disk.refusal, Disk.keeps_reserve = JournalFullError("no room"), keeps_reserve
        await trade(venue, *range(2, 20))
        await trio.sleep(0.5)
    check_account(engine)
    Disk.refusal = None
    assert [(gap.cause, gap.missed) for gap in losses(path)] == ([("full", 18)] if keeps_reserve else [])
    async with venue.open_engine("X", journal=config(path), run_sync=on_the_spot):
        await venue.wait_subscribed()
        await trade(venue, 20)
    lost_us = [item.time_us for item in venue.taken_ticks() if item.price not in prices(path)]
    (gap,) = [gap for gap in kept_gaps(path) if gap.cause == "crashed"]
    assert all(gap.start_us <= at_us <= gap.end_us for at_us in lost_us)
    assert prices(path) == [1.0, 20.0]


async def test_a_second_engine_on_the_same_journal_is_refused(
    autojump_clock: MockClock, venue: Venue, path: Path
) -> None:
    """It names the first one, and the first one goes on."""
    async with venue.open_engine("X", journal=path, run_sync=on_the_spot):
        await venue.wait_subscribed()
        with pytest.raises(JournalError, match="process"):
            async with Venue().open_engine("X", journal=path, run_sync=on_the_spot):
                pass
        await trade(venue, 1)
    assert prices(path) == [1.0]


async def test_a_sink_without_a_journal_is_refused(autojump_clock: MockClock, venue: Venue) -> None:
    """It would have nothing to drain; the message says what is missing."""

    async def store(_batch: object) -> None:
        """Take it."""

    with pytest.raises(ConfigError, match="journal"):
        async with venue.open_engine("X", sinks=[store]):
            pass


async def test_commits_are_few_and_prompt(autojump_clock: MockClock, venue: Venue, path: Path) -> None:
    """What comes within ``linger_s`` is one commit, which has begun before it is over."""
    settings = JournalConfig(path=str(path), linger_s=0.5)
    async with venue.open_engine("X", journal=settings, run_sync=on_the_spot):
        await venue.wait_subscribed()
        await trio.sleep(5.0)
        with JournalReader(path) as reader:
            before = reader.last_position
            for price in range(4):
                await venue.send(tick(venue, price))
                await trio.sleep(0.1)
            assert reader.last_position == before
            await trio.sleep(0.2)
            assert reader.last_position == before + 1
            records: list[Record] = [item for batch in reader.records(after=before) for item in batch]
            assert [item.price for item in records if isinstance(item, Tick)] == [0.0, 1.0, 2.0, 3.0]
