"""Trio as one begins with it: a task reads messages into a memory channel, another takes them out."""

from __future__ import annotations

import ssl

import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from bench.plan import Run
from bench.work import Desk, handler, subscription

QUEUE = 10_000


def run(run: Run, desk: Desk) -> None:
    """Run it."""
    trio.run(_run, run, desk)


async def _run(run: Run, desk: Desk) -> None:
    context = ssl.create_default_context(cafile=run.authority) if run.authority else None
    send, receive = trio.open_memory_channel[str | bytes](QUEUE)
    async with open_websocket_url(run.url, ssl_context=context) as connection, trio.open_nursery() as nursery:
        await connection.send_message(subscription(run))
        nursery.start_soon(_work, receive, desk)
        await _read(connection, send)


async def _read(connection: WebSocketConnection, send: trio.MemorySendChannel[str | bytes]) -> None:
    while True:
        await send.send(await connection.get_message())


async def _work(receive: trio.MemoryReceiveChannel[str | bytes], desk: Desk) -> None:
    handle = handler(desk)
    async for message in receive:
        handle(message)
