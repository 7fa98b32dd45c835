"""Each fault of the simulator does what its name says, and no more; and hostile clients cost little."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.frames import Frame, Opcode

from tests.support.sim_client import OTHER, STOCK, UPGRADE, client, masked, open_quiet, raw, tick
from trio_ticks.sim import Sim, Switches, parse_faults, run_faults

SUBSCRIBE = b'{"cmd_id":22004,"seq_id":1,"trace":"t","data":{"symbol_list":[{"code":"BTCUSDT"}]}}'


@asynccontextmanager
async def deaf_subscriber(sim: Sim) -> AsyncGenerator[None]:
    """A client that subscribes and never reads again."""
    async with raw(sim) as stream:
        # Before the handshake, so that the kernel offers a small window.
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await stream.send_all(UPGRADE.format(path=OTHER).encode())
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 101")
        await stream.send_all(masked(SUBSCRIBE))
        await sim.wait_subscribed("BTCUSDT")
        yield


async def read_all(stream: trio.SocketStream) -> bytes:
    """Everything until the end of the stream, also where it is a reset."""
    got = b""
    try:
        while data := await stream.receive_some():
            got += data
    except trio.BrokenResourceError:
        pass
    return got


async def test_what_was_sent_before_a_drop_arrives_and_then_the_stream_ends() -> None:
    async with open_quiet() as sim, client(sim) as ours, client(sim, STOCK) as stock:
        await ours.subscribe("BTCUSDT")
        await sim.send([tick(str(price)) for price in range(1000)])
        assert await sim.drop() == 2
        assert sim.statistics().connections_open == 0
        assert await ours.prices(1000) == [str(price) for price in range(1000)]
        for each in (ours, stock):
            with pytest.raises(ConnectionClosedError) as lost:
                await each.message()
            assert lost.value.rcvd is None
        assert sim.statistics().ended == {"dropped": 2}


async def test_a_clean_drop_says_1001() -> None:
    async with open_quiet() as sim, client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        await sim.send([tick("1")])
        await sim.drop(clean=True)
        assert await ours.prices(1) == ["1"]
        with pytest.raises(ConnectionClosedOK) as closed:
            await ours.message()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001


async def test_a_drop_frees_the_places_of_the_plan_at_once() -> None:
    async with open_quiet(plan="free") as sim:
        for _ in range(3):
            async with client(sim) as ours:
                await ours.subscribe("BTCUSDT")
                await sim.drop()
        assert sim.statistics().connections_total == 3


async def test_recorded_order_survives_cuts_between_ticks_with_overlaps(mock_clock: MockClock) -> None:
    got: list[str] = []
    async with open_quiet(overlap=2) as sim:
        for start in range(0, 50, 10):
            mock_clock.jump(3)
            async with client(sim) as ours:
                await ours.subscribe("BTCUSDT")
                repeated = await ours.prices(min(2, start))
                assert repeated == got[-2:]
                await sim.send([tick(str(price)) for price in range(start, start + 10)])
                got += await ours.prices(10)
                await sim.drop()
        assert got == [str(price) for price in range(50)]
        assert sim.published == {"BTCUSDT": 50}


async def test_a_mute_connection_still_answers_and_a_new_one_is_not_mute(mock_clock: MockClock) -> None:
    async with open_quiet() as sim, client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        assert sim.mute() == 1
        assert await sim.send([tick("1")]) == 0
        assert (await ours.heartbeat())["cmd_id"] == 22001
        mock_clock.jump(3)
        async with client(sim) as fresh:
            await fresh.subscribe("BTCUSDT")
            assert await sim.send([tick("2")]) == 1
            assert await fresh.prices(1) == ["2"]
        sim.unmute()
        assert await sim.send([tick("3")]) == 1
        assert await ours.prices(1) == ["3"]
        assert sim.published == {"BTCUSDT": 3}


async def test_waiting_for_a_subscription_does_not_count_the_dropped_and_the_mute() -> None:
    async with open_quiet() as sim, trio.open_nursery() as nursery:
        waits = 0

        async def wait() -> None:
            nonlocal waits
            await sim.wait_subscribed("BTCUSDT")
            waits += 1

        for hurt in (sim.mute, sim.drop):
            async with client(sim) as ours:
                await ours.subscribe("BTCUSDT")
                await wait()
                before = waits
                if hurt is sim.mute:
                    sim.mute()
                else:
                    await sim.drop()
                nursery.start_soon(wait)
                await wait_all_tasks_blocked()
                assert waits == before
                async with client(sim) as fresh:
                    await fresh.subscribe("BTCUSDT")
                    await wait_all_tasks_blocked()
                    assert waits == before + 1


@pytest.mark.parametrize("status", [503, 429, 500])
async def test_refusing_refuses_new_connections_only(status: int) -> None:
    async with open_quiet() as sim, client(sim) as ours:
        with sim.refusing(status):
            with pytest.raises(InvalidStatus) as refused:
                async with client(sim):
                    pass
            assert refused.value.response.status_code == status
            assert (await ours.subscribe("BTCUSDT"))["ret"] == 200
        async with client(sim, STOCK):
            assert sim.statistics().refused == {status: 1}


async def test_overlapping_sends_again_what_the_last_session_had() -> None:
    async with open_quiet() as sim:
        async with client(sim) as ours:
            await ours.subscribe("BTCUSDT")
            await sim.send([tick(price) for price in "12345"])
            first = await ours.ticks(5)
        with sim.overlapping(3):
            async with client(sim, OTHER) as ours:
                await ours.subscribe("BTCUSDT")
                assert await ours.ticks(3) == first[-3:]
        async with client(sim, OTHER) as ours:
            await ours.subscribe("BTCUSDT")
            await sim.send([tick("6")])
            assert await ours.prices(1) == ["6"]


async def test_reordering_loses_nothing_and_is_the_same_for_a_seed() -> None:
    prices = [str(price) for price in range(10)]

    async def shuffled(seed: int) -> list[str]:
        async with open_quiet() as sim, client(sim) as ours:
            await ours.subscribe("BTCUSDT")
            with sim.reordering(seed, depth=4):
                for price in prices:
                    await sim.send([tick(price)])
            return await ours.prices(len(prices))

    once = await shuffled(1)
    assert sorted(once) == prices
    assert once != prices
    assert all(abs(place - int(price)) < 4 for place, price in enumerate(once))
    assert once == await shuffled(1)
    assert once != await shuffled(2)


async def test_malforming_adds_broken_json_and_loses_no_tick() -> None:
    async with open_quiet() as sim, client(sim) as ours:
        await ours.subscribe("BTCUSDT")
        with sim.malforming(every=3):
            await sim.send([tick(price) for price in "123456"])
        await sim.send([tick(price) for price in "789"])
        got: list[str] = []
        for _ in range(11):
            try:
                got.append((await ours.message())["data"]["price"])
            except ValueError:
                got.append("broken")
        assert got == ["1", "2", "broken", "3", "4", "5", "broken", "6", "7", "8", "9"]


async def test_faults_happen_when_the_script_says(mock_clock: MockClock) -> None:
    happened: list[tuple[float, str]] = []
    faults = parse_faults("drop|mute/10, refuse+3@15")
    async with open_quiet() as sim, trio.open_nursery() as nursery:
        began_s = trio.current_time()

        def note(one: object) -> None:
            happened.append((round(trio.current_time() - began_s, 3), one.kind))  # type: ignore[attr-defined]  # seen through the callback's object

        nursery.start_soon(partial(run_faults, sim, faults, on_fault=note))
        async with client(sim) as ours:
            await ours.subscribe("BTCUSDT")
            await wait_all_tasks_blocked()
            mock_clock.jump(10)
            with pytest.raises(ConnectionClosedError):
                await ours.message()
        mock_clock.jump(5)
        await wait_all_tasks_blocked()
        with pytest.raises(InvalidStatus):
            async with client(sim):
                pass
        mock_clock.jump(3)
        await wait_all_tasks_blocked()
        async with client(sim) as ours:
            await ours.subscribe("BTCUSDT")
            mock_clock.jump(2)
            await wait_all_tasks_blocked()
            assert await sim.send([tick("1")]) == 0
        nursery.cancel_scope.cancel()
    assert happened == [(10, "drop"), (15, "refuse"), (20, "mute")]


async def test_lasting_faults_may_overlap() -> None:
    async with open_quiet() as sim:
        one, two = sim.refusing(503), sim.refusing(500)
        one.__enter__()
        two.__enter__()
        one.__exit__(None, None, None)
        with pytest.raises(InvalidStatus, match="500"):
            async with client(sim):
                pass
        two.__exit__(None, None, None)
        async with client(sim) as ours:
            assert (await ours.subscribe("BTCUSDT"))["ret"] == 200


async def test_a_client_that_does_not_read_is_cut_when_its_buffer_is_full(mock_clock: MockClock) -> None:
    async with open_quiet(buffer_bytes=100_000) as sim, deaf_subscriber(sim), client(sim, STOCK) as ours:
        await ours.subscribe("TSLA.US")
        async with trio.open_nursery() as nursery:
            for _ in range(2_000):  # 40 MB: more than any kernel holds back for one connection
                nursery.start_soon(sim.send, [tick("1" * 20_000)])
                await wait_all_tasks_blocked()
                if sim.statistics().ended:
                    break
            nursery.cancel_scope.cancel()
        assert sim.statistics().ended == {"slow": 1}
        assert await sim.send([tick("2", "TSLA.US")]) == 1
        assert await ours.prices(1) == ["2"]


async def test_a_write_that_does_not_get_through_in_time_cuts_the_client(mock_clock: MockClock) -> None:
    async with open_quiet(buffer_bytes=2**26) as sim, deaf_subscriber(sim), trio.open_nursery() as nursery:
        nursery.start_soon(sim.send, [tick("1" * 200_000)] * 100)
        await wait_all_tasks_blocked()
        assert not sim.statistics().ended
        mock_clock.jump(10)
        while not sim.statistics().ended:
            await wait_all_tasks_blocked()
        assert sim.statistics().ended == {"slow": 1}


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\xff nothing like HTTP\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 20_000,
        b"POST /quote-b-ws-api?token=demo HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /quote-b-ws-api?token=demo HTTP/1.1\r\nHost: h\r\n\r\n",
        UPGRADE.format(path=OTHER).encode() + masked(b"too early"),
        UPGRADE.format(path=OTHER).encode() + masked(b"", Opcode.CLOSE),
        UPGRADE.format(path="/nowhere").encode() + masked(b"", Opcode.CLOSE),
    ],
)
async def test_a_request_that_is_no_handshake_is_answered_at_most_with_an_error(sent: bytes) -> None:
    async with open_quiet() as sim, raw(sim, sent) as stream:
        await stream.send_eof()
        answer = await read_all(stream)
        assert b"HTTP/1.1 2" not in answer
        await wait_all_tasks_blocked()
        assert sim.statistics().connections_open == 0


async def test_a_handshake_that_trickles_is_cut_after_ten_seconds(mock_clock: MockClock) -> None:
    async with open_quiet() as sim, raw(sim, b"GET / HT") as stream:
        await wait_all_tasks_blocked()
        mock_clock.jump(9)
        await stream.send_all(b"TP/1.1\r\n")
        await wait_all_tasks_blocked()
        mock_clock.jump(1)
        assert await stream.receive_some() == b""


async def test_a_subscription_on_a_connection_too_many_is_counted(mock_clock: MockClock) -> None:
    """Whoever asks on while being shown the door breaks a rule of its own; nothing is answered."""
    switches = Switches(too_many_connections="close")
    async with open_quiet(plan="basic", switches=switches) as sim, client(sim):
        mock_clock.jump(3)
        async with raw(sim, UPGRADE.format(path=OTHER).encode()) as second:
            got = b""
            while Frame(Opcode.CLOSE, b"\x03\xf0").serialize(mask=False) not in got:
                got += await second.receive_some()
            await second.send_all(masked(SUBSCRIBE))
            await wait_all_tasks_blocked()
        assert sim.statistics().violations == {"too many connections": 1, "subscribing over the limit": 1}
        assert not sim.statistics().requests


async def test_a_message_beyond_the_limit_ends_its_connection_only() -> None:
    async with open_quiet() as sim, client(sim) as ours, client(sim, STOCK) as other:
        await ours.socket.send("x" * (2**18 + 1))
        with pytest.raises(ConnectionClosedError) as closed:
            await ours.message()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        assert (await other.subscribe("TSLA.US"))["ret"] == 200


async def test_a_fragmented_request_is_put_together() -> None:
    async with open_quiet() as sim, client(sim) as ours:
        await ours.socket.send([SUBSCRIBE[:10].decode(), SUBSCRIBE[10:30].decode(), SUBSCRIBE[30:].decode()])
        assert (await ours.message())["ret"] == 200


@settings(max_examples=25)
@given(chunks=st.lists(st.binary(max_size=200) | st.builds(masked, st.binary(max_size=100)), max_size=5))
def test_no_bytes_bring_the_server_down(chunks: list[bytes]) -> None:
    """Run without pytest-trio, which knows no Hypothesis settings per example."""

    async def attack() -> None:
        async with open_quiet() as sim:
            async with raw(sim, UPGRADE.format(path=OTHER).encode()) as stream:
                await wait_all_tasks_blocked()
                try:
                    for chunk in chunks:
                        await stream.send_all(chunk)
                    await stream.send_eof()
                except trio.BrokenResourceError:
                    pass
                await read_all(stream)
            async with client(sim) as ours:
                assert (await ours.subscribe("BTCUSDT"))["ret"] == 200

    trio.run(attack)
