"""The seam to the network: a URL becomes a `Link` that yields messages, a wake-up at a time.

================  ==================================================================================
``link``          what a transport is, and the words that all of them use
``batched``       the transport: everything that one read of the socket brought, in one wake-up
``splitter``      bytes to messages; pure
``deflate``       permessage-deflate with a bound on what comes out; pure
``handshake``     the request to open a WebSocket, and what may answer it; pure
``wire``          a socket whose reader never waits for its writer
``tls``           TLS as a function from bytes to bytes
``reference``     the other transport, on trio-websocket, against which the first is tested
================  ==================================================================================

These are the only modules that know a WebSocket client. Everything foreign is translated here, so that no error text
can carry a token; what comes before the handshake is in `trio_ticks.runtime.dialing`.
`trio_ticks.testing` has a `Link` in memory that behaves the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from trio_ticks.config import Transport
from trio_ticks.runtime.transport.batched import BatchedLink, open_batched
from trio_ticks.runtime.transport.link import (
    CLOSE_S,
    MAX_MESSAGE_BYTES,
    Link,
    LinkClosed,
    OpenLink,
    Wakeup,
    refusal,
)
from trio_ticks.runtime.transport.reference import open_websocket

_OPENERS: Mapping[Transport, OpenLink] = {"batched": open_batched, "trio-websocket": open_websocket}


def opener(name: Transport) -> OpenLink:
    """Return a transport by the name that it has in a configuration."""
    return _OPENERS[name]


__all__ = [
    "CLOSE_S",
    "MAX_MESSAGE_BYTES",
    "BatchedLink",
    "Link",
    "LinkClosed",
    "OpenLink",
    "Wakeup",
    "open_batched",
    "open_websocket",
    "opener",
    "refusal",
]
