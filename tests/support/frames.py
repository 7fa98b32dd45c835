"""WebSocket frames byte by byte, good and bad, and a server that says exactly what it is told."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import trio
import trio.testing
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from tests.support.sockets import speaking

TEXT, BINARY, MORE_TEXT, CONT, LAST, CLOSE, PING, PONG = 0x81, 0x82, 0x01, 0x00, 0x80, 0x88, 0x89, 0x8A
"""First bytes."""


def frame(first: int, payload: bytes = b"") -> bytes:
    """Return a frame as a server sends it, its length in the fewest bytes."""
    size = len(payload)
    if size < 126:
        return bytes([first, size]) + payload
    if size < 1 << 16:
        return bytes([first, 126]) + size.to_bytes(2) + payload
    return bytes([first, 127]) + size.to_bytes(8) + payload


def close(code: int, reason: str = "") -> bytes:
    """Return a close frame."""
    return frame(CLOSE, code.to_bytes(2) + reason.encode())


async def switch_protocols(stream: trio.abc.Stream, extra: bytes = b"") -> None:
    """Answer a client's opening handshake; ``extra`` are header lines."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = await stream.receive_some()
        if not data:
            raise trio.BrokenResourceError
        head += data
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
    key = next(value for name, value in fields.items() if name.lower() == b"sec-websocket-key")
    proof = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    await stream.send_all(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + proof + b"\r\n" + extra + b"\r\n"
    )


class Client:
    """What a server hears of its client."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._protocol = ServerProtocol(state=State.OPEN, max_size=None)
        self.frames: list[Frame] = []

    async def listen(self, until: Callable[[Frame], bool] = lambda frame: frame.opcode is Opcode.CLOSE) -> None:
        """Hear frames up to one that is waited for, a close frame by default, or to the end of the stream."""
        is_done = any(map(until, self.frames))
        while not is_done:
            data = await self._stream.receive_some()
            if not data:
                return
            self._protocol.receive_data(data)
            fresh = [event for event in self._protocol.events_received() if isinstance(event, Frame)]
            self.frames += fresh
            is_done = any(map(until, fresh))


@asynccontextmanager
async def saying(pieces: Sequence[bytes], *, then_cut: bool = False) -> AsyncIterator[str]:
    """Serve one stream, each piece when the one before was read; then wait for the client to close, or do not."""

    async def talk(stream: trio.abc.Stream) -> None:
        await switch_protocols(stream)
        for piece in pieces:
            # Whether the client has really read it does not matter to what it must make of it, so this cannot fail.
            await trio.testing.wait_all_tasks_blocked()
            await stream.send_all(piece)
        if not then_cut:
            await Client(stream).listen()

    async with speaking(talk) as port:
        yield f"ws://127.0.0.1:{port}/"
