"""The same with the client that websockets has for Trio."""

from __future__ import annotations

import ssl

import trio
from websockets.trio.client import connect

from bench.plan import Run
from bench.work import Desk, handler, subscription

QUEUE = 10_000


def run(run: Run, desk: Desk) -> None:
    """Run it."""
    trio.run(_run, run, desk)


async def _run(run: Run, desk: Desk) -> None:
    context = ssl.create_default_context(cafile=run.authority) if run.authority else None
    send, receive = trio.open_memory_channel[str | bytes](QUEUE)
    async with connect(run.url, ssl=context, compression=None) as connection, trio.open_nursery() as nursery:
        await connection.send(subscription(run))
        nursery.start_soon(_work, receive, desk)
        async for message in connection:
            await send.send(message)


async def _work(receive: trio.MemoryReceiveChannel[str | bytes], desk: Desk) -> None:
    handle = handler(desk)
    async for message in receive:
        handle(message)
