"""AllTick: shares, indices, currencies, metals, oil and crypto, over two WebSocket services.

Which service carries a symbol follows from its suffix; sent to the wrong one it is "code invalid". A
subscription replaces the earlier one of its connection, so the whole list is sent at once. The server hangs
up after thirty seconds without a heartbeat request, whatever else it was sent.

AllTick defines neither what ``seq`` is nor that it is unique, and nothing else numbers a trade. So two ticks
are told apart by their content: many shares trade several times under one stamp of whole seconds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from trio_ticks.config import Secret, secret_from_env
from trio_ticks.core.identity import Identity
from trio_ticks.core.timestamps import to_us
from trio_ticks.errors import ConfigError
from trio_ticks.feeds.alltick_http import last_trades, question_query, question_url
from trio_ticks.feeds.alltick_messages import (
    HEARTBEAT,
    SUBSCRIBE,
    Trade,
    common_trade,
    frame_of,
    loose_trade,
    plain_push,
    reply_of,
    trace_of,
)
from trio_ticks.feeds.alltick_plans import check_fit, plan_named
from trio_ticks.feeds.arguments import checked_symbols, checked_token, checked_url, token_query
from trio_ticks.feeds.base import Decoded, Limits, Message, Question, Request, Service
from trio_ticks.feeds.plain import minus_price, minus_volume
from trio_ticks.feeds.wire import PricePolicy, integer_of, tick_of
from trio_ticks.model import Tick

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_ticks.model import Side

TOKEN_VARIABLE: Final = "ALLTICK_TOKEN"  # noqa: S105 - the name of a variable, not a token

_HOST: Final = "wss://quote.alltick.co"
_PATHS: Final = {"stock": "/quote-stock-b-ws-api", "other": "/quote-b-ws-api"}
_STOCK_SUFFIXES: Final = (".US", ".HK", ".SH", ".SZ")

# A ticker of the United States, or a number of China or Hong Kong. Without its suffix it goes to the wrong service.
_LIKE_A_SHARE: Final = re.compile(r"[A-Z]{1,5}|[0-9]{1,6}")

# seq_id is a uint32 on their side. At one request a second it wraps after 136 years, but it does wrap.
_LAST_SEQ: Final = 2**32 - 1

_SIDES: Final[dict[int | None, Side]] = {1: "buy", 2: "sell"}
_PLAIN_SIDES: Final = {written: _SIDES.get(integer_of(written)) for written in (0, 1, 2, "0", "1", "2")}


def service_of(symbol: str) -> str:
    """Return which of AllTick's services carries a symbol: ``stock`` or ``other``."""
    return "stock" if symbol.endswith(_STOCK_SUFFIXES) else "other"


def price_policy(symbol: str) -> PricePolicy:
    """Return which prices of a symbol can be real.

    Oil and power trade below zero at times. A zero is refused even there: AllTick writes it where there is no
    price, as on the empty side of a book.
    """
    return "positive" if symbol.endswith(_STOCK_SUFFIXES) else "nonzero"


