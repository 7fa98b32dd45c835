"""A peer that means harm, on a real socket: what it does to its first visitor is a test's to say.

Whoever comes after the first is led on to a vendor that is well. This peer shares no code with the product or with
any WebSocket library: it writes its bytes itself, because no library would write them.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import attrs
import trio

from tests.support.proxy import pump
from tests.support.scene import EPOCH_US

FLOOD_BYTES = 32 << 20
"""What a flood brings at most. An attacker has no such bound; a victim who keeps it all is known by then."""

CHUNK_BYTES = 64 << 10

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
SUBSCRIBE, PUSH = 22004, 22998
TRADE = {"seq": "1", "tick_time": str(EPOCH_US // 1000), "price": "1", "volume": "1"}
FINAL, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10

Mischief = Callable[["Visitor"], Awaitable[None]]


def frame(opcode: int, payload: bytes = b"", *, first: int = FINAL, announced: int | None = None) -> bytes:
    """Return an unmasked frame.

    Args:
        opcode: The lower half of the first byte.
        payload: What follows the head.
        first: The upper half: the final bit and the reserved ones.
        announced: The length that the head tells. None: the true one.
    """
    length = len(payload) if announced is None else announced
    if length < 126:
        return bytes([first | opcode, length]) + payload
    wide = length >= 1 << 16
    return struct.pack("!BBQ" if wide else "!BBH", first | opcode, 127 if wide else 126, length) + payload


def masked(opcode: int, payload: bytes) -> bytes:
    """Return a frame as only clients may send it."""
    key = b"\x01\x02\x03\x04"
    return (
        bytes([FINAL | opcode, 0x80 | len(payload)])
        + key
        + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
    )


@attrs.define
class Visitor:
    """Whoever has come, and what he was made to take.

    Attributes:
        stream: The way to him.
        request: The head of his request, once `head` has read it.
        taken: Bytes that he, or the system's buffers for him, took.
        left: Whether he hung up on us.
    """

    stream: trio.abc.Stream
    request: bytes = b""
    taken: int = 0
    left: trio.Event = attrs.field(factory=trio.Event)

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)
        self.taken += len(data)

    async def head(self) -> bytes:
        """Read his request, and return the key in it."""
        while b"\r\n\r\n" not in self.request:
            data = await self.stream.receive_some()
            if not data:
                raise trio.BrokenResourceError
            self.request += data
        (line,) = (line for line in self.request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
        return line.partition(b":")[2].strip()

    async def upgrade(self, *, accept: bytes | None = None, headers: bytes = b"", after: bytes = b"") -> None:
        """Answer the handshake; with an ``accept`` of one's own, wrongly.

        Args:
            accept: In place of the right ``Sec-WebSocket-Accept``.
            headers: More of them, each with its end of line.
            after: Sent in the same breath.
        """
        key = await self.head()
        right = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        await self.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + (right if accept is None else accept) + b"\r\n" + headers + b"\r\n" + after
        )

    async def upgrade_deflated(self) -> None:
        """Answer the handshake and take up the compression, if it is offered."""
        await self.head()
        offered = b"permessage-deflate" in self.request
        await self.upgrade(headers=b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if offered else b"")

    async def welcome(self) -> None:
        """Answer the handshake and the subscription as AllTick does, and show one trade of the first symbol."""
        await self.upgrade()
        while (asked := json.loads(await self._hear()))["cmd_id"] != SUBSCRIBE:
            pass
        answer = {
            "ret": 200,
            "msg": "ok",
            "cmd_id": SUBSCRIBE + 1,
            "seq_id": asked["seq_id"],
            "trace": asked["trace"],
        }
        trade = {"code": asked["data"]["symbol_list"][0]["code"], **TRADE}
        for said in ({**answer, "data": {}}, {"cmd_id": PUSH, "data": trade}):
            await self.send(frame(TEXT, json.dumps(said).encode()))

    async def _hear(self) -> bytes:
        """Read one text: masked, and shorter than 64 KiB."""
        length = (await self._read(2))[1] & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self._read(2))
        key = await self._read(4)
        return bytes(byte ^ key[at % 4] for at, byte in enumerate(await self._read(length)))

    async def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = await self.stream.receive_some(size - len(data))
            if not more:
                raise trio.BrokenResourceError
            data += more
        return data

    async def flood(self, data: bytes, *, most: int = FLOOD_BYTES) -> None:
        """Send this over and over, without reading, until he leaves or so many bytes are through."""
        chunk = data * (CHUNK_BYTES // len(data) or 1)
        while self.taken < most:
            await self.send(chunk)

    async def drip(self, data: bytes) -> None:
        """Send this a byte a second."""
        for at in range(len(data)):
            await self.send(data[at : at + 1])
            await trio.sleep(1.0)


@attrs.define
class Hostile:
    """The peer: where it is, and its first visitor once he has come."""

    url: str = ""
    victim: Visitor = attrs.field(init=False)


@asynccontextmanager
async def open_hostile(
    mischief: Mischief, *, vendor_port: int, tls: ssl.SSLContext | None = None, raw: bool = False
) -> AsyncIterator[Hostile]:
    """Run a peer that does this to its first visitor and lets all others through.

    Args:
        mischief: May return or fail as it likes; when it returns, he is waited for until he leaves.
        vendor_port: Where the others are led.
        tls: What is spoken with visitors. None: plain TCP.
        raw: Spare the first one the TLS; the mischief lies there.
    """
    hostile = Hostile()
    visits = itertools.count()

    async def serve(socket: trio.SocketStream) -> None:
        is_first = next(visits) == 0
        secure = tls is not None and not (is_first and raw)
        stream: trio.abc.Stream = (
            trio.SSLStream(socket, tls, server_side=True, https_compatible=True) if tls and secure else socket
        )
        if is_first:
            hostile.victim = Visitor(stream)
            await _harm(hostile.victim, mischief)
        else:
            await _lead_on(stream, vendor_port)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        hostile.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        yield hostile
        nursery.cancel_scope.cancel()


async def _harm(victim: Visitor, mischief: Mischief) -> None:
    try:
        await mischief(victim)
        while await victim.stream.receive_some():
            pass
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # he left in the middle of it
    victim.left.set()


async def _lead_on(visitor: trio.abc.Stream, port: int) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", port) as vendor, trio.open_nursery() as nursery:
        nursery.start_soon(pump, visitor, vendor)
        await pump(vendor, visitor)
        nursery.cancel_scope.cancel()
