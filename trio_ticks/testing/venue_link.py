"""The links of a venue in memory: what takes a socket's place between the engine and the venue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import attrs
import trio

from trio_ticks.feeds.base import Message
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.transport import LinkClosed, Wakeup

BUFFER = 64
"""Wake-ups that a link keeps for a reader that is busy: what a socket's buffers are to a real one."""

Sent: TypeAlias = tuple[float, Sequence[Message]]
"""Messages on their way, and when they arrive."""


@attrs.define
class Pace:
    """How fast what is sent arrives, on every link: so much later, and messages at least so far apart."""

    delay_s: float = 0.0
    drip_s: float = 0.0


@attrs.define(eq=False, kw_only=True)
class MemoryLink:
    """One link: the engine's half is `receive` and `send`, the rest is the venue's.

    Args:
        number: Of the link, counted by its venue.
        pace: Shared with the venue, which changes it.
        taken: Where the messages go down that the engine has read.
        asked: Called with a request of the engine's.
        gone: Called once, when the link is cut.
        now_us: The engine's clock.
        is_mute: Whether it brings answers and no prices.
    """

    number: int
    pace: Pace
    taken: list[Message]
    asked: Callable[[MemoryLink, str], Awaitable[None]]
    gone: Callable[[MemoryLink], None]
    now_us: NowUs
    is_mute: bool
    is_lost: bool = False
    symbols: frozenset[str] = frozenset()
    _reason: str | None = attrs.field(default=None, init=False)
    _last_due: float = attrs.field(default=0.0, init=False)
    _on_its_way: Sent | None = attrs.field(default=None, init=False)
    _sender: trio.MemorySendChannel[Sent] = attrs.field(init=False)
    _receiver: trio.MemoryReceiveChannel[Sent] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._sender, self._receiver = trio.open_memory_channel[Sent](BUFFER)

    async def receive(self) -> Wakeup:
        """Return what arrives next, the same contract as the transport's."""
        try:
            if self._on_its_way is None:
                self._on_its_way = await self._receiver.receive()
        except trio.EndOfChannel:
            raise LinkClosed(self._reason) from None
        due, content = self._on_its_way
        if due > trio.current_time():
            await trio.sleep_until(due)
        messages, self._on_its_way = [*content], None
        self.taken += messages
        return Wakeup(messages, self.now_us())

    async def send(self, text: str) -> None:
        """Send a request, the same contract as the transport's."""
        await trio.lowlevel.checkpoint()
        if self._reason is not None:
            raise LinkClosed(self._reason)
        if not self.is_lost:
            await self.asked(self, text)

    async def deliver(self, messages: Sequence[Message]) -> None:
        """Let messages arrive at the engine's half."""
        if self._reason is not None or self.is_lost:
            return
        drip_s = self.pace.drip_s
        for some in [[message] for message in messages] if drip_s else [messages]:
            due = trio.current_time() + self.pace.delay_s
            self._last_due = max(due, self._last_due + drip_s)
            try:
                await self._sender.send((self._last_due, some))
            except trio.ClosedResourceError:
                # Cut while the buffer was full: on a real road, too, these bytes would never arrive.
                return

    def cut(self, reason: str) -> None:
        """End it; what was sent before still arrives."""
        if self._reason is None:
            self._reason = reason
            self._sender.close()
            self.gone(self)
