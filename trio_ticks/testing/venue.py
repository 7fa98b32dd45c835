"""A vendor in memory: the public fake beside the transport seam.

`Venue.open_link` takes the transport's place (``open_engine(venue.feed("X"), open_link=venue.open_link)``), so the
engine's own tasks run against it unchanged, under Trio's autojump clock if you like. Faults read as sentences::

    await venue.send(tick)
    venue.drop()
    with venue.refusing(): ...
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import trio

from trio_ticks.core.identity import Identity
from trio_ticks.errors import ConnectError
from trio_ticks.feeds.base import Decoded, Limits, Message, Reply, Request
from trio_ticks.model import Tick
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.transport import LinkClosed, Wakeup

EPOCH_US = 1_700_000_000_000_000
"""What `Venue.now_us` shows when Trio's clock shows 0."""


class Venue:
    """Both ends' meeting place. Every link that is open gets what is sent, if it has subscribed to the symbol."""

    def __init__(self) -> None:
        self._links: list[_MemoryLink] = []
        self._refusal: Exception | None = None
        self._changed = trio.Event()
        self.attempts: list[float] = []
        self.requests: list[str] = []

    def now_us(self) -> int:
        """Return the time of day that goes with Trio's clock: under autojump, simulated time."""
        return EPOCH_US + round(trio.current_time() * 1e6)

    def feed(
        self,
        *symbols: str,
        name: str = "venue",
        identity: Identity = "content",
        heartbeat_s: float | None = None,
        limits: Limits | None = None,
    ) -> VenueFeed:
        """Return a feed that speaks this venue's wire."""
        return VenueFeed(symbols, name, identity, limits or Limits(connect_s=0.0, heartbeat_s=heartbeat_s))

    @property
    def open_links(self) -> int:
        """How many links are open."""
        return len(self._links)

    async def send(self, *ticks: Tick) -> None:
        """Send ticks, each as a message of its own, in one wake-up.

        Backpressure:
            Waits while a link's buffer is full, as a socket would.
        """
        await self.send_raw(*(_encode(tick) for tick in ticks), ticks=True)

    async def send_raw(self, *messages: Message, ticks: bool = False) -> None:
        """Send messages as they are. ``ticks`` marks them as prices, which a mute link does not carry."""
        for link in tuple(self._links):
            if not (ticks and link.is_mute):
                await link.deliver(messages)

    async def wait_subscribed(self, links: int = 1) -> None:
        """Wait until so many links are open and have subscribed."""
        while sum(link.subscribed for link in self._links) < links:
            await self._changed.wait()

    def drop(self, reason: str = "the connection was cut") -> None:
        """Cut every link. What was sent before is still received."""
        for link in tuple(self._links):
            link.cut(reason)

    def mute(self) -> None:
        """Stop prices on the links that are open now; answers go on."""
        for link in self._links:
            link.is_mute = True

    @contextmanager
    def refusing(self, error: Exception | None = None) -> Iterator[None]:
        """Refuse every attempt to connect meanwhile."""
        self._refusal = error or ConnectError("the venue refuses")
        try:
            yield
        finally:
            self._refusal = None

    @asynccontextmanager
    async def open_link(
        self, url: str, *, secret_query: str = "", timeout_s: float = 10.0, now_us: NowUs
    ) -> AsyncIterator[_MemoryLink]:
        """Open a link in memory; the same contract as the transport's."""
        del url, secret_query, timeout_s
        self.attempts.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        if self._refusal is not None:
            raise self._refusal
        link = _MemoryLink(self, now_us)
        self._links.append(link)
        try:
            yield link
        finally:
            link.cut("closed by us")

    def _note(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


class _MemoryLink:
    """One end of a link, with the venue's half in the methods that are not `receive` and `send`."""

    def __init__(self, venue: Venue, now_us: NowUs) -> None:
        self._venue = venue
        self._now_us = now_us
        self._sender, self._receiver = trio.open_memory_channel[Sequence[Message]](64)
        self._reason: str | None = None
        self.subscribed = False
        self.is_mute = False

    async def receive(self) -> Wakeup:
        try:
            messages = [*await self._receiver.receive()]
        except trio.EndOfChannel:
            raise LinkClosed(self._reason) from None
        return Wakeup(messages, self._now_us())

    async def send(self, text: str) -> None:
        await trio.lowlevel.checkpoint()
        if self._reason is not None:
            raise LinkClosed(self._reason)
        self._venue.requests.append(text)
        await self.deliver([json.dumps({"answer": text})])
        self.subscribed = True
        self._venue._note()  # noqa: SLF001 - one module, two halves of one link

    async def deliver(self, messages: Sequence[Message]) -> None:
        if self._reason is None:
            await self._sender.send(messages)

    def cut(self, reason: str) -> None:
        if self._reason is None:
            self._reason = reason
            self._sender.close()
            self._venue._links.remove(self)  # noqa: SLF001 - one module, two halves of one link
            self._venue._note()  # noqa: SLF001 - as above


class VenueFeed:
    """The venue's wire: JSON arrays for prices, an echo for an answer."""

    url = "ws://venue.invalid/"

    def __init__(self, symbols: Sequence[str], name: str, identity: Identity, limits: Limits) -> None:
        self.symbols = tuple(symbols)
        self.name = name
        self.identity = identity
        self.limits = limits
        self._beats = 0

    def subscribe(self, symbols: Sequence[str]) -> Sequence[Request]:
        """Ask for the symbols; the answer is an echo."""
        text = " ".join(["subscribe", *symbols])
        return [Request(text, answer=text)]

    def heartbeat(self) -> Request | None:
        """Return the next keep-alive, where the venue wants one."""
        if self.limits.heartbeat_s is None:
            return None
        self._beats += 1
        return Request(f"beat {self._beats}", answer=f"beat {self._beats}")

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Read the venue's messages; what is neither price nor answer is unreadable."""
        decoded = Decoded()
        for message in messages:
            try:
                content = json.loads(message)
                if isinstance(content, list):
                    decoded.ticks.append(Tick(*content))
                else:
                    decoded.replies.append(Reply(content["answer"]))
            except (ValueError, KeyError, TypeError):
                decoded.unreadable += 1
        return decoded


def _encode(tick: Tick) -> str:
    fields = (tick.symbol, tick.time_us, tick.price, tick.volume, tick.price_text, tick.volume_text, tick.side)
    return json.dumps([*fields, tick.trade_id, tick.sequence])
