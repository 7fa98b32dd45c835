"""Each value of each switch does on the wire what it says.

A scenario has the name of its switch and says what every value leads to; that there is one for each is part of the
test. Time stands still until the test moves it.
"""

from __future__ import annotations

from typing import Any

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.sim_client import Client, ask, client, open_quiet, symbol_list, tick
from trio_ticks.sim import Sim, Switches, accepted_values

NOW_MS = 1_782_180_168_224
TRADED_MS = 1_782_180_164_000


async def closing_code(ours: Client) -> int | None:
    """Return the code of the close frame that is next, None where the stream ends without one."""
    with pytest.raises(ConnectionClosed) as closed:
        await ours.message()
    return closed.value.rcvd.code if closed.value.rcvd else None


async def pushed(sim: Sim, code: str) -> dict[str, Any]:
    """Subscribe to a code, publish a trade of it, and return what is pushed."""
    async with client(sim) as ours:
        await ours.subscribe(code)
        await sim.send([tick("2.5", code, TRADED_MS)])
        return (await ours.ticks(1))[0]


async def book(sim: Sim, code: str) -> dict[str, Any]:
    """The same for an order book."""
    async with client(sim) as ours:
        await ours.subscribe_books(code)
        await sim.send([tick("2.5", code, TRADED_MS)])
        message = await ours.message()
        assert message["cmd_id"] == 22999
        return message["data"]  # type: ignore[no-any-return]  # JSON


async def numbers(sim: Sim, value: str, clock: MockClock) -> None:
    data = await pushed(sim, "BTCUSDT")
    wanted = {"integer": (NOW_MS, TRADED_MS), "string": (str(NOW_MS), str(TRADED_MS))}[value]
    assert (data["seq"], data["tick_time"]) == wanted