class AllTick:
    """AllTick's real-time trades.

    Args:
        symbols: AllTick's codes, case and all: ``TSLA.US``, ``700.HK``, ``600519.SH``, ``BTCUSDT``, ``GOLD``.
        token: What the website gave you; by default the environment's ``ALLTICK_TOKEN``.
        plan: ``free``, ``basic``, ``premium`` or ``professional``: how many connections and symbols.
        url: Another host. With a path it is used as it is, for all symbols.
        name: Names the feed in records, statistics and the configuration.

    Raises:
        ConfigError: Something about these cannot work; the message names it and what is accepted.
    """

    identity: Identity = "content"

    def __init__(
        self,
        *symbols: str,
        token: str | Secret | None = None,
        plan: str = "free",
        url: str | None = None,
        name: str = "alltick",
    ) -> None:
        self.name = name
        self.symbols = checked_symbols(symbols, example="TSLA.US")
        self._plan = plan_named(plan)
        self._base = checked_url(url or _HOST)
        self._token = _token(token)
        self._last_seq = 0
        check_fit(self._plan, ((service.name, len(service.symbols)) for service in self.services()))

    def __repr__(self) -> str:
        return f"AllTick({', '.join(map(repr, self.symbols))}, plan={self._plan.name!r}, name={self.name!r})"

    @property
    def url(self) -> str:
        """The endpoint of the first service; safe to print."""
        return self.services()[0].url

    @property
    def limits(self) -> Limits:
        """What the plan allows."""
        return self._plan.limits

    def services(self) -> tuple[Service, ...]:
        """Return one service for each endpoint that has symbols."""
        secret = token_query(self._token)
        if urlsplit(self._base).path.strip("/"):
            return (Service(self.name, self._base, self.symbols, secret),)
        host = self._base.rstrip("/")
        parts = {kind: tuple(symbol for symbol in self.symbols if service_of(symbol) == kind) for kind in _PATHS}
        return tuple(
            Service(f"{self.name}/{kind}", host + _PATHS[kind], symbols, secret)
            for kind, symbols in parts.items()
            if symbols
        )

    def service_of(self, symbol: str) -> str:
        """Return the name of the service that carries a symbol."""
        return self.name if urlsplit(self._base).path.strip("/") else f"{self.name}/{service_of(symbol)}"

    def hint(self, symbol: str, service: Service) -> str:
        """Say where a symbol belongs that was sent to the other service, which AllTick calls an invalid code."""
        right = _PATHS[service_of(symbol)]
        path = urlsplit(service.url).path.rstrip("/")
        if path in _PATHS.values() and path != right:
            return f"{symbol} belongs to {right}: leave the path out of url, and each symbol goes where it belongs"
        if path == _PATHS["other"] and _LIKE_A_SHARE.fullmatch(symbol):
            return f"if {symbol} is a share, its suffix is missing: {', '.join(map(symbol.__add__, _STOCK_SUFFIXES))}"
        return ""

    def question(self, symbols: Sequence[str]) -> Question | None:
        """Return the question for the last trades of some symbols of one service."""
        services = {service.name: service for service in self.services()}
        service = services.get(self.service_of(symbols[0]))
        url = None if service is None else question_url(service.url)
        if url is None:
            return None
        query = question_query(symbols, trace_of(self._next_seq()))
        return Question(url, secret_query=f"{token_query(self._token)}&{query}")

    def last_trades(self, status: int, body: bytes) -> dict[str, int]:
        """Return the time of the last trade by symbol, UTC microseconds; empty where the answer tells none."""
        return last_trades(status, body)

    def subscribe(self, symbols: Sequence[str]) -> Sequence[Request]:
        """Return the one request that asks for exactly these symbols; none for none."""
        codes = [{"code": symbol} for symbol in symbols]
        return [self._request(SUBSCRIBE, {"symbol_list": codes})] if codes else []

    def heartbeat(self) -> Request:
        """Return the next keep-alive request."""
        return self._request(HEARTBEAT, {})

    def _request(self, cmd_id: int, data: dict[str, object]) -> Request:
        """Return a request with a ``seq_id`` and a ``trace`` that this object never used before."""
        seq = self._next_seq()
        trace = trace_of(seq)
        frame = {"cmd_id": cmd_id, "seq_id": seq, "trace": trace, "data": data}
        return Request(msgspec.json.encode(frame).decode(), answer=trace)

    def _next_seq(self) -> int:
        self._last_seq = self._last_seq % _LAST_SEQ + 1
        return self._last_seq

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Return what the messages mean; each becomes one tick, reply, rejection, unknown or unreadable."""
        decoded = Decoded()
        add, feed = decoded.ticks.append, self.name
        for message in messages:
            try:  # the fast path, as `plain` explains it; spelt out here, for a call costs more than a check
                trade = plain_push(message).data
                time = trade.tick_time
                price = trade.price
                volume = trade.volume
                seq = trade.seq
                add(
                    Tick(  # by position: with ten names it would cost twice as much
                        trade.code,
                        time * 1000 if time.__class__ is int else to_us(time),
                        -minus_price(f"-{price}e0"),
                        -minus_volume(f"-{volume}e0"),
                        price,
                        volume,
                        _PLAIN_SIDES[trade.trade_direction],
                        None,
                        seq if seq.__class__ is int else integer_of(seq),
                        feed,
                    )
                )
            except (ValueError, RecursionError):
                self._read(message, decoded)
        return decoded

    def _read(self, message: Message, decoded: Decoded) -> None:
        """Add what one message means, by all the rules."""
        trade = common_trade(message)
        if trade is None:
            self._read_other(message, decoded)
        else:
            self._read_trade(trade, decoded)

    def _read_other(self, message: Message, decoded: Decoded) -> None:
        frame = frame_of(message)
        if frame is None:
            decoded.unreadable += 1
        elif reply := reply_of(frame, self._token):
            decoded.replies.append(reply)
        elif frame.is_trade:
            try:
                trade = loose_trade(frame.data)
            except ValueError as error:
                decoded.rejected.append(str(error))
            else:
                self._read_trade(trade, decoded)
        else:
            decoded.unknown += 1

    def _read_trade(self, trade: Trade, decoded: Decoded) -> None:
        try:
            tick = tick_of(
                feed=self.name,
                symbol=trade.code,
                time=trade.tick_time,
                price=trade.price,
                policy=price_policy(trade.code),
                volume=trade.volume,
                side=_SIDES.get(integer_of(trade.trade_direction)),
                sequence=integer_of(trade.seq),
            )
        except ValueError as error:
            decoded.rejected.append(str(error))
        else:
            decoded.ticks.append(tick)


def _token(given: str | Secret | None) -> Secret:
    token = secret_from_env(TOKEN_VARIABLE) if given is None else given
    if token is None:
        raise ConfigError(f"token: none; set {TOKEN_VARIABLE} in the environment, or give token=")
    return checked_token(token)
