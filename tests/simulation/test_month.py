"""A month on a journal with the defaults, with and without somebody who drains it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.simulation.test_week import DAY_S, trades
from tests.support.journal import memory
from tests.support.storing import kept
from trio_ticks.config import ConnectionConfig, JournalConfig
from trio_ticks.model import Gap, Tick
from trio_ticks.runtime import feed_run
from trio_ticks.runtime.sinks import SinkBatch
from trio_ticks.storage.journal import JournalReader
from trio_ticks.testing.simulation import on_the_spot
from trio_ticks.testing.venue import Venue

MONTH_S = 30 * DAY_S
SYMBOLS = ("A", "B")
EVERY_S = (60.0, 240.0)


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A directory on a file system in memory, where there is one: twelve thousand commits need no real disk."""
    with tempfile.TemporaryDirectory(dir=memory()) as home:
        yield Path(home)


@pytest.mark.parametrize("has_sink", [False, True], ids=["alone", "with a sink"])
async def test_a_month_with_the_defaults_keeps_every_tick(
    autojump_clock: MockClock, venue: Venue, in_memory: Path, monkeypatch: pytest.MonkeyPatch, has_sink: bool
) -> None:
    """Ingest never stops, nobody misses a tick, and the journal deletes none, however old and often drained."""
    # A quarter of a million looks at two symbols are most of a month's work, and not what this is about.
    monkeypatch.setattr(feed_run, "LOOK_S", 600.0)
    drained: list[Tick] = []

    async def store(batch: SinkBatch) -> None:
        drained.extend(batch.ticks)

    path = in_memory / "month.journal"
    month = sorted((at, symbol) for symbol in SYMBOLS for at in trades(symbol, EVERY_S, until=MONTH_S))
    seen = Counter[str]()

    async def watch(ticks: object) -> None:
        async for tick in ticks:  # type: ignore[attr-defined]  # as any strategy
            seen[tick.symbol] += 1

    venue.traded = dict.fromkeys(SYMBOLS, venue.now_us() - 1)
    async with venue.open_engine(
        venue.askable_feed(*SYMBOLS, heartbeat_s=600.0),
        connection=ConnectionConfig(silent_after_s=900.0, backoff_first_s=0.1),
        journal=JournalConfig(path=str(path)),
        sinks=[store] if has_sink else [],
        strategies=[watch],
        run_sync=on_the_spot,
    ) as engine:
        await venue.wait_subscribed()
        start = trio.current_time()
        for number, (at, symbol) in enumerate(month):
            await trio.sleep_until(start + at)
            await venue.send(Tick(symbol, venue.now_us(), 1.0 + number))
        await trio.sleep_until(start + MONTH_S)
        statistics = engine.statistics()
        assert statistics.state == "running"
        assert statistics.ledger.imbalances() == []
        assert len(venue.attempts) == 1
    assert seen == Counter(symbol for _, symbol in month)
    assert len(month) > 5_000
    prices = [tick.price for tick in kept(path) if isinstance(tick, Tick)]
    assert prices == [1.0 + number for number in range(len(month))]
    assert [tick.price for tick in drained] == (prices if has_sink else [])
    assert not [gap for gap in kept(path) if isinstance(gap, Gap) and gap.missed]
    with JournalReader(path) as reader:
        assert reader.info().first_position == 1
