"""The seam to the network: a URL becomes a `Link` that yields messages, a wake-up at a time.

This is the only module that knows a WebSocket library. Everything foreign is translated here, in one table each
for opening (`_refusal`, `_failure`) and for an open link (`LinkClosed`), so that no error text can carry a token.
`trio_ticks.testing` has a `Link` in memory that behaves the same.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Protocol, cast
from urllib.parse import urlsplit

import attrs
import trio
import trio_websocket

from trio_ticks.errors import (
    AuthenticationError,
    CertificateError,
    ConfigError,
    ConnectError,
    FeedError,
    RemoteProtocolError,
)
from trio_ticks.feeds.base import Message
from trio_ticks.runtime.clock import NowUs, utc_now_us

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
        self, url: str, *, secret_query: str, timeout_s: float, now_us: NowUs
    ) -> AbstractAsyncContextManager[Link]:
        """Open a link to ``url``. Errors of the block come out of the context inside an exception group."""
        ...


@attrs.frozen
class Endpoint:
    """Where a URL leads."""

    host: str
    port: int
    target: str = attrs.field(repr=False)  # the token may be in it
    secure: bool

    @property
    def authority(self) -> str:
        """Host and, where it is not the scheme's own, port, as the ``Host`` header wants it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse_url(url: str, *, secret_query: str = "") -> Endpoint:
    """Take a ``ws://`` or ``wss://`` URL apart.

    Raises:
        ConfigError: it is not one.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"url {url!r}: {error}; accepted: ws://host[:port]/path or wss://…") from None
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        raise ConfigError(f"url {url!r}: accepted are ws://host[:port]/path and wss://host[:port]/path")
    secure = parts.scheme == "wss"
    query = "&".join(part for part in (parts.query, secret_query) if part)
    target = (parts.path or "/") + (f"?{query}" if query else "")
    return Endpoint(parts.hostname, port or (443 if secure else 80), target, secure)


@asynccontextmanager
async def open_websocket(
    url: str, *, secret_query: str = "", timeout_s: float = 10.0, now_us: NowUs = utc_now_us
) -> AsyncIterator[Link]:
    """Open a link through trio-websocket.

    It yields one message per wake-up, because that library hands them over one at a time.

    Args:
        url: ``ws://`` or ``wss://``, safe to print.
        secret_query: Added to the request's query and to nothing else.
        timeout_s: For the address, TCP, TLS and the WebSocket handshake together.
        now_us: Stamps each wake-up.

    Raises:
        ConnectError: no connection, or a refusal that may pass.
        AuthenticationError: HTTP 401 or 403.
        CertificateError: the certificate does not prove that the server is ``url``'s.

    Cancellation:
        At any await; the socket is closed, after a closing handshake of at most `CLOSE_S` where one is due.
    """
    endpoint = parse_url(url, secret_query=secret_query)
    async with trio.open_nursery() as nursery:
        reader = _Reader(nursery)
        try:
            with _in_time(url, timeout_s):
                stream = await _connect(endpoint, url)
                websocket = await _shake_hands(stream, endpoint, reader, url)
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

    def refusal(self, url: str) -> FeedError:
        """Return why there was no handshake."""
        if isinstance(self.error, trio_websocket.ConnectionRejected):
            return _refusal(url, self.error.status_code)
        if self.error is not None:
            return ConnectError(f"{url}: the peer does not answer as a WebSocket server does")
        return ConnectError(f"{url}: the server closed the connection during the handshake")


async def _shake_hands(
    stream: trio.SocketStream | trio.SSLStream[trio.SocketStream], endpoint: Endpoint, reader: _Reader, url: str
) -> trio_websocket.WebSocketConnection:
    try:
        with reader.handshake:
            websocket = await trio_websocket.wrap_client_stream(
                cast("trio.Nursery", reader),
                stream,
                endpoint.authority,
                endpoint.target,
                max_message_size=MAX_MESSAGE_BYTES,
            )
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    if reader.handshake.cancelled_caught:
        await trio.aclose_forcefully(stream)
        raise reader.refusal(url)
    return websocket


@contextmanager
def _in_time(url: str, timeout_s: float) -> Iterator[None]:
    """``trio.fail_after`` whose error is ours."""
    with trio.move_on_after(timeout_s) as scope:
        yield
    if scope.cancelled_caught:
        raise ConnectError(f"{url}: no handshake within {timeout_s:g} s")


async def _connect(endpoint: Endpoint, url: str) -> trio.SocketStream | trio.SSLStream[trio.SocketStream]:
    try:
        stream = await trio.open_tcp_stream(endpoint.host, endpoint.port)
    except OSError as error:
        # Trio tries every address of the host, and puts what each said behind its own summary.
        raise _failure(url, error.__cause__ or error) from error
    except UnicodeError:
        raise ConnectError(f"{url}: that is no name that a host can have") from None
    if not endpoint.secure:
        return stream
    secured = trio.SSLStream(
        stream, ssl.create_default_context(), server_hostname=endpoint.host, https_compatible=True
    )
    try:
        await secured.do_handshake()
    except (trio.BrokenResourceError, OSError) as error:
        await trio.aclose_forcefully(secured)
        raise _failure(url, error.__cause__ or error) from error
    except BaseException:
        await trio.aclose_forcefully(secured)
        raise
    return secured


def _failure(url: str, error: BaseException) -> FeedError:
    """Return our error for a road that leads nowhere."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateError(f"{url}: certificate refused: {error.verify_message}")
    if isinstance(error, ssl.SSLError) or not isinstance(error, OSError):
        return ConnectError(f"{url}: {getattr(error, 'strerror', None) or error}")
    # Trio puts the address into strerror; it is in the URL already. Numbers below zero are the resolver's own.
    number = error.errno or 0
    return ConnectError(f"{url}: {os.strerror(number) if number > 0 else error.strerror or error}")


_MEANINGS = {
    401: "the token is not accepted",
    403: "the token is not accepted",
    404: "nothing is served at this path",
    429: "too many connections or requests for the plan",
}


def _refusal(url: str, status: int) -> FeedError:
    """Return our error for a server that answers the handshake with something else than 101."""
    words = _MEANINGS.get(status, "the server refused the connection")
    kind = AuthenticationError if status in {401, 403} else ConnectError
    return kind(f"{url}: HTTP {status}: {words}")


def _farewell(reason: trio_websocket.CloseReason | None) -> str:
    """Return how a connection ended, in words."""
    if reason is None or reason.code == 1006:  # noqa: PLR2004 - RFC 6455 7.4.1: no close frame was seen
        return "the connection was cut"
    return f"the server closed it with {reason.code}" + (f" {reason.reason}" if reason.reason else "")
