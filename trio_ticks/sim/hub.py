"""The hub: every connection and its conversation, and the ticks on their way to those that asked for them.

All decisions are synchronous: a message is answered, and a tick handed to every connection, between two
checkpoints. Only reading and writing sockets waits, and that is each connection's own affair (`Link`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import attrs
import trio

from trio_ticks.model import Tick
from trio_ticks.sim.admission import Admission, Places
from trio_ticks.sim.alltick import AllTickSession, Terms
from trio_ticks.sim.conditions import Conditions
from trio_ticks.sim.connection import Link
from trio_ticks.sim.dialect import Answer, Session
from trio_ticks.sim.endpoints import Endpoints
from trio_ticks.sim.exchange import Exchange, HttpRequest, part
from trio_ticks.sim.handshake import Query, Response, Route
from trio_ticks.sim.market import Market
from trio_ticks.sim.mishaps import StreamFault
from trio_ticks.sim.numbering import Numbering
from trio_ticks.sim.pushes import History, Push, frames, text_frame
from trio_ticks.sim.simple import SimpleSession
from trio_ticks.sim.statistics import Tally

# "Policy violation". Which code the vendor closes with after a refusal is not documented.
REFUSED_CODE = 1008


@attrs.define(kw_only=True)
class Hub:
    """The connections, and what befalls them.

    Attributes:
        conditions: The faults in force.
        tally: The counters.
    """

    token: str = attrs.field(repr=False)
    terms: Terms
    capacity_bytes: int
    now_us: Callable[[], int]
    conditions: Conditions = attrs.field(factory=Conditions)
    tally: Tally = attrs.field(factory=Tally)
    _links: dict[Link, Session] = attrs.field(factory=dict, init=False)
    _history: History = attrs.field(factory=History, init=False)
    _market: Market = attrs.field(factory=Market, init=False)
    _numbering: Numbering = attrs.field(init=False)
    _admission: Admission = attrs.field(init=False)
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        self._numbering = Numbering(self.terms.switches)
        self._admission = Admission(
            token=self.token,
            terms=self.terms,
            endpoints=Endpoints(terms=self.terms, market=self._market),
            conditions=self.conditions,
            tally=self.tally,
        )

    @property
    def links(self) -> Sequence[Link]:
        """The connections that are not over yet."""
        return list(self._links)

    @property
    def live(self) -> Sequence[Link]:
        """The connections that are open now."""
        return [link for link in self._links if link.live]

    @property
    def pushes(self) -> int:
        """Ticks written so far, once per connection."""
        return self.tally.pushes + sum(link.outbox.pushes for link in self._links)

    # Connections.

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one client until it is gone. Cancellation: at any await, the caller closes the stream."""
        exchange = Exchange(stream, now_us=self.now_us)
        request = await exchange.read()
        if request is not None:
            await self._answer(stream, exchange, request)
        await part(stream)

    async def _answer(self, stream: trio.SocketStream, exchange: Exchange, request: HttpRequest) -> None:
        """Answer the request, or hold the conversation that it opens."""
        now_s = trio.current_time()
        target = self._admission.find(request)
        places = self._places(target.service) if isinstance(target, Route) else Places(0, 0)
        target = self._admission.admit(target, places, now_s)
        if isinstance(target, Query):
            target = self._admission.answer(target, request.body, now_s)
        if isinstance(target, Response):
            await exchange.respond(target.status, target.body)
            return
        timeout = self.terms.switches.heartbeat_timeout
        link = Link(
            stream=stream,
            capacity_bytes=self.capacity_bytes,
            timeout_code=None if timeout == "drop" else int(timeout),
            drips=self.conditions.drips,
        )
        if await link.accept(request.received):
            over = target.objection == "limit" and places.taken >= self.terms.plan.connections
            await self._converse(link, target, over=over)

    def _places(self, service: str) -> Places:
        """Return how the connections to a service stand."""
        links = [link for link, session in self._links.items() if session.service == service]
        kept = self.terms.switches.vanished_slot == "kept"
        return Places(sum(link.live for link in links), sum(link.vanished for link in links) if kept else 0)

    async def _converse(self, link: Link, route: Route, *, over: bool) -> None:
        """Keep the connection in the hub while it lives."""
        session = self._open(link, route)
        self._links[link] = session
        self.tally.connections_total += 1
        try:
            cause = await link.run(functools.partial(self._receive, link, session, over))
            self.tally.ended[cause] += 1
            if cause == "heartbeat":
                self.tally.violations["heartbeat"] += 1
        finally:
            del self._links[link]
            self.tally.pushes += link.outbox.pushes
            self._notify()

    def _open(self, link: Link, route: Route) -> Session:
        """Return a fresh conversation in the dialect of the path; say goodbye at once where it may not be."""
        if route.service == "simple":
            return SimpleSession()
        session = AllTickSession(service=route.service, terms=self.terms, opened_s=trio.current_time())
        link.set_deadline(session.deadline_s)
        if route.objection == "token":
            self._act(link, session, session.refuse(401, violation="token"))
        elif route.objection == "limit":
            told = self.terms.switches.too_many_connections == "606"
            self._act(link, session, session.refuse(606) if told else Answer(close=True))
        return session

    def _receive(self, link: Link, session: Session, over: bool, message: bytes) -> None:  # noqa: FBT001
        """Answer one message; what comes on a connection that is being closed is not."""
        if not link.live:
            self.tally.violations["subscribing over the limit"] += over
            return
        now_s = trio.current_time()
        answer = session.receive(message, now_s, forced=self.conditions.forced_ret)
        self.tally.requests[answer.request] += 1
        self.tally.answers[answer.ret] += answer.ret > 0
        if answer.paced:
            self._admission.request(link, now_s)
        link.set_deadline(session.deadline_s)
        self._act(link, session, answer)

    def _act(self, link: Link, session: Session, answer: Answer) -> None:
        """Do what an answer says."""
        if answer.violation:
            self.tally.violations[answer.violation] += 1
        texts = b"".join(text_frame(text) for text in answer.texts)
        data, count = self._beginning(session, answer) if not link.muted else (b"", 0)
        acks_later = self.terms.switches.ack == "after" and bool(answer.added or answer.added_books)
        if acks_later and not data:
            link.outbox.put_behind(texts)
        elif acks_later:
            link.send(data + texts, pushes=count)
        else:
            link.send(texts + data, pushes=count)
        if answer.close:
            link.close("refused", code=REFUSED_CODE)
        self._notify()

    def _beginning(self, session: Session, answer: Answer) -> tuple[bytes, int]:
        """Return what a new subscription begins with, and how many trades that is."""
        overlap, last = max(self.conditions.overlaps, default=0), self._history.last
        books = answer.added_books if self.terms.switches.snapshot == "last" else ()
        trades = [push for code in answer.added if overlap > 0 for push in last(code, overlap)]
        data, count = self._frames(trades, session, answer.added, ())
        return data + self._frames([push for code in books for push in last(code, 1)], session, (), books)[0], count

    # Ticks.

    def publish(self, ticks: Iterable[Tick]) -> Sequence[tuple[Link, int]]:
        """Hand ticks to whoever is subscribed.

        Returns:
            For each connection that takes any, what to give to its `Outbox.wait_written`.
        """
        now_ms = self.now_us() // 1000
        pushes: Sequence[Push] = [self._push(tick, now_ms) for tick in ticks]
        self.tally.published.update(push.tick.symbol for push in pushes)
        self._market.add(push.tick for push in pushes)
        for fault in self.conditions.stream:
            pushes = fault.apply(pushes)
        return self._deliver(pushes)

    def end_fault(self, fault: StreamFault) -> None:
        """Take a fault off the stream and let go what it held back."""
        stream = self.conditions.stream
        later = stream[stream.index(fault) + 1 :]
        stream.remove(fault)
        pushes = fault.flush()
        for other in later:
            pushes = other.apply(pushes)
        self._deliver(pushes)

    def audience(self) -> Iterator[tuple[Link, Session]]:
        """Yield the connections that get ticks now."""
        return ((link, session) for link, session in self._links.items() if link.live and not link.muted)

    def _push(self, tick: Tick, now_ms: int) -> Push:
        seq, book_seq = self._numbering.numbers(tick, now_ms)
        return Push(tick=tick, seq=seq, book_seq=book_seq, one_sided=bool(self.conditions.one_sided))

    def _deliver(self, pushes: Sequence[Push]) -> Sequence[tuple[Link, int]]:
        """Queue pushes on every connection that asked for them."""
        self._history.add(pushes)
        marks = []
        for link, session in self.audience():
            data, count = self._frames(pushes, session, session.symbols, session.books)
            if data:
                marks.append((link, link.send(data, pushes=count)))
        return marks

    def _frames(
        self, pushes: Sequence[Push], session: Session, trades: Collection[str], books: Collection[str]
    ) -> tuple[bytes, int]:
        """Return what of the pushes goes to a connection, and how many trades that is."""
        return frames(pushes, session, trades=trades, books=books, renumbered=bool(self.conditions.renumbered))

    # Waiting.

    async def wait_subscribed(self, symbols: Sequence[str]) -> None:
        """Wait until each symbol, or any if none is given, is subscribed on a live connection that is not mute."""
        await trio.lowlevel.checkpoint()
        while not self._is_subscribed(symbols):
            await self._changed.wait()

    def _is_subscribed(self, symbols: Sequence[str]) -> bool:
        subscribed = set[str]().union(*(session.symbols for _, session in self.audience()))
        return subscribed.issuperset(symbols) if symbols else bool(subscribed)

    def _notify(self) -> None:
        """Wake whoever waits for a change among the subscriptions."""
        self._changed.set()
        self._changed = trio.Event()
