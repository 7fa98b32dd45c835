"""The recipe that people write first, so that the engine has something to be compared with.

It is what a blog post recommends: connect, subscribe with one list, put what comes into a queue, let a worker drop
what it has seen by (symbol, timestamp), and reconnect after three seconds when the connection breaks. It speaks the
simple dialect of that post. Nothing in it is made worse than it is; it has no heartbeat and no watchdog because the
post has none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import trio

from trio_ticks.errors import FeedError
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.transport import LinkClosed, OpenLink, open_websocket

RECONNECT_S = 3.0
"""The post's own pause."""

_SEEN = 10_000
"""Stamps that the worker remembers. The post remembers all; more than a minute of them changes nothing here."""

_QUEUE = 10_000


class Recipe:
    """One connection, a queue, a worker.

    Args:
        url: Where to connect.
        symbols: What to subscribe to.
        tell: Called with a line for people when it loses the connection, and when it is back.

    Attributes:
        state: ``connecting``, ``connected`` or ``asleep``.
        sessions: Connections that were opened.
        received: Messages.
        delivered: What reached the user: each (symbol, timestamp) once.
        thrown_away: What the worker took for a repetition.
    """

    def __init__(
        self,
        *,
        url: str,
        symbols: Sequence[str],
        tell: Callable[[str], None],
        open_link: OpenLink = open_websocket,
    ) -> None:
        self._url = url
        self._symbols = list(symbols)
        self._tell = tell
        self._open_link = open_link
        self._seen: dict[tuple[str, int], None] = {}
        self.state = "connecting"
        self.sessions = self.received = self.delivered = self.thrown_away = 0

    async def run(self) -> None:
        """Listen and work until cancelled."""
        send, receive = trio.open_memory_channel[str](_QUEUE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._work, receive)
            while True:
                self.state = "connecting"
                try:
                    await self._listen(send)
                except* (FeedError, LinkClosed):
                    self.state = "asleep"
                    self._tell(f"lost the connection, sleeps {RECONNECT_S:g} s; what comes meanwhile is gone")
                await trio.sleep(RECONNECT_S)

    async def _listen(self, send: trio.MemorySendChannel[str]) -> None:
        async with self._open_link(self._url, secret_query="", timeout_s=10.0, now_us=utc_now_us) as link:
            await link.send(json.dumps({"action": "subscribe", "symbols": self._symbols}))
            self.state = "connected"
            self.sessions += 1
            if self.sessions > 1:
                self._tell("is back, and knows of no gap")
            while True:
                for message in (await link.receive()).messages:
                    self.received += 1
                    await send.send(str(message))

    async def _work(self, receive: trio.MemoryReceiveChannel[str]) -> None:
        async for message in receive:
            data = json.loads(message)
            key = (data["symbol"], data["time"])
            if key in self._seen:
                self.thrown_away += 1
                continue
            self._seen[key] = None
            if len(self._seen) > _SEEN:
                del self._seen[next(iter(self._seen))]
            self.delivered += 1
