"""The whole engine: ledger, pacing, watchdog, sequencer, fan-out; a strategy of batches, inline where age counts."""

from __future__ import annotations

from typing import Any

import trio

from bench.plan import Run
from bench.wire import codes
from bench.work import Desk
from trio_ticks import AllTick, ConnectionConfig, Engine, Secret, Strategy, open_engine

CAPACITY = 200_000
"""Of the strategy's queue. What does not fit would be dropped, counted, and fail the check."""


def run(run: Run, desk: Desk) -> None:
    """Run it."""
    trio.run(_run, run, desk)


async def _run(run: Run, desk: Desk) -> None:
    feed = AllTick(*codes(run.symbols), token="bench", plan="professional", url=run.url)  # noqa: S106 - no secret
    connection = ConnectionConfig(proxy=Secret(""), ca_file=run.authority or None)
    if run.timed:  # an age is of interest to whoever wants it least: such a strategy runs inline
        async with open_engine(feed, connection=connection, strategies=[Strategy(desk.take, inline=True)]) as engine:
            desk.tell = lambda: _told(engine)
            await engine.wait_stopped()
    async with open_engine(feed, connection=connection) as engine, engine.subscribe(capacity=CAPACITY) as ticks:
        desk.tell = lambda: _told(engine)
        async for batch in ticks.batches():
            for tick in batch.ticks:
                desk.take(tick)


def _told(engine: Engine) -> dict[str, Any]:
    statistics = engine.statistics()
    return {
        "imbalances": statistics.ledger.imbalances(),
        "gaps": dict(statistics.gaps),
        "ledger": statistics.ledger.as_dict(),
    }
