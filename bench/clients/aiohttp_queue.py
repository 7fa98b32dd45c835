"""aiohttp's client, a queue, a task that works it off."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp

from bench.plan import Run
from bench.work import Desk, handler, subscription

QUEUE = 10_000


def run(run: Run, desk: Desk) -> None:
    """Run it."""
    asyncio.run(_run(run, desk))


async def _run(run: Run, desk: Desk) -> None:
    context = ssl.create_default_context(cafile=run.authority) if run.authority else True
    messages: asyncio.Queue[str] = asyncio.Queue(QUEUE)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(run.url, ssl=context) as connection,
        asyncio.TaskGroup() as tasks,
    ):
        await connection.send_str(subscription(run))
        tasks.create_task(_work(messages, desk))
        async for message in connection:
            await messages.put(message.data)


async def _work(messages: asyncio.Queue[str], desk: Desk) -> None:
    handle = handler(desk)
    while True:
        handle(await messages.get())
