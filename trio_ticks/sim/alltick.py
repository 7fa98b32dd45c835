"""AllTick's protocol, the server's side of it, as AllTick's API documentation has it.

A request is ``{cmd_id, seq_id, trace, data}``; its answer has ``cmd_id + 1``, echoes ``seq_id`` and ``trace``, and
adds ``ret`` and ``msg``; a push has ``cmd_id`` and ``data`` only. Where the documentation is silent or contradicts
itself, the choice made here is said in a comment.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Annotated, Any

import attrs
import msgspec

from trio_ticks.model import Tick
from trio_ticks.sim.dialect import Answer, Encode, price_text, volume_text
from trio_ticks.sim.rules import HEARTBEAT_S, REQUEST_S, Plan, service_of

HEARTBEAT, SUBSCRIBE_BOOK, SUBSCRIBE_TRADE, CANCEL, PUSH_TRADE = 22000, 22002, 22004, 22006, 22998

_OK = (200, "ok")
_BAD_HEADER = (400, "request header param invalid")
_BAD_DATA = (400, "request data param invalid")
_BAD_TOKEN = (401, "token invalid")
_BAD_CODE = (600, "code invalid")
_TOO_FAST = (606, "too many requests and connection will be closed")

_DIRECTIONS = {"buy": 1, "sell": 2, None: 0}
# cancel_type → the subscriptions it ends. 3, an exchange-rate subscription, is mentioned but cannot be made.
_CANCELS = {0: (SUBSCRIBE_BOOK, SUBSCRIBE_TRADE), 1: (SUBSCRIBE_BOOK,), 2: (SUBSCRIBE_TRADE,), 3: ()}


class _Request(msgspec.Struct):
    cmd_id: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
    seq_id: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
    trace: Annotated[str, msgspec.Meta(max_length=64)]
    data: dict[str, Any]


class _Code(msgspec.Struct):
    code: str


class _Subscription(msgspec.Struct):
    symbol_list: Annotated[list[_Code], msgspec.Meta(min_length=1)]


class _Cancellation(msgspec.Struct):
    cancel_type: int


_decode_request = msgspec.json.Decoder(_Request).decode
_encode = msgspec.json.encode


def encode_tick(tick: Tick, seq: int) -> bytes:
    """Return the push of one trade. ``seq`` is written as a number, as the documentation does since 2026-06."""
    return _encode(
        {
            "cmd_id": PUSH_TRADE,
            "data": {
                "code": tick.symbol,
                "seq": seq,
                "tick_time": tick.time_us // 1000,
                "price": price_text(tick),
                "volume": volume_text(tick),
                "turnover": _turnover(tick),
                "trade_direction": _DIRECTIONS[tick.side],
            },
        }
    )


def token_refused() -> Answer:
    """Return what a client with a bad token is told where the handshake lets it in."""
    return Answer(texts=(_reply(None, _BAD_TOKEN),), violation="token", close=True)


@attrs.define(kw_only=True)
class AllTickSession:
    """One connection to one of the two services; a `Session`.

    Attributes:
        service: ``stock`` or ``other``.
        plan: Limits the codes of a subscription.
        known: Every code there is.
        strict_pacing: Answer a request that comes within a second of the last with 606 and hang up;
            otherwise it is served. It is a violation either way. Heartbeats are not counted as requests:
            whether the vendor does is not documented.
        deadline_s: 30 s after the connection opened or after the last heartbeat; nothing else moves it.
    """

    service: str
    plan: Plan
    known: Collection[str]
    opened_s: float
    strict_pacing: bool = True
    deadline_s: float = attrs.field(init=False)
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
    def encode(self) -> Encode:
        """How ticks are written for this session."""
        return encode_tick

    def receive(self, message: bytes, now_s: float) -> Answer:
        """Return what a message leads to."""
        try:
            request = _decode_request(message)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # Nothing to echo: the documented error envelope has cmd_id 0 and an empty trace then.
            return Answer(texts=(_reply(None, _BAD_HEADER),), violation="unreadable")
        if request.cmd_id == HEARTBEAT:
            self.deadline_s = now_s + HEARTBEAT_S
            return Answer(texts=(_reply(request, _OK),), request=HEARTBEAT)
        last_s, self._requested_s = self._requested_s, now_s
        hurried = last_s is not None and now_s - last_s < REQUEST_S
        if hurried and self.strict_pacing:
            texts = (_reply(request, _TOO_FAST),)
            return Answer(texts=texts, request=request.cmd_id, paced=True, violation="pacing", close=True)
        answer = attrs.evolve(self._serve(request), request=request.cmd_id, paced=True)
        return attrs.evolve(answer, violation="pacing") if hurried else answer

    def _serve(self, request: _Request) -> Answer:
        """Do what was asked for."""
        try:
            if request.cmd_id in self._lists:
                return self._subscribe(request, msgspec.convert(request.data, _Subscription))
            if request.cmd_id == CANCEL:
                return self._cancel(request, msgspec.convert(request.data, _Cancellation))
        except msgspec.ValidationError:
            return Answer(texts=(_reply(request, _BAD_DATA),), violation="bad data")
        return Answer(texts=(_reply(request, _BAD_HEADER),), violation="unknown request")

    def _subscribe(self, request: _Request, asked: _Subscription) -> Answer:
        """Replace the list of this kind; one bad code fails the whole list and leaves the old one in force."""
        codes = tuple(item.code for item in asked.symbol_list[: self.plan.codes])
        if not all(code in self.known and service_of(code) == self.service for code in codes):
            return Answer(texts=(_reply(request, _BAD_CODE),), violation="code")
        before = self.symbols
        self._lists[request.cmd_id] = frozenset(codes)
        return Answer(
            texts=(_reply(request, _OK),),
            violation="too many codes" if len(asked.symbol_list) > self.plan.codes else "",
            added=tuple(code for code in dict.fromkeys(codes) if code in self.symbols and code not in before),
        )

    def _cancel(self, request: _Request, asked: _Cancellation) -> Answer:
        """End the subscriptions of one kind, or of all."""
        if asked.cancel_type not in _CANCELS:
            return Answer(texts=(_reply(request, _BAD_DATA),), violation="bad data")
        for kind in _CANCELS[asked.cancel_type]:
            self._lists[kind] = frozenset()
        return Answer(texts=(_reply(request, _OK),))


def _reply(request: _Request | None, result: tuple[int, str]) -> bytes:
    """Return the envelope of an answer; without a request, the one that echoes nothing."""
    ret, msg = result
    cmd_id, seq_id, trace = (request.cmd_id + 1, request.seq_id, request.trace) if request else (0, 0, "")
    return _encode({"ret": ret, "msg": msg, "cmd_id": cmd_id, "seq_id": seq_id, "trace": trace, "data": {}})


def _turnover(tick: Tick) -> str:
    """Return price times volume in plain digits; "" where a text is no number."""
    try:
        return format(Decimal(price_text(tick)) * Decimal(volume_text(tick)), "f")
    except ArithmeticError:
        return ""
