"""Bytes to messages; pure.

Almost all that a ticker sends are whole text messages in one frame each, so those are cut out of the bytes right
here, without an object or a call per frame. Every other frame is checked at its header, completed, and handed to the
full protocol of `websockets`, which knows fragments, pings and closing. The rules that keep the two together:

* The protocol is only ever given whole frames, so it always stands between two frames when the splitter goes on.
* While a fragmented message is open every frame goes to the protocol, which knows what may come between fragments.
* Compressed messages are inflated by one `Inflater`, whoever takes the frame, so there is one history.
* A frame that RFC 6455 forbids, or that is too long, is refused at its header; nothing is kept for it.

The driver gives it what one read brought (`feed`), then calls `take` for as long as `has_more`, each time with
`replies` behind it; then it reads again. At most one frame that is not yet whole is kept, and one unfinished message.
"""

from __future__ import annotations

import codecs
from struct import Struct

from websockets.client import ClientProtocol
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import CONT, CTRL_OPCODES, TEXT, Close, CloseCode, Frame

from trio_ticks.feeds.base import Message
from trio_ticks.runtime.transport.deflate import Deflate, Inflater
from trio_ticks.runtime.transport.link import MAX_MESSAGE_BYTES

MOST = 1_024
"""Messages that are taken at once, so that nobody else in the event loop waits long for what is done with them. A
hundred already spread the cost of a wake-up."""

_MOST_OTHERS = 256
"""Frames that are handed to the full protocol at once: two milliseconds, where a peer sends nothing but pings."""

_TWO_NUMBERS = Struct(">HH").unpack_from
_TEXT_7, _TEXT_16 = 0x8100, 0x817E
"""The first two bytes of a whole text message that is shorter than 126 bytes, and of one of up to 65,535."""

_DEFLATED_7, _DEFLATED_16 = 0xC100, 0xC17E
"""The same of deflated ones."""

_CLOSE = 0x88
_RESERVED, _OPCODE, _CONTROL, _MASKED = 0x70, 0x0F, 0x08, 0x80
_BETWEEN = frozenset({0x81, 0x82, 0x01, 0x02, 0x88, 0x89, 0x8A})
_DEFLATED = frozenset({0xC1, 0xC2, 0x41, 0x42})
_WITHIN = frozenset({0x80, 0x00, 0x88, 0x89, 0x8A})
"""First bytes that may come between messages, those that deflating adds, and those within a fragmented message."""

_LONGEST_CONTROL = 125
_BY_16_BITS = 126
_BY_16_BITS_MOST = 0xFFFF


class _Broken(Exception):  # noqa: N818 - does not leave this module
    def __init__(self, code: CloseCode, words: str) -> None:
        self.code = code
        super().__init__(words)


