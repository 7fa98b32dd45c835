"""One line: one connection of a shard, kept alive for as long as the engine runs.

A line is a loop: wait for its turn to connect → open a link → hold a session on it → back off, for ever. A session
is two tasks on one link. The *talker* sends the subscription and the heartbeats, as paced; the *reader* turns what
comes into events for the sequencer, one batch a wake-up, and watches over silence by moving one deadline. Only an
error marked ``fatal`` ends a line; every other end of a session has a cause and leads to the next attempt.

What a line has received it hands on: sends to the sequencer are shielded from cancellation. They end all the
same, because the sequencer reads until every line is gone, and at a hard stop closes the channel under them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import NoReturn, TypeVar

import attrs
import trio

from trio_ticks.config import ConnectionConfig
from trio_ticks.core.backoff import Backoff
from trio_ticks.core.freshness import MuteBound
from trio_ticks.core.intake import Arrival, Ended, Event, Live, Notice, Session
from trio_ticks.core.ledger import Inbox
from trio_ticks.core.pacing import Pacer
from trio_ticks.errors import FeedError, MuteFeedError, RemoteProtocolError, SilentFeedError
from trio_ticks.feeds.base import Decoded, Feed, Service, as_request, heartbeat_of, limits_of
from trio_ticks.model import Status, Tick
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.conversation import Conversation
from trio_ticks.runtime.transport import Link, LinkClosed, OpenLink, Wakeup

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

log = logging.getLogger("trio_ticks.line")

STALLED_S = 0.5
"""A deadline that is noticed so late means that the event loop stood still: nobody listened, so silence proves
nothing. A smaller bound would put the alarm off in every busy moment; a larger one would cut a link that is well
because a strategy was computing."""


@attrs.frozen
class Wiring:
    """What all lines of an engine share.

    Attributes:
        events: Where to; each line works on a clone of its own.
        inbox: Counts what was decoded and not yet taken.
        open_link: The transport.
        now_us: The clock that stamps receipt.
        chance: Returns a number in [0, 1) to spread retries with.
        numbers: Numbers the sessions.
        retry_first: Whether the first attempt of a line is retried like any other, or ends it.
    """

    events: trio.MemorySendChannel[Event]
    inbox: Inbox
    open_link: OpenLink
    now_us: NowUs
    chance: Callable[[], float]
    numbers: Iterator[int]
    retry_first: bool = True


@attrs.frozen
class LineStatistics:
    """A line at one instant.

    Attributes:
        name: Shard and line, such as ``alltick/stock 0A``.
        state: ``connecting``, ``open``, ``live``, ``waiting`` or ``ended``.
        attempts: To connect, the first included.
        reconnects: By cause: refused, closed, silent, mute, error.
        messages: Received; of these ``unreadable`` and ``unknown`` were no ticks.
        frame_us: When the last message came: is the connection alive?
        tick_us: When the last tick came: does it bring prices?
        last_error: The reason for the latest reconnect, in words.
    """

    name: str
    state: str
    attempts: int
    reconnects: dict[str, int]
    messages: int
    unreadable: int
    unknown: int
    frame_us: int | None
    tick_us: int | None
    last_error: str


class Line:
    """A connection that is kept up. `run` is its task."""

    def __init__(
        self,
        *,
        name: str,
        feed: Feed,
        feed_name: str,
        service: Service,
        symbols: tuple[str, ...],
        pacer: Pacer,
        config: ConnectionConfig,
        wiring: Wiring,
    ) -> None:
        self.name = name
        self._feed = feed
        self._feed_name = feed_name
        self._service = service
        self._symbols = symbols
        self._wanted = frozenset(symbols)
        self._pacer = pacer
        self._config = config
        self._wiring = wiring
        self._heartbeat_s = config.pacing.heartbeat_s or limits_of(feed).heartbeat_s
        self._mute = MuteBound(first_s=config.mute_after_s)
        self._state = "connecting"
        self._attempts = 0
        self._talk_now: Conversation | None = None
        self._reconnects: dict[str, int] = {}
        self._messages = self._unreadable = self._unknown = 0
        self._frame_us: int | None = None
        self._tick_us: int | None = None
        self._last_error = ""

    def statistics(self) -> LineStatistics:
        """Return what the line has seen so far."""
        return LineStatistics(
            name=self.name,
            state=self._state,
            attempts=self._attempts,
            reconnects=dict(self._reconnects),
            messages=self._messages,
            unreadable=self._unreadable,
            unknown=self._unknown,
            frame_us=self._frame_us,
            tick_us=self._tick_us,
            last_error=self._last_error,
        )

    async def run(self) -> NoReturn:
        """Keep the connection up until cancelled.

        Raises:
            FeedError: a fatal one, or any when the first attempt fails and ``retry_first`` is off.

        Cancellation:
            At any await; what was received is handed on, the link is closed cleanly where the peer lets it.

        Backpressure:
            While the sequencer's channel is full nothing is read from the socket; that is not silence.
        """
        backoff = Backoff(
            first_s=self._config.backoff_first_s,
            max_s=self._config.backoff_max_s,
            healthy_s=self._config.healthy_s,
        )
        with self._wiring.events.clone() as events:
            try:
                while True:
                    self._state = "connecting"
                    await trio.sleep_until(self._pacer.connect_at(trio.current_time()))
                    lived_s = await self._attempt(events)
                    self._state = "waiting"
                    await trio.sleep(backoff.after(lived_s, self._wiring.chance()))
            finally:
                self._state = "ended"

    async def _attempt(self, events: trio.MemorySendChannel[Event]) -> float | None:
        """Connect and hold one session; return how long it was live, None if it never was.

        Raises:
            FeedError: a fatal one.
        """
        self._attempts += 1
        talk = Conversation(
            session=Session(self._feed_name, self.name, next(self._wiring.numbers)),
            secret=self._service.secret_query,
        )
        failures: list[FeedError | LinkClosed] = []
        try:
            async with self._wiring.open_link(
                self._service.url,
                secret_query=self._service.secret_query,
                timeout_s=self._config.open_timeout_s,
                now_us=self._wiring.now_us,
            ) as link:
                self._state = "open"
                await self._hold(link, talk, events)
        except* (FeedError, LinkClosed) as group:
            failures += leaves(group)
        self._pacer.forget(talk.session, trio.current_time())
        failure = talk.scrubbed(max(failures, key=_gravity))
        lived_s = talk.lived_s(trio.current_time())
        await self._lost(failure, talk, events)
        if isinstance(failure, FeedError) and (failure.fatal or self._gives_up_at_once(lived_s)):
            raise failure
        log.warning("%s: %s: %s", self.name, failure.cause, failure)  # what is raised is told by whoever catches it
        return lived_s

    async def bury(self, events: trio.MemorySendChannel[Event], cause: str) -> None:
        """End the session that a cancellation cut off, if one was open, where others live on without this line."""
        if self._talk_now is not None:
            await self._end_session(self._talk_now, events, cause)

    async def _hold(self, link: Link, talk: Conversation, events: trio.MemorySendChannel[Event]) -> None:
        self._talk_now = talk
        talk.opened = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._talk, link, talk, name=f"{self.name} talker")
            await self._read(link, talk, events)

    async def _talk(self, link: Link, talk: Conversation) -> None:
        """Subscribe, see that it is acknowledged, keep the heart beating."""
        try:
            await self._subscribe(link, talk)
            await self._beat(link, talk)
        except LinkClosed:
            # The reader meets this end, too, after every message that came before it.
            return

    async def _subscribe(self, link: Link, talk: Conversation) -> None:
        for message in self._own_code(lambda: list(self._feed.subscribe(self._symbols)), "subscribe"):
            request = as_request(message)
            talk.expect(request)
            await trio.sleep_until(self._pacer.request_at(talk.session, trio.current_time()))
            await link.send(request.text)
        talk.asked()
        with trio.move_on_after(self._config.ack_s) as in_time:
            await talk.acknowledged.wait()
        if in_time.cancelled_caught:
            raise RemoteProtocolError(f"no answer to the subscription in {self._config.ack_s:g} s")

    async def _beat(self, link: Link, talk: Conversation) -> None:
        due = talk.opened
        while self._heartbeat_s is not None:
            # Beats that a standstill has swallowed are left out: vendors take a volley for flooding.
            missed = (trio.current_time() - due) // self._heartbeat_s
            due += self._heartbeat_s * (1 + missed)
            await trio.sleep_until(due)
            beat = self._own_code(lambda: heartbeat_of(self._feed), "heartbeat")
            if beat is None:
                return
            await trio.sleep_until(self._pacer.heartbeat_at(talk.session, trio.current_time()))
            await link.send(beat.text)

    async def _read(self, link: Link, talk: Conversation, events: trio.MemorySendChannel[Event]) -> NoReturn:
        """Hand on what comes, until it stops coming."""
        while True:
            talk.heard_at = talk.ticked_at = trio.current_time()
            quiet = await self._listen(link, talk, events)
            if trio.current_time() < quiet.deadline + STALLED_S:
                raise self._silence(talk)

    async def _listen(
        self, link: Link, talk: Conversation, events: trio.MemorySendChannel[Event]
    ) -> trio.CancelScope:
        """Hand on what comes, until nothing does for too long; return the scope whose deadline has passed."""
        while True:
            with trio.CancelScope() as quiet:
                # One scope serves many messages, until its deadline passes while a consumer holds us up, or just as
                # a message comes. Neither is silence: that scope is spoilt, and the next one takes its place.
                while not quiet.cancel_called:
                    silent_at = talk.heard_at + self._config.silent_after_s
                    quiet.deadline = min(silent_at, talk.ticked_at + self._mute.bound_s)
                    wakeup = await link.receive()
                    await self._take(wakeup, talk, events)
            if quiet.cancelled_caught:
                return quiet

    def _silence(self, talk: Conversation) -> FeedError:
        """Return which of the two bounds was passed, as an error."""
        if trio.current_time() >= talk.heard_at + self._config.silent_after_s:
            return SilentFeedError(f"nothing came for {self._config.silent_after_s:g} s")
        bound_s = self._mute.bound_s
        self._mute.tripped()
        return MuteFeedError(f"open and answering, but no tick for {bound_s:g} s")

    async def _take(self, wakeup: Wakeup, talk: Conversation, events: trio.MemorySendChannel[Event]) -> None:
        decoded = self._decode(wakeup)
        arrival = self._claim(decoded, wakeup, talk)
        failure = talk.answered(decoded.replies)
        if talk.goes_live(with_ticks=bool(arrival.ticks)):
            talk.live_since, talk.live_us = trio.current_time(), wakeup.received_us
            self._state = "live"
            await emit(events, Live(talk.session, self._symbols, wakeup.received_us))
            await self._tell(events, "connected", "")
        if arrival.size:
            self._wiring.inbox.put(arrival.size)
            await emit(events, arrival)
        talk.heard_at = trio.current_time()
        talk.heard_us = self._frame_us = wakeup.received_us
        if arrival.ticks:
            self._mute.ticked()
            talk.ticked_at = talk.heard_at
            talk.ticked_us = self._tick_us = wakeup.received_us
        if failure is not None:
            raise failure

    def _decode(self, wakeup: Wakeup) -> Decoded:
        decoded = self._own_code(lambda: self._feed.decode(wakeup.messages), "decode")
        self._messages += len(wakeup.messages)
        self._unreadable += decoded.unreadable
        self._unknown += decoded.unknown
        return decoded

    def _claim(self, decoded: Decoded, wakeup: Wakeup, talk: Conversation) -> Arrival:
        """Make the ticks ours: those asked for, marked with feed and receipt."""
        wanted, feed, received_us = self._wanted, self._feed_name, wakeup.received_us
        ticks: list[Tick] = []
        rejected = [*decoded.rejected]
        for tick in decoded.ticks:
            if tick.symbol not in wanted:
                rejected.append("a symbol that was not subscribed")
                continue
            # The feed has just made this tick for us: nobody else has seen it, so it may still be written to.
            tick.feed = feed  # type: ignore[misc]
            tick.received_us = received_us  # type: ignore[misc]
            ticks.append(tick)
        return Arrival(talk.session, ticks, rejected)

    async def _lost(
        self, failure: FeedError | LinkClosed, talk: Conversation, events: trio.MemorySendChannel[Event]
    ) -> None:
        cause = failure.cause
        self._last_error = str(failure)
        self._reconnects[cause] = self._reconnects.get(cause, 0) + 1
        await self._end_session(talk, events, cause)
        await self._tell(events, cause if cause in {"silent", "mute"} else "disconnected", str(failure))

    async def _end_session(self, talk: Conversation, events: trio.MemorySendChannel[Event], cause: str) -> None:
        """Tell the sequencer of the end of whatever it may have heard of, live or not."""
        self._talk_now = None
        if talk.heard_us is not None:
            await emit(events, Ended(talk.session, talk.covered_until_us(cause), cause))

    async def _tell(self, events: trio.MemorySendChannel[Event], status: str, reason: str) -> None:
        now_us = self._wiring.now_us()
        await emit(events, Notice(Status(status, now_us, reason, feed=self._feed_name, source=self.name)))

    def _gives_up_at_once(self, lived_s: float | None) -> bool:
        return self._attempts == 1 and lived_s is None and not self._wiring.retry_first

    def _own_code(self, call: Callable[[], T], name: str) -> T:
        """Run a part of the feed, which may be the user's, and name it if it raises."""
        try:
            return call()
        except Exception as error:
            words = f"the feed's {name}() raised {type(error).__name__}: {error}"
            raise RemoteProtocolError(words) from error


async def emit(events: trio.MemorySendChannel[Event], event: Event) -> None:
    """Hand an event to the sequencer, even when cancelled: what was received is handed on.

    Cancellation:
        Shielded. It ends with the sequencer at the latest, which a hard stop ends.
    """
    with trio.CancelScope(shield=True):
        try:
            await events.send(event)
        except trio.BrokenResourceError:
            # A hard stop: the sequencer is gone. What was in hand stays counted as waiting in the inbox.
            return


def leaves(group: BaseExceptionGroup[E]) -> list[E]:
    """Return the errors of a group, however deep, in order."""
    found: list[E] = []
    for error in group.exceptions:
        found += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def _gravity(failure: FeedError | LinkClosed) -> int:
    """Of two failures in one session, the fatal one counts, then the one that says more."""
    if isinstance(failure, LinkClosed):
        return 0
    return 2 if failure.fatal else 1
