"""The hub: every connection and its conversation, and the ticks on their way to those that asked for them.

All decisions are synchronous: a message is answered, and a tick handed to every connection, between two
checkpoints. Only reading and writing sockets waits, and that is each connection's own affair (`Link`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus

import attrs
import trio
from websockets.http11 import Request

from trio_ticks.model import Tick
from trio_ticks.sim.alltick import AllTickSession, token_refused
from trio_ticks.sim.connection import Link
from trio_ticks.sim.dialect import Answer, Session
from trio_ticks.sim.handshake import Refusal, Route, Target, find_route, refusal
from trio_ticks.sim.pushes import History, Push, StreamFault, frames, text_frame
from trio_ticks.sim.rules import Plan, TokenPace
from trio_ticks.sim.simple import SimpleSession
from trio_ticks.sim.statistics import Tally

# "Policy violation". Which code the vendor closes with after a refusal is not documented.
REFUSED_CODE = 1008


@attrs.frozen(kw_only=True)
class Behaviour:
    """How the server behaves where that does not change while it runs; the fields are `open_sim`'s arguments."""

    token: str = attrs.field(repr=False)
    plan: Plan
    known: frozenset[str]
    admit_bad_token: bool
    strict_pacing: bool
    capacity_bytes: int


@attrs.define(kw_only=True)
class Hub:
    """The connections, and what befalls them.

    Attributes:
        refusals: If there is any, every handshake gets the last.
        overlaps: The largest says how many of a code's last ticks begin a new subscription to it.
        faults: Applied to the pushes in turn.
        tally: The counters.
    """

    behaviour: Behaviour
    now_us: Callable[[], int]
    refusals: list[HTTPStatus] = attrs.field(factory=list)
    overlaps: list[int] = attrs.field(factory=list)
    faults: list[StreamFault] = attrs.field(factory=list)
    tally: Tally = attrs.field(factory=Tally)
    _links: dict[Link, Session] = attrs.field(factory=dict, init=False)
    _history: History = attrs.field(factory=History, init=False)
    _pace: TokenPace = attrs.field(init=False)
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        self._pace = TokenPace(connect_s=self.behaviour.plan.connect_s)

    @property
    def live(self) -> Sequence[Link]:
        """The connections that are open now."""
        return [link for link in self._links if link.live]

    @property
    def pushes(self) -> int:
        """Ticks written so far, once per connection."""
        return self.tally.pushes + sum(link.pushes for link in self._links)

    # Connections.

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one client until it is gone. Cancellation: at any await, the caller closes the stream."""
        link = Link(stream=stream, capacity_bytes=self.behaviour.capacity_bytes)
        request = await link.read_request()
        if request is not None:
            await self._answer(link, request)
        await link.part()

    async def _answer(self, link: Link, request: Request) -> None:
        """Refuse the request, or hold the conversation that it opens."""
        target = self._admit(request.path)
        if isinstance(target, Refusal):
            self.tally.refused[target.status] += 1
            await link.refuse(target)
        elif await link.accept(request):
            await self._converse(link, target)

    def _admit(self, path: str) -> Target:
        """Return where a request leads, with the limits of the plan and the fault of the hour."""
        behaviour = self.behaviour
        target = find_route(path, token=behaviour.token, admit_bad_token=behaviour.admit_bad_token)
        over_plan = isinstance(target, Route) and self._limited(target)
        if self.refusals:
            return refusal(self.refusals[-1], self.refusals[-1].phrase.lower())
        if isinstance(target, Refusal) and target.status == HTTPStatus.UNAUTHORIZED:
            self.tally.violations["token"] += 1
        if over_plan:
            self.tally.violations["too many connections"] += 1
            return refusal(HTTPStatus.TOO_MANY_REQUESTS, "Too Many Requests")
        return target

    def _limited(self, route: Route) -> bool:
        """Hold an attempt to connect against the token's plan; return whether it is one connection too many.

        A connection whose client died unnoticed counts until it is found out.
        """
        if route.service == "simple" or not route.authorised:
            return False
        if not self._pace.connect(route.service, trio.current_time()):
            self.tally.violations["reconnect pacing"] += 1
        taken = sum(link.live and session.service == route.service for link, session in self._links.items())
        return taken >= self.behaviour.plan.connections

    async def _converse(self, link: Link, route: Route) -> None:
        """Keep the connection in the hub while it lives."""
        session = self._session(route)
        self._links[link] = session
        self.tally.connections_total += 1
        link.set_deadline(session.deadline_s)
        if not route.authorised:
            self._act(link, session, token_refused())
        try:
            cause = await link.run(functools.partial(self._receive, link, session))
            self.tally.ended[cause] += 1
            if cause == "heartbeat":
                self.tally.violations["heartbeat"] += 1
        finally:
            del self._links[link]
            self.tally.pushes += link.pushes
            self._notify()

    def _session(self, route: Route) -> Session:
        """Return a fresh conversation in the dialect of the path."""
        if route.service == "simple":
            return SimpleSession()
        return AllTickSession(
            service=route.service,
            plan=self.behaviour.plan,
            known=self.behaviour.known,
            opened_s=trio.current_time(),
            strict_pacing=self.behaviour.strict_pacing,
        )

    def _receive(self, link: Link, session: Session, message: bytes) -> None:
        """Answer one message."""
        now_s = trio.current_time()
        answer = session.receive(message, now_s)
        self.tally.requests[answer.request] += 1
        if answer.paced and not self._pace.request(link, now_s):
            self.tally.violations["pacing across connections"] += 1
        link.set_deadline(session.deadline_s)
        self._act(link, session, answer)

    def _act(self, link: Link, session: Session, answer: Answer) -> None:
        """Do what an answer says."""
        if answer.violation:
            self.tally.violations[answer.violation] += 1
        for text in answer.texts:
            link.send(text_frame(text))
        if answer.close:
            link.close("refused", code=REFUSED_CODE)
        overlap = max(self.overlaps, default=0)
        for code in answer.added if overlap > 0 and not link.muted else ():
            data, count = frames(self._history.last(code, overlap), (code,), session.encode)
            link.send(data, pushes=count)
        self._notify()

    # Ticks.

    def publish(self, ticks: Iterable[Tick]) -> Sequence[tuple[Link, int]]:
        """Hand ticks to whoever is subscribed.

        Returns:
            For each connection that takes any, what to give to its `Link.wait_written`.
        """
        now_ms = self.now_us() // 1000
        pushes: Sequence[Push] = [Push(tick, now_ms if tick.sequence is None else tick.sequence) for tick in ticks]
        self.tally.published.update(push.tick.symbol for push in pushes)
        for fault in self.faults:
            pushes = fault.apply(pushes)
        return self._deliver(pushes)

    def end_fault(self, fault: StreamFault) -> None:
        """Take a fault off the stream and let go what it held back."""
        later = self.faults[self.faults.index(fault) + 1 :]
        self.faults.remove(fault)
        pushes = fault.flush()
        for other in later:
            pushes = other.apply(pushes)
        self._deliver(pushes)

    def _deliver(self, pushes: Sequence[Push]) -> Sequence[tuple[Link, int]]:
        """Queue pushes on every connection that asked for them."""
        self._history.add(pushes)
        marks = []
        for link, session in self._links.items():
            if link.live and not link.muted:
                data, count = frames(pushes, session.symbols, session.encode)
                if count:
                    marks.append((link, link.send(data, pushes=count)))
        return marks

    # Waiting.

    async def wait_subscribed(self, symbols: Sequence[str]) -> None:
        """Wait until each symbol has a connection that is live, not mute, and subscribed to it."""
        await trio.lowlevel.checkpoint()
        while not all(self._served(symbol) for symbol in symbols):
            await self._changed.wait()

    def _served(self, symbol: str) -> bool:
        return any(
            symbol in session.symbols and link.live and not link.muted for link, session in self._links.items()
        )

    def _notify(self) -> None:
        """Wake whoever waits for a change among the subscriptions."""
        self._changed.set()
        self._changed = trio.Event()
