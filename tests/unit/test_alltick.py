"""AllTick's wire, shape by shape, as its documentation and recorded answers have it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trio_ticks.errors import ConfigError
from trio_ticks.feeds import AllTick
from trio_ticks.feeds.alltick_plans import PLANS
from trio_ticks.feeds.base import Decoded, Reply, Verdict
from trio_ticks.model import Tick

TRADE = {
    "code": "1288.HK",
    "seq": 1782180168224,
    "tick_time": 1782180164000,
    "price": "651.120",
    "volume": "300",
    "turnover": "12345.6",
    "trade_direction": 1,
}
TICK = Tick(
    symbol="1288.HK",
    time_us=1782180164000000,
    price=651.12,
    volume=300.0,
    price_text="651.120",
    volume_text="300",
    side="buy",
    sequence=1782180168224,
    feed="alltick",
)


def feed(*symbols: str, **options: Any) -> AllTick:
    return AllTick(*(symbols or ("1288.HK",)), token="t0ken", **options)


def decode(message: object) -> Decoded:
    return feed().decode([json.dumps(message)])


def push(**changes: object) -> dict[str, object]:
    return {"cmd_id": 22998, "data": TRADE | changes}


def without(*fields: str) -> dict[str, object]:
    return {"cmd_id": 22998, "data": {key: TRADE[key] for key in TRADE if key not in fields}}


# --------------------------------------------------------------------------- trades


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_trade_becomes_a_tick(as_bytes: bool) -> None:
    """A push is one tick with its exact texts, as text and as bytes alike; its turnover is not kept."""
    text = json.dumps(push())
    assert feed().decode([text.encode() if as_bytes else text]) == Decoded(ticks=[TICK])


@pytest.mark.parametrize(
    ("message", "field", "expected"),
    [
        (push(seq="1836409"), "sequence", 1836409),
        (push(seq=1605509068000001), "sequence", 1605509068000001),
        (push(seq="abc"), "sequence", None),
        (push(seq=None), "sequence", None),
        (push(seq=[1]), "sequence", None),
        (push(seq=10**30), "sequence", None),
        (without("seq"), "sequence", None),
        (push(tick_time="1782180164000"), "time_us", 1782180164000000),
        (push(tick_time=1605509068), "time_us", 1605509068000000),
        (push(tick_time="1605509068"), "time_us", 1605509068000000),
        (push(trade_direction=0), "side", None),
        (push(trade_direction=2), "side", "sell"),
        (push(trade_direction="2"), "side", "sell"),
        (push(trade_direction="1"), "side", "buy"),
        (push(trade_direction=3), "side", None),
        (push(trade_direction=True), "side", None),
        (push(trade_direction=None), "side", None),
        (without("trade_direction"), "side", None),
        (push(volume=""), "volume", 0.0),
        (push(volume=""), "volume_text", ""),
        (push(volume=None), "volume", 0.0),
        (without("volume"), "volume_text", ""),
        (push(volume="8.00"), "volume_text", "8.00"),
        (push(volume=300), "volume", 300.0),
        (push(price="37.700000"), "price_text", "37.700000"),
        (push(price=651.5), "price_text", "651.5"),
        (push(price=651), "price_text", "651"),
        (push(turnover=None), "price", 651.12),
        (push(turnover=""), "price", 651.12),
        (without("turnover"), "price", 651.12),
        (push(code="USOIL", price="-37.63"), "price", -37.63),
        ({**push(), "cmd_id": "22998"}, "price", 651.12),
        ({**push(), "ret": 200, "msg": "ok"}, "price", 651.12),
        ({**push(), "new": {"field": []}}, "price", 651.12),
    ],
)
def test_every_variant_of_a_trade_is_read(message: object, field: str, expected: object) -> None:
    """Numbers as texts, texts as numbers, seconds, and empty or missing fields: each is still one tick."""
    decoded = decode(message)
    (tick,) = decoded.ticks
    assert getattr(tick, field) == expected
    assert decoded == Decoded(ticks=[tick])


def test_a_price_written_as_a_number_keeps_its_digits() -> None:
    """The text of a JSON number is what was on the wire, not what a float would print."""
    (tick,) = feed().decode([json.dumps(push(price=1)).replace('"price": 1', '"price": 651.1200')]).ticks
    assert (tick.price, tick.price_text) == (651.12, "651.1200")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (push(price="nan"), "'1288.HK': price 'nan' is no plain decimal number"),
        (push(price=""), "'1288.HK': price '' is no plain decimal number"),
        (push(price=None), "'1288.HK': price '' is no plain decimal number"),
        (push(price="0"), "'1288.HK': price '0' is not positive"),
        (push(price="-1"), "'1288.HK': price '-1' is not positive"),
        (push(code="USOIL", price="0.00"), "'USOIL': price '0.00' is not nonzero"),
        (push(price=True), "'true' is neither text nor number"),
        (push(price={"a": 1}), "'{\"a\": 1}' is neither text nor number"),
        (push(volume="-1"), "'1288.HK': volume '-1' is negative"),
        (push(volume="many"), "'1288.HK': volume 'many' is no plain decimal number"),
        (push(tick_time=0), "'1288.HK': time 0 is in no unit between 1990 and 2200"),
        (push(tick_time="soon"), "'1288.HK': time 'soon' is neither a number nor ISO 8601"),
        (without("tick_time"), "'1288.HK': time '' is neither a number nor ISO 8601"),
        (without("price"), "'1288.HK': price '' is no plain decimal number"),
        (without("code"), "a trade without a symbol"),
        (push(code=""), "a trade without a symbol"),
        (push(code=["1288.HK"]), "'[\"1288.HK\"]' is neither text nor number"),
        ({"cmd_id": 22998}, "a trade without data"),
        ({"cmd_id": 22998, "data": None}, "a trade without data"),
        ({"cmd_id": 22998, "data": [TRADE]}, "a trade without data"),
    ],
)
def test_an_unusable_trade_is_rejected_with_its_reason(message: object, reason: str) -> None:
    """A trade without a usable symbol, time, price or size is one rejection, and nothing else."""
    assert decode(message) == Decoded(rejected=[reason])


def test_ticks_keep_the_order_of_the_messages() -> None:
    """Whatever way a trade is read, the ticks come in the order they arrived."""
    variants = [push(price=str(n)) if n % 2 else push(price=n) for n in range(1, 20)]
    decoded = feed().decode([json.dumps(message) for message in variants])
    assert [tick.price for tick in decoded.ticks] == list(range(1, 20))


# -------------------------------------------------------------------------- answers


def answer(ret: object, msg: str, **changes: object) -> dict[str, object]:
    frame = {"ret": ret, "msg": msg, "cmd_id": 22005, "seq_id": 7, "trace": "trio-ticks-7", "data": {}}
    return frame | changes


@pytest.mark.parametrize("cmd_id", [22001, 22003, 22005, 22007, "22005"])
def test_an_answer_names_its_request(cmd_id: object) -> None:
    """Every kind of acknowledgement is a reply with the trace of its request."""
    assert decode(answer(200, "ok", cmd_id=cmd_id)) == Decoded(replies=[Reply("trio-ticks-7")])


@pytest.mark.parametrize(
    ("ret", "msg", "verdict"),
    [
        (200, "ok", Verdict.OK),
        ("200", "ok", Verdict.OK),
        (200, "", Verdict.OK),
        (400, "request header param invalid", Verdict.REFUSED),
        (201, "request header param invalid", Verdict.REFUSED),
        (202, "request data param invalid", Verdict.REFUSED),
        (401, "token invalid", Verdict.UNAUTHORISED),
        (401, "token is required", Verdict.UNAUTHORISED),
        (401, "", Verdict.UNAUTHORISED),
        (403, "forbidden", Verdict.UNAUTHORISED),
        (402, "query invalid", Verdict.REFUSED),
        (429, "rate limit", Verdict.TOO_FAST),
        (429, "Too Many Requests", Verdict.TOO_FAST),
        (429, "slow down", Verdict.TOO_FAST),
        (600, "code invalid", Verdict.BAD_SYMBOLS),
        ("600", "", Verdict.BAD_SYMBOLS),
        (601, "body empty", Verdict.REFUSED),
        (601, "no permission for this product", Verdict.BAD_SYMBOLS),
        (603, "token level not enough", Verdict.TOO_MANY),
        (604, "code unauthorized", Verdict.BAD_SYMBOLS),
        (605, "too many requests", Verdict.TOO_FAST),
        (606, "too many requests and connection will be closed", Verdict.TOO_FAST),
        (606, "", Verdict.TOO_FAST),
        (999, "something new", Verdict.REFUSED),
        (-1, "", Verdict.REFUSED),
        ("odd", "", Verdict.REFUSED),
        (None, "token invalid", Verdict.UNAUTHORISED),
        (None, "", Verdict.OK),
    ],
)
def test_an_answer_is_judged_by_its_number_and_its_words(ret: object, msg: str, verdict: Verdict) -> None:
    """Documented codes, the contradictory ones included, mean what their words say."""
    (reply,) = decode(answer(ret, msg)).replies
    assert reply.verdict is verdict
    assert (msg in reply.reason) == (verdict is not Verdict.OK or not msg)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (answer(600, "code invalid", trace=""), "trio-ticks-7"),
        (answer(600, "code invalid", trace="", seq_id="7"), "trio-ticks-7"),
        (answer(201, "request header param invalid", cmd_id=0, seq_id=0, trace=""), ""),
        ({"msg": "token invalid", "trace": "", "ret": 401}, ""),
        ({"ret": 604, "msg": "code unauthorized", "trace": "trio-ticks-3"}, "trio-ticks-3"),
        ({"ret": 604}, ""),
        (answer(606, "too many requests", cmd_id=22998), "trio-ticks-7"),
        (answer(606, "too many requests", cmd_id=22998, data=TRADE), "trio-ticks-7"),
        (answer(600, "", trace=None, seq_id=None) | {"msg": None}, ""),
    ],
)
def test_an_error_is_a_reply_on_any_frame(frame: object, expected: str) -> None:
    """A failure without a cmd_id, a trace or data still reaches whoever waits, as far as it says for whom."""
    decoded = decode(frame)
    (reply,) = decoded.replies
    assert reply.answer == expected
    assert reply.verdict is not Verdict.OK
    assert decoded == Decoded(replies=[reply])


def test_the_reason_hides_the_token_even_where_it_would_be_cut() -> None:
    """A vendor that repeats the token does not get it into a log, not even half of it."""
    (reply,) = decode(answer(401, "x" * 180 + " t0ken t0ken t0ken t0ken t0ken")).replies
    assert "t0k" not in reply.reason
    assert "***" in reply.reason


@pytest.mark.parametrize(
    "message",
    [
        {"cmd_id": 22999, "data": {"code": "700.HK", "bids": [], "asks": []}},
        {"cmd_id": 22999, "data": TRADE},
        {"cmd_id": 1, "data": {}},
        {"cmd_id": None},
        {},
        {"ret": 200, "cmd_id": 0},
    ],
)
def test_frames_of_another_kind_are_unknown(message: object) -> None:
    """Books and whatever AllTick may add are counted, not guessed at."""
    assert decode(message) == Decoded(unknown=1)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "null",
        "[]",
        '"22998"',
        "NaN",
        "\ud800",
        "{" * 100_000,
        "[" * 100_000,
        '{"data":' * 100_000,
        '{"cmd_id":22998,"data":' + '{"code":' * 100_000,
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        "1" * 100_000,
        json.dumps(push())[:-1],
        json.dumps(push()) + "}",
    ],
)
def test_garbage_is_unreadable(message: str | bytes) -> None:
    """What is no JSON object, however deep or long, is counted as unreadable and raises nothing."""
    assert feed().decode([message]) == Decoded(unreadable=1)


def test_the_last_of_repeated_keys_counts_in_every_form() -> None:
    """A key given twice means its last value, whether the trade is read in the common or the other way."""
    for last, price in (('"2"', 2.0), ("2", 2.0)):
        text = json.dumps(push()).replace('"price"', '"price": "1", "price"').replace('"651.120"', last)
        assert [tick.price for tick in feed().decode([text]).ticks] == [price]


# ------------------------------------------------------------------------- requests


def test_a_subscription_names_the_whole_list_once() -> None:
    """Subscribing replaces, so one request carries every symbol; its trace is what the answer will carry."""
    (request,) = feed().subscribe(["BTCUSDT", "ETHUSDT"])
    assert json.loads(request.text) == {
        "cmd_id": 22004,
        "seq_id": 1,
        "trace": request.answer,
        "data": {"symbol_list": [{"code": "BTCUSDT"}, {"code": "ETHUSDT"}]},
    }


def test_a_heartbeat_has_an_object_for_data() -> None:
    """The keep-alive carries {} and not [] or null, as some samples do."""
    request = feed().heartbeat()
    assert json.loads(request.text) == {"cmd_id": 22000, "seq_id": 1, "trace": request.answer, "data": {}}


def test_no_request_repeats_a_number_or_a_trace() -> None:
    """seq_id and trace are new for every request of a feed, whatever its kind."""
    source = feed()
    requests = [source.heartbeat() if n % 2 else source.subscribe(["A"])[0] for n in range(50)]
    frames = [json.loads(request.text) for request in requests]
    assert [frame["seq_id"] for frame in frames] == list(range(1, 51))
    assert len({frame["trace"] for frame in frames}) == 50
    assert [frame["trace"] for frame in frames] == [request.answer for request in requests]


def test_numbers_stay_within_32_bits() -> None:
    """After 2³² - 1 the numbers start again at 1, and a trace keeps within 64 characters."""
    source = feed()
    source._last_seq = 2**32 - 2
    frames = [json.loads(source.heartbeat().text) for _ in range(3)]
    assert [frame["seq_id"] for frame in frames] == [2**32 - 1, 1, 2]
    assert all(len(frame["trace"]) <= 64 for frame in frames)


# ------------------------------------------------------------------- services, plans


def test_the_suffix_chooses_the_service() -> None:
    """Shares and their indices go to one endpoint, everything else to the other; the order is kept."""
    shares = ["TSLA.US", "700.HK", "600519.SH", "000001.SZ", ".DJI.US"]
    symbols = ["BTCUSDT", *shares, "GOLD", "Silver", "tsla.us"]
    stock, other = feed(*symbols, plan="basic").services()
    assert (stock.name, stock.url) == ("alltick/stock", "wss://quote.alltick.co/quote-stock-b-ws-api")
    assert stock.symbols == tuple(shares)
    assert (other.name, other.url) == ("alltick/other", "wss://quote.alltick.co/quote-b-ws-api")
    assert other.symbols == ("BTCUSDT", "GOLD", "Silver", "tsla.us")
    assert stock.secret_query == other.secret_query == "token=t0ken"


def test_a_service_without_symbols_is_not_there() -> None:
    """No connection is opened for nothing; the feed's URL is that of the service there is."""
    (service,) = feed("GOLD", name="metals").services()
    assert service.name == "metals/other"
    assert feed("GOLD").url == service.url


