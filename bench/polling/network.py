"""A delay between client and server: what comes in on one side goes out on the other so much later, both ways.

Opening a connection takes no such time. A client that opens one for each request is therefore served as if it had
kept one open, which is to its advantage.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio

from trio_ticks.sim import Sim

_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


@asynccontextmanager
async def open_delay(sim: Sim, one_way_s: float) -> AsyncIterator[str]:
    """Stand between a simulator and its clients; yield ``HOST:PORT`` for them to connect to."""
    server = int(sim.url.rpartition(":")[2])
    async with trio.open_nursery() as nursery:
        serve = partial(_serve, port=server, one_way_s=one_way_s)
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield f"127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel("the experiment is over")


async def _serve(client: trio.SocketStream, *, port: int, one_way_s: float) -> None:
    """Carry one connection until both sides have ended it, or either broke it."""
    try:
        async with await trio.open_tcp_stream("127.0.0.1", port) as server, trio.open_nursery() as nursery:
            for source, target in ((client, server), (server, client)):
                way = _Way(one_way_s)
                nursery.start_soon(way.receive, source)
                nursery.start_soon(way.deliver, target)
    except* _GONE:
        pass  # a client that has what it wants hangs up; the other direction notices when it writes


class _Way:
    """What is on its way in one direction. The end of the stream is delayed like everything else."""

    def __init__(self, one_way_s: float) -> None:
        self._one_way_s = one_way_s
        self._underway: deque[tuple[float, bytes]] = deque()
        self._any = trio.Event()

    async def receive(self, source: trio.SocketStream) -> None:
        """Take in what is sent, until the end of the stream."""
        data = b"."
        while data:
            data = bytes(await source.receive_some())
            self._underway.append((trio.current_time() + self._one_way_s, data))
            self._any.set()

    async def deliver(self, target: trio.SocketStream) -> None:
        """Hand on what is due, all of it at once: a delay must not grow where there are many small pieces."""
        ended = False
        while not ended:
            await self._any.wait()
            await trio.sleep_until(self._underway[0][0])
            due, ended = self._take_due()
            if due:
                await target.send_all(due)
        await target.send_eof()

    def _take_due(self) -> tuple[bytes, bool]:
        """Return what is due by now, and whether the end of the stream is."""
        due = bytearray()
        while self._underway and self._underway[0][0] <= trio.current_time():
            data = self._underway.popleft()[1]
            if not data:
                return bytes(due), True
            due += data
        if not self._underway:
            self._any = trio.Event()
        return bytes(due), False
