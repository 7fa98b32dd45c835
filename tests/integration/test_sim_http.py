"""The HTTP endpoints keep AllTick's documented shapes, limits and codes, on the port of the WebSockets."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.sim_client import (
    OTHER,
    OTHER_HTTP,
    STOCK,
    STOCK_HTTP,
    ask,
    client,
    exchange,
    http,
    open_quiet,
    symbol_list,
    tick,
)
from trio_ticks.sim import Switches

MINUTE_MS = 60_000
BARS = {"code": "BTCUSDT", "kline_type": 1, "kline_timestamp_end": 0, "query_kline_num": 500, "adjust_type": 0}


async def test_the_last_trade_of_each_code_comes_in_strings() -> None:
    """Documented and recorded: numbers are strings, the direction is not; a code that never traded is left out."""
    async with open_quiet(switches=Switches(numbers="integer")) as sim:
        await sim.send([tick("1.0", time_ms=5), tick("2.50", time_ms=1_677_831_545_217), tick("9", "700.HK")])
        status, answer = await ask(sim, "trade-tick", symbol_list("ETHUSDT", "BTCUSDT"))
    assert status == 200
    assert answer == {
        "ret": 200,
        "msg": "ok",
        "trace": "t",
        "data": {
            "tick_list": [
                {
                    "code": "BTCUSDT",
                    "seq": "2",
                    "tick_time": "1677831545217",
                    "price": "2.50",
                    "volume": "1",
                    "turnover": "2.50",
                    "trade_direction": 0,
                }
            ]
        },
    }


async def test_a_mute_line_is_betrayed_by_a_newer_trade() -> None:
    """What a mute connection does not get, a query does."""
    async with open_quiet() as sim, client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        sim.mute()
        await sim.send([tick("2", time_ms=7)])
        _, answer = await ask(sim, "trade-tick", symbol_list("BTCUSDT"))
    assert answer["data"]["tick_list"][0]["tick_time"] == "7"


async def test_bars_are_made_of_the_trades_newest_last() -> None:
    """Open, high, low and close of each minute that had trades; five of them make one of the longer kind."""
    async with open_quiet() as sim:
        await sim.send(
            tick(price, time_ms=time_ms)
            for price, time_ms in [("3", 60_000), ("9", 61_000), ("1", 70_000), ("4", 119_999), ("5.5", 240_000)]
        )
        _, minutes = await ask(sim, "kline", BARS)
        _, longer = await ask(sim, "kline", BARS | {"kline_type": 2})
        _, newest = await ask(sim, "kline", BARS | {"query_kline_num": 1})
        _, until = await ask(sim, "kline", BARS | {"kline_timestamp_end": 60})
    assert minutes["data"] == {
        "code": "BTCUSDT",
        "kline_type": 1,
        "kline_list": [
            {
                "timestamp": "60",
                "open_price": "3",
                "close_price": "4",
                "high_price": "9",
                "low_price": "1",
                "volume": "4",
                "turnover": "17",
            },
            {
                "timestamp": "240",
                "open_price": "5.5",
                "close_price": "5.5",
                "high_price": "5.5",
                "low_price": "5.5",
                "volume": "1",
                "turnover": "5.5",
            },
        ],
    }
    (bar,) = longer["data"]["kline_list"]
    assert list(bar.values()) == ["0", "3", "5.5", "9", "1", "5", "22.5"]
    assert newest["data"]["kline_list"] == minutes["data"]["kline_list"][1:]
    assert until["data"]["kline_list"] == minutes["data"]["kline_list"][:1]


async def test_no_more_than_500_bars_are_kept_and_returned() -> None:
    """More are silently cut to 500, the newest."""
    async with open_quiet() as sim:
        await sim.send(tick("1", time_ms=minute * MINUTE_MS) for minute in range(510))
        _, answer = await ask(sim, "kline", BARS | {"query_kline_num": 1000})
    assert [int(bar["timestamp"]) for bar in answer["data"]["kline_list"]] == [60 * n for n in range(10, 510)]


async def test_a_batch_brings_two_bars_of_each() -> None:
    """Its shape differs from that of a single query; a POST carries it."""
    async with open_quiet() as sim:
        await sim.send(tick("1", time_ms=minute * MINUTE_MS) for minute in range(5))
        groups = [BARS, BARS | {"code": "ETHUSDT"}, BARS | {"kline_type": 5}]
        status, answer = await ask(sim, "batch-kline", {"data_list": groups})
    assert status == 200
    assert [(one["code"], one["kline_type"], len(one["kline_data"])) for one in answer["data"]["kline_list"]] == [
        ("BTCUSDT", 1, 2),
        ("ETHUSDT", 1, 0),
        ("BTCUSDT", 5, 1),
    ]


@pytest.mark.parametrize(
    ("endpoint", "data", "ret"),
    [
        ("trade-tick", symbol_list("NOPE"), 600),
        ("trade-tick", symbol_list("700.HK"), 600),
        ("trade-tick", symbol_list("ETHUSDT"), 604),
        ("trade-tick", symbol_list(), 400),
        ("trade-tick", [], 400),
        ("kline", BARS | {"code": "NOPE"}, 600),
        ("kline", BARS | {"code": "ETHUSDT"}, 604),
        ("kline", BARS | {"kline_type": 11}, 400),
        ("kline", BARS | {"adjust_type": 1}, 400),
        ("kline", BARS | {"query_kline_num": 0}, 400),
        ("batch-kline", {"data_list": [BARS, BARS | {"code": "NOPE"}]}, 600),
        ("batch-kline", {"data_list": []}, 400),
    ],
)
async def test_what_cannot_be_answered_is_told_by_code(endpoint: str, data: object, ret: int) -> None:
    """HTTP itself succeeds; the code of the table says what is wrong."""
    async with open_quiet(entitled=["BTCUSDT", "700.HK"]) as sim:
        status, answer = await ask(sim, endpoint, data)
    assert (status, answer["ret"]) == (200, ret)


async def test_shares_have_no_bars_of_two_hours_and_ignore_an_end() -> None:
    """Both are documented for the other service only."""
    async with open_quiet() as sim:
        await sim.send([tick("1", "700.HK", MINUTE_MS), tick("2", "700.HK", 3 * MINUTE_MS)])
        stock = BARS | {"code": "700.HK"}
        _, refused = await ask(sim, "kline", stock | {"kline_type": 6}, base=STOCK_HTTP)
        _, answer = await ask(sim, "kline", stock | {"kline_timestamp_end": 60}, base=STOCK_HTTP)
    assert refused["ret"] == 400
    assert len(answer["data"]["kline_list"]) == 2


@pytest.mark.parametrize(
    ("method", "target", "status", "ret"),
    [
        ("GET", f"{OTHER_HTTP}/trade-tick", 401, 401),
        ("GET", f"{OTHER_HTTP}/trade-tick?token=wrong", 401, 401),
        ("GET", f"{OTHER_HTTP}/trade-tick?token=demo", 200, 402),
        ("GET", f"{OTHER_HTTP}/trade-tick?token=demo&query=x", 200, 402),
        ("GET", f"{OTHER_HTTP}/trade-tick?token=demo&query=%7B%7D", 200, 400),
        ("POST", f"{OTHER_HTTP}/batch-kline?token=demo", 200, 601),
        ("GET", f"{OTHER_HTTP}/batch-kline?token=demo", 404, 404),
        ("GET", f"{OTHER_HTTP}/nothing?token=demo", 404, 404),
        ("GET", f"{OTHER}?token=demo", 426, 426),
        ("GET", "/ws/stock", 426, 426),
    ],
)
async def test_a_query_that_is_none_is_told_so(method: str, target: str, status: int, ret: int) -> None:
    """The token comes first, on any path; then what is missing."""
    async with open_quiet() as sim:
        got, answer = await http(sim, method, target)
    assert (got, answer["ret"]) == (status, ret)


async def test_a_query_url_encoded_with_blanks_is_understood() -> None:
    """Form encoding writes a blank as a plus."""
    query = "%7B%22trace%22:+%22t%22,+%22data%22:%7B%22symbol_list%22:%5B%7B%22code%22:%22BTCUSDT%22%7D%5D%7D%7D"
    async with open_quiet() as sim:
        assert (await http(sim, "GET", f"{OTHER_HTTP}/trade-tick?token=demo&query={query}"))[1]["ret"] == 200


@pytest.mark.parametrize(
    ("plan", "allowed", "seconds"), [("free", 1, 10), ("basic", 1, 1), ("premium", 10, 1), ("professional", 20, 1)]
)
async def test_each_plan_has_its_rate(plan: str, allowed: int, seconds: float, mock_clock: MockClock) -> None:
    """So many in so many seconds; one more is told so and counted, and later it is served again."""
    async with open_quiet(plan=plan) as sim:
        rets = [(await ask(sim, "trade-tick", symbol_list("BTCUSDT")))[1]["ret"] for _ in range(allowed + 1)]
        assert rets == [200] * allowed + [605]
        mock_clock.jump(seconds)
        assert (await ask(sim, "trade-tick", symbol_list("BTCUSDT")))[1]["ret"] == 200
        assert sim.statistics().violations == {"http pacing": 1}
        assert sim.statistics().requests == {"trade-tick": allowed + 2}


async def test_the_small_plans_share_one_rate_among_endpoints(mock_clock: MockClock) -> None:
    """Where the documentation contradicts itself, the stricter reading; the larger plans have one each."""
    for plan, ret in (("basic", 605), ("premium", 200)):
        async with open_quiet(plan=plan) as sim:
            for _ in range({"basic": 1, "premium": 10}[plan]):
                await ask(sim, "trade-tick", symbol_list("BTCUSDT"))
            assert (await ask(sim, "kline", BARS))[1]["ret"] == ret


@pytest.mark.parametrize("switches", [Switches(), Switches(too_many_codes="603")])
async def test_codes_beyond_the_plan_are_cut_off_or_refused(switches: Switches, mock_clock: MockClock) -> None:
    """From the end, as in a subscription; groups of a batch likewise."""
    refused = switches.too_many_codes == "603"
    async with open_quiet(plan="free", switches=switches) as sim:
        await sim.send([tick("1"), tick("2", "ETHUSDT")])
        _, answer = await ask(sim, "trade-tick", symbol_list(*["BTCUSDT"] * 5, "ETHUSDT"))
        assert answer["ret"] == (603 if refused else 200)
        assert {one["code"] for one in answer["data"].get("tick_list", ())} == (set() if refused else {"BTCUSDT"})
        mock_clock.jump(10)
        _, answer = await ask(sim, "batch-kline", {"data_list": [BARS] * 6})
        assert len(answer["data"].get("kline_list", ())) == (0 if refused else 5)
        assert sim.statistics().violations == {"too many codes": 2}


async def test_refusing_refuses_queries_too() -> None:
    """A server that is unwell is unwell on every path."""
    async with open_quiet() as sim:
        with sim.refusing(503):
            assert (await ask(sim, "trade-tick", symbol_list("BTCUSDT")))[0] == 503
        assert (await ask(sim, "trade-tick", symbol_list("BTCUSDT")))[0] == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /quote-b-api/batch-kline?token=demo HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n", 413),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"\x00\x01\r\n\r\n", 400),
    ],
)
async def test_a_request_beyond_the_bounds_is_refused_unread(sent: bytes, status: int) -> None:
    """Neither a long head nor a long body is held in memory."""
    body = b"x" * 200_000 if status == 413 else b""
    async with open_quiet() as sim:
        assert (await exchange(sim, sent + body)).startswith(f"HTTP/1.1 {status} ".encode())


async def test_a_body_that_trickles_is_cut_after_ten_seconds(mock_clock: MockClock) -> None:
    """A client must not hold a socket for ever."""
    head = b"POST /quote-b-api/batch-kline?token=demo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n"
    async with open_quiet() as sim:
        stream = await trio.open_tcp_stream("127.0.0.1", int(sim.url.rpartition(":")[2]))
        async with stream:
            await stream.send_all(head)
            await wait_all_tasks_blocked()
            mock_clock.jump(10)
            assert await stream.receive_some() == b""


async def test_codes_outside_the_plan_are_told_604(mock_clock: MockClock) -> None:
    """Known, on the right service, but not bought: no rule is broken by asking."""
    async with open_quiet(entitled=["BTCUSDT"]) as sim, client(sim) as ours:
        assert (await ours.subscribe("BTCUSDT", "ETHUSDT"))["ret"] == 604
        mock_clock.jump(1)
        assert (await ours.subscribe("700.HK"))["ret"] == 600
        mock_clock.jump(1)
        assert (await ours.subscribe("BTCUSDT"))["ret"] == 200
        assert sim.statistics().answers == {604: 1, 600: 1, 200: 1}
        assert sim.statistics().violations == {}


async def test_books_follow_trades_for_those_who_asked(mock_clock: MockClock) -> None:
    """An order book needs a subscription of its own kind, and shares the connection with trades."""
    async with open_quiet() as sim, client(sim) as ours, client(sim, STOCK) as stock:
        await ours.subscribe("BTCUSDT")
        mock_clock.jump(3)
        await stock.subscribe_books("TSLA.US")
        mock_clock.jump(3)
        await ours.subscribe_books("BTCUSDT", "ETHUSDT")
        assert await sim.send([tick("2"), tick("4", "ETHUSDT")]) == 1
        got = [await ours.message() for _ in range(3)]
    assert [(one["cmd_id"], one["data"]["code"]) for one in got] == [
        (22998, "BTCUSDT"),
        (22999, "BTCUSDT"),
        (22999, "ETHUSDT"),
    ]
    assert got[2]["data"]["bids"] == [{"price": "3.9998", "volume": "1"}]
    assert got[2]["data"]["asks"] == [{"price": "4.0002", "volume": "1"}]
