"""permessage-deflate (RFC 7692) for what comes in; pure.

One `Inflater` per connection, because compressed messages refer back to those before them: whoever takes a frame, the
splitter or the full protocol, inflates it with the same object, and so the history is one. It never lets out more
than it is told, so a small frame that would inflate to gigabytes costs what the limit allows.

What goes out is not compressed, which RFC 7692 leaves to the sender: requests are rare and short, and a compressor
would cost each connection a quarter of a megabyte.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from websockets.exceptions import NegotiationError, PayloadTooBig, ProtocolError
from websockets.extensions.base import ClientExtensionFactory, Extension
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import CONT, CTRL_OPCODES, Frame
from websockets.typing import BytesLike, ExtensionParameter

_TAIL = b"\x00\x00\xff\xff"
"""RFC 7692 7.2.2: the sender leaves it out at the end of each message, the receiver puts it back."""

_MOST_ENDS = 8
"""A sender may end its deflate stream with a message (7.2.3.4) and needs one end for that. More cost us a new
decompressor for every two bytes of theirs."""


class Inflater:
    """The decompressor of one connection.

    Args:
        window_bits: How far back the peer may refer, as a power of two.
        keeps_context: Whether a message may refer to those before it.
    """

    def __init__(self, *, window_bits: int = 15, keeps_context: bool = True) -> None:
        self._window_bits = window_bits
        self._keeps_context = keeps_context
        self._renew()

    def inflate(self, payload: BytesLike, *, final: bool, most: int) -> bytes:
        """Return what a frame holds; the whole of a message when ``final`` and no frame of it came before.

        Args:
            payload: Of the frame.
            final: Whether the message ends with it.
            most: Bytes that may come out.

        Raises:
            PayloadTooBig: There would be more.
            ProtocolError: It is not deflated data.
        """
        rest = bytes(payload) + _TAIL if final else bytes(payload)
        try:
            # One byte more than allowed is asked for: when it does not come, everything was consumed.
            inflated = self._decompressor.decompress(rest, most + 1)
            if self._decompressor.eof:
                inflated += self._after_an_end(most + 1 - len(inflated))
        except zlib.error:
            raise ProtocolError("the message cannot be inflated") from None
        if len(inflated) > most:
            raise PayloadTooBig(None, most)
        if final and not self._keeps_context:
            self._renew()
        return inflated

    def _after_an_end(self, most: int) -> bytes:
        """Return what comes behind the end of a deflate stream. It cannot refer to what was before."""
        found = b""
        for _ in range(_MOST_ENDS):
            rest = self._decompressor.unused_data
            self._renew()
            if not rest or len(found) >= most:
                return found
            found += self._decompressor.decompress(rest, most - len(found))
            if not self._decompressor.eof:
                return found
        raise ProtocolError("the deflate stream ends over and over")

    def _renew(self) -> None:
        self._decompressor = zlib.decompressobj(wbits=-self._window_bits)


class Deflate(Extension):
    """The agreed extension, for the frames that go through the full protocol."""

    name = ClientPerMessageDeflateFactory.name

    def __init__(self, inflater: Inflater) -> None:
        self.inflater = inflater
        self._is_inside = False

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        """Inflate a frame of a compressed message."""
        if frame.opcode in CTRL_OPCODES:
            return frame
        if frame.opcode is not CONT:
            self._is_inside = frame.rsv1
        elif frame.rsv1:
            raise ProtocolError("a continuation is marked as compressed")
        if not self._is_inside:
            return frame
        assert max_size is not None, "the protocol was made with a limit"
        data = self.inflater.inflate(frame.data, final=frame.fin, most=max_size)
        return Frame(frame.opcode, data, frame.fin, rsv2=frame.rsv2, rsv3=frame.rsv3)

    def encode(self, frame: Frame) -> Frame:
        """Leave what goes out as it is."""
        return frame


class DeflateOffer(ClientExtensionFactory):
    """What the opening handshake offers: any window, and whatever the server wants of ours."""

    name = ClientPerMessageDeflateFactory.name

    def __init__(self) -> None:
        # It builds a compressor for each answer that it accepts, only for us to throw it away; so a small one.
        # What goes out is not compressed, so whatever a server may ask of our compressor can be offered.
        self._grammar = ClientPerMessageDeflateFactory(
            client_max_window_bits=True, client_no_context_takeover=True, compress_settings={"memLevel": 1}
        )

    def get_request_params(self) -> Sequence[ExtensionParameter]:
        """Return the parameters to offer."""
        return self._grammar.get_request_params()

    def process_response_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> Deflate:
        """Return the extension that the server agreed to.

        Raises:
            NegotiationError: It agreed to something that was not offered, or twice.
        """
        if accepted_extensions:
            raise NegotiationError("one compression is enough")
        agreed = self._grammar.process_response_params(params, accepted_extensions)
        keeps_context = not agreed.remote_no_context_takeover
        return Deflate(Inflater(window_bits=agreed.remote_max_window_bits, keeps_context=keeps_context))
