"""Faults of the whole server and of what it writes: half-open, down, dripping, bursting, refusing, and the odd ones.

Time stands still until the test moves it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

from tests.support.sim_client import STOCK, ask, client, open_quiet, symbol_list, tick
from trio_ticks.errors import ConfigError
from trio_ticks.sim import FAULTS, Fault, Sim, parse_faults, run_faults

PRICES = [str(price) for price in range(1, 13)]


async def test_a_vanished_server_says_nothing_and_keeps_the_socket_open(mock_clock: MockClock) -> None:
    """Neither an answer nor a tick nor an end of stream, until the heartbeat is overdue."""
    async with open_quiet(plan="basic") as sim, client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        assert sim.vanish() == 1
        assert await sim.send([tick("1")]) == 0
        with trio.move_on_after(5) as patience:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ours.heartbeat)
                await wait_all_tasks_blocked()
                mock_clock.jump(5)
        assert patience.cancelled_caught
        assert sim.statistics().connections_open == 0
        mock_clock.jump(25)
        with pytest.raises(ConnectionClosedError):
            await ours.message()
        await wait_all_tasks_blocked()
        statistics = sim.statistics()
    assert (statistics.ended, statistics.violations) == ({"vanished": 1}, {})


async def test_whoever_waits_for_a_vanished_connection_is_let_go(mock_clock: MockClock) -> None:
    """`send` does not wait for a client that is taken to be dead."""
    async with open_quiet(buffer_bytes=2**26) as sim, client(sim) as ours, trio.open_nursery() as nursery:
        await ours.subscribe("BTCUSDT")
        with sim.dripping(1.0):
            nursery.start_soon(sim.send, [tick("1")])
            await wait_all_tasks_blocked()
            assert len(nursery.child_tasks) == 1
            sim.vanish()
            await wait_all_tasks_blocked()
            assert not nursery.child_tasks
        mock_clock.jump(30)


async def test_a_vanished_place_counts_per_service(mock_clock: MockClock) -> None:
    """The other service has places of its own."""
    async with open_quiet(plan="basic") as sim, client(sim):
        sim.vanish()
        async with client(sim, STOCK) as stock:
            assert (await stock.heartbeat())["ret"] == 200
        mock_clock.jump(30)


@pytest.mark.parametrize("clean", [True, False])
async def test_a_restart_ends_all_refuses_all_and_is_back_at_the_same_port(
    clean: bool, mock_clock: MockClock
) -> None:
    """Connections end, nobody gets in while it is down, and what was published before is remembered."""
    async with open_quiet() as sim, client(sim) as ours, trio.open_nursery() as nursery:
        await ours.subscribe("BTCUSDT")
        await sim.send([tick("1")])
        async with client(sim, STOCK):
            sim.vanish()
            async with client(sim, STOCK):
                nursery.start_soon(partial(sim.restart, down_s=5, clean=clean))
                assert await ours.prices(1) == ["1"]
                with pytest.raises(ConnectionClosed) as closed:
                    await ours.message()
                assert (closed.value.rcvd is None) or closed.value.rcvd.code == 1001
        await wait_all_tasks_blocked()
        mock_clock.jump(4.9)
        with pytest.raises(OSError, match="connect"):
            await trio.open_tcp_stream("127.0.0.1", int(sim.url.rpartition(":")[2]))
        mock_clock.jump(0.1)
        await wait_all_tasks_blocked()
        for _ in range(2):
            async with client(sim) as again:
                assert (await again.subscribe("BTCUSDT"))["ret"] == 200
                assert await sim.send([tick("2")]) == 1
            await sim.restart(down_s=0)
        assert sim.published == {"BTCUSDT": 3}


async def test_a_cancelled_restart_is_over_at_once(mock_clock: MockClock) -> None:
    """The server never stays down because somebody stopped waiting for it."""
    async with open_quiet() as sim:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(sim.restart)
                await wait_all_tasks_blocked()
                scope.cancel()
        async with client(sim) as ours:
            assert (await ours.heartbeat())["ret"] == 200


async def test_a_dripping_server_writes_a_byte_at_a_time_and_loses_none(mock_clock: MockClock) -> None:
    """So many bytes take so many gaps; what has piled up at the end comes at once."""
    async with open_quiet() as sim, client(sim) as ours, trio.open_nursery() as nursery:
        await ours.subscribe("BTCUSDT")
        written = trio.Event()

        async def send() -> None:
            await sim.send([tick("1")])
            written.set()

        with sim.dripping(1.0):
            nursery.start_soon(send)
            for _ in range(20):
                await wait_all_tasks_blocked()
                assert not written.is_set()
                mock_clock.jump(1)
            nursery.start_soon(sim.send, [tick("2")])
        await wait_all_tasks_blocked()
        mock_clock.jump(1)
        assert await ours.prices(2) == ["1", "2"]


async def test_a_burst_brings_all_at_once_and_in_order() -> None:
    """Nothing comes while it is held back, everything when it is let go; HTTP sees it meanwhile."""
    async with open_quiet() as sim, client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        with sim.bursting():
            for price in PRICES:
                assert await sim.send([tick(price)]) == 0
            _, answer = await ask(sim, "trade-tick", symbol_list("BTCUSDT"))
            assert answer["data"]["tick_list"][0]["price"] == PRICES[-1]
        assert await ours.prices(len(PRICES)) == PRICES


async def received(begin: Callable[[Sim], AbstractContextManager[None]], count: int) -> list[dict[str, Any]]:
    """Publish `PRICES` during a fault and return the first messages."""
    async with open_quiet() as sim, client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        with begin(sim):
            await sim.send([tick(price) for price in PRICES])
        return [await ours.message() for _ in range(count)]


async def test_repeating_sends_some_ticks_twice() -> None:
    """The copy is the same to the letter."""
    messages = await received(lambda sim: sim.repeating(every=4), 15)
    assert [message["data"]["price"] for message in messages] == [
        *("1", "2", "3", "4", "4", "5", "6", "7", "8", "8", "9", "10", "11", "12", "12")
    ]
    assert messages[3] == messages[4]


async def test_puzzling_adds_messages_of_an_unknown_kind() -> None:
    """No tick is lost by it."""
    messages = await received(lambda sim: sim.puzzling(every=6), 14)
    assert [message["cmd_id"] for message in messages] == [22998] * 5 + [23998] + [22998] * 6 + [23998, 22998]


async def test_blanking_sends_empty_strings() -> None:
    """A tick without volume and turnover, before it one without a price; the other ticks are whole."""
    messages = await received(lambda sim: sim.blanking(every=6), 14)
    assert [(m["data"]["price"], m["data"]["volume"], m["data"]["turnover"]) for m in messages] == [
        *((price, "1", price) for price in PRICES[:5]),
        ("", "", ""),
        ("6", "", ""),
        *((price, "1", price) for price in PRICES[6:11]),
        ("", "", ""),
        ("12", "", ""),
    ]


async def test_renumbering_counts_each_connection_by_itself() -> None:
    """Outside of it the numbers are the switch's."""
    async with open_quiet(now_us=lambda: 7_000_000) as sim:
        with sim.renumbering():
            for path, code in ((STOCK, "700.HK"), (STOCK, "TSLA.US")):
                async with client(sim, path) as ours:
                    await ours.subscribe(code)
                    await sim.send([tick("1", code), tick("2", code)])
                    assert [one["seq"] for one in await ours.ticks(2)] == [1, 2]
        async with client(sim) as ours:
            await ours.subscribe("BTCUSDT")
            await sim.send([tick("1")])
            assert (await ours.ticks(1))[0]["seq"] == 7000


