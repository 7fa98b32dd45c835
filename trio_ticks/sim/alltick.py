"""A conversation with one of AllTick's services, the server's side of it, as AllTick's API documentation has it.

Where the documentation is silent or contradicts itself there is a switch, or the choice is said in a comment.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from typing import Annotated

import attrs
import msgspec

from trio_ticks.sim.catalogue import OK, Catalogue
from trio_ticks.sim.dialect import Answer, Encode, EncodeBook
from trio_ticks.sim.rules import HEARTBEAT_S, REQUEST_S, Plan
from trio_ticks.sim.switches import Switches
from trio_ticks.sim.writing import (
    BAD_DATA,
    BAD_HEADER,
    CANCEL,
    HEARTBEAT,
    SUBSCRIBE_BOOK,
    SUBSCRIBE_TRADE,
    Request,
    Writer,
    result,
)

TOO_FAST = 606  # the one code of the table whose text says that the connection will be closed

# cancel_type → the subscriptions it ends. 3, an exchange-rate subscription, is mentioned but cannot be made.
_CANCELS = {0: (SUBSCRIBE_BOOK, SUBSCRIBE_TRADE), 1: (SUBSCRIBE_BOOK,), 2: (SUBSCRIBE_TRADE,), 3: ()}


class _Code(msgspec.Struct):
    code: str


class _Subscription(msgspec.Struct):
    # An order book's depth_level is not read: the books of the simulator have one level, so all that there are.
    symbol_list: Annotated[list[_Code], msgspec.Meta(min_length=1)]


class _Cancellation(msgspec.Struct):
    cancel_type: int


_decode_request = msgspec.json.Decoder(Request).decode


@attrs.frozen(kw_only=True)
class Terms:
    """What all connections of a token have in common.

    Attributes:
        plan: Limits the codes of a subscription.
        catalogue: The codes there are.
        writer: Writes the answers and the pushes.
    """

    plan: Plan
    catalogue: Catalogue
    writer: Writer

    @property
    def switches(self) -> Switches:
        """How the vendor is taken to behave."""
        return self.writer.switches


@attrs.define(kw_only=True)
class AllTickSession:
    """One connection to one of the two services; a `Session`.

    Attributes:
        service: ``stock`` or ``other``.
        terms: Those of the token.
        deadline_s: 30 s after the connection opened or after the last heartbeat; nothing else moves it.
        numbers: Counts the messages of this connection.
    """

    service: str
    terms: Terms
    opened_s: float
    deadline_s: float = attrs.field(init=False)
    numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1), init=False)
    _requested_s: float | None = attrs.field(default=None, init=False)
    _lists: dict[int, frozenset[str]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.deadline_s = self.opened_s + HEARTBEAT_S
        self._lists = {SUBSCRIBE_BOOK: frozenset(), SUBSCRIBE_TRADE: frozenset()}

    @property
    def symbols(self) -> Collection[str]:
        """The codes whose trades are pushed."""
        return self._lists[SUBSCRIBE_TRADE]

    @property
    def books(self) -> Collection[str]:
        """The codes whose order books are pushed."""
        return self._lists[SUBSCRIBE_BOOK]

    @property
    def encode(self) -> Encode:
        """How trades are written."""
        return self.terms.writer.trade

    @property
    def encode_book(self) -> EncodeBook:
        """How order books are written."""
        return self.terms.writer.book

    def refuse(self, ret: int, *, violation: str = "") -> Answer:
        """Return what a client is told that the handshake let in although it may not be here."""
        return Answer(texts=(self.terms.writer.reply(None, *result(ret)),), ret=ret, violation=violation, close=True)

    def receive(self, message: bytes, now_s: float, *, forced: int | None = None) -> Answer:
        """Return what a message leads to."""
        try:
            request = _decode_request(message)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            texts = (self.terms.writer.reply(None, *BAD_HEADER),)
            return Answer(texts=texts, ret=BAD_HEADER[0], violation="unreadable")
        beat = request.cmd_id == HEARTBEAT
        hurried = self._hurried(now_s) if not beat or self.terms.switches.heartbeat_paced == "yes" else False
        answer = self._refuse_hurry(request) if hurried else None
        if answer is None:
            if beat:
                self.deadline_s = now_s + HEARTBEAT_S
            answer = self._answer(request, OK) if beat else self._serve(request, forced)
        violation = "pacing" if hurried else answer.violation
        return attrs.evolve(answer, request=request.cmd_id, paced=not beat, violation=violation)

    def _hurried(self, now_s: float) -> bool:
        """Note a request; return whether it came too early."""
        last_s, self._requested_s = self._requested_s, now_s
        return last_s is not None and now_s - last_s < REQUEST_S

    def _refuse_hurry(self, request: Request) -> Answer | None:
        """Return what a request that came too early is told; None where it is served all the same."""
        told = self.terms.switches.too_fast
        return None if told == "serve" else self._answer(request, int(told))

    def _serve(self, request: Request, forced: int | None) -> Answer:
        """Do what was asked for."""
        try:
            if request.cmd_id in self._lists:
                asked = msgspec.convert(request.data, _Subscription)
                return self._subscribe(request, asked) if forced is None else self._answer(request, forced)
            if request.cmd_id == CANCEL:
                return self._cancel(request, msgspec.convert(request.data, _Cancellation))
        except msgspec.ValidationError:
            return self._object(request, BAD_DATA, "bad data")
        return self._object(request, BAD_HEADER, "unknown request")

    def _subscribe(self, request: Request, asked: _Subscription) -> Answer:
        """Replace the list of this kind; a list that is refused leaves the old one in force."""
        codes = [item.code for item in asked.symbol_list]
        choice = self.terms.catalogue.choose(codes, self.service, limit=self.terms.plan.codes)
        answer = attrs.evolve(self._answer(request, choice.ret), violation=choice.violation)
        if choice.ret != OK:
            return answer
        before = self._lists[request.cmd_id]
        self._lists[request.cmd_id] = frozenset(choice.codes)
        new = tuple(code for code in dict.fromkeys(choice.codes) if code not in before)
        trades = request.cmd_id == SUBSCRIBE_TRADE
        return attrs.evolve(answer, added=new if trades else (), added_books=() if trades else new)

    def _cancel(self, request: Request, asked: _Cancellation) -> Answer:
        """End the subscriptions of one kind, or of all."""
        if asked.cancel_type not in _CANCELS:
            return self._object(request, BAD_DATA, "bad data")
        for kind in _CANCELS[asked.cancel_type]:
            self._lists[kind] = frozenset()
        return self._answer(request, OK)

    def _answer(self, request: Request, ret: int) -> Answer:
        """Return an answer with a code of the table."""
        texts = (self.terms.writer.reply(request, *result(ret)),)
        return Answer(texts=texts, ret=ret, close=ret == TOO_FAST)

    def _object(self, request: Request, objection: tuple[int, str], violation: str) -> Answer:
        """Return an answer to a request that is not as it must be."""
        texts = (self.terms.writer.reply(request, *objection),)
        return Answer(texts=texts, ret=objection[0], violation=violation)
