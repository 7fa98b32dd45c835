"""What no message may do to any feed: raise, vanish, count twice, or depend on its neighbours."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.feeds import AllTick, AllTickSimple, Coinbase
from trio_ticks.feeds.base import Decoded, Feed, Message

if TYPE_CHECKING:
    from collections.abc import Callable

FEEDS: Final[list[Feed]] = [
    AllTick("TSLA.US", token="t0ken"),
    AllTickSimple("TSLA.US", token="t0ken"),
    Coinbase("BTC-USD"),
]

DATA: Final = {
    "code": "TSLA.US",
    "seq": 1782180168224,
    "tick_time": 1782180164000,
    "price": "651.120",
    "volume": "300",
    "turnover": "12345.6",
    "trade_direction": 1,
}
FRAME: Final = {"cmd_id": 22998, "data": DATA}
ANSWER: Final = {"ret": 200, "msg": "ok", "cmd_id": 22005, "seq_id": 1, "trace": "t-1", "data": {}}
SIMPLE: Final = {"symbol": "TSLA.US", "price": "201.1", "time": 1782180164000, "volume": 1, "side": "buy"}
MATCH: Final = {
    "type": "match",
    "trade_id": 280232,
    "side": "sell",
    "size": "985",
    "price": "0.00001305",
    "product_id": "SKL-BTC",
    "sequence": 177100030,
    "time": "2021-04-17T16:43:37.089723Z",
}
ERROR: Final = {"type": "error", "message": "Failed to subscribe", "reason": "X is not a valid product"}
BEAT: Final = {"type": "heartbeat", "sequence": 90, "last_trade_id": 20}
VALID: Final[list[dict[str, Any]]] = [FRAME, FRAME, ANSWER, SIMPLE, MATCH, ERROR, BEAT]
KEYS: Final = sorted({*DATA, *ANSWER, *SIMPLE, *MATCH, *ERROR})

texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["1.5", "-1", "0", "nan", "1e999", "", "TSLA.US", "buy", "sell", "22998", "200", "1_0"]),
    st.sampled_from(["2021-04-17T16:43:37.089723Z", "1782180164000", "1605509068"]),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
)
scalars = st.one_of(
    texts,
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(631_152_000_000, 7_258_118_399_999),
    st.floats(allow_nan=False, allow_infinity=False),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=8),
    max_leaves=15,
)


@st.composite
def altered(draw: st.DrawFn, message: dict[str, Any]) -> dict[str, Any]:
    """Return a valid message as it is, or with up to two fields that hold something else or are missing."""
    changed = {key: draw(altered(value)) if key == "data" else value for key, value in message.items()}
    for key in draw(st.lists(st.sampled_from([*message, "ret", "more"]), max_size=2)):
        changed[key] = draw(values)
        if draw(st.booleans()):
            del changed[key]
    return changed


dialect = st.sampled_from(VALID).flatmap(altered)
valid_messages = st.one_of(dialect, dialect, dialect, st.lists(dialect, max_size=3), values).map(json.dumps)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A message of a dialect with some bytes cut, replaced or repeated."""
    data = draw(valid_messages).encode()
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 8)))
        data = data[:start] + draw(st.binary(max_size=3)) * draw(st.integers(1, 3)) + data[end:]
    return data


messages = st.one_of(
    valid_messages,
    valid_messages.map(str.encode),
    damaged(),
    st.text(),
    st.text(st.characters(categories=["Cs", "Nd"]), max_size=5),
    st.binary(),
    st.sampled_from(['{"data":', "[", '{"cmd_id":22998,"data":{"code":[']).map(lambda start: start * 20_000),
)


def outcomes(decoded: Decoded) -> int:
    listed = len(decoded.ticks) + len(decoded.replies) + len(decoded.rejected)
    return listed + decoded.unreadable + decoded.unknown


def is_heartbeat(message: Message) -> bool:
    try:
        read = json.loads(message)
    except (ValueError, RecursionError):
        return False
    return isinstance(read, dict) and read.get("type") == "heartbeat"


def count_one(feed: Feed, message: Message) -> None:
    """Assert that one message has the outcomes it must have: one, but for an array and a heartbeat."""
    count = outcomes(feed.decode([message]))
    if isinstance(feed, AllTickSimple):
        assert count >= 1
    elif isinstance(feed, Coinbase) and count == 0:
        assert is_heartbeat(message)
    else:
        assert count == 1


