"""A plain dialect that a blog post shows under AllTick's name: one list to subscribe, flat objects back.

AllTick's own documentation does not know it, so nothing is taken for granted but what the post shows: a
request ``{"action": "subscribe", "symbols": […]}``, and messages with ``symbol``, ``price`` and ``time``. No
answer, no heartbeat, no number and no size are promised. A size and a side are read where they come, and
several trades may come in one array.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trio_ticks.config import Secret, secret_from_env
from trio_ticks.core.identity import Identity
from trio_ticks.feeds.alltick import TOKEN_VARIABLE, price_policy
from trio_ticks.feeds.arguments import checked_symbols, checked_token, checked_url, token_query
from trio_ticks.feeds.base import Decoded, Limits, Message, Request, Service
from trio_ticks.feeds.wire import NO_FIELD, lenient_text_of, text_of, tick_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_ticks.model import Side, Tick

_URL: Final = "wss://api.alltick.co/ws/stock"

_SIDES: Final[dict[str, Side]] = {"buy": "buy", "sell": "sell"}


class _Trade(msgspec.Struct):
    symbol: msgspec.Raw = NO_FIELD
    price: msgspec.Raw = NO_FIELD
    time: msgspec.Raw = NO_FIELD
    volume: msgspec.Raw = NO_FIELD
    side: msgspec.Raw = NO_FIELD

    @property
    def is_one(self) -> bool:
        """Whether it looks like a trade at all, and not like an acknowledgement or an error."""
        return self.symbol is not NO_FIELD and (self.price is not NO_FIELD or self.time is not NO_FIELD)


_ONE: Final = msgspec.json.Decoder(_Trade)
_MANY: Final = msgspec.json.Decoder(list[_Trade])


class AllTickSimple:
    """The dialect's trades.

    Args:
        symbols: Such as ``TSLA.US``.
        token: Sent with the URL where there is one; by default the environment's ``ALLTICK_TOKEN``.
        url: Another endpoint that speaks the same dialect.
        name: Names the feed in records, statistics and the configuration.

    Raises:
        ConfigError: Something about these cannot work; the message names it and what is accepted.
    """

    identity: Identity = "content"

    # Nothing is documented. These are the vendor's rules for a paid token on its own protocol.
    limits = Limits(connections=10, request_s=1.05, connect_s=3.0)

    def __init__(
        self,
        *symbols: str,
        token: str | Secret | None = None,
        url: str = _URL,
        name: str = "alltick-simple",
    ) -> None:
        self.name = name
        self.symbols = checked_symbols(symbols, example="TSLA.US")
        self.url = checked_url(url)
        secret = secret_from_env(TOKEN_VARIABLE) if token is None else token
        self._token = None if secret is None else checked_token(secret)

    def __repr__(self) -> str:
        return f"AllTickSimple({', '.join(map(repr, self.symbols))}, name={self.name!r})"

    def services(self) -> tuple[Service, ...]:
        """Return the one endpoint, with the token where there is one."""
        secret = "" if self._token is None else token_query(self._token)
        return (Service(self.name, self.url, self.symbols, secret),)

    def subscribe(self, symbols: Sequence[str]) -> Sequence[Request]:
        """Return the one request that asks for these symbols; none for none."""
        request = {"action": "subscribe", "symbols": list(symbols)}
        return [Request(msgspec.json.encode(request).decode())] if symbols else []

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Return what the messages mean.

        Each counts once as unreadable or unknown, or its trades count one by one as ticks or rejections.
        """
        decoded = Decoded()
        for message in messages:
            trades = _trades_in(message)
            if trades is None:
                decoded.unreadable += 1
            elif not any(trade.is_one for trade in trades):
                decoded.unknown += 1
            else:
                self._read(trades, decoded)
        return decoded

    def _read(self, trades: Sequence[_Trade], decoded: Decoded) -> None:
        for trade in trades:
            try:
                decoded.ticks.append(self._tick(trade))
            except ValueError as error:
                decoded.rejected.append(str(error))

    def _tick(self, trade: _Trade) -> Tick:
        symbol = text_of(trade.symbol)
        return tick_of(
            feed=self.name,
            symbol=symbol,
            time=text_of(trade.time),
            price=text_of(trade.price),
            policy=price_policy(symbol),
            volume=text_of(trade.volume),
            side=_SIDES.get(lenient_text_of(trade.side).lower()),
        )


def _trades_in(message: Message) -> Sequence[_Trade] | None:
    """Return the objects in a message, whether one or an array, or None where it holds none."""
    for decoder in (_ONE, _MANY):
        try:
            found = decoder.decode(message)
        except (ValueError, RecursionError):
            continue
        return found if isinstance(found, list) else [found]
    return None
