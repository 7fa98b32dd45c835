"""Two transports that share no code are told the same bytes, and must make the same of them.

The batched transport cuts frames itself; the other leaves that to wsproto, which neither it nor the simulator uses.
"""

from __future__ import annotations

import attrs
import pytest
import trio

from tests.support.frames import BINARY, CLOSE, CONT, LAST, MORE_TEXT, PING, PONG, TEXT, close, frame, saying
from trio_ticks.errors import RemoteProtocolError
from trio_ticks.feeds.base import Message
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.transport import MAX_MESSAGE_BYTES, LinkClosed, open_batched, open_websocket

HANG_S = 180.0
BYE = close(1000)
PUSH = frame(TEXT, b'{"cmd_id":22998,"data":{"code":"BTCUSDT","price":"27123.4"}}'.ljust(159))


@attrs.frozen
class Case:
    """What a server says, and what must come of it.

    Attributes:
        stream: Its bytes, behind the handshake.
        end: ``broken``, or the words of `LinkClosed`.
        messages: Those before the end.
    """

    stream: bytes
    end: str
    messages: tuple[Message, ...] = ()


CUT, BROKEN = "the connection was cut", "broken"
LEFT = "the server closed it with 1000"

ORDINARY = {
    "texts": Case(frame(TEXT, b"a") + frame(TEXT, b"bc") + frame(TEXT) + BYE, LEFT, ("a", "bc", "")),
    "a push": Case(PUSH + BYE, LEFT, (PUSH[4:].decode(),)),
    "beyond ASCII": Case(frame(TEXT, "prix: 9 €, 価格".encode()) + BYE, LEFT, ("prix: 9 €, 価格",)),
    "bytes": Case(frame(BINARY, b"\x00\xff") + BYE, LEFT, (b"\x00\xff",)),
    "fragments": Case(
        frame(MORE_TEXT, b"a") + frame(CONT) + frame(CONT, b"b") + frame(LAST, b"c") + BYE, LEFT, ("abc",)
    ),
    "a ping between fragments": Case(
        frame(MORE_TEXT, b"a") + frame(PING, b"?") + frame(LAST, b"b") + frame(TEXT, b"c") + BYE, LEFT, ("ab", "c")
    ),
    "a character cut by fragments": Case(
        frame(MORE_TEXT, "€".encode()[:1]) + frame(LAST, "€".encode()[1:]) + BYE, LEFT, ("€",)
    ),
    "fragments of bytes": Case(frame(0x02, b"\xff") + frame(LAST, b"\xfe") + BYE, LEFT, (b"\xff\xfe",)),
    "pings and pongs": Case(
        frame(PING) + frame(TEXT, b"a") + frame(PONG, b"!") + frame(PING, b"x" * 125) + BYE, LEFT, ("a",)
    ),
    "a reason": Case(frame(TEXT, b"a") + close(4000, "börse zu"), "the server closed it with 4000 börse zu", ("a",)),
    "a close without a code": Case(frame(CLOSE), "the server closed it with 1005"),
    "a close, and more behind it": Case(BYE + frame(TEXT, b"late"), LEFT),
    "a close between fragments": Case(frame(MORE_TEXT, b"a") + BYE, LEFT),
}
"""The server leaves, or waits for the client to do so."""

HANGING_UP = {
    "at once": Case(b"", CUT),
    "after a message": Case(frame(TEXT, b"a"), CUT, ("a",)),
    "inside a header": Case(frame(TEXT, b"a") + b"\x81", CUT, ("a",)),
    "inside a message": Case(frame(TEXT, b"a") + b"\x81\x05abc", CUT, ("a",)),
    "between fragments": Case(frame(MORE_TEXT, b"a"), CUT),
}
"""The server's stream ends without a close frame."""

