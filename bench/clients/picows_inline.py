"""The fastest there is on asyncio: picows on uvloop, everything in its callback, decoded as the engine does it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.clients.decoding import typed_record
from bench.plan import Run
from bench.work import Desk, Seen, subscription


class Listener(WSListener):
    """Gives each text frame to a function, while the frame's memory is still there."""

    def __init__(self, run: Run, handle: Callable[[WSFrame], None]) -> None:
        self._run = run
        self._handle = handle

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Subscribe."""
        transport.send(WSMsgType.TEXT, subscription(self._run).encode())

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        """Take a message."""
        if frame.msg_type == WSMsgType.TEXT:
            self._handle(frame)


def run(run: Run, desk: Desk) -> None:
    """Run it."""
    seen = Seen()

    def handle(frame: WSFrame) -> None:
        tick = typed_record(frame.get_payload_as_memoryview())
        if tick is not None and seen.is_new((tick.symbol, tick.time_us, tick.price_text, tick.volume_text)):
            desk.take(tick)

    uvloop.run(listen(run, handle))


async def listen(run: Run, handle: Callable[[WSFrame], None]) -> None:
    """Connect, and stay until the connection ends."""
    context = ssl.create_default_context(cafile=run.authority) if run.authority else None
    transport, _ = await ws_connect(lambda: Listener(run, handle), run.url, ssl_context=context)
    await asyncio.shield(transport.wait_disconnected())
