"""The opening handshake: the request, and what may answer it; pure.

The driver sends `Opening.request`, then feeds what comes until `Opening.feed` returns something: the bytes behind the
answer, which are the first of the stream.
"""

from __future__ import annotations

import logging

from websockets.client import ClientProtocol
from websockets.protocol import OPEN
from websockets.uri import WebSocketURI

from trio_ticks.errors import ConnectError
from trio_ticks.runtime.endpoint import Endpoint
from trio_ticks.runtime.http1 import MAX_HEAD_BYTES
from trio_ticks.runtime.transport.deflate import DeflateOffer
from trio_ticks.runtime.transport.link import NO_WEBSOCKET, refusal

_HTTP = b"HTTP/1.1 "
_BLANK_LINE = b"\r\n\r\n"
_SWITCHING = 101


class Opening:
    """One handshake.

    Args:
        endpoint: Where to.
        where: What errors call it.
        max_message_bytes: What the protocol is to accept.

    Attributes:
        protocol: The full protocol, open once `feed` has returned something.
        request: What to send first. The token is in it.
    """

    def __init__(self, endpoint: Endpoint, *, where: str, max_message_bytes: int) -> None:
        path, _, query = endpoint.target.partition("?")
        uri = WebSocketURI(endpoint.secure, endpoint.host, endpoint.port, path, query)
        self.protocol = ClientProtocol(
            uri, extensions=[DeflateOffer()], max_size=max_message_bytes, logger=_silence()
        )
        self.protocol.send_request(self.protocol.connect())
        self.request = b"".join(self.protocol.data_to_send())
        self._where = where
        self._head = bytearray()

    def feed(self, data: bytes) -> bytes | None:
        """Return what follows the answer, None before the answer is whole.

        Raises:
            ConnectError, AuthenticationError: It is a refusal, or none at all. It is not shown: a token may be in it.
        """
        head = self._head
        looked_at = max(0, len(head) - len(_BLANK_LINE) + 1)
        head += data
        if not _HTTP.startswith(head[: len(_HTTP)]):
            raise self._no_websocket()
        found = head.find(_BLANK_LINE, looked_at)
        end = (found if found >= 0 else len(head)) + len(_BLANK_LINE)
        if end > MAX_HEAD_BYTES:
            raise self._no_websocket()
        return None if found < 0 else self._judge(bytes(head[:end]), bytes(head[end:]))

    def _judge(self, head: bytes, rest: bytes) -> bytes:
        self.protocol.receive_data(head)
        self.protocol.events_received()
        if self.protocol.state is OPEN:
            return rest
        # The body of a refusal is not waited for: the status says all that is shown.
        status = head[len(_HTTP) :][:3]
        if not status.isdigit() or int(status) == _SWITCHING:
            raise self._no_websocket()
        raise refusal(self._where, int(status))

    def _no_websocket(self) -> ConnectError:
        return ConnectError(f"{self._where}: {NO_WEBSOCKET}")


def _silence() -> logging.Logger:
    """Return a logger that says nothing: the protocol would log the request, and the token in it.

    Disabled, too, so that it does not put every frame in words for nobody.
    """
    logger = logging.Logger("silence")  # noqa: LOG001 - one by that name in the tree could be turned on again
    logger.disabled = True
    return logger
