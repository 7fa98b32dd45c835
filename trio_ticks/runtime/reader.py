"""The reader of a session: what comes on the link becomes events for the sequencer, one batch a wake-up.

It watches over silence by moving one deadline, and over nothing else: whether a quiet market is quiet is the watch's
question (`trio_ticks.runtime.watch`).
"""

from __future__ import annotations

import operator
from typing import NoReturn

import attrs
import trio

from trio_ticks.core.freshness import Freshness
from trio_ticks.core.intake import Arrival, Event, Live
from trio_ticks.errors import SilentFeedError
from trio_ticks.feeds.base import Decoded
from trio_ticks.runtime.conversation import Conversation
from trio_ticks.runtime.foreign import own_code
from trio_ticks.runtime.transport import Link, Wakeup
from trio_ticks.runtime.vitals import Vitals
from trio_ticks.runtime.wiring import LineSetup, emit, tell

SLACK = 1 / 32
"""How much of the patience a deadline may lag behind before it is moved: moving one costs more than decoding a tick,
and one that passes too early only makes the reader look at the clock and wait for the rest."""

STALLED_S = 0.5
"""A deadline that is noticed so late means that the event loop stood still: nobody listened, so silence is no proof.
A smaller bound would put the alarm off in every busy moment; a larger one would cut a link that is well because a
strategy was computing."""


@attrs.frozen
class Reader:
    """Reads one link; `run` is its task."""

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
        decoded = own_code(lambda: _decoded(self.setup.feed.decode(wakeup.messages)), "decode")
        self.vitals.decoded(len(wakeup.messages), decoded)
        arrival = own_code(lambda: self._claim(decoded, wakeup), "decode")  # which may have put anything in there
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


def _decoded(returned: object) -> Decoded:
    if not isinstance(returned, Decoded):
        raise TypeError(f"it returned a {type(returned).__name__}; accepted is a Decoded")
    return returned


_SYMBOL = operator.attrgetter("symbol")
