"""A socket whose reader never waits for its writer.

Writes are queued, tried at once, and finished by a task that lives only while something is left over. So an answer
to a ping goes out from whoever read the ping; a frame that went out by half is finished before anything else, even if
its sender was cancelled; and nobody but that task ever waits for the socket to take more.

Reads wait first and read then: a read that is tried first fails more often than not, and costs a third more.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

import trio

from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.transport.tls import Tls

READ_BYTES = 64 * 1024
"""For one read: four hundred ticks. With 16 KiB the cost of a wake-up shows in a burst; with 256 KiB the buffer no
longer fits into the processor's nearest caches, and every tick costs more."""

MAX_UNASKED_BYTES = 64 * 1024
"""Answers to pings that a peer may leave lying before we stop listening to it: five hundred of the longest."""


class Wire:
    """A connected socket, in the clear until `secure`.

    Args:
        sock: Non-blocking; the wire closes it.
        nursery: Outlives the wire.
        now_us: Stamps each read.

    Attributes:
        received_us: When the latest read returned, before it was decrypted.
        is_broken: Whether nothing can be written any more.
    """

    def __init__(self, sock: socket.socket, nursery: trio.Nursery, now_us: NowUs) -> None:
        self.received_us = 0
        self.is_broken = False
        self._sock = sock
        self._nursery = nursery
        self._now_us = now_us
        self._tls: Tls | None = None
        self._queue = bytearray()
        self._unasked = 0
        self._emptied = trio.Event()

    @property
    def is_closed(self) -> bool:
        """Whether we have closed it."""
        return self._sock.fileno() < 0

    async def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Speak TLS from now on.

        Raises:
            ssl.SSLError: The peer cannot prove who it is, does not speak TLS, or has gone.
        """
        tls, data = Tls(context, host), None
        try:
            while not tls.shake(data):
                self.write(tls.unsent())
                data = await self.read()
        finally:
            self.write(tls.unsent())  # after a failure, too: the peer is told what we do not like
        self._tls = tls

    async def read(self) -> bytes:
        """Wait for bytes and return all that one read of the socket brings; b"" at the end, however it came.

        Backpressure:
            A peer that makes us talk and does not listen is not listened to either.

        Cancellation:
            At any await; nothing is lost.
        """
        if self._unasked > MAX_UNASKED_BYTES:
            await self.flushed()
        while self._tls is None or not self._tls.is_over:
            try:
                await trio.lowlevel.wait_readable(self._sock)
                data = self._sock.recv(READ_BYTES)
            except BlockingIOError:
                continue
            except (OSError, trio.ClosedResourceError):
                return b""
            self.received_us = self._now_us()
            if self._tls is None or not data:
                return data
            data = self._tls.decrypt(data)
            if unsent := self._tls.unsent():
                self._put(unsent, unasked=True)
            if data:
                return data
        await trio.lowlevel.checkpoint()
        return b""

    def write(self, data: bytes, *, unasked: bool = False) -> None:
        """Send now what the socket takes, and the rest as soon as it takes more.

        Args:
            data: Goes out whole and in order, or the wire is broken.
            unasked: It is an answer that the peer has made us give.
        """
        if self._tls is not None and data:
            try:
                data = self._tls.encrypt(data)
            except ssl.SSLError:
                self._break()
        self._put(data, unasked=unasked)

    async def flushed(self) -> None:
        """Wait until everything that was written is with the system, or the wire is broken."""
        await trio.lowlevel.checkpoint()
        while self._queue:
            await self._emptied.wait()

    def hang_up(self) -> None:
        """Tell the peer that nothing more will come."""
        self._quietly(lambda: self._sock.shutdown(socket.SHUT_WR))

    def close(self) -> None:
        """Close the socket, at once."""
        if self._tls is not None and not self.is_broken and not self._queue:
            farewell = self._tls.farewell()
            self._quietly(lambda: self._sock.send(farewell))
        self._break()
        if not self.is_closed:
            trio.lowlevel.notify_closing(self._sock)
            self._sock.close()

    def _put(self, data: bytes, *, unasked: bool) -> None:
        if self.is_broken or not data:
            return
        is_finishing = bool(self._queue)
        self._queue += data
        self._unasked += len(data) if unasked else 0
        if not is_finishing:
            self._send_some()
            if self._queue:
                self._emptied = trio.Event()
                self._nursery.start_soon(self._finish, name="wire")

    async def _finish(self) -> None:
        """Send the rest. It ends when the wire is closed at the latest, which is why it may be shielded."""
        with trio.CancelScope(shield=True):
            while self._queue:
                try:
                    await trio.lowlevel.wait_writable(self._sock)
                except trio.ClosedResourceError:
                    break
                self._send_some()

    def _send_some(self) -> None:
        try:
            del self._queue[: self._sock.send(self._queue)]
        except BlockingIOError:
            return
        except OSError:
            self._break()
        if not self._queue:
            self._unasked = 0
            self._emptied.set()

    def _break(self) -> None:
        self.is_broken = True
        self._queue.clear()
        self._emptied.set()

    @staticmethod
    def _quietly(act: Callable[[], object]) -> None:
        try:
            act()
        except OSError:
            return


def plain_socket(stream: trio.SocketStream) -> socket.socket:
    """Return the socket behind a stream, which is closed from then on."""
    return socket.socket(fileno=stream.socket.detach())