def test_another_host_keeps_the_paths_and_a_path_replaces_them() -> None:
    """A URL without a path is a host; with a path it is the endpoint of every symbol."""
    for url in ("ws://127.0.0.1:9000", "ws://127.0.0.1:9000/"):
        urls = [service.url for service in feed("GOLD", "A.US", url=url).services()]
        assert urls == ["ws://127.0.0.1:9000/quote-stock-b-ws-api", "ws://127.0.0.1:9000/quote-b-ws-api"]
    (service,) = feed("GOLD", "A.US", url="ws://127.0.0.1:9000/mine/").services()
    assert (service.name, service.url) == ("alltick", "ws://127.0.0.1:9000/mine/")
    assert service.symbols == ("GOLD", "A.US")


@pytest.mark.parametrize(
    ("plan", "connections", "codes", "connect_s"),
    [
        ("free", 1, 5, 10.0),
        ("basic", 1, 100, 3.0),
        ("premium", 3, 200, 3.0),
        ("professional", 10, 3000, 3.0),
    ],
)
def test_a_plan_is_what_is_documented(plan: str, connections: int, codes: int, connect_s: float) -> None:
    """Connections, codes and the pace are the plan's; requests keep a margin over one and three seconds."""
    limits = feed(plan=plan).limits
    assert (limits.connections, limits.symbols_per_connection) == (connections, codes)
    assert connect_s < limits.connect_s < 1.1 * connect_s
    assert limits.heartbeat_s == 10.0
    assert 1.0 < limits.request_s < 1.1
    assert 3.0 < limits.across_s < 3.3


