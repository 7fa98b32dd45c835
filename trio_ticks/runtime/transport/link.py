"""What a transport is: a URL becomes a `Link` that yields messages, a wake-up at a time.

Here is what all transports share: the two protocols, their limits, and the words for how a connection did not come
about or ended, so that no error text can carry a token and both transports say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import attrs

from trio_ticks.errors import AuthenticationError, ConnectError, FeedError
from trio_ticks.feeds.base import Message
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.road import Road

MAX_MESSAGE_BYTES = 1 << 20
"""A push is about 160 bytes and a subscription answer under 1 kB; past 1 MiB a peer is not a ticker."""

CLOSE_S = 1.0
"""A clean close frees the vendor's connection slot at once, so it is worth waiting for; a dead peer is not."""


class LinkClosed(Exception):  # noqa: N818 - an event of the link's life, not a failure
    """The link is closed; the message says by whom and how."""

    cause = "closed"


@attrs.frozen
class Wakeup:
    """What one wake-up of the reader found: the messages in order, and when they were read."""

    messages: Sequence[Message]
    received_us: int


class Link(Protocol):
    """One open connection."""

    async def receive(self) -> Wakeup:
        """Wait for at least one message and return all that are there.

        Raises:
            LinkClosed: the connection is over and every message before its end was returned.
            RemoteProtocolError: the same, because the peer broke the protocol.

        Cancellation:
            At any await; no message is lost.
        """
        ...

    async def send(self, text: str) -> None:
        """Send one message.

        Raises:
            LinkClosed: the connection is over.

        Backpressure:
            Waits while the peer does not read.
        """
        ...


class OpenLink(Protocol):
    """A transport: opens a link, and closes it on the way out, cleanly where the peer lets it."""

    def __call__(
        self, url: str, *, secret_query: str, timeout_s: float, road: Road | None = None, now_us: NowUs
    ) -> AbstractAsyncContextManager[Link]:
        """Open a link to ``url``. Errors of the block come out of the context inside an exception group."""
        ...


NO_WEBSOCKET = "the peer does not answer as a WebSocket server does"
HUNG_UP = "the server closed the connection during the handshake"

_MEANINGS = {
    401: "the token is not accepted: give the one that the vendor shows for your account",
    403: "the token is not accepted: give the one that the vendor shows for your account",
    404: "nothing is served at this path",
    429: "too many connections or requests for the plan: end other programs with this token",
}


def refusal(where: str, status: int) -> FeedError:
    """Return our error for a server that answers the handshake with something else than 101."""
    words = _MEANINGS.get(status, "the server refused the connection")
    kind = AuthenticationError if status in {401, 403} else ConnectError
    return kind(f"{where}: HTTP {status}: {words}")


def farewell(code: int | None, reason: str | None = None) -> str:
    """Return how a connection ended, in words. The code is the close frame's; None: there was none."""
    if code is None or code == 1006:  # noqa: PLR2004 - RFC 6455 7.4.1: no close frame was seen
        return "the connection was cut"
    return f"the server closed it with {code}" + (f" {reason}" if reason else "")
