"""One client's connection: bytes in, frames out, and the several ways of ending it.

The WebSocket protocol is websockets' sans-IO ``ServerProtocol``; this module owns the socket, so that a connection
can be cut in the middle and frames encoded elsewhere can be written as they are. Life of a `Link`::

    read_request()   → the HTTP request, or None: nobody there, too slow, or not HTTP
    refuse(…) | accept(…)
    run(receive)     → why it ended
    part()             closes the socket's own way: end of stream, then wait for the client's

From ``accept`` on, `send` queues bytes at any time and never waits. What is queued together is written together.
A client that does not read fills its queue and is cut.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus

import trio
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from trio_ticks.sim.handshake import Refusal

HANDSHAKE_S = 10.0  # for the whole HTTP request: a client that trickles it must not keep a socket for ever
LINGER_S = 1.0  # for a client to close its side; longer only keeps half-dead sockets
STALL_S = 10.0  # for one write to get through; beyond it the client has stopped reading
MAX_MESSAGE_BYTES = 2**18  # a subscription of 3,000 codes is about 70 kB
READ_BYTES = 2**16

# A logger of its own without handlers: the protocol logs request lines, and they hold the token.
_SILENT = logging.Logger("trio_ticks.sim", logging.CRITICAL + 1)  # noqa: LOG001 - outside the tree on purpose

_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


class Link:
    """A connection, as the server sees it.

    Attributes:
        muted: Gets no ticks; only the owner looks at it.
        live: Neither cut nor closing nor ended.
        pushes: Ticks written to the socket.
    """

    def __init__(self, *, stream: trio.abc.HalfCloseableStream, capacity_bytes: int) -> None:
        self._stream = stream
        self._capacity_bytes = capacity_bytes
        self._protocol = ServerProtocol(max_size=MAX_MESSAGE_BYTES, logger=_SILENT)
        self._scope = trio.CancelScope()
        self._queue: list[bytes] = []
        self._queued = 0
        self._written = 0
        self._pushes_queued = 0
        self._wake = trio.Event()
        self._progress = trio.Event()
        self._ended = trio.Event()
        self._cause = ""
        self.muted = False
        self.pushes = 0

    @property
    def live(self) -> bool:
        """Whether what is sent now may still arrive."""
        return not self._cause

    # The handshake.

    async def read_request(self) -> Request | None:
        """Return the HTTP request, or None where there is nothing to be answered."""
        with trio.move_on_after(HANDSHAKE_S):
            while data := await self._receive():
                self._protocol.receive_data(data)
                events = self._protocol.events_received()
                if premature := self._protocol.data_to_send():
                    # It gave up (too long a line, not HTTP …), or answers frames sent before their time.
                    await self._send(b"".join(premature))
                    return None
                if events and isinstance(events[0], Request):
                    return events[0]
        return None

    async def refuse(self, refusal: Refusal) -> None:
        """Answer the request with an HTTP error and a JSON body."""
        response = self._protocol.reject(HTTPStatus(refusal.status), refusal.body.decode())
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/json; charset=utf-8"
        await self._respond(response)

    async def accept(self, request: Request) -> bool:
        """Open the WebSocket, without waiting, or tell the client why its request does not ask for one."""
        response = self._protocol.accept(request)
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            await self._respond(response)
            return False
        self._protocol.send_response(response)
        self._queue_protocol_writes()
        return True

    async def _respond(self, response: Response) -> None:
        self._protocol.send_response(response)
        await self._send(b"".join(self._protocol.data_to_send()))

    # While it lives.

    async def run(self, receive: Callable[[bytes], None]) -> str:
        """Read and write until it ends.

        Args:
            receive: Called with each message.

        Returns:
            Why it ended: ``peer`` when the client went, ``heartbeat`` when the deadline passed, otherwise what
            was given to `cut` or `close`.
        """
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    await self._read(receive)
                    self._finish("peer")
            if self._scope.cancelled_caught and self.live:
                self._cause = "heartbeat"
        finally:
            self._cause = self._cause or "peer"
            self._ended.set()
            self._advance()
        return self._cause

    def set_deadline(self, at_s: float) -> None:
        """Cut the connection at this instant of Trio's clock unless it is moved again."""
        if self.live:
            self._scope.deadline = at_s

    def send(self, data: bytes, *, pushes: int = 0) -> int:
        """Queue bytes for writing and return the mark to give to `wait_written`.

        A client whose queue is full is cut; what is sent to a connection that is not live is dropped.
        """
        if self.live and data:
            self._queue.append(data)
            self._queued += len(data)
            self._pushes_queued += pushes
            self._wake.set()
            if self._queued - self._written > self._capacity_bytes:
                self.cut("slow")
        return self._queued

    async def wait_written(self, mark: int) -> bool:
        """Wait until everything up to a mark was handed to the kernel; False if the connection ended before."""
        while self._written < mark and not self._ended.is_set():
            await self._progress.wait()
        return self._written >= mark

    # Its end.

    def cut(self, cause: str) -> None:
        """End it at once, without a close frame; what is queued is lost."""
        self._cause = self._cause or cause
        self._scope.cancel(reason=cause)

    def close(self, cause: str, *, code: int) -> None:
        """End it politely: what is queued, then a close frame."""
        if self.live:
            if self._protocol.state is State.OPEN:  # otherwise the client's own close frame came first
                self._protocol.send_close(code)
                self._queue_protocol_writes()
            self._finish(cause)

    async def wait_ended(self) -> None:
        """Wait until `run` is over."""
        await self._ended.wait()

    async def part(self) -> None:
        """End our side of the stream and wait a moment for the client to end its own.

        Closing a socket that holds unread bytes resets it and can destroy what the client has not read yet;
        reading until its end of stream avoids that.
        """
        with trio.move_on_after(LINGER_S):
            try:
                await self._stream.send_eof()
            except _GONE:
                return
            while await self._receive():
                pass

    # Tasks.

    async def _read(self, receive: Callable[[bytes], None]) -> None:
        """Hand on messages until the client or the protocol ends the conversation."""
        message = bytearray()
        while data := await self._receive():
            self._protocol.receive_data(data)
            for event in self._protocol.events_received():
                assert isinstance(event, Frame)
                if event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                    message += event.data
                    if event.fin and self.live:
                        receive(bytes(message))
                    if event.fin:
                        message.clear()
            if self._queue_protocol_writes():
                return

    async def _write(self) -> None:
        """Write what is queued, all of it at a time, until it is empty and the end has come."""
        while True:
            while self._queue:
                data, pushes = b"".join(self._queue), self._pushes_queued
                self._queue.clear()
                self._pushes_queued = 0
                if not await self._send(data):
                    self.cut("peer")
                    return
                self._written += len(data)
                self.pushes += pushes
                self._advance()
            if not self.live:
                return
            self._wake = trio.Event()
            await self._wake.wait()

    def _queue_protocol_writes(self) -> bool:
        """Queue what the protocol wants written; return whether it wants the stream ended after it."""
        writes = self._protocol.data_to_send()
        self.send(b"".join(writes))
        return b"" in writes

    def _finish(self, cause: str) -> None:
        """Let the writer empty the queue and the client say goodbye, for a moment."""
        self._cause = self._cause or cause
        self._scope.deadline = min(self._scope.deadline, trio.current_time() + LINGER_S)
        self._wake.set()

    def _advance(self) -> None:
        """Wake whoever waits for bytes to be written."""
        self._progress.set()
        self._progress = trio.Event()

    async def _receive(self) -> bytes:
        """Return what the client sent; b"" when it has gone, in whichever way."""
        try:
            return bytes(await self._stream.receive_some(READ_BYTES))
        except _GONE:
            return b""

    async def _send(self, data: bytes) -> bool:
        """Write; return whether it got through. A client that does not take it in time is cut."""
        with trio.move_on_after(STALL_S) as patience:
            try:
                await self._stream.send_all(data)
            except _GONE:
                return False
        if patience.cancelled_caught:
            self.cut("slow")
        return not patience.cancelled_caught
