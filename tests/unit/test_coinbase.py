"""Coinbase's wire, on messages that were recorded from it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from trio_ticks.core.timestamps import to_us
from trio_ticks.feeds import Coinbase
from trio_ticks.feeds.base import Decoded, Reply, Verdict
from trio_ticks.model import Tick

RECORDING = Path(__file__).parents[1] / "data" / "coinbase-2021-04-17.jsonl"
TEXTS: list[str] = [json.loads(line)["text"] for line in RECORDING.read_text().splitlines()]
MESSAGES: list[dict[str, Any]] = [json.loads(text) for text in TEXTS]

MATCH = {
    "type": "match",
    "trade_id": 280232,
    "side": "sell",
    "size": "985",
    "price": "0.00001305",
    "product_id": "SKL-BTC",
    "sequence": 177100030,
    "time": "2021-04-17T16:43:37.089723Z",
}
TICK = Tick(
    symbol="SKL-BTC",
    time_us=1618677817089723,
    price=0.00001305,
    volume=985.0,
    price_text="0.00001305",
    volume_text="985",
    side="buy",
    trade_id=280232,
    sequence=177100030,
    feed="coinbase",
)


def decode(message: object) -> Decoded:
    return Coinbase("SKL-BTC").decode([json.dumps(message)])


def test_the_recording_is_read_without_a_rest() -> None:
    """Every recorded message is a tick, the acknowledgement or of a channel that was not asked for."""
    decoded = Coinbase("SKL-BTC").decode(TEXTS)
    kinds = Counter(message["type"] for message in MESSAGES)
    assert len(decoded.ticks) == kinds["match"] + kinds["last_match"] > 100
    assert decoded.replies == [Reply("subscriptions")] * kinds["subscriptions"]
    assert decoded.unknown == kinds["ticker"]
    assert (decoded.rejected, decoded.unreadable) == ([], 0)


def test_each_recorded_trade_keeps_every_digit_and_number() -> None:
    """A tick has its trade's symbol, id, sequence, time to the microsecond, and texts as they were."""
    matches = [message for message in MESSAGES if "match" in message["type"]]
    ticks = Coinbase("SKL-BTC").decode(TEXTS).ticks
    for match, tick in zip(matches, ticks, strict=True):
        assert (tick.symbol, tick.trade_id) == (match["product_id"], match["trade_id"])
        assert (tick.price_text, tick.volume_text) == (match["price"], match["size"])
        assert (tick.sequence, tick.time_us) == (match["sequence"], to_us(match["time"]))
        assert tick.time.isoformat().startswith(match["time"].rstrip("Z"))


def test_the_side_is_the_takers_as_the_ticker_says_it() -> None:
    """For every trade that the recording has both as match and as ticker, the ticker's side is the tick's."""
    tickers = {
        (message["product_id"], message["trade_id"]): message["side"]
        for message in MESSAGES
        if message["type"] == "ticker"
    }
    ticks = {(tick.symbol, tick.trade_id): tick.side for tick in Coinbase("SKL-BTC").decode(TEXTS).ticks}
    both = [key for key in ticks if key in tickers]
    assert len(both) > 50
    assert [ticks[key] for key in both] == [tickers[key] for key in both]


