"""AllTick's other interface: the last trade of some symbols over HTTP, to tell a mute stream from a quiet market.

The path and the numbers-as-texts are those of the trade-tick page of AllTick's API documentation (July 2026). The
answer holds one trade for each symbol that has any, and nothing else: what was missed cannot be fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from trio_ticks.core.timestamps import to_us

_HTTP_PATHS: Final = {
    "/quote-stock-b-ws-api": "/quote-stock-b-api/trade-tick",
    "/quote-b-ws-api": "/quote-b-api/trade-tick",
}
_SCHEMES: Final = {"ws": "http", "wss": "https"}
_OK: Final = 200


class _Trade(msgspec.Struct):
    code: str
    tick_time: str | int


class _Trades(msgspec.Struct):
    tick_list: list[_Trade] = []


class _Answer(msgspec.Struct):
    ret: int
    data: _Trades = msgspec.field(default_factory=_Trades)


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def question_url(stream_url: str) -> str | None:
    """Return where to ask about the symbols of a stream; None where the stream is not at a documented path."""
    parts = urlsplit(stream_url)
    path = _HTTP_PATHS.get(parts.path.rstrip("/"))
    return None if path is None else f"{_SCHEMES[parts.scheme]}://{parts.netloc}{path}"


def question_query(symbols: Sequence[str], trace: str) -> str:
    """Return the part of the query that says what is asked."""
    asked = {"trace": trace, "data": {"symbol_list": [{"code": symbol} for symbol in symbols]}}
    return "query=" + quote(msgspec.json.encode(asked), safe="")


def last_trades(status: int, body: bytes) -> dict[str, int]:
    """Return the time of the last trade by symbol, UTC microseconds; empty where the answer tells none."""
    if status != _OK:
        return {}
    try:
        answer = _ANSWER.decode(body)
        if answer.ret != _OK:
            return {}
        return {trade.code: to_us(trade.tick_time) for trade in answer.data.tick_list}
    except (ValueError, RecursionError):
        return {}
