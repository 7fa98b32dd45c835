"""The talker of a session: subscribes, halves what is refused, subscribes again when the symbols change, and beats.

All that changes while it waits for its turn travels in one request.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import trio

from trio_ticks.core.intake import Event
from trio_ticks.errors import RemoteProtocolError, SubscriptionError
from trio_ticks.feeds.base import HEARTBEAT, SUBSCRIPTION, Request, as_request, heartbeat_of, hint_of
from trio_ticks.runtime.conversation import Conversation
from trio_ticks.runtime.foreign import own_code
from trio_ticks.runtime.transport import Link, LinkClosed
from trio_ticks.runtime.turns import heartbeat_turn, request_turn
from trio_ticks.runtime.wiring import LineSetup, tell

SHOWN = 5
"""Symbols named in one line; the rest are counted. Each has a status of its own."""


@attrs.frozen
class Talker:
    """Speaks on one link; `run` and `beat` are its tasks."""

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
                    raise SubscriptionError(self._nothing_left())
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
            await tell(self.setup, self.events, "rejected", _with_hint(reason, hint), symbol=symbol)

    def _nothing_left(self) -> str:
        offenders = self.talk.offenders
        some = list(offenders)[:SHOWN]
        more = f" and {len(offenders) - SHOWN} more" if len(offenders) > SHOWN else ""
        reason = _with_hint(offenders[some[0]], self._hint(some[0]))
        return f"the vendor refuses every symbol: {', '.join(some)}{more}: {reason}"


def _listed(messages: Sequence[Request | str] | str) -> list[Request | str]:
    """Return the messages of a subscription; one text is one message, though it looks like a list of letters."""
    return [messages] if isinstance(messages, str) else list(messages)


def _with_hint(reason: str, hint: str) -> str:
    return f"{reason}; {hint}" if hint else reason
