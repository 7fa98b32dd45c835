"""A vendor in memory: the public fake beside the transport seam.

`Venue.open_link` takes the transport's place, so the engine's own tasks run against it unchanged, under Trio's
autojump clock if you like. Faults read as sentences::

    async with venue.open_engine("X") as engine: ...
    await venue.send(tick)
    venue.drop()
    with venue.muting(): ...
    with venue.refusing(): ...
    with venue.denying(Verdict.UNAUTHORISED, "bad token"): ...
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import trio

from trio_ticks.core.identity import Identity
from trio_ticks.errors import ConnectError
from trio_ticks.feeds.base import Feed, Limits, Message, Verdict
from trio_ticks.model import Tick
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.opening import open_engine
from trio_ticks.runtime.road import Road
from trio_ticks.testing.venue_feed import AskableVenueFeed, VenueFeed, encode
from trio_ticks.testing.venue_link import BUFFER, MemoryLink, Pace

__all__ = ["BUFFER", "EPOCH_US", "Venue", "VenueFeed", "encode"]

EPOCH_US = 1_700_000_000_000_000
"""What `Venue.now_us` shows when Trio's clock shows 0."""


class Venue:
    """Both ends' meeting place. A tick reaches every link that is open and has subscribed to its symbol.

    Attributes:
        attempts: When each attempt to connect began, on Trio's clock.
        requests: What was asked, and when.
        senders: For each request, the number of the link it came by.
        taken: Every message that the other end has read, in order.
        greeting: Ticks that each new subscription is shown first, as vendors do that repeat the last price.
        bad: Symbols for which a whole subscription is refused, without a word on which it was.
        traded: Time of the last trade by symbol, whoever saw it; what a question over HTTP is answered with.
        questions: When each such question came, on Trio's clock.
        asked_about: The symbols of each.
    """

    def __init__(self) -> None:
        self._links: list[MemoryLink] = []
        self._changed = trio.Event()
        self._refusal: Exception | None = None
        self._denial: tuple[Verdict, str] | None = None
        self._is_mute = self._is_mum = self._hangs_up = False
        self.attempts: list[float] = []
        self.requests: list[tuple[float, str]] = []
        self.senders: list[int] = []
        self._numbers = itertools.count(1)
        self.taken: list[Message] = []
        self.greeting: Sequence[Tick] = ()
        self.bad: frozenset[str] = frozenset()
        self.traded: dict[str, int] = {}
        self.questions: list[float] = []
        self.asked_about: list[list[str]] = []
        self.is_answering = True
        self._pace = Pace()
        self._opening_s = self._clock_off_s = 0.0
        self._full_until = float("-inf")

    def now_us(self) -> int:
        """Return the time of day that goes with Trio's clock: under autojump, simulated time."""
        return EPOCH_US + round((trio.current_time() + self._clock_off_s) * 1e6)

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

    def askable_feed(self, *symbols: str, heartbeat_s: float | None = None, **limits: Any) -> AskableVenueFeed:
        """Return a feed whose vendor also answers questions; ``limits`` as `Limits` takes them."""
        allowed = Limits(**{"connect_s": 0.0, "heartbeat_s": heartbeat_s, **limits})
        return AskableVenueFeed(symbols, "venue", "content", allowed)

    async def fetch(
        self, url: str, *, secret_query: str = "", timeout_s: float = 10.0, road: Road | None = None
    ) -> tuple[int, bytes]:
        """Answer a question; the same contract as `trio_ticks.runtime.asking.fetch`."""
        del url, timeout_s, road
        asked = secret_query.split(",")
        self.questions.append(trio.current_time())
        self.asked_about.append(asked)
        await trio.lowlevel.checkpoint()
        if not self.is_answering:
            raise ConnectError("the venue does not answer")
        return 200, json.dumps({symbol: self.traded[symbol] for symbol in asked if symbol in self.traded}).encode()

    @asynccontextmanager
    async def open_engine(self, *feeds: Feed | str, **options: Any) -> AsyncIterator[Engine]:
        """Open an engine on this venue, with its clock and with retries that are not spread by chance.

        Args:
            feeds: Feeds, or symbols for one feed.
            **options: As for `trio_ticks.open_engine`, which wins over the venue's own.
        """
        symbols = [feed for feed in feeds if isinstance(feed, str)]
        sources = [feed for feed in feeds if not isinstance(feed, str)]
        if symbols:
            sources.append(self.feed(*symbols))
        own = {"open_link": self.open_link, "fetch": self.fetch, "now_us": self.now_us, "chance": lambda: 0.5}
        async with open_engine(*sources, **(own | options)) as engine:
            yield engine

    @property
    def open_links(self) -> int:
        """How many links are open."""
        return len(self._links)

    async def send(self, *ticks: Tick) -> None:
        """Send ticks, each as a message of its own, in one wake-up.

        Backpressure:
            Waits while a link's buffer is full, as a socket would.
        """
        self.traded |= {tick.symbol: tick.time_us for tick in ticks}
        for link in tuple(self._links):
            shown = [encode(tick) for tick in ticks if tick.symbol in link.symbols]
            if shown and not link.is_mute:
                await link.deliver(shown)

    async def send_raw(self, *messages: Message) -> None:
        """Send messages as they are, to every link."""
        for link in tuple(self._links):
            await link.deliver(messages)

    async def wait_subscribed(self, links: int = 1) -> None:
        """Wait until so many links are open and have subscribed."""
        while sum(bool(link.symbols) for link in self._links) < links:
            await self._changed.wait()

    def subscribed(self) -> tuple[str, ...]:
        """Return what the open links are subscribed to, each as often as it is."""
        return tuple(sorted(symbol for link in self._links for symbol in link.symbols))

    def taken_ticks(self) -> list[Tick]:
        """Return the ticks among what was taken."""
        return [Tick(*content) for content in map(json.loads, self.taken) if isinstance(content, list)]

    def drop(self, reason: str = "the connection was cut", *, oldest: int = 0, newest: int = 0) -> None:
        """Cut so many of the oldest and newest links; every link if neither is given.

        What was sent before is still received.
        """
        for link in [*self._links[:oldest], *self._links[len(self._links) - newest :]] or tuple(self._links):
            link.cut(reason)

    def lose(self, *, slot_s: float = 0.0) -> None:
        """Lose every link half-open: nobody is told, nothing arrives any more, and no slot is free for so long."""
        self._full_until = trio.current_time() + slot_s
        for link in self._links:
            link.is_lost = True

    def step_clock(self, seconds: float) -> None:
        """Set the time of day forward, or back."""
        self._clock_off_s += seconds

    @contextmanager
    def restarting(self) -> Iterator[None]:
        """Cut every link, and refuse all attempts to connect meanwhile."""
        self.drop("the server closed it with 1012")
        with self.refusing(ConnectError("the venue restarts")):
            yield

    @contextmanager
    def delaying(self, seconds: float) -> Iterator[None]:
        """Let whatever is sent meanwhile arrive so much later, in order."""
        self._pace.delay_s = seconds
        try:
            yield
        finally:
            self._pace.delay_s = 0.0

    @contextmanager
    def dripping(self, seconds: float) -> Iterator[None]:
        """Let whatever is sent meanwhile arrive one message at a time, so far apart."""
        self._pace.drip_s = seconds
        try:
            yield
        finally:
            self._pace.drip_s = 0.0

    def forget(self) -> None:
        """Lose what the links have subscribed to, without a word; a new subscription is honoured."""
        for link in self._links:
            link.symbols = frozenset()

    def mute(self) -> None:
        """Stop prices on the links that are open now, for good; answers go on."""
        for link in self._links:
            link.is_mute = True

    @contextmanager
    def muting(self) -> Iterator[None]:
        """Send no prices meanwhile, on old links or new ones; answers go on."""
        before = {link: link.is_mute for link in self._links}
        self._is_mute = True
        self.mute()
        try:
            yield
        finally:
            self._is_mute = False
            for link in self._links:
                link.is_mute = before.get(link, False)

    @contextmanager
    def refusing(self, error: Exception | None = None) -> Iterator[None]:
        """Refuse every attempt to connect meanwhile."""
        self._refusal = error or ConnectError("the venue refuses")
        try:
            yield
        finally:
            self._refusal = None

    @contextmanager
    def denying(self, verdict: Verdict, reason: str = "no") -> Iterator[None]:
        """Answer every request with this verdict meanwhile."""
        self._denial = (verdict, reason)
        try:
            yield
        finally:
            self._denial = None

    @contextmanager
    def ignoring(self) -> Iterator[None]:
        """Answer no request meanwhile."""
        self._is_mum = True
        try:
            yield
        finally:
            self._is_mum = False

    @contextmanager
    def hanging_up(self) -> Iterator[None]:
        """Accept every link meanwhile, answer its subscription, greet it, and close it."""
        self._hangs_up = True
        try:
            yield
        finally:
            self._hangs_up = False

    @contextmanager
    def opening_slowly(self, seconds: float) -> Iterator[None]:
        """Let each attempt to connect take so long meanwhile."""
        self._opening_s = seconds
        try:
            yield
        finally:
            self._opening_s = 0.0

    @asynccontextmanager
    async def open_link(
        self, url: str, *, secret_query: str = "", timeout_s: float = 10.0, road: Road | None = None, now_us: NowUs
    ) -> AsyncIterator[MemoryLink]:
        """Open a link in memory; the same contract as the transport's."""
        del url, secret_query, timeout_s, road
        self.attempts.append(trio.current_time())
        await trio.sleep(self._opening_s)
        if self._refusal is not None:
            raise self._refusal
        if trio.current_time() < self._full_until:
            raise ConnectError("the venue has no free slot")
        link = MemoryLink(
            number=next(self._numbers),
            pace=self._pace,
            taken=self.taken,
            asked=self._asked,
            gone=self._gone,
            now_us=now_us,
            is_mute=self._is_mute,
        )
        self._links.append(link)
        try:
            yield link
        finally:
            link.cut("closed by us")

    def _gone(self, link: MemoryLink) -> None:
        self._links.remove(link)
        self._note()

    def _note(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def _verdict_on(self, text: str) -> tuple[Verdict, str]:
        if text.startswith("subscribe") and self.bad & set(text.split()):
            return Verdict.BAD_SYMBOLS, "code invalid"
        return Verdict.OK, ""

    async def _asked(self, link: MemoryLink, text: str) -> None:
        """Take a request, as the vendor's half of a link."""
        self.requests.append((trio.current_time(), text))
        self.senders.append(link.number)
        if not self._is_mum:
            verdict, reason = self._denial or self._verdict_on(text)
            await link.deliver([json.dumps({"answer": text, "verdict": verdict.value, "reason": reason})])
        word, *symbols = text.split()
        if word == "subscribe" and not self.bad & set(symbols):
            link.symbols = frozenset(symbols)
            shown = [encode(tick) for tick in self.greeting if tick.symbol in link.symbols]
            if shown and not link.is_mute:
                await link.deliver(shown)
            if self._hangs_up:
                link.cut("the venue hangs up")
            self._note()
