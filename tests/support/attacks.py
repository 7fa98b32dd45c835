"""What a server that means harm may do to a client, by name."""

from __future__ import annotations

import random
import ssl
import struct
import zlib
from collections.abc import Awaitable, Callable
from functools import cache

import trio

from tests.support.hostile import (
    CLOSE,
    CONTINUATION,
    FINAL,
    FLOOD_BYTES,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    Mischief,
    Visitor,
    frame,
    masked,
)

GARBAGE = random.Random(7).randbytes(1 << 14)
CHUNK = b"x" * (1 << 14)
JUST = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


def answering(data: bytes, *, then: Callable[[Visitor], Awaitable[None]] | None = None) -> Mischief:
    """Return an attack: this in place of an answer to the handshake."""

    async def attack(visitor: Visitor) -> None:
        await visitor.head()
        await visitor.send(data)
        if then is not None:
            await then(visitor)

    return attack


def flooding(data: bytes, *, most: int = FLOOD_BYTES) -> Callable[[Visitor], Awaitable[None]]:
    """Return what sends this over and over."""

    async def flood(visitor: Visitor) -> None:
        await visitor.flood(data, most=most)

    return flood


def dripping(data: bytes) -> Callable[[Visitor], Awaitable[None]]:
    """Return what sends this a byte a second."""

    async def drip(visitor: Visitor) -> None:
        await visitor.drip(data)

    return drip


def sending(data: bytes, *, then: Callable[[Visitor], Awaitable[None]] | None = None) -> Mischief:
    """Return an attack: a right answer to the handshake, and this in the same breath."""

    async def attack(visitor: Visitor) -> None:
        await visitor.upgrade(after=data)
        if then is not None:
            await then(visitor)

    return attack


def welcoming(data: bytes, *, then: Callable[[Visitor], Awaitable[None]] | None = None) -> Mischief:
    """Return an attack: the subscription is answered, and then comes this."""

    async def attack(visitor: Visitor) -> None:
        await visitor.welcome()
        await visitor.send(data)
        if then is not None:
            await then(visitor)

    return attack


def deflated(make: Callable[[], bytes], *, then: Callable[[Visitor], Awaitable[None]] | None = None) -> Mischief:
    """Return an attack: compression is agreed on, where it is offered, and then comes this."""

    async def attack(visitor: Visitor) -> None:
        await visitor.upgrade_deflated()
        await visitor.send(make())
        if then is not None:
            await then(visitor)

    return attack


