"""The load has the rate, the symbols and the stamps that it says, and every tick is counted."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Mapping

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.sim_client import OTHER, UPGRADE, client, masked, raw, symbol_list
from trio_ticks.errors import ConfigError
from trio_ticks.sim import Load, Switches, open_sim
from trio_ticks.sim.outbox import Outbox

NOW_MS = 1_782_180_168_224


async def test_a_load_has_its_rate_and_takes_turns(mock_clock: MockClock) -> None:
    """In one second so many ticks, each symbol as often as any other, in turn; the subscribed ones arrive."""
    load = Load(symbols=50, rate=1000)
    async with open_sim([], load=load, now_us=lambda: NOW_MS * 1000) as sim, client(sim) as ours:
        await ours.subscribe(*load.codes[:20])
        for _ in range(100):
            await wait_all_tasks_blocked()
            mock_clock.jump(0.01)
        await wait_all_tasks_blocked()
        assert sim.published == dict.fromkeys(load.codes, 20)
        got = await ours.ticks(400)
        assert sim.statistics().pushes == 400
        assert sum(sim.statistics().published.values()) == 1000
    assert [one["code"] for one in got] == [*load.codes[:20]] * 20
    assert {(one["tick_time"], one["seq"]) for one in got} == {(NOW_MS, NOW_MS * 1000)}
    prices = [one["price"] for one in got if one["code"] == load.codes[0]]
    assert all(one != two for one, two in itertools.pairwise(prices))


async def test_stamps_follow_the_switches(mock_clock: MockClock) -> None:
    """Seconds and strings are dated as well as milliseconds and numbers."""
    switches = Switches(numbers="string", time_unit="s")
    load = Load(symbols=3, rate=300)
    async with (
        open_sim([], load=load, switches=switches, now_us=lambda: NOW_MS * 1000) as sim,
        client(sim) as ours,
    ):
        await ours.subscribe(*load.codes)
        await wait_all_tasks_blocked()
        mock_clock.jump(0.02)
        got = await ours.ticks(6)
    assert {(one["seq"], one["tick_time"]) for one in got} == {(str(NOW_MS * 1000), str(NOW_MS // 1000))}


async def test_a_subscription_that_changes_changes_what_comes(mock_clock: MockClock) -> None:
    """What was prepared for the old list is not sent for the new one."""
    load = Load(symbols=2, rate=200)
    async with open_sim([], load=load, switches=Switches(too_fast="serve")) as sim, client(sim) as ours:
        for code in load.codes:
            await ours.subscribe(code)
            await wait_all_tasks_blocked()
            mock_clock.jump(0.1)
            assert Counter(one["code"] for one in await ours.ticks(10)) == {code: 10}


async def test_without_a_pace_ticks_come_as_fast_as_they_are_taken(mock_clock: MockClock) -> None:
    """A client that does not read holds the load up, and none is lost: backpressure, not a buffer."""
    load = Load(symbols=3, rate=math.inf)
    subscription = json.dumps({"cmd_id": 22004, "seq_id": 1, "trace": "t", "data": symbol_list(*load.codes)})
    async with open_sim([], load=load) as sim, raw(sim, UPGRADE.format(path=OTHER).encode()) as stream:
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 101")
        await stream.send_all(masked(subscription.encode()))
        await sim.wait_subscribed(*load.codes)
        held_up: Mapping[str, int] = {}
        while held_up != sim.published or not held_up:
            held_up = sim.published
            mock_clock.jump(0.01)
            await wait_all_tasks_blocked()
        got = b""
        while len(codes := re.findall(rb'"code":"(L000.USDT)"', got)) < sum(held_up.values()):
            got += await stream.receive_some()
        assert [code.decode() for code in codes] == [*load.codes * len(codes)][: len(codes)]


@pytest.mark.parametrize(("symbols", "rate"), [(0, 1), (1, 0), (1, -1), (1, math.nan)])
def test_a_load_of_nothing_is_refused(symbols: int, rate: float) -> None:
    """One line that says what must be."""
    with pytest.raises(ConfigError, match="must be positive"):
        Load(symbols=symbols, rate=rate)


async def test_what_waits_for_a_push_goes_out_behind_the_next_one(mock_clock: MockClock) -> None:
    """Behind a push if there is one within a second, else by itself; never before what was queued earlier."""
    ours, theirs = trio.testing.memory_stream_pair()
    outbox = Outbox(stream=ours, capacity_bytes=100, overflow=lambda: None, drips=[])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run)
        outbox.put_behind(b"ack1 ")
        outbox.put(b"reply ")
        outbox.put(b"push ", pushes=1)
        outbox.put_behind(b"ack2 ")
        await wait_all_tasks_blocked()
        assert await theirs.receive_some() == b"reply push ack1 "
        mock_clock.jump(1)
        assert await theirs.receive_some() == b"ack2 "
        outbox.finish()
