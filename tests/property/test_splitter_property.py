"""The splitter against the full protocol alone, on streams that are mostly good, and cut anywhere."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import attrs
from hypothesis import assume, given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import CONT, CTRL_OPCODES, TEXT, Frame
from websockets.protocol import State

from tests.support.frames import close, frame
from tests.unit.test_splitter import URI, deflated, inflating
from trio_ticks.feeds.base import Message
from trio_ticks.runtime.transport.link import MAX_MESSAGE_BYTES
from trio_ticks.runtime.transport.splitter import Splitter


@attrs.frozen
class Saying:
    """One thing that a server says: a message in these pieces, or bytes of any kind."""

    opcode: int
    pieces: tuple[bytes, ...]
    is_deflated: bool

    def on_the_wire(self, compressor: zlib._Compress) -> bytes:
        if self.opcode not in {1, 2}:
            return frame(0x80 | self.opcode, self.pieces[0][:125])
        pieces = list(self.pieces)
        if self.is_deflated:
            whole = deflated(b"".join(pieces), compressor)
            step = -(-len(whole) // len(pieces))
            pieces = [whole[step * number : step * (number + 1)] for number in range(len(pieces))]
        first = self.opcode | (0x40 if self.is_deflated else 0)
        frames = [frame(first if number == 0 else 0, piece) for number, piece in enumerate(pieces)]
        frames[-1] = bytes([frames[-1][0] | 0x80]) + frames[-1][1:]
        return b"".join(frames)


texts = st.text(max_size=200).map(str.encode) | st.sampled_from([b"", b"x" * 125, b"x" * 126, "é".encode() * 80])
payloads = st.lists(texts | st.binary(max_size=20), min_size=1, max_size=3).map(tuple)
sayings = st.builds(Saying, st.sampled_from([1, 1, 1, 1, 2, 9, 10]), payloads, st.booleans())
ends = st.sampled_from(
    [b"", close(1000), close(4999, "x"), frame(0x88), frame(0x88, b"\x03"), frame(0x88, b"\x03\xe8\xff")]
)
junk = st.binary(max_size=12)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    spoken = [saying.on_the_wire(compressor) for saying in draw(st.lists(sayings, max_size=12))]
    return b"".join(spoken) + draw(ends | junk)


def oracle() -> ClientProtocol:
    protocol = ClientProtocol(URI, state=State.OPEN, max_size=MAX_MESSAGE_BYTES)
    protocol.extensions = [PerMessageDeflate(False, False, 15, 15)]
    return protocol


def in_full(stream: bytes) -> tuple[list[Message], str]:
    """Return what the full protocol makes of a stream, with no splitter in front of it."""
    protocol = oracle()
    protocol.receive_data(stream)
    found: list[Message] = []
    message, is_text = b"", False
    for event in protocol.events_received():
        assert isinstance(event, Frame)
        if event.opcode in CTRL_OPCODES:
            continue
        message, is_text = (message, is_text) if event.opcode is CONT else (b"", event.opcode is TEXT)
        message += event.data
        if event.fin:
            try:
                found.append(message.decode() if is_text else message)
            except UnicodeDecodeError:
                return found, "broken"
    if protocol.parser_exc is not None:
        return found, "broken"
    return found, "" if protocol.close_rcvd is None else str(protocol.close_rcvd)


def in_pieces(split: Splitter, pieces: Sequence[bytes]) -> tuple[list[Message], str]:
    """Return what the splitter makes of the same stream."""
    found: list[Message] = []
    for piece in pieces:
        split.feed(piece)
        while split.has_more:
            found += split.take()
    if split.failure:
        return found, "broken"
    return found, "" if split.closing is None else str(split.closing)


@given(streams())
def test_the_splitter_finds_what_the_full_protocol_finds(stream: bytes) -> None:
    """The same messages and the same end. Only faults may be seen earlier: at a header, or inside a message."""
    split = inflating()
    messages, end = in_pieces(split, [stream])
    # Deliberate: RFC 6455 5.2 wants the fewest bytes, which the full protocol does not look at.
    assume("more bytes than it needs" not in split.failure)
    expected, expected_end = in_full(stream)
    assert messages == expected
    assert end == expected_end or (end, expected_end) == ("broken", "")


@given(st.data(), streams())
def test_a_cut_changes_nothing(data: st.DataObject, stream: bytes) -> None:
    """However the bytes are spread over reads, the messages and the end are the same."""
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole = in_pieces(inflating(), [stream])
    assert in_pieces(inflating(), pieces) == whole
    assert in_pieces(inflating(), [stream[at : at + 1] for at in range(len(stream))]) == whole


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_no_bytes_break_the_splitter(pieces: list[bytes]) -> None:
    """Whatever comes, nothing is raised, and what is kept is at most one frame and one message."""
    split = inflating()
    for piece in pieces:
        in_pieces(split, [piece])
        split.replies()
        assert len(split._begun) <= MAX_MESSAGE_BYTES + 14
        assert len(split._message) <= MAX_MESSAGE_BYTES
        assert not split.has_more
