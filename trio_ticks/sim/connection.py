"""One client's connection: messages in, frames out, and the several ways of ending it.

The WebSocket protocol is websockets' sans-IO ``ServerProtocol``; this module owns the socket, so that a connection
can be cut in the middle and frames encoded elsewhere can be written as they are. Life of a `Link`::

    accept(received)   the WebSocket is open; False: the client asked for none, and was told so
    run(receive)     → why it ended

From ``accept`` on, `send` queues bytes at any time and never waits. A client that does not read fills its queue and
is cut.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from http import HTTPStatus

import trio
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from trio_ticks.sim.exchange import GONE, LINGER_S, receive_bytes
from trio_ticks.sim.outbox import Outbox

MAX_MESSAGE_BYTES = 2**18  # a subscription of 3,000 codes is about 70 kB

# A logger of its own without handlers: the protocol logs request lines, and they hold the token.
_SILENT = logging.Logger("trio_ticks.sim", logging.CRITICAL + 1)  # noqa: LOG001 - outside the tree on purpose


class Link:
    """A connection, as the server sees it.

    Args:
        stream: The socket.
        capacity_bytes: What may be queued and not written.
        timeout_code: Of the close frame when the deadline passes; None: there is none.
        drips: See `Outbox`.

    Attributes:
        muted: Gets no ticks; only the owner looks at it.
        outbox: What it is to be sent.
        live: Neither cut nor closing nor ended.
        vanished: The client is taken to have died without a word; the socket is open, nobody listens to it.
    """

    def __init__(
        self,
        *,
        stream: trio.abc.HalfCloseableStream,
        capacity_bytes: int,
        timeout_code: int | None,
        drips: Sequence[float],
    ) -> None:
        self._stream = stream
        self._timeout_code = timeout_code
        self._protocol = ServerProtocol(max_size=MAX_MESSAGE_BYTES, logger=_SILENT)
        self._scope = trio.CancelScope()
        self._absence = trio.CancelScope()
        self._ended = trio.Event()
        self._cause = ""
        self.outbox = Outbox(
            stream=stream, capacity_bytes=capacity_bytes, overflow=lambda: self.cut("slow"), drips=drips
        )
        self.muted = False

    @property
    def live(self) -> bool:
        """Whether what is sent now may still arrive."""
        return not self._cause

    @property
    def vanished(self) -> bool:
        """Whether the client is taken to have died without a word."""
        return self._cause == "vanished"

    async def accept(self, received: bytes) -> bool:
        """Open the WebSocket, without waiting, or tell the client why its request does not ask for one."""
        self._protocol.receive_data(received)
        events = self._protocol.events_received()
        premature = self._protocol.data_to_send()
        if premature or not (events and isinstance(events[0], Request)):
            # It gave up (too long a line …), or answers frames sent before their time.
            await self._write_now(b"".join(premature))
            return False
        response = self._protocol.accept(events[0])
        self._protocol.send_response(response)
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            await self._write_now(b"".join(self._protocol.data_to_send()))
            return False
        self._queue_protocol_writes()
        return True

    # While it lives.

    async def run(self, receive: Callable[[bytes], None]) -> str:
        """Read and write until it ends.

        Args:
            receive: Called with each message, also with those that come while it is closing.

        Returns:
            Why it ended: ``peer`` when the client went, ``heartbeat`` when the deadline passed, ``vanished`` when
            it passed and nobody was listening, otherwise what was given to `cut` or `close`.
        """
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    await self._read(receive)
                    self._finish("peer")
            if self._scope.cancelled_caught and self.live:
                self._cause = "heartbeat"
                await self._say_goodbye()
            if self.vanished:
                with self._absence:
                    await trio.sleep_forever()
        finally:
            self._cause = self._cause or "peer"
            self._ended.set()
            self.outbox.end()
        return self._cause

    def set_deadline(self, at_s: float) -> None:
        """Cut the connection at this instant of Trio's clock unless it is moved again."""
        if self.live:
            self._scope.deadline = at_s

    def send(self, data: bytes, *, pushes: int = 0) -> int:
        """Queue bytes for writing and return the mark to give to `Outbox.wait_written`.

        A client whose queue is full is cut; what is sent to a connection that is not live is dropped.
        """
        return self.outbox.put(data if self.live else b"", pushes=pushes)

    # Its end.

    def cut(self, cause: str) -> None:
        """End it at once, without a close frame; what is queued is lost."""
        self._cause = self._cause or cause
        self._scope.cancel(reason=cause)
        self._absence.cancel(reason=cause)

    def close(self, cause: str, *, code: int, patience_s: float = LINGER_S) -> None:
        """End it politely: what is queued, a close frame, the client's answer; for as long as patience lasts."""
        if self.live:
            if self._protocol.state is State.OPEN:  # otherwise the client's own close frame came first
                self._protocol.send_close(code)
                self._queue_protocol_writes()
            self._finish(cause, patience_s)

    def vanish(self) -> None:
        """Stop reading and writing, and keep the socket open until the deadline; what is queued is lost."""
        if self.live:
            self._cause = "vanished"
            self._absence.deadline = self._scope.deadline
            self._scope.deadline = math.inf
            self._scope.cancel(reason="vanished")
            self.outbox.end()

    async def wait_ended(self) -> None:
        """Wait until `run` is over."""
        await self._ended.wait()

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
                    if event.fin:
                        receive(bytes(message))
                        message.clear()
            if self._queue_protocol_writes():
                return

    async def _write(self) -> None:
        """Write until the end, which a client that does not take it brings about."""
        if failure := await self.outbox.run():
            self.cut(failure)

    def _queue_protocol_writes(self) -> bool:
        """Queue what the protocol wants written; return whether it wants the stream ended after it."""
        writes = self._protocol.data_to_send()
        self.send(b"".join(writes))
        return b"" in writes

    def _finish(self, cause: str, patience_s: float = LINGER_S) -> None:
        """Let the writer empty the queue and the client say goodbye, for a moment."""
        self._cause = self._cause or cause
        self._scope.deadline = min(self._scope.deadline, trio.current_time() + patience_s)
        self.outbox.finish()

    async def _say_goodbye(self) -> None:
        """Send a close frame where the vendor is taken to, unless it would fall into the middle of another."""
        if self._timeout_code is not None and self.outbox.whole and self._protocol.state is State.OPEN:
            self._protocol.send_close(self._timeout_code)
            await self._write_now(b"".join(self._protocol.data_to_send()))

    async def _write_now(self, data: bytes) -> None:
        with trio.move_on_after(LINGER_S):
            try:
                await self._stream.send_all(data)
            except GONE:
                return

    async def _receive(self) -> bytes:
        return await receive_bytes(self._stream)
