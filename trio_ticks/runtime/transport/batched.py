"""The batched transport: everything that one read of the socket brought, in one wake-up.

A scheduler pass costs Trio several microseconds, and cutting a message out of the bytes a fifth of one. So a wake-up
brings all that was there: one message when it is quiet, hundreds when it is not.

`trio_ticks.runtime.transport.wire` moves the bytes, `trio_ticks.runtime.transport.splitter` cuts them, and the link
here decides when, and what to say at the end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import trio
from websockets.client import ClientProtocol
from websockets.frames import CloseCode
from websockets.protocol import OPEN

from trio_ticks.errors import ConnectError, RemoteProtocolError
from trio_ticks.feeds.base import Message
from trio_ticks.runtime.clock import NowUs, utc_now_us
from trio_ticks.runtime.dialing import described, in_time, reach, translated
from trio_ticks.runtime.endpoint import Endpoint, parse_url
from trio_ticks.runtime.road import Road
from trio_ticks.runtime.transport.handshake import Opening
from trio_ticks.runtime.transport.link import (
    CLOSE_S,
    HUNG_UP,
    MAX_MESSAGE_BYTES,
    LinkClosed,
    Wakeup,
    farewell,
)
from trio_ticks.runtime.transport.splitter import Splitter
from trio_ticks.runtime.transport.wire import Wire, plain_socket


@asynccontextmanager
async def open_batched(
    url: str,
    *,
    secret_query: str = "",
    timeout_s: float = 10.0,
    road: Road | None = None,
    now_us: NowUs = utc_now_us,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
) -> AsyncIterator[BatchedLink]:
    """Open a link that yields, in one wake-up, every message that a read of the socket brought.

    Args:
        url: ``ws://`` or ``wss://``, safe to print.
        secret_query: Added to the request's query and to nothing else.
        timeout_s: For the address, TCP, proxy, TLS and the WebSocket handshake together.
        road: Proxy and authorities. None: what the environment and the system say.
        now_us: Stamps each wake-up.
        max_message_bytes: A longer message ends the link. At least 65,535.

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
        opening = Opening(endpoint, where=where, max_message_bytes=max_message_bytes)
        with in_time(where, "handshake", timeout_s):
            stream = await reach(endpoint, road, where=where)
            wire = Wire(plain_socket(stream), nursery, now_us)
            surplus = await _shake_hands(wire, opening, endpoint, road, where)
        link = BatchedLink(wire, opening.protocol, surplus, max_message_bytes=max_message_bytes)
        try:
            yield link
        finally:
            with trio.move_on_after(CLOSE_S, shield=True):
                await link.close()


async def _shake_hands(wire: Wire, opening: Opening, endpoint: Endpoint, road: Road, where: str) -> bytes:
    """Return what the server sent behind its answer."""
    try:
        if endpoint.secure:
            with translated(where):
                await wire.secure(road.tls, endpoint.host)
        wire.write(opening.request)
        return await _surplus(wire, opening, where)
    except BaseException:
        wire.close()
        raise


async def _surplus(wire: Wire, opening: Opening, where: str) -> bytes:
    while data := await wire.read():
        surplus = opening.feed(data)
        if surplus is not None:
            return surplus
    raise ConnectError(f"{where}: {HUNG_UP}")


class BatchedLink:
    """An open link.

    Args:
        wire: Where to; the link closes it.
        protocol: Open.
        surplus: What came behind the handshake.
        max_message_bytes: A longer message ends the link.
    """

    def __init__(self, wire: Wire, protocol: ClientProtocol, surplus: bytes, *, max_message_bytes: int) -> None:
        self._wire = wire
        self._protocol = protocol
        self._splitter = Splitter(protocol, max_message_bytes=max_message_bytes)
        self._splitter.feed(surplus)
        self._is_cut = False
        self._sending = trio.Lock()

    async def receive(self) -> Wakeup:
        """Wait for at least one message and return all that one read brought, 1,024 at most; see `Link.receive`."""
        splitter = self._splitter
        while True:
            if splitter.has_more:
                await trio.lowlevel.checkpoint()
            else:
                await self._read()
            messages = splitter.take()
            self._reply()
            if messages:
                return Wakeup(messages, self._wire.received_us)

    async def send(self, message: Message) -> None:
        """Send one message; see `Link.send`.

        Cancellation:
            At any await. A message that was begun is finished before anything else is sent; it is never sent in part.
        """
        async with self._sending:
            await self._wire.flushed()
            if self._protocol.state is not OPEN or self._wire.is_broken or self._is_cut:
                raise LinkClosed(self._ending())
            if isinstance(message, str):
                self._protocol.send_text(message.encode())
            else:
                self._protocol.send_binary(message)
            self._reply(unasked=False)
            await self._wire.flushed()
            if self._wire.is_broken:
                raise LinkClosed(self._ending())

    async def close(self) -> None:
        """End the link, cleanly if the peer lets it. A link that is closed stays so.

        Cancellation:
            At any await; the socket is closed.
        """
        if self._wire.is_closed:
            return
        try:
            await self._say_goodbye()
        finally:
            self._is_cut = True
            self._wire.close()

    async def _say_goodbye(self) -> None:
        if self._protocol.state is OPEN and not self._is_cut:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
            self._reply(unasked=False)
        await self._wire.flushed()
        if self._splitter.failure:
            # The peer may still be sending. If we closed now the system would answer that with a reset, and the
            # peer might never read why it was refused.
            self._wire.hang_up()
            while await self._wire.read():
                pass
        with suppress(LinkClosed, RemoteProtocolError):
            while True:
                await self.receive()

    async def _read(self) -> None:
        self._check_unfinished()
        data = await self._wire.read()
        if not data:
            self._is_cut = True
            self._check_unfinished()
        self._splitter.feed(data)

    def _reply(self, *, unasked: bool = True) -> None:
        self._wire.write(self._splitter.replies(), unasked=unasked)

    def _check_unfinished(self) -> None:
        """Raise what ended the link, if it has ended."""
        if self._splitter.failure:
            raise RemoteProtocolError(f"broken WebSocket frames: {self._splitter.failure}")
        if self._splitter.closing is not None or self._is_cut:
            raise LinkClosed(self._ending())

    def _ending(self) -> str:
        close = self._splitter.closing
        return farewell(None) if close is None else farewell(close.code, close.reason)
