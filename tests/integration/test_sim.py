"""The simulator keeps AllTick's documented protocol, over real sockets and against a foreign client.

Where time matters it stands still until the test moves it, so nothing depends on how fast the machine is.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.trio.client import connect

from tests.support.sim_client import CANCEL, OTHER, STOCK, SUBSCRIBE, client, open_quiet, tick
from trio_ticks.errors import ConfigError
from trio_ticks.sim import Sim, Switches, Tape, open_sim

DATA = Path(__file__).parents[1] / "data"
BTC = DATA / "btcusdt-2021-01-08.csv"


async def test_an_ack_echoes_its_request() -> None:
    async with open_quiet() as sim, client(sim) as ours:
        ack = await ours.subscribe("BTCUSDT")
    assert ack == {"ret": 200, "msg": "ok", "cmd_id": 22005, "seq_id": 1, "trace": "t1", "data": {}}


async def test_a_push_has_the_documented_fields() -> None:
    async with open_quiet(now_us=lambda: 1_782_180_168_224_999) as sim, client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        await sim.send([tick("651.120", time_ms=1_782_180_164_000)])
        assert await ours.message() == {
            "cmd_id": 22998,
            "data": {
                "code": "BTCUSDT",
                "seq": 1_782_180_168_224,
                "tick_time": 1_782_180_164_000,
                "price": "651.120",
                "volume": "1",
                "turnover": "651.120",
                "trade_direction": 0,
            },
        }


@pytest.mark.parametrize(
    ("name", "symbol", "path", "speed"),
    [
        ("btcusdt-2021-01-08.csv", "BTCUSDT", OTHER, 2),
        ("xbtusdt-2025-11-10.csv", "XBTUSDT", OTHER, 1000),
        ("700hk-2022-01-07.csv", "700.HK", STOCK, 200),
    ],
)
async def test_recorded_trades_arrive_complete_in_order_and_to_the_letter(
    name: str, symbol: str, path: str, speed: int, mock_clock: MockClock
) -> None:
    tape = Tape.from_csv(DATA / name, symbol, speed=speed)
    start_us = 1_700_000_000_000_000
    async with (
        open_sim([tape], autoplay=False, loop=False, now_us=lambda: start_us) as sim,
        client(sim, path) as ours,
    ):
        await ours.subscribe(symbol)
        sim.play()
        await wait_all_tasks_blocked()
        mock_clock.jump(29)  # more than any tape lasts, less than the server waits for a heartbeat
        got = await ours.ticks(len(tape.trades))
    first_us = tape.trades[0].time_us
    directions = {"buy": 1, "sell": 2, None: 0}
    assert [(one["price"], one["volume"], one["trade_direction"], one["tick_time"]) for one in got] == [
        (
            one.price_text,
            one.volume_text,
            directions[one.side],
            start_us // 1000 + (one.time_us - first_us) // (1000 * speed),
        )
        for one in tape.trades
    ]


async def test_ticks_go_out_when_they_are_due_and_not_before(mock_clock: MockClock) -> None:
    tape = Tape.from_csv(BTC, "BTCUSDT")
    due = [one for one in tape.trades if one.time_us - tape.trades[0].time_us <= 10_000_000]
    async with open_sim([tape], loop=False, now_us=lambda: 0) as sim:
        await wait_all_tasks_blocked()
        mock_clock.jump(10.0005)
        await wait_all_tasks_blocked()
        assert sim.published == {"BTCUSDT": len(due)}
        mock_clock.jump(60)
        await sim.wait_played()
        assert sim.published == {"BTCUSDT": 2001}


async def test_a_subscription_replaces_the_one_before(mock_clock: MockClock) -> None:
    async with open_quiet() as sim, client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        mock_clock.jump(1)
        await ours.subscribe("ETHUSDT")
        assert await sim.send([tick("1", "BTCUSDT"), tick("2", "ETHUSDT")]) == 1
        assert await sim.send([tick("3", "BTCUSDT")]) == 0
        assert await ours.prices(1) == ["2"]


async def test_a_cancelled_subscription_gets_nothing_more(mock_clock: MockClock) -> None:
    async with open_quiet() as sim, client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        mock_clock.jump(1)
        assert (await ours.request(CANCEL, {"cancel_type": 2}))["cmd_id"] == 22007
        assert await sim.send([tick("1")]) == 0
        assert sim.published == {"BTCUSDT": 1}


async def test_only_a_heartbeat_keeps_a_connection_alive(mock_clock: MockClock) -> None:
    async with open_quiet() as sim, client(sim) as ours:
        mock_clock.jump(29)
        assert (await ours.heartbeat())["cmd_id"] == 22001
        mock_clock.jump(29)
        assert (await ours.subscribe("BTCUSDT"))["ret"] == 200
        mock_clock.jump(2)
        with pytest.raises(ConnectionClosedError) as lost:
            await ours.message()
        assert lost.value.rcvd is None  # the end of the stream, no close frame
        await wait_all_tasks_blocked()
        statistics = sim.statistics()
    assert statistics.violations == {"heartbeat": 1}
    assert statistics.ended == {"heartbeat": 1}


@pytest.mark.parametrize(
    ("path", "codes"),
    [(OTHER, ["700.HK"]), (STOCK, ["BTCUSDT"]), (OTHER, ["BTCUSDT", "NOPE"]), (OTHER, ["btcusdt"])],
)
async def test_a_bad_code_fails_the_whole_list_and_leaves_the_old_one(
    path: str, codes: list[str], mock_clock: MockClock
) -> None:
    good = "TSLA.US" if path == STOCK else "ETHUSDT"
    async with open_quiet() as sim, client(sim, path) as ours:
        await ours.subscribe(good)
        mock_clock.jump(1)
        answer = await ours.subscribe(*codes)
        assert (answer["ret"], answer["msg"], answer["cmd_id"]) == (600, "code invalid", 22005)
        await sim.send([tick("1", code) for code in (*codes, good)])
        assert [one["code"] for one in await ours.ticks(1)] == [good]


async def test_codes_beyond_the_plan_are_cut_off_silently() -> None:
    codes = [f"C{number}" for number in range(7)]
    async with open_sim([], symbols=codes, plan="free") as sim, client(sim) as ours:
        assert (await ours.subscribe(*codes))["ret"] == 200
        await sim.send([tick("1", code) for code in reversed(codes)])
        assert [one["code"] for one in await ours.ticks(5)] == ["C4", "C3", "C2", "C1", "C0"]
        assert sim.statistics().violations == {"too many codes": 1}


async def test_connections_beyond_the_plan_are_refused_per_service() -> None:
    async with open_quiet(plan="basic") as sim, client(sim), client(sim, STOCK):
        with pytest.raises(InvalidStatus) as refused:
            async with client(sim):
                pass
        assert refused.value.response.status_code == 429
        assert sim.statistics().violations["too many connections"] == 1
        assert sim.statistics().connections_open == 2


async def test_a_closed_connection_frees_its_place() -> None:
    async with open_quiet(plan="basic") as sim:
        for _ in range(3):
            async with client(sim) as ours:
                await ours.subscribe("BTCUSDT")
        assert sim.statistics().connections_total == 3


@pytest.mark.parametrize(
    ("token", "path", "status", "msg"),
    [
        (None, OTHER, 401, "token is required"),
        (None, "/nowhere", 401, "token is required"),
        ("wrong", OTHER, 401, "token invalid"),
        ("demo", "/nowhere", 404, "not found"),
    ],
)
async def test_a_handshake_is_refused_with_the_vendors_body(
    token: str | None, path: str, status: int, msg: str
) -> None:
    async with open_quiet() as sim:
        with pytest.raises(InvalidStatus) as refused:
            async with client(sim, path, token=token):
                pass
        assert sim.statistics().refused == {status: 1}
    response = refused.value.response
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("application/json")
    assert json.loads(response.body or b"") == {"msg": msg, "trace": "", "ret": status}


async def test_a_bad_token_may_be_told_in_a_frame() -> None:
    async with open_quiet(switches=Switches(bad_token="frame")) as sim, client(sim, token="wrong") as ours:
        assert (await ours.message())["ret"] == 401
        with pytest.raises(ConnectionClosedError) as closed:
            await ours.message()
        assert closed.value.rcvd is not None
        await wait_all_tasks_blocked()
        assert sim.statistics().violations == {"token": 1}


async def test_a_hurried_request_is_told_606_and_hung_up_on(mock_clock: MockClock) -> None:
    async with open_quiet() as sim, client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        mock_clock.jump(0.99)
        answer = await ours.subscribe("BTCUSDT")
        assert (answer["ret"], answer["cmd_id"], answer["trace"]) == (606, 22005, "t2")
        with pytest.raises(ConnectionClosedError):
            await ours.message()
        await wait_all_tasks_blocked()
        assert sim.statistics().violations == {"pacing": 1}
        assert sim.statistics().ended == {"refused": 1}


async def test_lenient_pacing_serves_and_counts(mock_clock: MockClock) -> None:
    async with open_quiet(switches=Switches(too_fast="serve")) as sim, client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        assert (await ours.subscribe("BTCUSDT"))["ret"] == 200
        assert sim.statistics().violations == {"pacing": 1}


async def test_requests_too_close_on_two_connections_are_counted(mock_clock: MockClock) -> None:
    async with open_quiet() as sim, client(sim) as one, client(sim, STOCK) as two:
        await one.subscribe("BTCUSDT")
        await two.subscribe("TSLA.US")
        mock_clock.jump(3)
        await one.subscribe("BTCUSDT")
        assert sim.statistics().violations == {"pacing across connections": 1}


async def test_attempts_to_connect_too_close_are_counted(mock_clock: MockClock) -> None:
    async with open_quiet() as sim:
        for pause_s in (0, 2, 3):
            mock_clock.jump(pause_s)
            async with client(sim):
                pass
        assert sim.statistics().violations == {"reconnect pacing": 1}


async def test_a_snapshot_follows_the_ack_of_a_new_code_only(mock_clock: MockClock) -> None:
    async with open_quiet(switches=Switches(snapshot="last")) as sim:
        await sim.send([tick("1"), tick("2"), tick("9", "ETHUSDT")])
        async with client(sim) as ours:
            assert (await ours.subscribe("BTCUSDT"))["ret"] == 200
            assert await ours.prices(1) == ["2"]
            mock_clock.jump(1)
            assert (await ours.subscribe("BTCUSDT", "ETHUSDT"))["ret"] == 200
            assert await ours.prices(1) == ["9"]
            await sim.send([tick("3")])
            assert await ours.prices(1) == ["3"]


async def test_the_simple_dialect_serves_any_symbol_without_a_token() -> None:
    async with open_quiet() as sim, connect(sim.simple_url, proxy=None) as socket:
        await socket.send('{"action":"subscribe","symbols":["ANY"]}')
        await sim.wait_subscribed("ANY")
        await sim.send([tick("1.50", "ANY", 1_700_000_000_123), tick("2", "OTHER")])
        assert json.loads(await socket.recv()) == {"symbol": "ANY", "price": "1.50", "time": 1_700_000_000_123}
        assert sim.statistics().requests == {"subscribe": 1}


async def test_both_dialects_get_the_same_ticks() -> None:
    async with open_quiet() as sim, client(sim) as ours, connect(sim.simple_url, proxy=None) as theirs:
        await ours.subscribe("BTCUSDT")
        await theirs.send('{"action":"subscribe","symbols":["BTCUSDT","ETHUSDT"]}')
        await sim.wait_subscribed("BTCUSDT", "ETHUSDT")
        assert await sim.send([tick("1"), tick("2", "ETHUSDT"), tick("3")]) == 2
        assert await ours.prices(2) == ["1", "3"]
        assert [json.loads(await theirs.recv())["price"] for _ in range(3)] == ["1", "2", "3"]
        assert sim.statistics().pushes == 5


async def test_what_was_written_stays_counted_when_the_client_has_gone() -> None:
    async with open_quiet() as sim:
        async with client(sim) as ours:
            await ours.subscribe("BTCUSDT")
            await sim.send([tick("1"), tick("2")])
        await sim.drop()
        assert sim.statistics().pushes == 2
        assert sim.statistics().ended in ({"peer": 1}, {"dropped": 1})  # whichever the server saw first


async def test_statistics_are_a_snapshot() -> None:
    async with open_quiet() as sim, client(sim) as ours:
        before = sim.statistics()
        await ours.subscribe("BTCUSDT")
        await sim.send([tick("1"), tick("1")])
        after = sim.statistics()
        assert (before.connections_open, before.requests, before.published, before.pushes) == (1, {}, {}, 0)
        assert (after.requests, after.published, after.pushes) == ({SUBSCRIBE: 1}, {"BTCUSDT": 2}, 2)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"plan": "gold"}, "plan = 'gold': accepted are free, basic"),
        ({"speed": 0}, "speed = 0"),
    ],
)
async def test_a_bad_setting_is_named(settings: dict[str, object], names: str) -> None:
    with pytest.raises(ConfigError, match=names):
        async with open_quiet(**settings):
            pass


async def test_the_shipped_sample_plays_from_now_on(mock_clock: MockClock) -> None:
    async with open_sim() as sim, client(sim) as ours, client(sim, STOCK) as stock:
        await ours.subscribe("BTCUSDT", "XBTUSDT")
        await stock.subscribe("700.HK")
        for _ in range(20):
            mock_clock.jump(1)
            await wait_all_tasks_blocked()
        published = sim.published
        assert published.keys() == {"BTCUSDT", "XBTUSDT", "700.HK"}
        got = await ours.ticks(100)
    assert [one["tick_time"] for one in got] == sorted(one["tick_time"] for one in got)


async def test_an_error_of_the_body_comes_out_bare() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with open_quiet():
            raise KeyError("mine")


async def test_leaving_closes_every_socket() -> None:
    async def stay(sim: Sim, *, task_status: trio.TaskStatus[None]) -> None:
        async with client(sim) as ours:
            await ours.subscribe("BTCUSDT")
            task_status.started()
            with pytest.raises(ConnectionClosedError):
                await ours.message()

    async with trio.open_nursery() as nursery, open_quiet() as sim:
        await nursery.start(stay, sim)  # noqa: ASYNC111 - its end is what is tested
        port = int(sim.url.rpartition(":")[2])
    with pytest.raises(OSError, match="connect"):
        await trio.open_tcp_stream("127.0.0.1", port)


@pytest.mark.parametrize("steps", range(50))
async def test_cancelling_at_any_step_leaves_nothing_behind(steps: int) -> None:
    async def use() -> None:
        async with open_sim(speed=100, switches=Switches(snapshot="last")) as sim, client(sim) as ours:
            await ours.subscribe("BTCUSDT")
            await sim.send([tick("1")])
            await sim.drop(clean=True)

    before = trio.lowlevel.current_statistics().tasks_living
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(use)
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            scope.cancel()
    assert trio.lowlevel.current_statistics().tasks_living == before
