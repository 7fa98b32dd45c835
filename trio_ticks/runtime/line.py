"""One line: one connection of a shard, kept alive for as long as the engine runs.

A line is a loop: wait for its turn to connect → open a link → hold a session on it (`trio_ticks.runtime.session`) →
back off, for ever. Only an error marked ``fatal`` ends it; every other end of a session has a cause and leads to the
next attempt.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from typing import NoReturn

import trio

from trio_ticks.core.backoff import Backoff
from trio_ticks.core.freshness import Freshness
from trio_ticks.core.intake import Ended, Event, Session
from trio_ticks.errors import FeedError
from trio_ticks.runtime.conversation import Conversation
from trio_ticks.runtime.groups import leaves
from trio_ticks.runtime.session import hold_session
from trio_ticks.runtime.transport import LinkClosed
from trio_ticks.runtime.turns import connect_turn
from trio_ticks.runtime.vitals import LineStatistics, Vitals
from trio_ticks.runtime.wiring import LineSetup, emit, tell

log = logging.getLogger("trio_ticks.line")

SLOT_S = 40.0
"""AllTick ends a connection 30 s after its last heartbeat, and until then may refuse the one that replaces it."""

PATIENT_S = 5.0
"""The longest pause in that time. Longer would add to the outage; the vendor's own pacing bounds it from below."""


class Line:
    """A connection that is kept up. `run` is its task."""

    def __init__(self, setup: LineSetup, *, symbols: tuple[str, ...]) -> None:
        self.name = setup.name
        self._setup = setup
        self._symbols = symbols
        self._refused: dict[str, str] = {}
        self._freshness = Freshness(first_s=setup.config.mute_after_s, can_ask=setup.inquiry is not None)
        self._vitals = Vitals()
        self._talk: Conversation | None = None
        self._lost_at = -math.inf
        self._added = trio.Event()

    def statistics(self) -> LineStatistics:
        """Return what the line has seen so far."""
        return self._vitals.statistics(
            name=self.name,
            symbols=len(self._symbols),
            accepted=0 if self._talk is None else len(self._talk.search.good),
            refused=self._refused if self._talk is None else self._talk.offenders,
            bound_s=self._freshness.bound_s,
        )

    def add(self, symbols: Iterable[str]) -> None:
        """Carry these, too; asked for with the next request that the pacing allows."""
        fresh = [symbol for symbol in symbols if symbol not in self._symbols]
        self._symbols = (*self._symbols, *fresh)
        if self._talk is not None:
            self._talk.add(fresh)
        self._added.set()

    async def wait_hopeful(self) -> None:
        """Wait until there is a symbol that the vendor has not refused."""
        while self._refused.keys() >= set(self._symbols):
            self._added = trio.Event()
            await self._added.wait()

    def remove(self, symbols: Iterable[str]) -> None:
        """Carry these no longer."""
        gone = set(symbols)
        self._symbols = tuple(symbol for symbol in self._symbols if symbol not in gone)
        self._refused = {symbol: reason for symbol, reason in self._refused.items() if symbol not in gone}
        if self._talk is not None:
            self._talk.remove(gone)

    async def run(self) -> NoReturn:
        """Keep the connection up until cancelled.

        Raises:
            FeedError: a fatal one, or any when the first attempt fails and ``retry_first`` is off.

        Cancellation:
            At any await; what was received is handed on, the link is closed cleanly where the peer lets it.

        Backpressure:
            While the sequencer's channel is full nothing is read from the socket; that is not silence.
        """
        config, wiring = self._setup.config, self._setup.wiring
        backoff = Backoff(first_s=config.backoff_first_s, max_s=config.backoff_max_s, healthy_s=config.healthy_s)
        with wiring.events.clone() as events:
            try:
                while True:
                    self._vitals.state = "connecting"
                    await connect_turn(self._setup.pacer)
                    lived_s = await self._attempt(events)
                    self._vitals.state = "waiting"
                    await trio.sleep(backoff.after(lived_s, wiring.chance(), ceiling_s=self._ceiling_s()))
            finally:
                self._vitals.state = "ended"

    async def bury(self, events: trio.MemorySendChannel[Event], cause: str) -> None:
        """End the session that a cancellation cut off, if one was open, where others live on without this line."""
        if self._talk is not None:
            await self._end_session(self._talk, events, cause)

    async def _attempt(self, events: trio.MemorySendChannel[Event]) -> float | None:
        """Connect and hold one session; return how long it was live, None if it never was.

        Raises:
            FeedError: a fatal one.
        """
        setup = self._setup
        self._vitals.attempts += 1
        talk = Conversation(
            session=Session(setup.feed_name, self.name, next(setup.wiring.numbers)),
            symbols=self._symbols,
            known_bad=self._refused,
            secret=setup.service.secret_query,
        )
        self._talk = talk  # from here on, so that a change of the symbols reaches it while the link is opened
        failures: list[FeedError | LinkClosed] = []
        try:
            async with setup.wiring.open_link(
                setup.service.url,
                secret_query=setup.service.secret_query,
                timeout_s=setup.config.open_timeout_s,
                road=setup.road,
                now_us=setup.wiring.now_us,
            ) as link:
                self._vitals.state = "open"
                await hold_session(setup, link, talk, vitals=self._vitals, freshness=self._freshness, events=events)
        except* (FeedError, LinkClosed) as group:
            failures += leaves(group)
        setup.pacer.forget(talk.session)
        failure = talk.scrubbed(max(failures, key=_gravity))
        lived_s = talk.lived_s(trio.current_time())
        await self._lost(failure, talk, events)
        if isinstance(failure, FeedError) and (failure.fatal or self._gives_up_at_once(lived_s)):
            raise failure
        named = {"event": "disconnected", "source": self.name, "cause": failure.cause, "reason": str(failure)}
        # What is raised is told by whoever catches it.
        log.warning("%s: %s: %s", self.name, failure.cause, failure, extra={"fields": named})
        return lived_s

    async def _lost(
        self, failure: FeedError | LinkClosed, talk: Conversation, events: trio.MemorySendChannel[Event]
    ) -> None:
        cause = failure.cause
        self._vitals.failed(cause, str(failure))
        lived_s = talk.lived_s(trio.current_time())
        if lived_s is not None and lived_s >= self._setup.config.healthy_s:
            # Only then: a server that accepts and closes at once must not be tried every few seconds.
            self._lost_at = trio.current_time()
        await self._end_session(talk, events, cause)
        status = cause if cause in {"silent", "mute"} else "disconnected"
        await tell(self._setup, events, status, str(failure))

    async def _end_session(self, talk: Conversation, events: trio.MemorySendChannel[Event], cause: str) -> None:
        """Tell the sequencer of the end of whatever it may have heard of, live or not."""
        self._talk = None
        self._refused = talk.offenders
        if talk.heard_us is not None:
            await emit(events, Ended(talk.session, talk.covered_until_us(cause), cause))

    def _ceiling_s(self) -> float:
        """Return how long a pause may be: short while the vendor may still count the lost connection as ours."""
        return PATIENT_S if trio.current_time() < self._lost_at + SLOT_S else math.inf

    def _gives_up_at_once(self, lived_s: float | None) -> bool:
        return self._vitals.attempts == 1 and lived_s is None and not self._setup.wiring.retry_first


def _gravity(failure: FeedError | LinkClosed) -> int:
    """Of two failures in one session, the fatal one counts, then the one that says more."""
    if isinstance(failure, LinkClosed):
        return 0
    return 2 if failure.fatal else 1