@pytest.mark.parametrize("ret", [401, 429, 600, 603, 604, 605, 606])
async def test_answering_refuses_what_is_asked_and_only_606_closes(ret: int, mock_clock: MockClock) -> None:
    """Subscriptions and HTTP queries get the code, heartbeats do not; the client broke no rule."""
    async with open_quiet() as sim, client(sim) as ours:
        with sim.answering(ret):
            assert (await ours.heartbeat())["ret"] == 200
            assert (await ours.subscribe("BTCUSDT"))["ret"] == ret
            assert (await ask(sim, "trade-tick", symbol_list("BTCUSDT")))[1]["ret"] == ret
        assert await sim.send([tick("1")]) == 0
        mock_clock.jump(1)
        if ret == 606:
            with pytest.raises(ConnectionClosedError):
                await ours.message()
        else:
            assert (await ours.subscribe("BTCUSDT"))["ret"] == 200
        assert sim.statistics().violations == {}
        assert sim.statistics().answers[ret] == 2


async def test_answering_with_a_code_that_does_not_exist_is_refused() -> None:
    """The error lists those there are."""
    async with open_quiet() as sim:
        with pytest.raises(ConfigError, match="ret = 602: accepted are 200, 401"):
            sim.answering(602)


@pytest.mark.parametrize("kind", FAULTS)
async def test_each_fault_by_name_happens_and_passes(kind: str, mock_clock: MockClock) -> None:
    """After it a client that comes back is served as if nothing had been."""
    async with open_quiet() as sim, trio.open_nursery() as nursery:
        async with client(sim) as ours:
            await ours.subscribe("BTCUSDT")
            nursery.start_soon(run_faults, sim, [Fault(kinds=(kind,), at_s=1, lasting_s=2)])
            await wait_all_tasks_blocked()
            for pause_s in (1, 2, 2, 26 if kind == "vanish" else 2):  # a vanished link ends only when it is overdue
                await wait_all_tasks_blocked()
                mock_clock.jump(pause_s)
            await wait_all_tasks_blocked()
        assert not nursery.child_tasks
        async with client(sim) as ours:
            assert (await ours.subscribe("BTCUSDT"))["ret"] == 200
            assert await sim.send([tick("1"), tick("2")]) == 1
            assert await ours.prices(2) == ["1", "2"]
        assert sim.statistics().violations == {}


@pytest.mark.parametrize(("name", "ret"), [("603", 603), ("604", 604), ("605", 605), ("606", 606)])
async def test_a_code_by_name_refuses_those_that_come_back(name: str, ret: int, mock_clock: MockClock) -> None:
    """Links are cut when it begins, so that a client has to ask again."""
    async with open_quiet() as sim, trio.open_nursery() as nursery:
        async with client(sim) as ours:
            nursery.start_soon(run_faults, sim, parse_faults(f"{name}+2@0"))
            with pytest.raises(ConnectionClosedError):
                await ours.message()
        async with client(sim) as ours:
            assert (await ours.subscribe("BTCUSDT"))["ret"] == ret
        mock_clock.jump(2)


async def test_429_by_name_refuses_handshakes(mock_clock: MockClock) -> None:
    """Links are cut, and HTTP 429 is what the next attempt gets; HTTP queries too."""
    async with open_quiet() as sim, trio.open_nursery() as nursery:
        nursery.start_soon(run_faults, sim, parse_faults("429+2@0"))
        await wait_all_tasks_blocked()
        with pytest.raises(InvalidStatus, match="429"):
            async with client(sim):
                pass
        assert (await ask(sim, "trade-tick", symbol_list("BTCUSDT")))[0] == 429
        mock_clock.jump(2)
