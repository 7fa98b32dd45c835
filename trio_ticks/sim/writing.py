"""How AllTick's messages are spelt, with the switches that bear on it; texts are UTF-8 JSON.

A request is ``{cmd_id, seq_id, trace, data}``; its answer has ``cmd_id + 1``, echoes ``seq_id`` and ``trace``, and
adds ``ret`` and ``msg``; a push has ``cmd_id`` and ``data`` only. Prices and volumes are decimal strings.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import attrs
import msgspec

from trio_ticks.model import Tick
from trio_ticks.sim.dialect import price_text, volume_text
from trio_ticks.sim.rules import is_forex
from trio_ticks.sim.switches import Switches

HEARTBEAT, SUBSCRIBE_BOOK, SUBSCRIBE_TRADE, CANCEL = 22000, 22002, 22004, 22006
PUSH_TRADE, PUSH_BOOK = 22998, 22999

# What the table of return codes says. The number is the meaning; 400 has two texts.
MESSAGES = {
    200: "ok",
    401: "token invalid",
    402: "query invalid",
    429: "Too Many Requests",
    600: "code invalid",
    601: "body empty",
    603: "token level not enough",
    604: "code unauthorized",
    605: "too many requests",
    606: "too many requests and connection will be closed",
}
BAD_HEADER = (400, "request header param invalid")
BAD_DATA = (400, "request data param invalid")
# The documented example of an error has these numbers where the table of codes has 400.
_BARE = {BAD_HEADER: 201, BAD_DATA: 202}

_DIRECTIONS = {"buy": 1, "sell": 2, None: 0}
_SPREAD = Decimal("0.0001")  # of the price, between the sides of a synthetic book: narrow, and never zero

_encode = msgspec.json.encode


class Request(msgspec.Struct):
    """A client's message."""

    cmd_id: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
    seq_id: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
    trace: Annotated[str, msgspec.Meta(max_length=64)]
    data: dict[str, Any]


def result(ret: int) -> tuple[int, str]:
    """Return a code of the table with its text."""
    return ret, MESSAGES[ret]


@attrs.frozen(eq=False)
class Writer:
    """Writes all that a connection is sent. One for all connections, so that they share the bytes of a push."""

    switches: Switches

    def reply(self, request: Request | None, ret: int, msg: str) -> bytes:
        """Return the answer to a request; None where it could not be read: nothing can be echoed then."""
        echo = request
        if ret != 200 and self.switches.error_envelope == "bare":  # noqa: PLR2004 - "ok", as everywhere
            echo, ret = None, _BARE.get((ret, msg), ret)
        cmd_id, seq_id, trace = (echo.cmd_id + 1, echo.seq_id, echo.trace) if echo else (0, 0, "")
        fields = {"ret": ret, "msg": msg, "cmd_id": cmd_id, "seq_id": seq_id, "trace": trace}
        if ret == 200 or self.switches.error_data == "present":  # noqa: PLR2004
            fields["data"] = {}
        return _encode(fields)

    def trade(self, tick: Tick, seq: int) -> bytes:
        """Return the push of a trade."""
        data = self._head(tick, seq) | {
            "price": price_text(tick),
            "volume": volume_text(tick),
            "turnover": turnover_text(tick),
            "trade_direction": direction(tick, self.switches),
        }
        if is_forex(tick.symbol) and self.switches.forex_turnover == "absent":
            del data["turnover"]
        return _encode({"cmd_id": PUSH_TRADE, "data": data})

    def book(self, tick: Tick, seq: int, one_sided: bool) -> bytes:  # noqa: FBT001 - an `EncodeBook`
        """Return the push of a book of one level around the price of the last trade.

        Args:
            tick: The trade.
            seq: The number of the message.
            one_sided: Nobody sells, as at a limit up.
        """
        bid, ask = _quotes(tick)
        nobody = [{"price": "0", "volume": "0"}] if self.switches.one_sided_book == "zero" else []
        data = self._head(tick, seq) | {
            "bids": [self._row(tick, bid)],
            "asks": nobody if one_sided else [self._row(tick, ask)],
        }
        return _encode({"cmd_id": PUSH_BOOK, "data": data})

    def _head(self, tick: Tick, seq: int) -> dict[str, object]:
        """Return what trades and books begin with."""
        time = tick.time_us // (1_000 if self.switches.time_unit == "ms" else 1_000_000)
        written = str if self.switches.numbers == "string" else int
        return {"code": tick.symbol, "seq": written(seq), "tick_time": written(time)}

    def _row(self, tick: Tick, price: str) -> dict[str, str]:
        """Return a level of a book; its volume is that of the trade."""
        bare = is_forex(tick.symbol) and self.switches.forex_book_volume == "absent"
        return {"price": price} if bare else {"price": price, "volume": volume_text(tick)}


def direction(tick: Tick, switches: Switches) -> int:
    """Return the side of a trade as AllTick's number; one that was recorded counts, whatever is traded."""
    unknown = tick.side is None and is_forex(tick.symbol)
    return int(switches.forex_direction) if unknown else _DIRECTIONS[tick.side]


def turnover_text(tick: Tick) -> str:
    """Return price times volume in plain digits; "" where a text is no number."""
    try:
        return format(Decimal(price_text(tick)) * Decimal(volume_text(tick)), "f")
    except ArithmeticError:
        return ""


def _quotes(tick: Tick) -> tuple[str, str]:
    """Return a bid below and an ask above the price; the price's own text where that is no number."""
    try:
        price = Decimal(price_text(tick))
        half = abs(price) * _SPREAD / 2
        return format(price - half, "f"), format(price + half, "f")
    except ArithmeticError:
        return price_text(tick), price_text(tick)
