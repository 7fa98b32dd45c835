"""One session on one open link: four small tasks, of which the first to fail ends them all.

* the *reader* turns what comes into events for the sequencer, one batch a wake-up, and watches over silence by moving
  one deadline;
* the *talker* subscribes, halves what is refused, and subscribes again whenever the symbols change; all that changes
  while it waits for its turn travels in one request;
* the *heart* beats from the moment of opening, whatever the talker waits for;
* the *watch* asks whether a quiet market is quiet (`trio_ticks.core.freshness`).

What was received is handed on: sends to the sequencer are shielded from cancellation. They end all the same, because
the sequencer reads until every line is gone, and at a hard stop closes the channel under them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NoReturn, TypeVar

import attrs
import trio

from trio_ticks.config import ConnectionConfig
from trio_ticks.core.freshness import Freshness, Step
from trio_ticks.core.intake import Arrival, Event, Live, Notice
from trio_ticks.core.ledger import Inbox
from trio_ticks.core.pacing import Pacer
from trio_ticks.errors import MuteFeedError, RemoteProtocolError, SilentFeedError, SubscriptionError
from trio_ticks.feeds.base import (
    HEARTBEAT,
    SUBSCRIPTION,
    Decoded,
    Feed,
    Request,
    Service,
    as_request,
    heartbeat_of,
    hint_of,
)
from trio_ticks.model import Status, Tick
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.conversation import Conversation
from trio_ticks.runtime.foreign import own_code
from trio_ticks.runtime.inquiry import Fetch, Inquiry
from trio_ticks.runtime.road import Road
from trio_ticks.runtime.transport import Link, LinkClosed, OpenLink, Wakeup
from trio_ticks.runtime.turns import heartbeat_turn, request_turn
from trio_ticks.runtime.vitals import Vitals

E = TypeVar("E", bound=BaseException)

SHOWN = 5
"""Symbols named in one line; the rest are counted. Each has a status of its own."""

COURTESY_S = 0.01
"""A tick that comes in the very moment in which the patience ends still counts."""

SLACK = 1 / 32
"""How much of the patience a deadline may lag behind before it is moved: moving one costs more than decoding a tick,
and one that passes too early only makes the reader look at the clock and wait for the rest."""

STALLED_S = 0.5
"""A deadline that is noticed so late means that the event loop stood still: nobody listened, so silence is no proof.
A smaller bound would put the alarm off in every busy moment; a larger one would cut a link that is well because a
strategy was computing."""


@attrs.frozen
class Wiring:
    """What all lines of an engine share.

    Attributes:
        events: Where to; each line works on a clone of its own.
        inbox: Counts what was decoded and not yet taken.
        open_link: The transport.
        fetch: One question over HTTP.
        now_us: The clock that stamps receipt.
        chance: Returns a number in [0, 1) to spread retries with.
        numbers: Numbers the sessions.
        latest: The newest tick of a symbol of a feed.
        retry_first: Whether the first attempt of a line is retried like any other, or ends it.
    """

    events: trio.MemorySendChannel[Event]
    inbox: Inbox
    open_link: OpenLink
    fetch: Fetch
    now_us: NowUs
    chance: Callable[[], float]
    numbers: Iterator[int]
    latest: Callable[[str, str], Tick | None]
    retry_first: bool = True


@attrs.frozen
class LineSetup:
    """What a line is told once.

    Attributes:
        name: Shard and line, such as ``alltick/stock 0A``.
        feed: The vendor's wire.
        feed_name: The feed's name in this engine.
        service: The endpoint.
        pacer: Shared by all lines of a token and service.
        inquiry: The other way to the vendor; None where it has none.
        road: How its hosts are reached.
        config: How connections are opened, judged and given up.
        wiring: What all lines of the engine share.
        heartbeat_s: Between heartbeats; None: none are wanted.
    """

    name: str
    feed: Feed
    feed_name: str
    service: Service
    pacer: Pacer
    inquiry: Inquiry | None
    road: Road
    config: ConnectionConfig
    wiring: Wiring
    heartbeat_s: float | None


async def hold_session(
    setup: LineSetup,
    link: Link,
    talk: Conversation,
    *,
    vitals: Vitals,
    freshness: Freshness,
    events: trio.MemorySendChannel[Event],
) -> NoReturn:
    """Hold a session until it fails.

    Raises:
        FeedError, LinkClosed: why it ended, inside an exception group.

    Cancellation:
        At any await; what was received is handed on.

    Backpressure:
        While the sequencer's channel is full nothing is read from the socket; that is not silence.
    """
    talk.opened, talk.opened_us = trio.current_time(), setup.wiring.now_us()
    reader = _Reader(setup, link, talk, vitals, freshness, events)
    talker = _Talker(setup, link, talk, events)
    watch = _Watch(setup, talk, vitals, freshness)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(talker.run, name=f"{setup.name} talker")
        nursery.start_soon(talker.beat, name=f"{setup.name} heart")
        nursery.start_soon(watch.run, name=f"{setup.name} watch")
        await reader.run()


@attrs.frozen
class _Reader:
    setup: LineSetup
    link: Link
    talk: Conversation
    vitals: Vitals
    freshness: Freshness
    events: trio.MemorySendChannel[Event]

    async def run(self) -> NoReturn:
        """Hand on what comes, until nothing does for too long."""
        silent_after_s = self.setup.config.silent_after_s
        while True:
            self.talk.heard_at = trio.current_time()
            due = await self._listen(silent_after_s)
            if trio.current_time() < due + STALLED_S:
                raise SilentFeedError(f"nothing came for {silent_after_s:g} s")

    async def _listen(self, silent_after_s: float) -> float:
        """Hand on what comes; return until when it could have come, once that has passed."""
        due, slack_s = self.talk.heard_at + silent_after_s, silent_after_s * SLACK
        while True:
            with trio.CancelScope(deadline=due) as quiet:
                # One scope serves many messages, until its deadline passes while a consumer holds us up, or just as
                # a message comes. Neither is silence: that scope is spoilt, and the next one takes its place.
                while not quiet.cancel_called:
                    wakeup = await self.link.receive()
                    self.talk.is_handing_on = True
                    await self._take(wakeup)
                    self.talk.is_handing_on = False
                    due = self.talk.heard_at + silent_after_s
                    if due > quiet.deadline + slack_s:
                        quiet.deadline = due
            if quiet.cancelled_caught and trio.current_time() >= due:
                return due

    async def _take(self, wakeup: Wakeup) -> None:
        woke, talk = trio.current_time(), self.talk
        decoded = own_code(lambda: self.setup.feed.decode(wakeup.messages), "decode")
        self.vitals.decoded(len(wakeup.messages), decoded)
        arrival = self._claim(decoded, wakeup)
        failure = talk.answered(decoded.replies)
        # A vendor may acknowledge after the first prices: what has brought some needs no other proof that it is live.
        fresh = talk.goes_live(with_ticks=bool(arrival.ticks) or talk.ticked_us is not None)
        if fresh:
            await self._go_live(fresh, wakeup.received_us)
        if arrival.size:
            self.setup.wiring.inbox.put(arrival.size)
            await emit(self.events, arrival)
        talk.heard_at, talk.heard_us = trio.current_time(), wakeup.received_us
        self.vitals.heard(wakeup.received_us, arrival.ticks)
        if arrival.ticks:
            talk.ticked_us = wakeup.received_us
            self.freshness.ticked(woke, talk.heard_at)
        if failure is not None:
            raise failure

    async def _go_live(self, symbols: tuple[str, ...], at_us: int) -> None:
        is_first = self.talk.live_since is None
        if is_first:
            self.talk.live_since, self.talk.live_us = trio.current_time(), at_us
            self.vitals.state = "live"
        await emit(self.events, Live(self.talk.session, symbols, at_us))
        if is_first:
            await tell(self.setup, self.events, "connected")

    def _claim(self, decoded: Decoded, wakeup: Wakeup) -> Arrival:
        """Make the ticks ours: those asked for, marked with feed and receipt."""
        ticks, rejected = decoded.ticks, decoded.rejected
        wanted, feed, received_us = self.talk.wanted, self.setup.feed_name, wakeup.received_us
        if not wanted.issuperset(map(_SYMBOL, ticks)):
            asked = [tick for tick in ticks if tick.symbol in wanted]
            rejected = [*rejected, *["a symbol that was not subscribed"] * (len(ticks) - len(asked))]
            ticks = asked
        for tick in ticks:
            # The feed has just made this tick for us: nobody else has seen it, so it may still be written to.
            tick.feed = feed  # type: ignore[misc]
            tick.received_us = received_us  # type: ignore[misc]
        return Arrival(self.talk.session, ticks, rejected)


_SYMBOL = operator.attrgetter("symbol")


@attrs.frozen
class _Talker:
    setup: LineSetup
    link: Link
    talk: Conversation
    events: trio.MemorySendChannel[Event]

    async def run(self) -> None:
        """Keep subscribed what is wanted and possible."""
        try:
            while True:
                while not self.talk.search.is_settled:
                    await self._subscribe()
                    await self._tell_refused()
                if self.talk.offenders and not self.talk.search.good:
                    raise SubscriptionError(_nothing_left(self.talk.offenders))
                await self._news(math.inf)
        except LinkClosed:
            # The reader meets this end, too, after every message that came before it.
            return

    async def beat(self) -> None:
        """Send heartbeats from the moment of opening, as the pacing allows."""
        setup, due = self.setup, self.talk.opened
        while setup.heartbeat_s is not None:
            # Beats that a standstill has swallowed are left out: vendors take a volley for flooding.
            missed = (trio.current_time() - due) // setup.heartbeat_s
            due += setup.heartbeat_s * (1 + missed)
            await trio.sleep_until(due)
            beat = own_code(lambda: heartbeat_of(setup.feed), "heartbeat")
            if beat is None:
                return
            await heartbeat_turn(setup.pacer, self.talk.session)
            self.talk.expect(beat, HEARTBEAT)
            try:
                await self.link.send(beat.text)
            except LinkClosed:
                return

    async def _subscribe(self) -> None:
        """Ask for one list, as late as the pacing wants it, and wait for the answer."""
        setup, talk = self.setup, self.talk
        await request_turn(setup.pacer, talk.session)
        symbols = talk.asking()
        messages = own_code(lambda: _listed(setup.feed.subscribe(symbols)), "subscribe")
        for number, message in enumerate(messages):
            if number:
                await request_turn(setup.pacer, talk.session)
            if talk.is_answered:
                break  # a part of the list is refused, and with it the rest
            request = as_request(message)
            talk.expect(request, SUBSCRIPTION)
            await self.link.send(request.text)
        talk.asked()
        deadline = trio.current_time() + setup.config.ack_s
        while not talk.is_answered:
            if trio.current_time() >= deadline:
                raise RemoteProtocolError(f"no answer to the subscription in {setup.config.ack_s:g} s")
            await self._news(deadline)

    async def _news(self, deadline: float) -> None:
        with trio.move_on_at(deadline):
            await self.talk.news.wait()
        self.talk.news = trio.Event()

    def _hint(self, symbol: str) -> str:
        try:
            return own_code(lambda: hint_of(self.setup.feed, self.setup.service, symbol), "hint")
        except RemoteProtocolError as error:
            return str(error)  # that a symbol is refused is told with or without a good hint

    async def _tell_refused(self) -> None:
        untold, self.talk.untold = self.talk.untold, {}
        for symbol, reason in untold.items():
            hint = self._hint(symbol)
            await tell(self.setup, self.events, "rejected", reason + (f"; {hint}" if hint else ""), symbol=symbol)


@attrs.frozen
class _Watch:
    setup: LineSetup
    talk: Conversation
    vitals: Vitals
    freshness: Freshness

    async def run(self) -> NoReturn:
        """Find out whether a line that is quiet is mute."""
        self.freshness.began(trio.current_time())
        while True:
            # Ticks move the instant, mostly away: looking now and then costs less than being told of each.
            now = trio.current_time()
            look_at = min(max(self.freshness.due + COURTESY_S, now), now + self.freshness.bound_s)
            await trio.sleep_until(look_at)
            stood_still = trio.current_time() > look_at + STALLED_S
            if stood_still or self.talk.is_handing_on or not self.talk.search.good:
                # Nobody listened, or nothing is subscribed yet: what does not come then is no silence.
                self.freshness.began(trio.current_time())
            elif trio.current_time() >= self.freshness.due + COURTESY_S:
                await self._act()

    async def _act(self) -> None:
        freshness, step = self.freshness, self.freshness.step
        quiet_s = freshness.quiet_s(trio.current_time())
        freshness.taken(trio.current_time())
        if step is Step.RECONNECT:
            raise MuteFeedError(f"open and answering, but no tick for {quiet_s:.0f} s")
        if step is Step.RESUBSCRIBE:
            self.talk.search.repeat()
            self.talk.wake()
            return
        assert self.setup.inquiry is not None, "only a line that can ask is told to"
        self.vitals.questions += 1
        newer = await self.setup.inquiry.knows_newer(self.vitals.busiest(self.talk.search.good), self.talk.opened_us)
        freshness.answered(trio.current_time(), newer=newer)


def _listed(messages: Sequence[Request | str] | str) -> list[Request | str]:
    """Return the messages of a subscription; one text is one message, though it looks like a list of letters."""
    return [messages] if isinstance(messages, str) else list(messages)


def _nothing_left(offenders: Mapping[str, str]) -> str:
    some = list(offenders)[:SHOWN]
    more = f" and {len(offenders) - SHOWN} more" if len(offenders) > SHOWN else ""
    return f"the vendor refuses every symbol: {', '.join(some)}{more}: {offenders[some[0]]}"


async def tell(
    setup: LineSetup,
    events: trio.MemorySendChannel[Event],
    status: str,
    reason: str = "",
    *,
    symbol: str | None = None,
) -> None:
    """Let consumers know."""
    now_us = setup.wiring.now_us()
    note = Status(status, now_us, reason, feed=setup.feed_name, symbol=symbol, source=setup.name)
    await emit(events, Notice(note))


async def emit(events: trio.MemorySendChannel[Event], event: Event) -> None:
    """Hand an event to the sequencer, even when cancelled: what was received is handed on.

    Cancellation:
        Shielded. It ends with the sequencer at the latest, which a hard stop ends.
    """
    try:
        # Without a wait where there is room: that spares a scheduler pass, and every caller waits for its peer, too.
        events.send_nowait(event)
    except trio.WouldBlock:
        with trio.CancelScope(shield=True), suppress(trio.BrokenResourceError):
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