def check_sound(feed: Feed, decoded: Decoded) -> None:
    """Assert what every tick, reply and reason is, whatever it was made from."""
    for tick in decoded.ticks:
        assert (tick.feed, tick.received_us, tick.ordinal, tick.late) == (feed.name, 0, 0, False)
        assert tick.symbol
        assert 631_152_000 * 10**6 <= tick.time_us < 7_258_118_400 * 10**6
        assert math.isfinite(tick.price)
        assert 0 <= tick.volume < math.inf
        assert float(tick.price_exact) == tick.price == float(Decimal(tick.price_text))
        assert float(tick.volume_exact) == tick.volume
        assert tick.side in {"buy", "sell", None}
        assert all(n is None or 0 <= n < 2**63 for n in (tick.sequence, tick.trade_id))
        assert feed.identity != "trade_id" or tick.trade_id is not None
    for line in [*decoded.rejected, *(reply.reason for reply in decoded.replies)]:
        assert len(line) <= 400
        assert len(line.splitlines()) <= 1
        assert line.isprintable()


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
@given(message=messages)
def test_every_message_is_accounted_for_once(feed: Feed, message: Message) -> None:
    """Each message is one tick, reply, rejection, unknown or unreadable; only heartbeats are silent.

    In the simple dialect an array of trades counts for each of them, and never for nothing.
    """
    count_one(feed, message)


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
@given(batch=st.lists(messages, max_size=6))
def test_a_batch_is_the_sum_of_its_messages(feed: Feed, batch: list[Message]) -> None:
    """Decoding together is decoding one by one: no message depends on, or harms, its neighbours."""
    together = feed.decode(batch)
    alone = [feed.decode([message]) for message in batch]
    assert together == Decoded(
        ticks=[tick for part in alone for tick in part.ticks],
        replies=[reply for part in alone for reply in part.replies],
        rejected=[reason for part in alone for reason in part.rejected],
        unreadable=sum(part.unreadable for part in alone),
        unknown=sum(part.unknown for part in alone),
    )


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
@given(batch=st.lists(messages, max_size=6))
def test_whatever_comes_out_can_be_used(feed: Feed, batch: list[Message]) -> None:
    """A tick is finite, dated and exact; a reason is one bounded printable line."""
    check_sound(feed, feed.decode(batch))


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
@given(message=valid_messages)
def test_text_and_bytes_mean_the_same(feed: Feed, message: str) -> None:
    """A message may come as text or as bytes."""
    assert feed.decode([message]) == feed.decode([message.encode()])


prices = st.decimals(min_value="0.00000001", max_value=10**9, places=8).map(str)
sizes = st.decimals(min_value=0, max_value=10**9, places=4).map(str)
millis = st.integers(631_152_000_000, 7_258_118_399_999)


def alltick(price: str, size: str, ms: int, number: int) -> dict[str, Any]:
    data = {"code": "TSLA.US", "seq": number, "tick_time": ms, "price": price, "volume": size}
    return {"cmd_id": 22998, "data": data | {"trade_direction": 1 + number % 2}}


def loose_alltick(price: str, size: str, ms: int, number: int) -> dict[str, Any]:
    message = alltick(price, size, ms, number)
    data = message["data"] | {
        "tick_time": str(ms),
        "seq": str(number),
        "trade_direction": str(1 + number % 2),
    }
    return {"cmd_id": "22998", "data": data}


@pytest.mark.parametrize("write", [alltick, loose_alltick])
@given(price=prices, size=sizes, ms=millis, number=st.integers(0, 2**63 - 1))
def test_a_trade_round_trips(
    write: Callable[..., dict[str, Any]], price: str, size: str, ms: int, number: int
) -> None:
    """Whatever trade is written in a form of the documentation is read back to the last digit."""
    (tick,) = FEEDS[0].decode([json.dumps(write(price, size, ms, number))]).ticks
    assert (tick.symbol, tick.price_text, tick.volume_text) == ("TSLA.US", price, size)
    assert (tick.time_us, tick.sequence) == (ms * 1000, number)
    assert tick.side == ("sell" if number % 2 else "buy")
