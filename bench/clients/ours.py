"""The whole engine: ledger, pacing, watchdog, sequencer, fan-out; a strategy of batches, inline where age counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from bench.plan import Run
from bench.wire import codes
from bench.work import Desk
from trio_ticks import AllTick, ConnectionConfig, Engine, Secret, Strategy, open_engine
from trio_ticks.core.ages import Ages

CAPACITY = 200_000
"""Of the strategy's queue. What does not fit would be dropped, counted, and fail the check."""


def run(run: Run, desk: Desk) -> None:
    """Run it."""
    trio.run(_run, run, desk)


async def _run(run: Run, desk: Desk) -> None:
    if not run.ages:
        Ages.note_batch = _nothing  # type: ignore[method-assign,assignment]  # to see what it costs
    feed = AllTick(*codes(run.symbols), token="bench", plan="professional", url=run.url)  # noqa: S106 - no secret
    connection = ConnectionConfig(proxy=Secret(""), ca_file=run.authority or None)
    if run.timed:  # an age is of interest to whoever wants it least: such a strategy runs inline
        strategies = [Strategy(desk.take, inline=True)]
        async with open_engine(feed, connection=connection, strategies=strategies) as engine, _served(engine, run):
            desk.tell = lambda: _told(engine)
            await engine.wait_stopped()
    async with (
        open_engine(feed, connection=connection) as engine,
        _served(engine, run),
        engine.subscribe(capacity=CAPACITY) as ticks,
    ):
        desk.tell = lambda: _told(engine)
        async for batch in ticks.batches():
            for tick in batch.ticks:
                desk.take(tick)


@asynccontextmanager
async def _served(engine: Engine, run: Run) -> AsyncIterator[None]:
    """Serve the engine's metrics and pages, where the run wants them."""
    if not run.http:
        yield
        return
    from trio_ticks.app.http import listen, open_http  # noqa: PLC0415 - the other runs do without
    from trio_ticks.config import HttpConfig  # noqa: PLC0415 - likewise

    config = HttpConfig(bind=run.http)
    async with open_http(engine, config, await listen(config)):
        yield


def _nothing(*_: object) -> None:
    """Stand in for what is left out."""


def _told(engine: Engine) -> dict[str, Any]:
    statistics = engine.statistics()
    return {
        "imbalances": statistics.ledger.imbalances(),
        "gaps": dict(statistics.gaps),
        "ledger": statistics.ledger.as_dict(),
    }