@cache
def bomb() -> bytes:
    """Return a message of a few kB that inflates to `FLOOD_BYTES`."""
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    block = bytes(1 << 20)
    data = b"".join(deflate.compress(block) for _ in range(FLOOD_BYTES // len(block)))
    return (data + deflate.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")


def bomb_in_pieces() -> bytes:
    """Return the same in fragments, each of them small when inflated."""
    data, step = bomb(), 512
    first, *middle = [data[at : at + step] for at in range(0, len(data), step)]
    return (
        frame(TEXT, first, first=RSV1)
        + b"".join(frame(CONTINUATION, piece, first=0) for piece in middle)
        + frame(CONTINUATION)
    )


async def hang_up(visitor: Visitor) -> None:
    """Cut the connection."""
    await trio.aclose_forcefully(visitor.stream)


HANDSHAKES: dict[str, Mischief] = {
    "no answer": answering(b""),
    "a byte a second": answering(b"", then=dripping(JUST)),
    "endless headers": answering(JUST, then=flooding(b"X-More: and more\r\n")),
    "one endless header": answering(JUST + b"X-More: ", then=flooding(b"and more")),
    "an endless first line": answering(b"HTTP/1.1 101 ", then=flooding(b"Switching")),
    "answers before the answer": answering(b"", then=flooding(b"HTTP/1.1 100 Continue\r\n\r\n", most=1 << 18)),
    "an ordinary answer without end": answering(b"HTTP/1.1 200 OK\r\n\r\n", then=flooding(CHUNK)),
    "a refusal without end": answering(
        b"HTTP/1.1 503 Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n",
        then=flooding(b"4000\r\n" + CHUNK + b"\r\n"),
    ),
    "garbage": answering(GARBAGE),
    "zeros": answering(bytes(1 << 14)),
    "another protocol": answering(b"220 mail.example ESMTP\r\n"),
    "half an answer": answering(JUST, then=hang_up),
    "a redirection": answering(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
    "no key in the answer": answering(JUST + b"\r\n"),
    "a wrong key in the answer": lambda visitor: visitor.upgrade(accept=b"c2VjcmV0"),
    "an extension nobody asked for": lambda visitor: visitor.upgrade(headers=b"Sec-WebSocket-Extensions: x-own\r\n"),
    "a subprotocol nobody asked for": lambda visitor: visitor.upgrade(headers=b"Sec-WebSocket-Protocol: own\r\n"),
}
"""Every one is a connection that was refused."""

BROKEN: dict[str, Mischief] = {
    "garbage": sending(b"\xff" + GARBAGE),
    "garbage without end": sending(b"\xff", then=flooding(GARBAGE)),
    "a second answer": sending(JUST + b"\r\n"),
    "a masked frame": sending(masked(TEXT, b"hello")),
    "the first reserved bit": sending(frame(TEXT, b"hello", first=FINAL | RSV1)),
    "the second reserved bit": sending(frame(TEXT, b"hello", first=FINAL | RSV2)),
    "the third reserved bit": sending(frame(TEXT, b"hello", first=FINAL | RSV3)),
    "a reserved kind of message": sending(frame(3, b"hello")),
    "a reserved kind of control": sending(frame(11, b"hello")),
    "a long ping": sending(frame(PING, bytes(126))),
    "a ping in pieces": sending(frame(PING, b"hel", first=0)),
    "the rest of no message": sending(frame(CONTINUATION, b"hello")),
    "a message within a message": sending(frame(TEXT, b"hel", first=0) + frame(TEXT, b"hello")),
    "a text that is none": sending(frame(TEXT, b"\xc3\x28")),
    "half a character": sending(frame(TEXT, b"hello \xe2\x82")),
    "a text in pieces that is none": sending(frame(TEXT, b"\xe2", first=0) + frame(CONTINUATION, b"\x28")),
    "a close of one byte": sending(frame(CLOSE, b"\x03")),
    "a close without a right": sending(frame(CLOSE, struct.pack("!H", 1005))),
    "a close of no kind": sending(frame(CLOSE, struct.pack("!H", 999) + b"bye")),
    "a close that says no text": sending(frame(CLOSE, struct.pack("!H", 1000) + b"\xff\xfe")),
    "a negative length": sending(frame(TEXT, announced=1 << 63), then=flooding(CHUNK)),
    "what does not inflate": deflated(lambda: frame(TEXT, GARBAGE, first=FINAL | RSV1)),
    "a reserved bit in the middle": deflated(
        lambda: frame(TEXT, b"hel", first=0) + frame(CONTINUATION, b"lo", first=FINAL | RSV1)
    ),
}
"""Every one is an error, which is told to the peer and ends the connection."""

TOO_LONG: dict[str, Mischief] = {
    "two gigabytes announced": sending(frame(TEXT, announced=2 << 30)),
    "two gigabytes": sending(frame(TEXT, announced=2 << 30), then=flooding(CHUNK)),
    "one byte too many": sending(frame(TEXT, b"x" * ((1 << 20) + 1))),
    "fragments without end": sending(frame(TEXT, CHUNK, first=0), then=flooding(frame(CONTINUATION, CHUNK, first=0))),
    "a bomb": deflated(lambda: frame(TEXT, bomb(), first=FINAL | RSV1)),
    "a bomb in pieces": deflated(bomb_in_pieces),
}
"""Every one is an error as well, and the error names the limit."""

QUIET: dict[str, Mischief] = {
    "a byte a second": welcoming(b"", then=dripping(frame(TEXT, b"x" * 200))),
    "a frame that never ends": welcoming(frame(TEXT, b"hello", announced=200)),
    "a head that never ends": welcoming(frame(TEXT, announced=2 << 30)[:5]),
    "an unfinished message": welcoming(frame(TEXT, b"hello", first=0)),
    "pings, and no ear for the answers": welcoming(b"", then=flooding(frame(PING, bytes(125)))),
    "pongs to nothing": welcoming(b"", then=flooding(frame(PONG, bytes(125)), most=1 << 18)),
    "empty fragments without end": welcoming(
        frame(TEXT, first=0), then=flooding(frame(CONTINUATION, first=0), most=1 << 16)
    ),
}
"""Every one begins well and brings no message any more: it ends as silence does."""

CLOSING: dict[str, Mischief] = {
    "a close, and no end": sending(frame(CLOSE, struct.pack("!H", 1001) + b"gone")),
    "a close, and more without end": sending(frame(CLOSE, struct.pack("!H", 1001) + b"gone"), then=flooding(CHUNK)),
    "a close without a word": sending(frame(CLOSE)),
    "a cut": sending(b"", then=hang_up),
    "a cut in the middle of a frame": sending(frame(TEXT, b"hello", announced=200), then=hang_up),
}
"""Every one is a connection that the peer closed."""


def half_a_tls_handshake(tls: ssl.SSLContext) -> Mischief:
    """Return an attack on the bare socket: half of an honest answer to the TLS greeting."""

    async def attack(visitor: Visitor) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        honest = tls.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(await visitor.stream.receive_some())
        try:
            honest.do_handshake()
        except ssl.SSLWantReadError:
            answer = outgoing.read()
        await visitor.send(answer[: len(answer) // 2])

    return attack


async def garbage_for_tls(visitor: Visitor) -> None:
    """Answer the TLS greeting with noise without end."""
    await visitor.flood(GARBAGE)


async def a_record_without_end(visitor: Visitor) -> None:
    """Announce a record of the handshake, and never finish it."""
    await visitor.send(b"\x16\x03\x03\x40\x00\x02\x00\xff\xff")


async def a_broken_record(visitor: Visitor) -> None:
    """Write past TLS once the link is open."""
    await visitor.upgrade()
    assert isinstance(visitor.stream, trio.SSLStream)
    await visitor.stream.transport_stream.send_all(b"\x17\x03\x03\x00\x20" + GARBAGE[:32])


async def a_cut_within_tls(visitor: Visitor) -> None:
    """Cut the connection without a word in TLS."""
    await visitor.upgrade()
    await trio.aclose_forcefully(visitor.stream)
