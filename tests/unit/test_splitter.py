"""Bytes to messages, frame by frame: what is kept, what is refused, and how much is done at once."""

from __future__ import annotations

import tracemalloc
import zlib
from itertools import chain

import pytest
from websockets.client import ClientProtocol
from websockets.extensions.base import Extension
from websockets.protocol import State
from websockets.uri import WebSocketURI

from tests.support.frames import BINARY, CONT, LAST, MORE_TEXT, PING, TEXT, close, frame
from trio_ticks.runtime.transport.deflate import Deflate, Inflater
from trio_ticks.runtime.transport.link import MAX_MESSAGE_BYTES
from trio_ticks.runtime.transport.splitter import MOST, Splitter

URI = WebSocketURI(secure=False, host="a.example", port=80, path="/", query="")
TAIL = b"\x00\x00\xff\xff"


def splitter(*extensions: Extension) -> Splitter:
    protocol = ClientProtocol(URI, state=State.OPEN, max_size=MAX_MESSAGE_BYTES)
    protocol.extensions = list(extensions)
    return Splitter(protocol)


def inflating(*, keeps_context: bool = True) -> Splitter:
    return splitter(Deflate(Inflater(keeps_context=keeps_context)))


def deflated(data: bytes, compressor: zlib._Compress | None = None) -> bytes:
    compressor = compressor or zlib.compressobj(wbits=-15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


def all_of(split: Splitter, data: bytes) -> list[str | bytes]:
    """Return every message of these bytes."""
    split.feed(data)
    found = []
    while split.has_more:
        found += split.take()
    return found


def test_no_turn_takes_more_than_its_share() -> None:
    """2,500 messages of one read come in three turns, in order, and no byte is needed in between."""
    split = splitter()
    split.feed(b"".join(frame(TEXT, b"%d" % number) for number in range(2_500)))
    turns = []
    while split.has_more:
        turns.append(split.take())
    assert [len(turn) for turn in turns] == [MOST, MOST, 2_500 - 2 * MOST]
    assert [*chain(*turns)] == [str(number) for number in range(2_500)]


def test_pings_without_end_are_answered_a_few_at_a_time() -> None:
    """Whatever a read holds, somebody else has a turn before it is all answered; each ping has its pong."""
    split = splitter()
    split.feed(frame(PING) * 1_000)
    sizes = []
    while split.has_more:
        assert split.take() == []
        sizes.append(len(split.replies()) // 6)  # a masked frame without a payload
    assert max(sizes) <= 256
    assert sum(sizes) == 1_000


def test_what_is_kept_is_bounded() -> None:
    """Fragments without end are refused at the limit, and empty ones cost nothing."""
    split = splitter()
    assert all_of(split, frame(MORE_TEXT, b"x") + frame(CONT) * 10_000) == []
    assert len(split._message) == 1
    for _ in range(MAX_MESSAGE_BYTES // 50_000):
        assert all_of(split, frame(CONT, b"y" * 50_000)) == []
    assert not split.failure
    assert all_of(split, frame(CONT, b"y" * 50_000)) == []
    assert split.failure == f"a message of more than {MAX_MESSAGE_BYTES} bytes"
    assert not split._message
    assert not split._begun


@pytest.mark.parametrize("first", [TEXT, BINARY, MORE_TEXT])
def test_a_frame_that_is_too_long_is_refused_at_its_header(first: int) -> None:
    """Two gigabytes are announced: nothing is kept, and the peer is told why."""
    split = splitter()
    assert all_of(split, bytes([first, 127]) + (2 << 30).to_bytes(8)) == []
    assert split.failure == f"a message of more than {MAX_MESSAGE_BYTES} bytes"
    assert split.replies()[0] == 0x88
    assert all_of(split, b"x" * 1_000) == []
    assert not split._begun


def test_a_message_of_the_very_limit_passes() -> None:
    """1 MiB in one frame, and in two, is a message; one byte more is not."""
    data = b"x" * MAX_MESSAGE_BYTES
    half = MAX_MESSAGE_BYTES // 2
    halves = frame(MORE_TEXT, data[:half]) + frame(LAST, data[half:])
    assert all_of(splitter(), frame(TEXT, data) + halves) == [data.decode()] * 2
    assert splitter_fails(frame(MORE_TEXT, data[:half]) + frame(LAST, data[half:] + b"x"))


def splitter_fails(data: bytes) -> bool:
    split = splitter()
    all_of(split, data)
    return bool(split.failure)


@pytest.mark.parametrize("opcode", [0xC1, 0xC2, 0x41])
def test_a_bomb_is_refused_before_it_bursts(opcode: int) -> None:
    """A frame of some kilobytes that holds 64 MiB is refused, and at no time is there much more than the limit."""
    bomb, split = frame(opcode, deflated(bytes(64 << 20))), inflating()
    tracemalloc.start()
    try:
        assert all_of(split, bomb) == []
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_MESSAGE_BYTES
    finally:
        tracemalloc.stop()
    assert split.failure == f"a message of more than {MAX_MESSAGE_BYTES} bytes"
    assert split.replies()[0] == 0x88


def test_a_compressed_message_inside_another() -> None:
    """While a message is open nothing is cut out beside the full protocol, compressed or not."""
    split = inflating()
    assert all_of(split, frame(0x41, deflated(b"begun")) + frame(0xC1, deflated(b"inside"))) == []
    assert split.failure == "a message inside another"


def test_many_small_bombs_do_not_burst_together() -> None:
    """Messages that are each within the limit come a few at a time when they are large."""
    compressor = zlib.compressobj(wbits=-15)
    split = inflating()
    split.feed(b"".join(frame(0xC1, deflated(b"x" * 1_000_000, compressor)) for _ in range(30)))
    sizes = []
    while split.has_more:
        sizes.append(sum(map(len, split.take())))
    assert sum(sizes) == 30_000_000
    assert max(sizes) <= 2 * MAX_MESSAGE_BYTES


def test_the_history_is_one_whoever_inflates() -> None:
    """Messages that refer back to each other alternate between the splitter and the full protocol."""
    compressor = zlib.compressobj(wbits=-15)
    text = b'{"code":"BTCUSDT","price":"27123.4","volume":"0.5"}'
    stream = b""
    for _ in range(20):
        stream += frame(0xC1, deflated(text, compressor))
        whole = deflated(text, compressor)
        stream += frame(0x41, whole[:3]) + frame(CONT, whole[3:4]) + frame(PING) + frame(LAST, whole[4:])
        stream += frame(0xC2, deflated(text, compressor)) + frame(TEXT, text)
    assert len(stream) < 20 * 4 * len(text)
    expected = [text.decode(), text.decode(), text, text.decode()] * 20
    assert all_of(inflating(), stream) == expected


def test_a_message_that_stands_alone_needs_no_history() -> None:
    """Without context each message begins anew."""
    stream = frame(0xC1, deflated(b"first")) + frame(0xC1, deflated(b"second"))
    assert all_of(inflating(keeps_context=False), stream) == ["first", "second"]


@pytest.mark.parametrize("keeps_context", [True, False])
def test_a_stream_that_ends_with_each_message(keeps_context: bool) -> None:
    """RFC 7692 7.2.3.4 lets a sender end its deflate stream with a message and begin anew with the next."""
    hello = bytes.fromhex("f3 48 cd c9 c9 07 00 00")
    split = inflating(keeps_context=keeps_context)
    assert all_of(split, frame(0xC1, hello) * 3) == ["Hello"] * 3
    assert not split.failure


def test_a_stream_that_ends_over_and_over() -> None:
    """Half a million ends in one frame cost a handful of decompressors, not half a million."""
    split = inflating()
    assert all_of(split, frame(0xC1, bytes.fromhex("03 00") * 500_000)) == []
    assert split.failure == "the deflate stream ends over and over"


def test_what_cannot_be_inflated() -> None:
    """Junk that is marked as compressed breaks the protocol, whichever way it takes."""
    for stream in (frame(0xC1, b"\xff" * 9), frame(0x41, b"\xff" * 9)):
        split = inflating()
        assert all_of(split, stream) == []
        assert split.failure == "the message cannot be inflated"


def test_a_compressed_text_is_checked() -> None:
    """What is inflated to something that is no UTF-8 is refused with 1007."""
    split = inflating()
    assert all_of(split, frame(0xC1, deflated(b"ok")) + frame(0xC1, deflated(b"\xff"))) == ["ok"]
    assert split.failure.startswith("a text is not UTF-8")


def test_a_text_is_refused_with_the_fragment_that_breaks_it() -> None:
    """The rest of the message is not waited for."""
    split = splitter()
    all_of(split, frame(MORE_TEXT, "€".encode()) + frame(CONT, b"\xff"))
    assert split.failure.startswith("a text is not UTF-8")


def test_what_comes_before_a_fault_is_delivered() -> None:
    """Messages in front of a broken frame, or of a close frame, are messages."""
    split = splitter()
    assert all_of(split, frame(TEXT, b"a") * 3 + b"\xff\xff") == ["a"] * 3
    assert split.failure
    split = splitter()
    assert all_of(split, frame(TEXT, b"a") * 3 + close(1001, "bye") + frame(TEXT, b"late")) == ["a"] * 3
    assert split.closing is not None
    assert (split.closing.code, split.closing.reason) == (1001, "bye")


def test_a_byte_at_a_time_costs_no_more_than_its_bytes() -> None:
    """A frame of 200 kB that comes byte by byte is copied once when it is whole, not with each byte."""
    split = splitter()
    stream = frame(TEXT, b"x" * 200_000)
    copied = 0
    for byte in stream[:-1]:
        split.feed(bytes([byte]))
        copied += len(split._data)
        assert split.take() == []
    assert copied < 20
    assert all_of(split, stream[-1:]) == ["x" * 200_000]
