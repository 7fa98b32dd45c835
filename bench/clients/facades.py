"""One strategy of batches on the native API, on asyncio's and on the blocking one: what another thread costs."""

from __future__ import annotations

import asyncio
from typing import Any

import trio

import trio_ticks
from bench.clients.ours import CAPACITY
from bench.plan import Run
from bench.wire import codes
from bench.work import Desk
from trio_ticks import AllTick, ConnectionConfig, EngineStatistics, Secret, aio, sync


def run(run: Run, desk: Desk) -> None:
    """Run one of them."""
    feed = AllTick(*codes(run.symbols), token="bench", plan="professional", url=run.url)  # noqa: S106 - no secret
    connection = ConnectionConfig(proxy=Secret(""))
    if run.contestant == "sync":
        _run_sync(feed, connection, desk)
    elif run.contestant == "aio":
        asyncio.run(_run_async(aio, feed, connection, desk))
    else:
        trio.run(_run_async, trio_ticks, feed, connection, desk)


async def _run_async(api: Any, feed: AllTick, connection: ConnectionConfig, desk: Desk) -> None:
    async with api.open_engine(feed, connection=connection) as engine, engine.subscribe(capacity=CAPACITY) as ticks:
        desk.tell = lambda: _told(engine.statistics())
        async for batch in ticks.batches():
            for tick in batch.ticks:
                desk.take(tick)


def _run_sync(feed: AllTick, connection: ConnectionConfig, desk: Desk) -> None:
    with sync.open_engine(feed, connection=connection) as engine, engine.subscribe(capacity=CAPACITY) as ticks:
        desk.tell = lambda: _told(engine.statistics())
        for batch in ticks.batches():
            for tick in batch.ticks:
                desk.take(tick)


def _told(statistics: EngineStatistics) -> dict[str, Any]:
    return {"imbalances": statistics.ledger.imbalances(), "gaps": dict(statistics.gaps)}
