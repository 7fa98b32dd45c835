"""The reference transport, on trio-websocket: one message a wake-up, and everything else as the batched one has it.

It is what the batched transport is tested against, and a second way in for whoever mistrusts the first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import trio
import trio_websocket

from trio_ticks.errors import ConnectError, FeedError, RemoteProtocolError
from trio_ticks.runtime.clock import NowUs, utc_now_us
from trio_ticks.runtime.dialing import Stream, closed_on_failure, described, dial, in_time
from trio_ticks.runtime.endpoint import Endpoint, parse_url
from trio_ticks.runtime.http1 import MAX_HEAD_BYTES
from trio_ticks.runtime.road import Road
from trio_ticks.runtime.transport.link import (
    CLOSE_S,
    HUNG_UP,
    MAX_MESSAGE_BYTES,
    NO_WEBSOCKET,
    Link,
    LinkClosed,
    Wakeup,
    farewell,
    refusal,
)


@asynccontextmanager
async def open_websocket(
    url: str,
    *,
    secret_query: str = "",
    timeout_s: float = 10.0,
    road: Road | None = None,
    now_us: NowUs = utc_now_us,
) -> AsyncIterator[Link]:
    """Open a link through trio-websocket.

    It yields one message per wake-up, because that library hands them over one at a time.

    Args:
        url: ``ws://`` or ``wss://``, safe to print.
        secret_query: Added to the request's query and to nothing else.
        timeout_s: For the address, TCP, proxy, TLS and the WebSocket handshake together.
        road: Proxy and authorities. None: what the environment and the system say.
        now_us: Stamps each wake-up.

    Raises:
        ConnectError: no connection, or a refusal that may pass.
        AuthenticationError: HTTP 401 or 403.
        CertificateError: the certificate does not prove that the server is ``url``'s.
        ConfigError: ``url``, or the proxy that the environment names, cannot be used.

    Cancellation:
        At any await; the socket is closed, after a closing handshake of at most `CLOSE_S` where one is due.
    """
    endpoint = parse_url(url, secret_query=secret_query)
    road = road or Road()
    where = described(url, endpoint, road)
    async with trio.open_nursery() as nursery:
        reader = _Reader(nursery)
        try:
            with in_time(where, "handshake", timeout_s):
                stream = await dial(endpoint, road, where=where)
                websocket = await _shake_hands(stream, endpoint, reader, where)
            try:
                yield _WebSocketLink(websocket, reader, now_us)
            finally:
                with trio.move_on_after(CLOSE_S, shield=True):
                    await websocket.aclose()
                # Where the peer began the closing, that library leaves the socket to its end of stream.
                await trio.aclose_forcefully(stream)
        finally:
            reader.life.cancel("the link is closed")


class _WebSocketLink:
    def __init__(self, websocket: trio_websocket.WebSocketConnection, reader: _Reader, now_us: NowUs) -> None:
        self._websocket = websocket
        self._reader = reader
        self._now_us = now_us

    async def receive(self) -> Wakeup:
        try:
            message = await self._websocket.get_message()
        except trio_websocket.ConnectionClosed as closed:
            if self._reader.error is not None:
                raise RemoteProtocolError(f"broken WebSocket frames: {self._reader.error}") from None
            raise LinkClosed(_ending(closed.reason)) from None
        return Wakeup((message,), self._now_us())

    async def send(self, text: str) -> None:
        try:
            await self._websocket.send_message(text)
        except trio_websocket.ConnectionClosed as closed:
            raise LinkClosed(_ending(closed.reason)) from None


class _Reader:
    """Runs trio-websocket's reader task and notices its end.

    That library waits for the handshake for ever when the peer hangs up in the middle of it, and lets foreign
    errors out of the task when the peer does not speak HTTP. It is given this object for a nursery.

    The task outlives a cancellation of the link until ``life`` is cancelled: without it nobody would hear the
    peer's half of the closing handshake, and every stop would wait for that in vain.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.handshake = trio.CancelScope()
        self.life = trio.CancelScope(shield=True)
        self.error: Exception | None = None

    def start_soon(self, task: Callable[[], Awaitable[None]]) -> None:
        self._nursery.start_soon(self._run, task, name="trio-websocket reader")

    async def _run(self, task: Callable[[], Awaitable[None]]) -> None:
        try:
            with self.life:
                await task()
        except Exception as error:  # noqa: BLE001 - h11, wsproto and trio-websocket have no common root
            self.error = error
        self.handshake.cancel("the reader has ended")

    def refusal(self, where: str) -> FeedError:
        """Return why there was no handshake."""
        if isinstance(self.error, trio_websocket.ConnectionRejected):
            return refusal(where, self.error.status_code)
        if self.error is not None:
            return ConnectError(f"{where}: {NO_WEBSOCKET}")
        return ConnectError(f"{where}: {HUNG_UP}")


_MOST_AT_FIRST_BYTES = 4 * MAX_HEAD_BYTES
"""With the answer may come the first messages, which are read before whoever waits for the answer is awake."""


class _Gate(trio.abc.Stream):
    """A stream that lets only so much through before the handshake is over: that library keeps a refusal's body."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._heard = 0
        self.is_open = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data = await self._stream.receive_some(max_bytes)
        self._heard += len(data)
        if self._heard > _MOST_AT_FIRST_BYTES and not self.is_open:
            raise RemoteProtocolError("an answer without end")
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _shake_hands(
    stream: Stream, endpoint: Endpoint, reader: _Reader, where: str
) -> trio_websocket.WebSocketConnection:
    gate = _Gate(stream)
    async with closed_on_failure(stream):
        with reader.handshake:
            websocket = await trio_websocket.wrap_client_stream(
                cast("trio.Nursery", reader),
                cast("Stream", gate),
                endpoint.authority,
                endpoint.target,
                max_message_size=MAX_MESSAGE_BYTES,
            )
        if reader.handshake.cancelled_caught:
            raise reader.refusal(where)
        gate.is_open = True
        return websocket


def _ending(reason: trio_websocket.CloseReason | None) -> str:
    return farewell(None) if reason is None else farewell(reason.code, reason.reason)
