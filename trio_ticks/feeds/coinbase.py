"""Coinbase Exchange: every trade of its spot markets, public and without a key.

The ``matches`` channel brings one message for each trade, and at each subscription the latest one as
``last_match``. Trade ids are unique within a product, so they are the identity. The ``heartbeat`` channel
sends one message a second for each product; it shows that the connection lives while nothing trades.

``side`` in a match is the side of the *maker*, whose order waited in the book, so that a ``sell`` is an
up-tick: thus Coinbase's Exchange WebSocket documentation, page "Channels", on matches. The aggressor, which
is what `Tick.side` means, is the opposite. The ``ticker`` channel names the taker's side; in recordings the
two agree on every trade.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from trio_ticks.core.identity import Identity
from trio_ticks.core.timestamps import to_us
from trio_ticks.feeds.arguments import checked_symbols, checked_url
from trio_ticks.feeds.base import Decoded, Limits, Message, Reply, Request, Verdict
from trio_ticks.feeds.plain import DecimalText, Number, Symbol, minus_price, minus_volume
from trio_ticks.feeds.wire import NO_FIELD, integer_of, lenient_text_of, line_of, shown, text_of, tick_of
from trio_ticks.model import Tick

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_ticks.model import Side

_URL: Final = "wss://ws-feed.exchange.coinbase.com"

# Answers carry no number of their own. There is one request on a connection, so its kind is enough.
_ANSWER: Final = "subscriptions"

_AGGRESSOR: Final[dict[str, Side]] = {"sell": "buy", "buy": "sell"}

# The reasons of an ``error`` are prose. These phrases were seen in practice; the first that occurs counts.
_BY_WORDS: Final = (
    ("product", Verdict.BAD_SYMBOLS),
    ("rate limit", Verdict.TOO_FAST),
    ("too many", Verdict.TOO_FAST),
    ("slow", Verdict.TOO_FAST),
)


class _Message(msgspec.Struct):
    type: str = ""
    product_id: msgspec.Raw = NO_FIELD
    trade_id: msgspec.Raw = NO_FIELD
    sequence: msgspec.Raw = NO_FIELD
    price: msgspec.Raw = NO_FIELD
    size: msgspec.Raw = NO_FIELD
    side: msgspec.Raw = NO_FIELD
    time: msgspec.Raw = NO_FIELD
    message: msgspec.Raw = NO_FIELD
    reason: msgspec.Raw = NO_FIELD


class _PlainMatch(msgspec.Struct, gc=False):
    type: Literal["match", "last_match"]
    trade_id: Number
    side: Literal["buy", "sell"]
    size: DecimalText
    price: DecimalText
    product_id: Symbol
    sequence: Number
    time: str


_MESSAGE: Final = msgspec.json.Decoder(_Message)
_plain_match: Final = msgspec.json.Decoder(_PlainMatch).decode


class Coinbase:
    """Coinbase Exchange's trades.

    Args:
        products: Such as ``BTC-USD``.
        url: Another endpoint that speaks the same protocol.
        name: Names the feed in records, statistics and the configuration.

    Raises:
        ConfigError: Something about these cannot work; the message names it and what is accepted.
    """

    identity: Identity = "trade_id"
    counts_trades = True

    # Documented: eight new connections a second and a hundred messages a second for each address; an earlier
    # edition asked for four seconds between connections, so one is on the careful side. How many connections
    # may be open is not documented; eight leave room for redundant lines.
    limits = Limits(connections=8, request_s=0.1, connect_s=1.0)

    def __init__(self, *products: str, url: str = _URL, name: str = "coinbase") -> None:
        self.name = name
        self.symbols = checked_symbols(products, example="BTC-USD")
        self.url = checked_url(url)

    def __repr__(self) -> str:
        return f"Coinbase({', '.join(map(repr, self.symbols))}, name={self.name!r})"

    def subscribe(self, symbols: Sequence[str]) -> Sequence[Request]:
        """Return the one request for the matches and heartbeats of these products; none for none."""
        if not symbols:
            return []
        products = list(symbols)
        # The products stand in each channel: listed beside the channels they were refused at times.
        channels = [{"name": channel, "product_ids": products} for channel in ("matches", "heartbeat")]
        request = {"type": "subscribe", "channels": channels}
        return [Request(msgspec.json.encode(request).decode(), answer=_ANSWER)]

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Return what the messages mean: each counts once, a heartbeat not at all."""
        decoded = Decoded()
        add, feed = decoded.ticks.append, self.name
        for message in messages:
            try:  # the fast path, as `plain` explains it; spelt out here, for a call costs more than a check
                match = _plain_match(message)
                price = match.price
                size = match.size
                add(
                    Tick(  # by position: with ten names it would cost twice as much
                        match.product_id,
                        to_us(match.time),
                        -minus_price(f"-{price}e0"),
                        -minus_volume(f"-{size}e0"),
                        price,
                        size,
                        _AGGRESSOR[match.side],
                        match.trade_id,
                        match.sequence,
                        feed,
                    )
                )
            except (ValueError, RecursionError):
                self._read(message, decoded)
        return decoded

    def _read(self, text: Message, decoded: Decoded) -> None:
        """Add what one message means, by all the rules."""
        try:
            message = _MESSAGE.decode(text)
        except (ValueError, RecursionError):
            decoded.unreadable += 1
            return
        if message.type in {"match", "last_match"}:
            self._read_match(message, decoded)
        elif message.type == "subscriptions":
            decoded.replies.append(Reply(_ANSWER))
        elif message.type == "error":
            decoded.replies.append(_failure(message))
        elif message.type != "heartbeat":
            decoded.unknown += 1

    def _read_match(self, match: _Message, decoded: Decoded) -> None:
        try:
            tick = tick_of(
                feed=self.name,
                symbol=text_of(match.product_id),
                time=text_of(match.time),
                price=text_of(match.price),
                policy="positive",
                volume=text_of(match.size),
                side=_AGGRESSOR.get(lenient_text_of(match.side)),
                trade_id=_trade_id(match),
                sequence=integer_of(lenient_text_of(match.sequence)),
            )
        except ValueError as error:
            decoded.rejected.append(str(error))
        else:
            decoded.ticks.append(tick)


def _trade_id(match: _Message) -> int:
    """Return the id, without which a trade cannot be told from its repetition."""
    trade_id = integer_of(lenient_text_of(match.trade_id))
    if trade_id is None:
        raise ValueError(f"{shown(lenient_text_of(match.product_id))}: a trade without an id")
    return trade_id


def _failure(error: _Message) -> Reply:
    message, reason = lenient_text_of(error.message), lenient_text_of(error.reason)
    words = f"{message}: {reason}" if reason else message
    said = words.lower()
    verdict = next((verdict for phrase, verdict in _BY_WORDS if phrase in said), Verdict.REFUSED)
    return Reply(_ANSWER if "subscribe" in said else "", verdict, line_of(words))