async def time_unit(sim: Sim, value: str, clock: MockClock) -> None:
    assert (await pushed(sim, "BTCUSDT"))["tick_time"] == {"ms": TRADED_MS, "s": TRADED_MS // 1000}[value]


async def seq(sim: Sim, value: str, clock: MockClock) -> None:
    got = []
    for pause_s in (0, 3):
        clock.jump(pause_s)
        async with client(sim) as ours:
            await ours.subscribe("BTCUSDT")
            await sim.send([tick("1"), tick("2"), tick("3")])
            got.append([one["seq"] for one in await ours.ticks(3)])
    assert (
        got
        == {
            "clock": [[NOW_MS] * 3, [NOW_MS] * 3],
            "counter": [[1, 3, 5], [7, 9, 11]],  # the even ones are those of order books that nobody asked for
            "duplicate": [[1, 1, 2], [2, 3, 3]],
            "connection": [[1, 2, 3], [1, 2, 3]],
        }[value]
    )


async def too_many_codes(sim: Sim, value: str, clock: MockClock) -> None:
    async with client(sim) as ours:
        answer = await ours.subscribe(*["BTCUSDT"] * 100, "ETHUSDT")
        assert answer["ret"] == {"truncate": 200, "603": 603}[value]
        taken = await sim.send([tick("1"), tick("2", "ETHUSDT")])
        assert taken == {"truncate": 1, "603": 0}[value]
        if taken:
            assert await ours.prices(1) == ["1"]
    assert sim.statistics().violations == {"too many codes": 1}


async def bad_code(sim: Sim, value: str, clock: MockClock) -> None:
    async with client(sim) as ours:
        assert (await ours.subscribe("BTCUSDT", "NOPE"))["ret"] == {"fail": 600, "skip": 200}[value]
        assert await sim.send([tick("1")]) == {"fail": 0, "skip": 1}[value]
        if value == "skip":
            assert await ours.prices(1) == ["1"]
        clock.jump(1)
        assert (await ours.subscribe("NOPE"))["ret"] == 600  # where none can be had, both readings fail
    assert sim.statistics().violations == {}


async def too_many_connections(sim: Sim, value: str, clock: MockClock) -> None:
    async with client(sim) as first:
        clock.jump(3)
        if value == "429":
            with pytest.raises(InvalidStatus, match="429"):
                async with client(sim):
                    pass
        else:
            async with client(sim) as second:
                if value == "606":
                    assert (await second.message())["ret"] == 606
                assert await closing_code(second) == 1008
        assert (await first.heartbeat())["ret"] == 200
        assert sim.statistics().violations == {"too many connections": 1}


async def bad_token(sim: Sim, value: str, clock: MockClock) -> None:
    if value == "401":
        with pytest.raises(InvalidStatus, match="401"):
            async with client(sim, token="wrong"):
                pass
    else:
        async with client(sim, token="wrong") as ours:
            assert (await ours.message())["ret"] == 401
            assert await closing_code(ours) == 1008
    assert sim.statistics().violations == {"token": 1}


async def too_fast(sim: Sim, value: str, clock: MockClock) -> None:
    async with client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        clock.jump(0.999)
        assert (await ours.subscribe("ETHUSDT"))["ret"] == {"606": 606, "605": 605, "429": 429, "serve": 200}[value]
        if value == "606":
            assert await closing_code(ours) == 1008
        else:
            clock.jump(1)
            assert (await ours.subscribe("ETHUSDT"))["ret"] == 200
    assert sim.statistics().violations == {"pacing": 1}


async def heartbeat_paced(sim: Sim, value: str, clock: MockClock) -> None:
    async with client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        assert (await ours.heartbeat())["ret"] == {"no": 200, "yes": 606}[value]
    assert sim.statistics().violations == {"no": {}, "yes": {"pacing": 1}}[value]


async def heartbeat_timeout(sim: Sim, value: str, clock: MockClock) -> None:
    async with client(sim) as ours:
        clock.jump(29.9)
        await wait_all_tasks_blocked()
        assert sim.statistics().connections_open == 1
        clock.jump(0.1)
        assert await closing_code(ours) == (None if value == "drop" else int(value))
    await wait_all_tasks_blocked()
    assert sim.statistics().violations == {"heartbeat": 1}


async def error_envelope(sim: Sim, value: str, clock: MockClock) -> None:
    async with client(sim) as ours:
        answers = [await ours.subscribe("NOPE")]
        for cmd_id in (22004, 22008):
            clock.jump(1)
            answers.append(await ours.request(cmd_id, {}))
    got = [(answer["ret"], answer["cmd_id"], answer["seq_id"], answer["trace"]) for answer in answers]
    assert (
        got
        == {
            "echo": [(600, 22005, 1, "t1"), (400, 22005, 2, "t2"), (400, 22009, 3, "t3")],
            "bare": [(600, 0, 0, ""), (202, 0, 0, ""), (201, 0, 0, "")],
        }[value]
    )


async def error_data(sim: Sim, value: str, clock: MockClock) -> None:
    present = value == "present"
    async with client(sim) as ours:
        assert ("data" in await ours.subscribe("NOPE")) == present
        clock.jump(1)
        assert (await ours.subscribe("BTCUSDT"))["data"] == {}
    assert ("data" in (await ask(sim, "trade-tick", symbol_list("NOPE")))[1]) == present


async def snapshot(sim: Sim, value: str, clock: MockClock) -> None:
    await sim.send([tick("1"), tick("2"), tick("9", "ETHUSDT")])
    async with client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        clock.jump(1)
        await sim.send([tick("3")])
        assert await ours.prices(1) == {"none": ["3"], "last": ["2"]}[value]
        if value == "last":
            assert await ours.prices(1) == ["3"]
        assert (await ours.subscribe_books("ETHUSDT"))["ret"] == 200
        await sim.send([tick("4")])
        kinds = [(await ours.message())["cmd_id"] for _ in range({"none": 1, "last": 2}[value])]
        assert kinds == {"none": [22998], "last": [22999, 22998]}[value]


async def ack(sim: Sim, value: str, clock: MockClock) -> None:
    async with client(sim) as ours:
        await ours.socket.send('{"cmd_id":22004,"seq_id":1,"trace":"t","data":{"symbol_list":[{"code":"BTCUSDT"}]}}')
        await sim.wait_subscribed("BTCUSDT")
        await sim.send([tick("1"), tick("2")])
        got = [(await ours.message())["cmd_id"] for _ in range(3)]
        assert got == {"first": [22005, 22998, 22998], "after": [22998, 22998, 22005]}[value]
        clock.jump(1)
        await ours.socket.send('{"cmd_id":22004,"seq_id":2,"trace":"t","data":{"symbol_list":[{"code":"ETHUSDT"}]}}')
        await sim.wait_subscribed("ETHUSDT")
        await wait_all_tasks_blocked()
        clock.jump(1)  # a code that does not tick is acknowledged all the same
        assert (await ours.message())["seq_id"] == 2


async def forex_direction(sim: Sim, value: str, clock: MockClock) -> None:
    assert (await pushed(sim, "GOLD"))["trade_direction"] == int(value)


async def forex_turnover(sim: Sim, value: str, clock: MockClock) -> None:
    assert (await pushed(sim, "GOLD")).get("turnover") == {"present": "2.5", "absent": None}[value]


async def forex_book_volume(sim: Sim, value: str, clock: MockClock) -> None:
    data = await book(sim, "GOLD")
    row = {"present": {"price": "2.499875", "volume": "1"}, "absent": {"price": "2.499875"}}[value]
    assert data["bids"] == [row]
    assert data["asks"] == [row | {"price": "2.500125"}]


async def one_sided_book(sim: Sim, value: str, clock: MockClock) -> None:
    with sim.one_sided():
        data = await book(sim, "BTCUSDT")
    assert data["asks"] == {"empty": [], "zero": [{"price": "0", "volume": "0"}]}[value]
    assert data["bids"][0]["volume"] == "1"


async def vanished_slot(sim: Sim, value: str, clock: MockClock) -> None:
    async with client(sim):
        clock.jump(5)
        assert sim.vanish() == 1
        if value == "freed":
            async with client(sim) as ours:
                assert (await ours.heartbeat())["ret"] == 200
        else:
            with pytest.raises(InvalidStatus, match="429"):
                async with client(sim):
                    pass
            clock.jump(25)
            await wait_all_tasks_blocked()
            async with client(sim) as ours:
                assert (await ours.heartbeat())["ret"] == 200
        # A client cannot know that its old place is held: it broke no rule.
        assert sim.statistics().violations == {}
        clock.jump(30)


async def http_too_fast(sim: Sim, value: str, clock: MockClock) -> None:
    await ask(sim, "trade-tick", symbol_list("BTCUSDT"))
    clock.jump(0.999)
    status, answer = await ask(sim, "trade-tick", symbol_list("BTCUSDT"))
    assert (status, answer["ret"]) == {"605": (200, 605), "429": (429, 429)}[value]
    clock.jump(1)
    assert (await ask(sim, "trade-tick", symbol_list("BTCUSDT")))[1]["ret"] == 200
    assert sim.statistics().violations == {"http pacing": 1}


async def query_numbers(sim: Sim, value: str, clock: MockClock) -> None:
    asked = {"kline_type": "1", "kline_timestamp_end": "0", "query_kline_num": "2", "adjust_type": "0"}
    _, answer = await ask(sim, "kline", {"code": "BTCUSDT"} | asked)
    assert answer["ret"] == {"strict": 400, "lenient": 200}[value]


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in accepted_values().items() for value in values]
)
async def test_each_value_of_each_switch_does_what_it_says(name: str, value: str, mock_clock: MockClock) -> None:
    """The scenario that is named like the switch holds for each of its values."""
    switches = Switches(**{name: value})  # type: ignore[arg-type]  # any of them
    async with open_quiet(switches=switches, plan="basic", now_us=lambda: NOW_MS * 1000) as sim:
        await globals()[name](sim, value, mock_clock)
