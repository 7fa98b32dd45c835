"""One HTTP request on a fresh socket, and the answer to it: h11 reads it, within bounds of time and size.

A request to become a WebSocket is only recognised here. Its bytes go on to the WebSocket protocol as they came.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus

import attrs
import h11
import trio

REQUEST_S = 10.0  # for the whole of it: a client that trickles it must not keep a socket for ever
MAX_HEAD_BYTES = 2**14  # a query for 500 codes, URL-encoded, is about 12 kB
MAX_BODY_BYTES = 2**17  # a batch of 500 groups is about 60 kB
READ_BYTES = 2**16
WRITE_S = 10.0  # for the answer to get through

LINGER_S = 1.0  # for a client to close its side; longer only keeps half-dead sockets

GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


async def receive_bytes(stream: trio.abc.ReceiveStream) -> bytes:
    """Return what the client sent; b"" when it has gone, in whichever way."""
    try:
        return bytes(await stream.receive_some(READ_BYTES))
    except GONE:
        return b""


async def part(stream: trio.abc.HalfCloseableStream) -> None:
    """End our side of the stream and wait a moment for the client to end its own.

    Closing a socket that holds unread bytes resets it and can destroy what the client has not read yet;
    reading until its end of stream avoids that.
    """
    with trio.move_on_after(LINGER_S):
        try:
            await stream.send_eof()
        except GONE:
            return
        while await receive_bytes(stream):
            pass


@attrs.frozen(kw_only=True)
class HttpRequest:
    """A request.

    Attributes:
        method: ``GET``, ``POST`` …
        target: Path and query as they stand there.
        upgrade: It asks for another protocol; there is no body then.
        body: Of a POST.
        received: All that came so far, as it came.
    """

    method: str
    target: str
    upgrade: bool
    body: bytes
    received: bytes


class Exchange:
    """The HTTP side of one connection. One request is read and one answered; then the connection ends.

    Args:
        stream: The socket.
        now_us: The vendor's clock, which dates the answer; UTC microseconds.
    """

    def __init__(self, stream: trio.abc.HalfCloseableStream, *, now_us: Callable[[], int]) -> None:
        self._stream = stream
        self._now_us = now_us
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)

    async def read(self) -> HttpRequest | None:
        """Return the request; None where nobody is there, or it took too long, or it was none and was told so."""
        with trio.move_on_after(REQUEST_S):
            try:
                return await self._read()
            except h11.RemoteProtocolError as error:
                await self.respond(error.error_status_hint, b"")
        return None

    async def respond(self, status: int, body: bytes) -> None:
        """Answer with a JSON body, or, when that is too late, with nothing."""
        if self._http.our_state is not h11.SEND_RESPONSE and self._http.our_state is not h11.IDLE:
            return
        headers = [
            ("Date", formatdate(self._now_us() / 1e6, usegmt=True)),
            ("Content-Type", "application/json; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        response = h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase.encode())
        events = (response, h11.Data(data=body), h11.EndOfMessage())
        written = b"".join(self._http.send(event) or b"" for event in events)
        with trio.move_on_after(WRITE_S):
            try:
                await self._stream.send_all(written)
            except GONE:
                return

    async def _read(self) -> HttpRequest | None:
        request: h11.Request | None = None
        received, body = b"", b""
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                data = await receive_bytes(self._stream)
                received += data if request is None else b""
                self._http.receive_data(data)
            elif isinstance(event, h11.Request):
                request = event
                if _asks_for_upgrade(request):
                    return _request(request, upgrade=True, body=b"", received=received)
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY_BYTES:
                    await self.respond(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"")
                    return None
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                return _request(request, upgrade=False, body=body, received=received)
            else:
                return None


def _asks_for_upgrade(request: h11.Request) -> bool:
    return any(name == b"upgrade" for name, _ in request.headers)


def _request(request: h11.Request, *, upgrade: bool, body: bytes, received: bytes) -> HttpRequest:
    return HttpRequest(
        method=request.method.decode("ascii"),
        target=request.target.decode("ascii"),
        upgrade=upgrade,
        body=body,
        received=received,
    )
