"""A strategy decides in a replay as it did live, whatever befell the feed and the program."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from tests.support.program import Program, open_program, run_program
from trio_ticks.sim import Sim, open_sim
from trio_ticks.sim.faults import FAULTS

ROUNDS = int(os.environ.get("TRIO_TICKS_LIVE_ROUNDS", "2"))
"""Each takes some two seconds; a hundred and fifty are five minutes."""

TICKS_IN_ROUND = 200
ENV = {"ALLTICK_TOKEN": "demo"}
CONFIG = """
[feeds.alltick]
symbols = ["BTCUSDT", "XBTUSDT"]
token = "${ALLTICK_TOKEN}"
url = "%s"
silent_after_s = 2
mute_after_s = 1
backoff_max_s = 2  # faults come so thick that no session proves healthy
[strategies.honest]
use = "live_strategies:honest"
params = { step = 7 }
[strategies.past]
use = "live_strategies:past"
symbols = ["XBTUSDT"]
since = "1d"
[strategies.cheat]
use = "live_strategies:cheat"
symbols = ["BTCUSDT"]
"""
STRATEGIES = """
import time
import trio

async def honest(ticks, step):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(every_second, ticks)
        count = 0
        async for tick in ticks:
            count += 1
            if count % step == 0:
                await ticks.signal("buy", tick.symbol, price=tick.price, count=count)
            if count % 50 == 0:
                print("seen", count, flush=True)

async def every_second(ticks):
    async for due_us in ticks.every(1):
        await ticks.signal("second", "", due_us=due_us)

async def past(ticks):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(every_second, ticks)
        count = 0
        async for tick in ticks:
            count += 1
            await ticks.signal("seen", tick.symbol, price=tick.price, count=count)

async def cheat(ticks):
    async for tick in ticks:
        await ticks.signal("buy", tick.symbol, price=tick.price, at=time.time())
"""


async def trade_under_faults(program: Program, sim: Sim, kinds: list[str]) -> None:
    """Let the strategy see some more after each fault."""
    seen = TICKS_IN_ROUND
    await program.wait_for(f"seen {seen}\n")
    for kind in kinds:
        await FAULTS[kind](sim, 0.5)
        seen = int(re.findall(r"seen (\d+)\n", program.stdout)[-1]) + TICKS_IN_ROUND
        await program.wait_for(f"seen {seen}\n")


async def test_a_run_with_faults_is_replayed_identically(tmp_path: Path) -> None:
    """Drops, mutes, a kill: signal for signal the same, of one that begins in the past, too; one that looks at the
    clock is found out at its first.
    """
    (tmp_path / "live_strategies.py").write_text(STRATEGIES)
    kinds = (["drop", "mute"] * ROUNDS)[:ROUNDS]
    async with open_sim(speed=20.0) as sim:
        (tmp_path / "ticks.toml").write_text(CONFIG % sim.url)
        for number in (signal.SIGKILL, signal.SIGTERM):
            async with open_program("run", cwd=tmp_path, env=ENV) as program:
                await trade_under_faults(program, sim, kinds if number == signal.SIGTERM else kinds[:1])
                program.send(number)
                await program.wait()
    words = ["replay", "ticks.journal", "--against-live", "--strategy"]
    code, stdout, stderr = await run_program(*words, "live_strategies:honest", cwd=tmp_path)
    verdict = stdout.splitlines()[-1]  # behind what the strategy prints
    assert (code, verdict.partition(":")[0]) == (0, "identical"), stdout + stderr
    assert int(verdict.split()[1].replace(",", "")) > TICKS_IN_ROUND // 7
    code, stdout, stderr = await run_program(*words, "live_strategies:past", cwd=tmp_path)
    assert (code, stdout.splitlines()[-1].partition(":")[0]) == (0, "identical"), stdout + stderr
    code, stdout, _ = await run_program(*words, "live_strategies:cheat", cwd=tmp_path)
    assert (code, stdout.startswith("different: signal 1 of run 1, at ")) == (1, True), stdout
    again = ["replay", "ticks.journal", "--strategy", "live_strategies:honest", "--param", "step=7"]
    assert (await run_program(*again, "-o", "again.journal", cwd=tmp_path))[0] == 0
    words[1] = "again.journal"
    code, stdout, stderr = await run_program(*words, "live_strategies:honest", cwd=tmp_path)
    assert (code, stdout.splitlines()[-1].partition(":")[0]) == (0, "identical"), stdout + stderr
