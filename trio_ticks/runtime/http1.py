"""One HTTP/1.1 exchange on a stream: Trio moves the bytes, h11 knows the grammar.

The driver calls `HttpPeer.ask` once, then `HttpPeer.answer` once, then `HttpPeer.body` where it wants one.
"""

from __future__ import annotations

import h11
import trio

from trio_ticks.errors import RemoteProtocolError

MAX_HEAD_BYTES = 16 * 1024
"""For status line and headers. Servers send less than 2 kB; a peer that goes on and on is cut off here."""

READ_BYTES = 64 * 1024
"""For one read: a whole answer in most cases, and nothing to speak of in memory."""


class HttpPeer:
    """The other end of the exchange, as a client sees it.

    Attributes:
        date: When the answer was made, as its ``Date`` header has it; "" where there is none.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._grammar = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._ended = False
        self.date = ""

    async def ask(self, method: str, target: str, headers: list[tuple[str, str]], *, body: bytes = b"") -> None:
        """Send a request; the headers say how long its body is.

        Raises:
            trio.BrokenResourceError: The connection is broken.
        """
        request = h11.Request(method=method, target=target, headers=headers)
        events = [request, *([h11.Data(data=body)] if body else []), h11.EndOfMessage()]
        await self._stream.send_all(b"".join(self._grammar.send(event) or b"" for event in events))

    async def answer(self) -> int:
        """Return the status of the answer; provisional ones are passed over.

        Raises:
            RemoteProtocolError: What comes is no answer. It is not shown: it may repeat what was asked.
            trio.BrokenResourceError: The connection is broken.
        """
        while True:
            match await self._hear():
                case h11.InformationalResponse():
                    continue
                case h11.Response(status_code=status, headers=headers):
                    self.date = dict(headers).get(b"date", b"").decode("latin-1")
                    return status
                case _:
                    raise RemoteProtocolError(self._complaint())

    async def body(self, *, max_bytes: int) -> bytes:
        """Return the body of the answer.

        Raises:
            RemoteProtocolError: It is longer than this, or broken off.
            trio.BrokenResourceError: The connection is broken.
        """
        body = bytearray()
        while True:
            match await self._hear():
                case h11.Data(data=data):
                    body += data
                case h11.EndOfMessage():
                    return bytes(body)
                case _:
                    raise RemoteProtocolError(self._complaint())
            if len(body) > max_bytes:
                raise RemoteProtocolError(f"the answer is longer than {max_bytes} bytes")

    @property
    def has_more(self) -> bool:
        """Whether the peer has sent more than the answer."""
        return bool(self._grammar.trailing_data[0])

    async def _hear(self) -> object:
        """Return the next event, or a mark where there will be none."""
        try:
            while (event := self._grammar.next_event()) is h11.NEED_DATA:
                data = bytes(await self._stream.receive_some(READ_BYTES))
                self._ended = not data
                self._grammar.receive_data(data)
        except h11.ProtocolError:
            # Not raised from here: h11's error quotes what came, and would be carried along.
            return h11.ERROR
        return event

    def _complaint(self) -> str:
        return "the connection ended before the answer did" if self._ended else "the answer is not HTTP/1.1"
