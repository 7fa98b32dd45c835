"""A delay between client and server: what comes in on one side goes out on the other so much later, both ways.

Opening a connection takes no such time. A client that opens one for each request is therefore served as if it had
kept one open, which is to its advantage.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio

from trio_ticks.sim import Sim

_CHUNKS = 10_000
"""Reads on their way in one direction; more than a loopback socket yields within any sensible delay."""

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
            nursery.start_soon(_carry, client, server, one_way_s)
            nursery.start_soon(_carry, server, client, one_way_s)
    except* _GONE:
        pass  # a client that has what it wants hangs up; the other direction notices when it writes


async def _carry(source: trio.SocketStream, target: trio.SocketStream, one_way_s: float) -> None:
    send, receive = trio.open_memory_channel[tuple[float, bytes]](_CHUNKS)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_deliver, receive, target)
        with send:
            data = b"."
            while data:  # the end of the stream is delayed like everything else
                data = bytes(await source.receive_some())
                await send.send((trio.current_time() + one_way_s, data))


async def _deliver(receive: trio.MemoryReceiveChannel[tuple[float, bytes]], target: trio.SocketStream) -> None:
    with receive:
        async for due_s, data in receive:
            await trio.sleep_until(due_s)
            await (target.send_all(data) if data else target.send_eof())
