"""TLS as a function from bytes to bytes, so that every record of a read comes out at once.

Trio's own TLS stream returns one record a call. A feed that writes a record for each message would then cost a
scheduler pass for each message again, which is what the batched transport is there to avoid.
"""

from __future__ import annotations

import ssl
from contextlib import suppress

_PIECE_BYTES = 16 * 1024
"""The most that a record holds."""


class Tls:
    """The client's side of one TLS connection, with no socket.

    Args:
        context: Verifies certificates and host names; a `Road` has no other.
        host: Whose certificate is expected.

    Attributes:
        is_over: Whether the peer has ended it, or has broken it; nothing comes any more.
    """

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.is_over = False

    def shake(self, data: bytes | None) -> bool:
        """Go on with the handshake; return whether it is done. In any case `unsent` is to be sent.

        Args:
            data: What came; "" for the end of the stream, None at first.

        Raises:
            ssl.SSLError: The peer cannot prove who it is, does not speak TLS, or has gone.
        """
        if data:
            self._incoming.write(data)
        elif data is not None:
            self._incoming.write_eof()
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def decrypt(self, data: bytes) -> bytes:
        """Return what a read of the socket holds, every record of it; b"" where the first one is not yet whole."""
        self._incoming.write(data)
        read, pieces = self._tls.read, []
        try:
            while piece := read(_PIECE_BYTES):
                pieces.append(piece)
            self.is_over = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:  # the peer's farewell, or a record that it cannot have written
            self.is_over = True
        return b"".join(pieces)

    def encrypt(self, data: bytes) -> bytes:
        """Return what to write to the socket.

        Raises:
            ssl.SSLError: The connection is over.
        """
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest) :]
        return self.unsent()

    def farewell(self) -> bytes:
        """Return the record that tells the peer of the end, if there is still someone to tell."""
        with suppress(ssl.SSLError):  # it would wait for the peer's
            self._tls.unwrap()
        return self.unsent()

    def unsent(self) -> bytes:
        """Return what TLS itself has to say."""
        return self._outgoing.read()
