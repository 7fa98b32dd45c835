"""An HTTP proxy that shares no code with the product: it knows ``CONNECT``, faults, and nothing else."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import attrs
import trio


@attrs.define
class Proxy:
    """A proxy on a loopback port.

    Attributes:
        hosts: The names that only the proxy can resolve, and the ports on this machine that they stand for.
        credentials: ``user:password``; anyone else is answered with 407. "": everybody is served.
        answer: Sent in place of an answer of its own, and then nothing more.
        asked: The first line of each request.
        port: Where it listens.
    """

    hosts: Mapping[str, int]
    credentials: str
    answer: bytes | None
    asked: list[str] = attrs.field(factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, client: trio.SocketStream) -> None:
        try:
            await self._answer(client)
        except trio.BrokenResourceError:
            return

    async def _answer(self, client: trio.SocketStream) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = await client.receive_some()
            if not data:
                return
            head += data
        first, *headers = head.decode().partition("\r\n\r\n")[0].split("\r\n")
        self.asked.append(first)
        if self.answer is not None:
            await client.send_all(self.answer)
            await client.receive_some()
        elif self.credentials and f"Proxy-Authorization: {basic(self.credentials)}" not in headers:
            await client.send_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        else:
            await self._connect(client, first.split()[1])

    async def _connect(self, client: trio.SocketStream, authority: str) -> None:
        if authority not in self.hosts:
            await client.send_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nsad\n")
            return
        server = await trio.open_tcp_stream("127.0.0.1", self.hosts[authority])
        await client.send_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
        async with server, trio.open_nursery() as nursery:
            nursery.start_soon(pump, client, server)
            await pump(server, client)
            nursery.cancel_scope.cancel()


def basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


async def pump(source: trio.abc.Stream, target: trio.abc.Stream) -> None:
    try:
        async for data in source:
            await target.send_all(data)
    except trio.BrokenResourceError:
        return


@asynccontextmanager
async def open_proxy(
    hosts: Mapping[str, int] | None = None, *, credentials: str = "", answer: bytes | None = None
) -> AsyncIterator[Proxy]:
    """Run a proxy. One with an ``answer`` gives that to everybody; an empty one makes it hang."""
    proxy = Proxy(hosts or {}, credentials, answer)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, proxy.serve, 0, host="127.0.0.1"))
        proxy.port = listeners[0].socket.getsockname()[1]
        yield proxy
        nursery.cancel_scope.cancel()
