"""Strategies and journals for replays."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.support.reading import write_journal
from trio_ticks.model import Record, Signal, Status, Tick
from trio_ticks.runtime.stream import Ticks

NAME = "momentum"
SOURCE = f"strategy {NAME}"


async def keep_all(ticks: Ticks) -> list[Record]:
    """Return everything that it is handed."""
    return [record async for record in ticks.records()]


async def momentum(ticks: Ticks, every: int = 10) -> int:
    """Decide at each tenth tick; return how many there were."""
    count = 0
    async for tick in ticks:
        count += 1
        if count % every == 0:
            await ticks.signal("buy", tick.symbol, price=tick.price, count=count)
    return count


def decided(ticks: Sequence[Tick], every: int = 10) -> list[Signal]:
    """Return what `momentum` decides on these."""
    high_us, signals = 0, []
    for count, tick in enumerate(ticks, 1):
        high_us = max(high_us, tick.time_us)
        if count % every == 0:
            signals.append(Signal("buy", tick.symbol, high_us, {"price": tick.price, "count": count}, NAME))
    return signals


def started(time_us: int, **said: object) -> Status:
    return Status("started", time_us, json.dumps({"symbols": None, "params": {}, **said}), source=SOURCE)


def stopped(time_us: int) -> Status:
    return Status("stopped", time_us, source=SOURCE)


def chunks(records: Sequence[Record], size: int) -> list[Sequence[Record]]:
    return [records[at : at + size] for at in range(0, len(records), size)]


def journal_of(path: Path, records: Iterable[Record], size: int = 50) -> Path:
    return write_journal(path, chunks(list(records), size))