@pytest.mark.parametrize("kind", ["match", "last_match"])
def test_a_match_becomes_a_tick(kind: str) -> None:
    """A trade, new or the last before the subscription, is one tick; its id tells it from its repetition."""
    assert decode(MATCH | {"type": kind}) == Decoded(ticks=[TICK])
    assert Coinbase("SKL-BTC").identity == "trade_id"


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"side": "buy"}, "side", "sell"),
        ({"side": "up"}, "side", None),
        ({"side": None}, "side", None),
        ({"side": {}}, "side", None),
        ({"trade_id": "280232"}, "trade_id", 280232),
        ({"sequence": None}, "sequence", None),
        ({"sequence": [1]}, "sequence", None),
        ({"price": 0.5}, "price_text", "0.5"),
        ({"size": None}, "volume", 0.0),
        ({"time": "2021-04-17T16:43:37Z"}, "time_us", 1618677817000000),
    ],
)
def test_every_variant_of_a_match_is_read(changes: dict[str, object], field: str, expected: object) -> None:
    """What is not needed may be missing or odd; numbers may be texts and texts numbers."""
    decoded = decode(MATCH | changes)
    (tick,) = decoded.ticks
    assert getattr(tick, field) == expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"price": "NaN"}, "'SKL-BTC': price 'NaN' is no plain decimal number"),
        ({"price": "0"}, "'SKL-BTC': price '0' is not positive"),
        ({"size": "-1"}, "'SKL-BTC': volume '-1' is negative"),
        (
            {"time": "1970-01-01T00:00:00Z"},
            "'SKL-BTC': time '1970-01-01T00:00:00Z' is not between 1990 and 2200",
        ),
        ({"trade_id": None}, "'SKL-BTC': a trade without an id"),
        ({"trade_id": -1}, "'SKL-BTC': a trade without an id"),
        ({"trade_id": 2**63}, "'SKL-BTC': a trade without an id"),
        ({"trade_id": []}, "'SKL-BTC': a trade without an id"),
        ({"product_id": None}, "a trade without a symbol"),
        ({"product_id": {}}, "'{}' is neither text nor number"),
    ],
)
def test_an_unusable_match_is_rejected_with_its_reason(changes: dict[str, object], reason: str) -> None:
    """A trade without a usable product, id, time, price or size is one rejection, and nothing else."""
    assert decode(MATCH | changes) == Decoded(rejected=[reason])


def test_a_heartbeat_counts_for_nothing() -> None:
    """A heartbeat shows that the connection lives and leaves no trace in any count."""
    beat = {"type": "heartbeat", "sequence": 90, "last_trade_id": 20, "product_id": "SKL-BTC"}
    assert decode(beat) == Decoded()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            {"message": "Failed to subscribe", "reason": "FOO-BAR is not a valid product"},
            Reply("subscriptions", Verdict.BAD_SYMBOLS, "Failed to subscribe: FOO-BAR is not a valid product"),
        ),
        (
            {"message": "Failed to subscribe", "reason": "No channels provided"},
            Reply("subscriptions", Verdict.REFUSED, "Failed to subscribe: No channels provided"),
        ),
        ({"message": "rate limit exceeded"}, Reply("", Verdict.TOO_FAST, "rate limit exceeded")),
        ({"message": {}}, Reply("", Verdict.REFUSED, "")),
    ],
)
def test_an_error_is_a_reply_with_a_verdict(error: dict[str, object], expected: Reply) -> None:
    """What went wrong is judged by its words; it answers the subscription where it says so."""
    assert decode({"type": "error"} | error) == Decoded(replies=[expected])


@pytest.mark.parametrize("message", [{}, {"type": "ticker"}, {"type": "status"}, {"type": ""}])
def test_messages_of_another_kind_are_unknown(message: object) -> None:
    """What was not asked for, or is new, is counted and not guessed at."""
    assert decode(message) == Decoded(unknown=1)


@pytest.mark.parametrize("text", ["", "[]", "5", "[" * 100_000, '{"type":5}', b"\xff", "\ud800", '{"type":"match"'])
def test_garbage_is_unreadable(text: str | bytes) -> None:
    """What is no JSON object with a type is counted as unreadable and raises nothing."""
    assert Coinbase("SKL-BTC").decode([text]) == Decoded(unreadable=1)


def test_the_request_names_the_products_in_each_channel() -> None:
    """One request asks for matches and heartbeats of every product, and knows its answer."""
    (request,) = Coinbase("A", "B").subscribe(["A", "B"])
    channels = [{"name": name, "product_ids": ["A", "B"]} for name in ("matches", "heartbeat")]
    assert json.loads(request.text) == {"type": "subscribe", "channels": channels}
    assert request.answer == Coinbase("A").decode([TEXTS[0]]).replies[0].answer
