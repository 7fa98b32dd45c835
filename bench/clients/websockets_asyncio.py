"""The usual choice on asyncio: websockets, a queue, a task that works it off."""

from __future__ import annotations

import asyncio
import ssl

from websockets.asyncio.client import connect

from bench.plan import Run
from bench.work import Desk, handler, subscription

QUEUE = 10_000


def run(run: Run, desk: Desk) -> None:
    """Run it."""
    asyncio.run(_run(run, desk))


async def _run(run: Run, desk: Desk) -> None:
    context = ssl.create_default_context(cafile=run.authority) if run.authority else None
    messages: asyncio.Queue[str | bytes] = asyncio.Queue(QUEUE)
    async with connect(run.url, ssl=context, compression=None) as connection, asyncio.TaskGroup() as tasks:
        await connection.send(subscription(run))
        tasks.create_task(_work(messages, desk))
        async for message in connection:
            await messages.put(message)


async def _work(messages: asyncio.Queue[str | bytes], desk: Desk) -> None:
    handle = handler(desk)
    while True:
        handle(await messages.get())