@pytest.mark.parametrize("plan", PLANS)
def test_a_list_is_refused_exactly_when_a_service_is_over_the_plan(plan: str) -> None:
    """Each service carries connections x codes; one more names the next plan, if there is one."""
    room = {"free": 5, "basic": 100, "premium": 600, "professional": 30_000}[plan]
    shares = [f"{n}.US" for n in range(room)]
    feed(*shares, *map(str, range(room)), plan=plan)
    larger = {"free": "basic", "basic": "premium", "premium": "professional"}.get(plan)
    advice = f"plan '{larger}' would fit" if larger else "no plan carries so many"
    with pytest.raises(ConfigError, match=rf"^symbols: {room + 1} for alltick/stock, .*; {advice}$"):
        feed(*shares, "ONE.US", plan=plan)


@pytest.mark.parametrize(("plan", "meant"), [("profesional", "professional"), ("Free", "free"), ("gold", None)])
def test_an_unknown_plan_lists_the_known_ones(plan: str, meant: str | None) -> None:
    """A plan that does not exist is named, with what is accepted and what was probably meant."""
    with pytest.raises(ConfigError, match=r"^plan: .*free, basic, premium, professional") as caught:
        feed(plan=plan)
    assert ("did you mean" in str(caught.value)) == (meant is not None)
    assert f"did you mean {meant!r}" in str(caught.value) or meant is None
