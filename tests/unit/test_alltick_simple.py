"""The plain dialect: flat objects, one or many in a message."""

from __future__ import annotations

import json

import pytest

from trio_ticks.feeds import AllTickSimple
from trio_ticks.feeds.base import Decoded, Message
from trio_ticks.model import Tick

TRADE = {"symbol": "TSLA.US", "price": "201.1870", "time": 1_700_000_000_123}
TICK = Tick(
    symbol="TSLA.US",
    time_us=1_700_000_000_123_000,
    price=201.187,
    price_text="201.1870",
    feed="alltick-simple",
)


def decode(*messages: Message) -> Decoded:
    return AllTickSimple("TSLA.US").decode(messages)


def test_the_request_is_the_one_of_the_post() -> None:
    """One request names every symbol, and no answer to it is waited for."""
    (request,) = AllTickSimple("A", "B").subscribe(["A", "B"])
    assert json.loads(request.text) == {"action": "subscribe", "symbols": ["A", "B"]}
    assert request.answer == ""


def test_the_endpoint_is_the_one_of_the_post() -> None:
    """By default the post's URL is used; a token is sent only where there is one."""
    (service,) = AllTickSimple("A", token="t").services()
    assert (service.url, service.secret_query) == ("wss://api.alltick.co/ws/stock", "token=t")


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({}, "price_text", "201.1870"),
        ({"price": 201.5}, "price_text", "201.5"),
        ({"time": "1700000000"}, "time_us", 1_700_000_000_000_000),
        ({"time": 1700000000.25}, "time_us", 1_700_000_000_250_000),
        ({"time": "2023-11-14T22:13:20.123456789Z"}, "time_us", 1_700_000_000_123_456),
        ({"time": 1_700_000_000_123_456_789}, "time_us", 1_700_000_000_123_456),
        ({"volume": 3}, "volume", 3.0),
        ({"volume": "3.50"}, "volume_text", "3.50"),
        ({"volume": None}, "volume", 0.0),
        ({"side": "BUY"}, "side", "buy"),
        ({"side": "sell"}, "side", "sell"),
        ({"side": 1}, "side", None),
        ({"symbol": "USOIL", "price": "-1"}, "price", -1.0),
        ({"more": [{}]}, "price", 201.187),
    ],
)
def test_every_variant_of_a_trade_is_read(changes: dict[str, object], field: str, expected: object) -> None:
    """Numbers or texts, any form of time, with or without a size and a side: each is one tick."""
    decoded = decode(json.dumps(TRADE | changes))
    (tick,) = decoded.ticks
    assert getattr(tick, field) == expected
    assert decoded == Decoded(ticks=[tick])


def test_an_array_is_as_many_ticks_as_it_holds_trades() -> None:
    """Several trades in one message come out in their order; a bad one among them is one rejection."""
    trades = [TRADE, TRADE | {"price": "x"}, TRADE | {"volume": "-1"}, {}, TRADE]
    decoded = decode(json.dumps(trades))
    assert decoded.ticks == [TICK, TICK]
    assert len(decoded.rejected) == 3
    assert (decoded.unreadable, decoded.unknown) == (0, 0)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('{"action":"subscribe","status":"ok"}', Decoded(unknown=1)),
        ('{"error":"bad token"}', Decoded(unknown=1)),
        ("{}", Decoded(unknown=1)),
        ("[]", Decoded(unknown=1)),
        ("[{}]", Decoded(unknown=1)),
        ("[1]", Decoded(unreadable=1)),
        ("5", Decoded(unreadable=1)),
        ("", Decoded(unreadable=1)),
        ("pong", Decoded(unreadable=1)),
        ("[" * 100_000, Decoded(unreadable=1)),
        (b"\xff", Decoded(unreadable=1)),
        ("\ud800", Decoded(unreadable=1)),
        ('{"symbol":"A","price":"1"}', Decoded(rejected=["'A': time '' is neither a number nor ISO 8601"])),
        ('{"symbol":"A","time":1}', Decoded(rejected=["'A': time '1' is in no unit between 1990 and 2200"])),
        ('{"symbol":"A","price":{},"time":1}', Decoded(rejected=["'{}' is neither text nor number"])),
    ],
)
def test_every_other_message_is_counted_once(message: Message, expected: Decoded) -> None:
    """What is no trade is unknown, what is no JSON unreadable, what cannot be used rejected."""
    assert decode(message) == expected