HOSTILE = {
    "masked": b"\x81\x81\x00\x00\x00\x00a",
    "a reserved bit": frame(0xC1, b"a"),
    "another reserved bit": frame(0xA1, b"a"),
    "the third reserved bit": frame(0x91, b"a"),
    "an unknown data frame": frame(0x83, b"a"),
    "an unknown control frame": frame(0x8B),
    "a ping in fragments": frame(0x09),
    "a ping too long": frame(PING, b"x" * 126),
    "a close too long": frame(CLOSE, b"\x03\xe8" + b"x" * 124),
    "a continuation of nothing": frame(LAST, b"a"),
    "a message inside another": frame(MORE_TEXT, b"a") + frame(TEXT, b"inside"),
    "no UTF-8": frame(TEXT, b"\xff"),
    "half a character": frame(TEXT, "€".encode()[:2]),
    "no UTF-8 in a fragment": frame(MORE_TEXT, b"a") + frame(LAST, b"\xc0"),
    "a surrogate": frame(TEXT, b"\xed\xa0\x80"),
    "2 GB announced": b"\x82\x7f" + (2 << 30).to_bytes(8),
    "a text of 1 MiB and a byte": b"\x81\x7f" + (MAX_MESSAGE_BYTES + 1).to_bytes(8),
    "a length below zero": b"\x81\x7f" + b"\xff" * 8,
    "a short length in two bytes": b"\x81\x7e\x00\x05hello",
    "a short length in eight bytes": b"\x81\x7f" + (5).to_bytes(8) + b"hello",
    "half a close code": frame(CLOSE, b"\x03"),
    "a close code for nobody": close(1005),
    "a close code out of range": close(999),
    "a reason that is no UTF-8": frame(CLOSE, b"\x03\xe8\xff"),
    "HTTP behind the handshake": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "zeros": bytes(8),
}
"""Behind one good message; the server says nothing more."""

CASES = {
    **ORDINARY,
    **{f"hangs up {name}": case for name, case in HANGING_UP.items()},
    **{f"hostile: {name}": Case(frame(TEXT, b"a") + stream, BROKEN, ("a",)) for name, stream in HOSTILE.items()},
}

ANNOUNCED = ("hostile: 2 GB announced", "hostile: a text of 1 MiB and a byte")
"""One deliberate difference: the batched transport refuses such a message at its header, the other when so much of it
has come. So that one gets the bytes as well, in one piece.

The other difference is in `made_of`: trio-websocket reports the code of the close frame with which it refused a
stream as if the server had sent it."""

FILLER = b"x" * (MAX_MESSAGE_BYTES + 1)


async def made_of(case: Case, *pieces: bytes, reference: bool) -> Case:
    """Return what a transport makes of the stream in these pieces."""
    open_link = open_websocket if reference else open_batched
    messages: list[Message] = []
    end = ""
    with trio.fail_after(HANG_S):
        async with saying(pieces, then_cut=case.end == CUT) as url, open_link(url, now_us=utc_now_us) as link:
            try:
                while True:
                    messages += (await link.receive()).messages
            except LinkClosed as closed:
                end = str(closed)
            except RemoteProtocolError:
                end = BROKEN
    if reference and case.end == BROKEN and any(f"closed it with {code}" in end for code in (1002, 1007, 1009)):
        end = BROKEN
    return Case(case.stream, end, tuple(messages))


@pytest.mark.parametrize("name", CASES)
async def test_both_make_the_same_of_every_stream(name: str) -> None:
    """In one piece: the messages and the end are those of the table, in both transports."""
    case = CASES[name]
    assert await made_of(case, case.stream, reference=False) == case
    more = FILLER if name in ANNOUNCED else b""
    assert await made_of(case, case.stream + more, reference=True) == case


@pytest.mark.parametrize("name", CASES)
async def test_both_make_the_same_of_every_stream_wherever_it_is_cut(name: str) -> None:
    """In two pieces, cut at every place, and byte by byte: nothing changes."""
    case = CASES[name]
    cuts = [(case.stream[:at], case.stream[at:]) for at in range(1, min(len(case.stream), 40))]
    for pieces in [*cuts, [bytes([byte]) for byte in case.stream]]:
        assert await made_of(case, *pieces, reference=False) == case
        if name not in ANNOUNCED:
            assert await made_of(case, *pieces, reference=True) == case
