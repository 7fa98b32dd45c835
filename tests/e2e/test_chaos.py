"""Chaos, end to end, on real processes: what was kept is in the database, once, and what was not is named."""

from __future__ import annotations

import os
from pathlib import Path

import trio

from tests.support.chaos import Chaos, check, open_chaos

RATE = 1_000.0


async def trouble_the_database(chaos: Chaos) -> None:
    """Every kind of trouble once, in the order of the seed."""
    deeds = [chaos.kill_influxd, chaos.stall_influxd, *[chaos.spoil_answers] * 3]
    for deed in chaos.rng.sample(deeds, len(deeds)):
        await chaos.do(deed)


async def trouble_the_program(chaos: Chaos) -> None:
    """Likewise for the program and its feed."""
    deeds = [chaos.kill_program, chaos.kill_program, chaos.cut_feed, chaos.shut_feed]
    for deed in chaos.rng.sample(deeds, len(deeds)):
        await chaos.do(deed)
        await trio.sleep(chaos.rng.uniform(0.2, 0.8))


async def test_whatever_happens_the_database_has_the_journal_and_the_journal_all_or_a_gap(tmp_path: Path) -> None:
    """Killed, stalled, cut and lied to, by one seed: tick for tick and nanosecond for nanosecond, nothing twice."""
    seed = int(os.environ.get("TRIO_TICKS_CHAOS_SEED", "20211"))
    print(f"TRIO_TICKS_CHAOS_SEED={seed}")  # noqa: T201 - pytest shows it where the test fails
    async with open_chaos(tmp_path, Chaos, seed=seed, rate=RATE) as chaos:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trouble_the_database, chaos)
            nursery.start_soon(trouble_the_program, chaos)
        await chaos.finish()
        found = await trio.to_thread.run_sync(check, chaos)
    assert chaos.deeds["kill program"] == 2
    assert found.stored == found.journaled > 0
    assert found.gaps["crashed"] >= 2
