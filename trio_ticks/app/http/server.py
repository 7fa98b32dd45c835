"""The HTTP/1.1 server: Trio moves the bytes, h11 knows the grammar, and everything has a bound.

It serves people who look and programs that scrape, on a machine that has better things to do. So a connection may
take so long for its request, so long to take an answer, and hold so much; there are so many at once; and a body is
not even read. What goes wrong with one ends that one.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Sequence
from email.utils import formatdate
from http import HTTPStatus

import h11
import trio

from trio_ticks.app.http.exchange import Answer, Ask, Flow, Reply, words
from trio_ticks.app.http.guard import UNAUTHORISED

log = logging.getLogger("trio_ticks.http")

CONNECTIONS = 64
"""A browser opens six for a page, and a handful of people and programs look. More is a mistake or worse."""

REQUEST_S = 15.0
"""For a request, from the connection or the last answer on. Longer lets idle ones hold a place; much shorter makes
browsers connect anew for every look."""

SEND_S = 20.0
"""For one piece to be taken. A network that needs longer for it is down, and a page comes back by itself."""

GUESS_S = 1.0
"""What a wrong password costs."""

HEAD_BYTES = 16 * 1024
"""For the request with its headers. Browsers send 1 kB; more than that is refused, and never held."""

READ_BYTES = 16 * 1024

SEND_BUFFER_BYTES = 128 * 1024
"""What the kernel may hold for one connection. By default it grows to megabytes, and a page that has stopped reading
would fill them with what is long past."""

HEADERS = (
    ("Server", "trio-ticks"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)

Handle = Callable[[Ask], Answer]
"""Answers a request. It must not wait."""


class HttpServer:
    """Serves connections; `serve` is the handler of a listener.

    Args:
        handle: Answers requests.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._open = 0

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Serve one connection until either side ends it, and close it. Raises nothing.

        Cancellation:
            At any await; the connection is closed.
        """
        self._open += 1
        try:
            if self._open <= CONNECTIONS:
                await _Connection(stream, self._handle).run()
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError, h11.ProtocolError):
            pass  # theirs, and over
        except Exception:  # an engine does not end because somebody looked at it
            log.exception("a request could not be answered")
        finally:
            self._open -= 1
            await trio.aclose_forcefully(stream)


async def serve_http(handle: Handle, listeners: Sequence[trio.SocketListener]) -> None:
    """Serve until cancelled."""
    server = HttpServer(handle)

    async def serve(stream: trio.SocketStream) -> None:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        await server.serve(stream)

    await trio.serve_listeners(serve, list(listeners))


class _Connection:
    def __init__(self, stream: trio.abc.Stream, handle: Handle) -> None:
        self._stream = stream
        self._handle = handle
        self._grammar = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        self._is_head = False

    async def run(self) -> None:
        while True:
            with trio.move_on_after(REQUEST_S) as patience:
                asked = await self._request()
            if patience.cancelled_caught or asked is None:
                return
            answer = asked if isinstance(asked, Reply) else self._handle(asked)
            if isinstance(answer, Flow):
                await self._flow(answer)
            else:
                await self._reply(answer)
            if self._grammar.our_state is not h11.DONE or self._grammar.their_state is not h11.DONE:
                return
            self._grammar.start_next_cycle()

    async def _request(self) -> Ask | Reply | None:
        """Return the next request, or the reply to what is none; None where nothing more comes."""
        try:
            request = await self._hear()
            if not isinstance(request, h11.Request):
                return None
            self._is_head = request.method == b"HEAD"
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
            if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
                return words(413, "no body is accepted here")
            await self._hear()
        except h11.RemoteProtocolError as error:
            return words(error.error_status_hint, "that is not a request of HTTP/1.1")
        path, _, query = request.target.decode("latin-1").partition("?")
        return Ask(method=request.method.decode("latin-1"), path=path, query=query, headers=headers)

    async def _hear(self) -> object:
        while (event := self._grammar.next_event()) is h11.NEED_DATA:
            self._grammar.receive_data(bytes(await self._stream.receive_some(READ_BYTES)))
        return event

    async def _reply(self, reply: Reply) -> None:
        if reply.status == UNAUTHORISED:
            await trio.sleep(GUESS_S)
        length = ("Content-Length", str(len(reply.body)))
        await self._send(_head(reply.status, ("Content-Type", reply.kind), length, *reply.headers))
        if not self._is_head:
            await self._send(h11.Data(data=reply.body))
        await self._send(h11.EndOfMessage())

    async def _flow(self, flow: Flow) -> None:
        await self._send(_head(HTTPStatus.OK, ("Content-Type", flow.kind), ("Connection", "close")))
        if not self._is_head:
            await flow.run(self._send_piece)
        await self._send(h11.EndOfMessage())

    async def _send_piece(self, piece: bytes) -> None:
        await self._send(h11.Data(data=piece))

    async def _send(self, event: h11.Response | h11.Data | h11.EndOfMessage) -> None:
        data = self._grammar.send(event)
        if data:
            with trio.fail_after(SEND_S):
                await self._stream.send_all(data)


def _head(status: int, *headers: tuple[str, str]) -> h11.Response:
    own = {name for name, _ in headers}
    common = [pair for pair in HEADERS if pair[0] not in own]
    date = ("Date", formatdate(usegmt=True))
    return h11.Response(status_code=status, reason=HTTPStatus(status).phrase, headers=[date, *headers, *common])
