"""The seam to the network: a URL becomes a `Link` that yields messages, a wake-up at a time.

This is the only module that knows a WebSocket library. Everything foreign is translated here, in one table each
for the handshake (`_refusal`) and for an open link (`LinkClosed`), so that no error text can carry a token; what
comes before the handshake is in `trio_ticks.runtime.dialing`.
`trio_ticks.testing` has a `Link` in memory that behaves the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, cast

import attrs
import trio
import trio_websocket

from trio_ticks.errors import AuthenticationError, ConnectError, FeedError, RemoteProtocolError
from trio_ticks.feeds.base import Message
from trio_ticks.runtime.clock import NowUs, utc_now_us
from trio_ticks.runtime.dialing import Stream, closed_on_failure, described, dial, in_time
from trio_ticks.runtime.endpoint import Endpoint, parse_url
from trio_ticks.runtime.road import Road

MAX_MESSAGE_BYTES = 1 << 20
"""A push is about 160 bytes and a subscription answer under 1 kB; past 1 MiB a peer is not a ticker."""

CLOSE_S = 1.0
"""A clean close frees the vendor's connection slot at once, so it is worth waiting for; a dead peer is not."""


class LinkClosed(Exception):  # noqa: N818 - an event of the link's life, not a failure
    """The link is closed; the message says by whom and how."""

    cause = "closed"


@attrs.frozen
class Wakeup:
    """What one wake-up of the reader found: the messages in order, and when they were read."""

    messages: Sequence[Message]
    received_us: int


class Link(Protocol):
    """One open connection."""

    async def receive(self) -> Wakeup:
        """Wait for at least one message and return all that are there.

        Raises:
            LinkClosed: the connection is over and every message before its end was returned.

        Cancellation:
            At any await; no message is lost.
        """
        ...

    async def send(self, text: str) -> None:
        """Send one message.

        Raises:
            LinkClosed: the connection is over.

        Backpressure:
            Waits while the peer does not read.
        """
        ...


class OpenLink(Protocol):
    """A transport: opens a link, and closes it on the way out, cleanly where the peer lets it."""

    def __call__(
        self, url: str, *, secret_query: str, timeout_s: float, road: Road | None = None, now_us: NowUs
    ) -> AbstractAsyncContextManager[Link]:
        """Open a link to ``url``. Errors of the block come out of the context inside an exception group."""
        ...


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
            raise LinkClosed(_farewell(closed.reason)) from None
        return Wakeup((message,), self._now_us())

    async def send(self, text: str) -> None:
        try:
            await self._websocket.send_message(text)
        except trio_websocket.ConnectionClosed as closed:
            raise LinkClosed(_farewell(closed.reason)) from None


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
            return _refusal(where, self.error.status_code)
        if self.error is not None:
            return ConnectError(f"{where}: the peer does not answer as a WebSocket server does")
        return ConnectError(f"{where}: the server closed the connection during the handshake")


async def _shake_hands(
    stream: Stream, endpoint: Endpoint, reader: _Reader, where: str
) -> trio_websocket.WebSocketConnection:
    async with closed_on_failure(stream):
        with reader.handshake:
            websocket = await trio_websocket.wrap_client_stream(
                cast("trio.Nursery", reader),
                stream,
                endpoint.authority,
                endpoint.target,
                max_message_size=MAX_MESSAGE_BYTES,
            )
        if reader.handshake.cancelled_caught:
            raise reader.refusal(where)
        return websocket


_MEANINGS = {
    401: "the token is not accepted",
    403: "the token is not accepted",
    404: "nothing is served at this path",
    429: "too many connections or requests for the plan",
}


def _refusal(where: str, status: int) -> FeedError:
    """Return our error for a server that answers the handshake with something else than 101."""
    words = _MEANINGS.get(status, "the server refused the connection")
    kind = AuthenticationError if status in {401, 403} else ConnectError
    return kind(f"{where}: HTTP {status}: {words}")


def _farewell(reason: trio_websocket.CloseReason | None) -> str:
    """Return how a connection ended, in words."""
    if reason is None or reason.code == 1006:  # noqa: PLR2004 - RFC 6455 7.4.1: no close frame was seen
        return "the connection was cut"
    return f"the server closed it with {reason.code}" + (f" {reason.reason}" if reason.reason else "")
