"""One connection in memory: messages on their way, each due at an instant of its own."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import trio

from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.transport import LinkClosed, Wakeup

if TYPE_CHECKING:
    from trio_ticks.testing.world.market import Trade

Took: TypeAlias = "Callable[[MemoryLink, list[Trade], list[str], int], None]"
Asked: TypeAlias = "Callable[[MemoryLink, str], None]"

SLOW = 500
"""Messages that a vendor keeps for a client that does not read; then it hangs up."""


class MemoryLink:
    """The engine's half is `receive` and `send`; the rest is the vendor's.

    Attributes:
        number: Of this link, in the whole world.
        symbols: What it has subscribed to.
        is_mute: It is shown no prices any more, for good; answers go on.
        is_lost: Half-open: nothing arrives in either direction, and nobody is told.
        shows_from: Since when it is shown trades.
        beat_at: When the last heartbeat came.
    """

    def __init__(self, number: int, *, asked: Asked, took: Took, now_us: NowUs) -> None:
        self.number = number
        self.symbols: tuple[str, ...] = ()
        self.shows_from = 0.0
        self.is_mute = self.is_lost = False
        self.beat_at = trio.current_time()
        self._asked = asked
        self._took = took
        self._now_us = now_us
        self._numbers = itertools.count()
        self._on_its_way: list[tuple[float, int, str, Trade | None]] = []
        self._news = trio.Event()
        self._reason: str | None = None

    def put(self, message: str, lag_s: float, trade: Trade | None = None) -> None:
        """Send a message that is there so much later. Lags differ, so messages overtake each other."""
        if self._reason is not None or self.is_lost:
            return
        heapq.heappush(self._on_its_way, (trio.current_time() + lag_s, next(self._numbers), message, trade))
        self._wake()
        if len(self._on_its_way) > SLOW:
            self.cut("the client is too slow", arrives=True)

    def check_health(self, heartbeat_s: float) -> None:
        """Hang up on a client that does not beat any more."""
        if trio.current_time() > self.beat_at + heartbeat_s:
            self.cut("no heartbeat", arrives=True)

    def cut(self, reason: str, *, arrives: bool) -> None:
        """End it; what is on its way arrives first, or never does."""
        if self._reason is None and not self.is_lost:
            self._reason = reason
            if not arrives:
                self._on_its_way.clear()
            self._wake()

    async def receive(self) -> Wakeup:
        """Return all that has arrived."""
        while not self._on_its_way or self._on_its_way[0][0] > trio.current_time():
            if not self._on_its_way and self._reason is not None:
                raise LinkClosed(self._reason)
            self._news = trio.Event()
            with trio.move_on_at(self._on_its_way[0][0]) if self._on_its_way else trio.CancelScope():
                await self._news.wait()
        await trio.lowlevel.checkpoint()
        messages: list[str] = []
        trades: list[Trade] = []
        while self._on_its_way and self._on_its_way[0][0] <= trio.current_time():
            _, _, message, trade = heapq.heappop(self._on_its_way)
            messages.append(message)
            trades += [] if trade is None else [trade]
        if not messages:  # the link was cut during the checkpoint
            return await self.receive()
        received_us = self._now_us()
        self._took(self, trades, messages, received_us)
        return Wakeup(messages, received_us)

    async def send(self, text: str) -> None:
        """Take a request."""
        await trio.lowlevel.checkpoint()
        if self._reason is not None:
            raise LinkClosed(self._reason)
        if not self.is_lost:
            self._asked(self, text)

    def _wake(self) -> None:
        self._news.set()