class Splitter:
    """The receiving half of a connection, after its handshake.

    Args:
        protocol: The full protocol; open, and between two frames.
        max_message_bytes: Of a message, after inflating. At least 65,535.

    Attributes:
        failure: How the peer broke the protocol, in words; "" while it has not.
    """

    def __init__(self, protocol: ClientProtocol, *, max_message_bytes: int = MAX_MESSAGE_BYTES) -> None:
        assert max_message_bytes >= _BY_16_BITS_MOST, "`_split` does not look whether a length is allowed"
        self.failure = ""
        self._protocol = protocol
        self._most = max_message_bytes
        self._deflate = next((one for one in protocol.extensions if isinstance(one, Deflate)), None)
        self._between = _BETWEEN if self._deflate is None else _BETWEEN | _DEFLATED
        self._data, self._text, self._at = b"", "", 0
        self._begun = bytearray()  # a frame that is not yet whole
        self._wanted = 0  # bytes of it, as far as its header is known
        self._message = bytearray()  # of a fragmented one, what has come
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._kind = TEXT
        self._room = 0  # bytes that may still be inflated in this turn

    @property
    def has_more(self) -> bool:
        """Whether `take` may find something without more bytes."""
        return self._at < len(self._data)

    @property
    def closing(self) -> Close | None:
        """The peer's close frame, None before it."""
        return None if self.failure else self._protocol.close_rcvd

    def feed(self, data: bytes) -> None:
        """Add what one read brought. Nothing is left of the one before."""
        assert not self.has_more, "first take what is there"
        if self.failure or self._protocol.close_rcvd is not None:
            return
        if self._begun:
            self._begun += data
            if len(self._begun) < self._wanted:
                return
            data = bytes(self._begun)
            self._begun = bytearray()
        # As Latin-1 each byte is one character, so that one slice makes the text of a message.
        self._data, self._text, self._at = data, data.decode("latin-1"), 0

    def take(self) -> list[Message]:
        """Return the next messages, `MOST` at most.

        An empty list with `has_more` behind it means that it is somebody else's turn first.
        """
        found: list[Message] = []
        self._room = self._most
        try:
            for _ in range(_MOST_OTHERS):
                if self._protocol.current_size is None:
                    self._split(found)
                    if self._deflate is not None:
                        self._split_deflated(found, self._deflate.inflater)
                if not self.has_more or len(found) >= MOST or self._room <= 0 or not self._take_frame(found):
                    break
        except _Broken as broken:
            self._refuse(broken.code, str(broken))
        except UnicodeDecodeError as error:
            self._refuse(CloseCode.INVALID_DATA, f"a text is not UTF-8: {error.reason}")
        except PayloadTooBig:
            self._refuse(CloseCode.MESSAGE_TOO_BIG, self._too_long)
        except ProtocolError as error:
            self._refuse(CloseCode.PROTOCOL_ERROR, str(error))
        return found

    def replies(self) -> bytes:
        """Return what is to be sent now: answers to pings and to a close frame, or the close frame of a refusal."""
        return b"".join(self._protocol.data_to_send())

    def _split(self, found: list[Message]) -> None:
        """Take whole text messages for as long as one follows the other."""
        data, text, at, append = self._data, self._text, self._at, found.append
        size = len(data)
        last = size - 4  # a shorter frame holds one character; it can take the other way
        for _ in range(MOST - len(found)):
            if at > last:
                break
            head, length = _TWO_NUMBERS(data, at)
            if head == _TEXT_16:
                start = at + 4
                if length < _BY_16_BITS:
                    break
            elif _TEXT_7 <= head < _TEXT_16:
                start = at + 2
                length = head - _TEXT_7
            else:
                break
            end = start + length
            if end > size:
                break
            message = text[start:end]
            if not message.isascii():
                try:
                    message = data[start:end].decode()
                except UnicodeDecodeError:
                    break  # the other way finds the same, and says so
            append(message)
            at = end
        self._at = at

    def _split_deflated(self, found: list[Message], inflater: Inflater) -> None:
        """Take whole text messages that are deflated for as long as one follows the other."""
        data, inflate, append, most = self._data, inflater.inflate, found.append, self._most
        size = len(data)
        last = size - 4
        for _ in range(MOST - len(found)):
            if self._at > last or self._room <= 0:
                break
            head, length = _TWO_NUMBERS(data, self._at)
            if _DEFLATED_7 <= head < _DEFLATED_16:
                start = self._at + 2
                length = head - _DEFLATED_7
            elif head == _DEFLATED_16 and length >= _BY_16_BITS:
                start = self._at + 4
            else:
                break
            end = start + length
            if end > size:
                break
            # From here on the history has moved on, so nobody else may take this frame.
            self._at = end
            inflated = inflate(data[start:end], final=True, most=most)
            # Small frames may hold large messages: a handful of those are as much as a thousand small ones.
            self._room -= len(inflated)
            append(inflated.decode())

    def _take_frame(self, found: list[Message]) -> bool:
        """Take one frame of any kind; return whether to go on."""
        data, at = self._data, self._at
        end = self._end_of_frame(data, at)
        if end > len(data):
            self._begun, self._wanted = bytearray(data[at:]), end - at
            self._data, self._text, self._at = b"", "", 0
            return False
        self._at = end
        return self._hand_over(data[at:end], found)

    def _end_of_frame(self, data: bytes, at: int) -> int:
        """Return where a frame ends, as far as its header says yet."""
        start = at + 2
        if len(data) < start:
            return start
        first, length = data[at], data[at + 1]
        self._check(first, length)
        if length < _BY_16_BITS:
            return start + length
        start, shorter = (at + 4, _BY_16_BITS) if length == _BY_16_BITS else (at + 10, _BY_16_BITS_MOST + 1)
        if len(data) < start:
            return start
        length = int.from_bytes(data[at + 2 : start])
        if length < shorter:
            raise _Broken(CloseCode.PROTOCOL_ERROR, "a length is written in more bytes than it needs")
        if length > self._most - (self._protocol.current_size or 0):
            raise _Broken(CloseCode.MESSAGE_TOO_BIG, self._too_long)
        return start + length

    def _check(self, first: int, second: int) -> None:
        """Refuse what RFC 6455 forbids, as far as the first two bytes of a frame tell."""
        is_open = self._protocol.current_size is not None
        if first not in (_WITHIN if is_open else self._between):
            raise _Broken(CloseCode.PROTOCOL_ERROR, _fault(first, is_open=is_open))
        if second & _MASKED:
            raise _Broken(CloseCode.PROTOCOL_ERROR, "a masked frame")
        if first & _CONTROL and second > _LONGEST_CONTROL:
            raise _Broken(CloseCode.PROTOCOL_ERROR, "a control frame of more than 125 bytes")

    def _hand_over(self, frame: bytes, found: list[Message]) -> bool:
        """Give a whole frame to the full protocol; return whether to go on."""
        protocol = self._protocol
        if frame[0] == _CLOSE:
            # It may come between two fragments (RFC 6455 5.4). What was begun is then never finished.
            protocol.current_size = None
        protocol.receive_data(frame)
        for event in protocol.events_received():
            if isinstance(event, Frame) and event.opcode not in CTRL_OPCODES:
                self._assemble(event, found)
        if protocol.parser_exc is not None:
            raise protocol.parser_exc
        if protocol.close_rcvd is not None:
            self._drop_the_rest()
            return False
        return True

    def _assemble(self, frame: Frame, found: list[Message]) -> None:
        """Put a message together."""
        if frame.opcode is not CONT:
            self._kind = frame.opcode
        self._room -= len(frame.data)
        self._message += frame.data
        if self._kind is TEXT:
            # Looked at as it comes, so that a text that is broken is refused with the fragment that breaks it.
            self._utf8.decode(frame.data, final=frame.fin)
        if frame.fin:
            found.append(self._message.decode() if self._kind is TEXT else bytes(self._message))
            self._message.clear()

    def _refuse(self, code: CloseCode, words: str) -> None:
        self.failure = words
        self._protocol.fail(code, words)
        self._drop_the_rest()

    def _drop_the_rest(self) -> None:
        self._data, self._text, self._at = b"", "", 0
        self._begun, self._message = bytearray(), bytearray()

    @property
    def _too_long(self) -> str:
        return f"a message of more than {self._most} bytes"


def _fault(first: int, *, is_open: bool) -> str:
    """Return what is wrong with the first byte of a frame."""
    opcode = first & _OPCODE
    if opcode not in {0x0, 0x1, 0x2, 0x8, 0x9, 0xA}:
        return "an unknown opcode"
    if is_open and opcode in {0x1, 0x2}:
        return "a message inside another"
    if first & _RESERVED:
        return "a reserved bit"
    return "a continuation of nothing" if opcode == 0 else "a fragment of a control frame"
