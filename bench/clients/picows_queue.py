"""picows on uvloop with a queue between the callback and the work, so that the work may wait for something."""

from __future__ import annotations

import asyncio

import uvloop
from picows import WSFrame

from bench.clients.decoding import typed_record
from bench.clients.picows_inline import listen
from bench.plan import Run
from bench.work import Desk, Seen


def run(run: Run, desk: Desk) -> None:
    """Run it."""
    uvloop.run(_run(run, desk))


async def _run(run: Run, desk: Desk) -> None:
    messages: asyncio.Queue[bytes] = asyncio.Queue()

    def handle(frame: WSFrame) -> None:
        messages.put_nowait(frame.get_payload_as_bytes())

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_work(messages, desk))
        await listen(run, handle)


async def _work(messages: asyncio.Queue[bytes], desk: Desk) -> None:
    seen = Seen()
    while True:
        tick = typed_record(await messages.get())
        if tick is not None and seen.is_new((tick.symbol, tick.time_us, tick.price_text, tick.volume_text)):
            desk.take(tick)
