"""AllTick's HTTP endpoints: ``trade-tick``, ``kline`` and ``batch-kline``; all market numbers are strings.

A query is ``{"trace": …, "data": {…}}``, in the URL or in the body of a POST; the answer is
``{ret, msg, trace, data}``. Errors of the query come with HTTP status 200 and say what they are in ``ret``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import attrs
import msgspec

from trio_ticks.model import Tick
from trio_ticks.sim.alltick import Terms
from trio_ticks.sim.catalogue import OK, OVER_LIMIT
from trio_ticks.sim.dialect import price_text, volume_text
from trio_ticks.sim.market import Bar, Market
from trio_ticks.sim.rules import service_of
from trio_ticks.sim.switches import Switches
from trio_ticks.sim.writing import BAD_DATA, BAD_HEADER, direction, result, turnover_text

METHODS = {"trade-tick": "GET", "kline": "GET", "batch-kline": "POST"}
BATCH_BARS = 2

# kline_type → seconds. Weeks and months, 9 and 10, are not offered: no simulator runs that long.
_SPANS = {1: 60, 2: 300, 3: 900, 4: 1800, 5: 3600, 6: 7200, 7: 14_400, 8: 86_400}
_NOT_FOR_STOCKS = (6, 7)

_AskedT = TypeVar("_AskedT")


class _Query(msgspec.Struct):
    trace: str
    data: dict[str, Any]


class _Code(msgspec.Struct):
    code: str


class _TradeTick(msgspec.Struct):
    symbol_list: Annotated[list[_Code], msgspec.Meta(min_length=1)]


class _Kline(msgspec.Struct):
    code: str
    kline_type: int
    kline_timestamp_end: Annotated[int, msgspec.Meta(ge=0)]
    query_kline_num: Annotated[int, msgspec.Meta(ge=1)]
    adjust_type: int


class _Batch(msgspec.Struct):
    data_list: Annotated[list[_Kline], msgspec.Meta(min_length=1)]


@attrs.frozen
class _RefusedError(Exception):
    """A query that is answered with an error.

    Attributes:
        result: Its code and text.
        violation: The vendor's rule that it breaks, or "".
    """

    result: tuple[int, str]
    violation: str = ""


@attrs.frozen(kw_only=True)
class Reply:
    """What a query is answered with.

    Attributes:
        ret: The code.
        body: JSON.
        violation: The vendor's rule that the query broke, or "".
    """

    ret: int
    body: bytes
    violation: str = ""


@attrs.frozen(kw_only=True)
class Endpoints:
    """Answers queries from what was traded."""

    terms: Terms
    market: Market

    def answer(self, endpoint: str, service: str, text: str | bytes, *, forced: int | None = None) -> Reply:
        """Return the answer to a query.

        Args:
            endpoint: One of `METHODS`.
            service: ``stock`` or ``other``.
            text: The query as it came; empty if it is missing.
            forced: Answer with this code, whatever is asked.
        """
        trace = ""
        try:
            query = _read(endpoint, text)
            trace = query.trace
            if forced is not None:
                return self.refuse(*result(forced), trace=trace)
            data, violation = self._serve(endpoint, service, query.data)
        except _RefusedError as refused:
            return self.refuse(*refused.result, trace=trace, violation=refused.violation)
        body = {"ret": OK, "msg": "ok", "trace": trace, "data": data}
        return Reply(ret=OK, body=msgspec.json.encode(body), violation=violation)

    def refuse(self, ret: int, msg: str, *, trace: str = "", violation: str = "") -> Reply:
        """Return an error."""
        body: dict[str, object] = {"ret": ret, "msg": msg, "trace": trace}
        if self.terms.switches.error_data == "present":
            body["data"] = {}
        return Reply(ret=ret, body=msgspec.json.encode(body), violation=violation)

    def _serve(self, endpoint: str, service: str, data: Mapping[str, Any]) -> tuple[Mapping[str, object], str]:
        if endpoint == "trade-tick":
            return self._trade_tick(service, self._convert(data, _TradeTick))
        if endpoint == "kline":
            return self._kline(service, self._convert(data, _Kline)), ""
        return self._batch_kline(service, self._convert(data, _Batch))

    def _convert(self, data: Mapping[str, Any], kind: type[_AskedT]) -> _AskedT:
        try:
            return msgspec.convert(data, kind, strict=self.terms.switches.query_numbers == "strict")
        except msgspec.ValidationError:
            raise _RefusedError(BAD_DATA, "bad data") from None

    def _trade_tick(self, service: str, asked: _TradeTick) -> tuple[Mapping[str, object], str]:
        """Return the last trade of each code; one that never traded is left out."""
        codes = [item.code for item in asked.symbol_list]
        choice = self.terms.catalogue.choose(codes, service, limit=self.terms.plan.codes)
        if choice.ret != OK:
            raise _RefusedError(result(choice.ret), choice.violation)
        found = [trade for code in choice.codes if (trade := self.market.last(code)) is not None]
        return {"tick_list": [_trade(tick, seq, self.terms.switches) for tick, seq in found]}, choice.violation

    def _kline(self, service: str, asked: _Kline) -> Mapping[str, object]:
        """Return the bars of one code; the market keeps no more than the 500 that are allowed."""
        bars = self._bars(service, asked, asked.query_kline_num)
        return {"code": asked.code, "kline_type": asked.kline_type, "kline_list": bars}

    def _batch_kline(self, service: str, asked: _Batch) -> tuple[Mapping[str, object], str]:
        """Return at most two bars of many codes and kinds."""
        limit = self.terms.plan.batch_groups
        violation = "too many codes" if len(asked.data_list) > limit else ""
        if violation and self.terms.switches.too_many_codes == "603":
            raise _RefusedError(result(OVER_LIMIT), violation)
        groups = [
            {
                "code": one.code,
                "kline_type": one.kline_type,
                "kline_data": self._bars(service, one, min(one.query_kline_num, BATCH_BARS)),
            }
            for one in asked.data_list[:limit]
        ]
        return {"kline_list": groups}, violation

    def _bars(self, service: str, asked: _Kline, count: int) -> Sequence[Mapping[str, str]]:
        ret = self.terms.catalogue.ret(asked.code, service)
        if ret != OK:
            raise _RefusedError(result(ret))
        stock = service_of(asked.code) == "stock"
        span_s = _SPANS.get(asked.kline_type)
        if span_s is None or asked.adjust_type != 0 or (stock and asked.kline_type in _NOT_FOR_STOCKS):
            raise _RefusedError(BAD_DATA, "bad data")
        # Documented for currencies, metals and crypto only; what a share does with it is not: here, nothing.
        # Seconds, and inclusive, are what third parties found.
        end_s = None if stock or asked.kline_timestamp_end == 0 else asked.kline_timestamp_end
        return [_bar(bar) for bar in self.market.bars(asked.code, span_s=span_s, count=count, end_s=end_s)]


def _read(endpoint: str, text: str | bytes) -> _Query:
    """Return a query; raise `_RefusedError` with what is wrong with it."""
    posted = METHODS[endpoint] == "POST"
    if not text:
        raise _RefusedError(result(601) if posted else result(402), "bad data")
    try:
        return msgspec.json.decode(text, type=_Query)
    except msgspec.ValidationError:
        raise _RefusedError(BAD_HEADER, "bad data") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise _RefusedError(BAD_HEADER if posted else result(402), "bad data") from None


def _trade(tick: Tick, seq: int, switches: Switches) -> Mapping[str, object]:
    """Return a trade; unlike in a push, numbers are strings whatever the switches say, and times milliseconds."""
    return {
        "code": tick.symbol,
        "seq": str(seq),
        "tick_time": str(tick.time_us // 1000),
        "price": price_text(tick),
        "volume": volume_text(tick),
        "turnover": turnover_text(tick),
        "trade_direction": direction(tick, switches),
    }


def _bar(bar: Bar) -> Mapping[str, str]:
    return {
        "timestamp": str(bar.time_s),
        "open_price": price_text(bar.first),
        "close_price": price_text(bar.last),
        "high_price": price_text(bar.high),
        "low_price": price_text(bar.low),
        "volume": format(bar.volume, "f"),
        "turnover": format(bar.turnover, "f"),
    }
