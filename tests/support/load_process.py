"""The simulated vendor under load, in a process of its own: a core for each side, as in life."""

from __future__ import annotations

import multiprocessing
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing.connection import Connection

import attrs
import trio

from trio_ticks.sim import Load, SimStatistics, Switches, open_sim

BUFFER_BYTES = 2**28
"""So much that a slow machine makes the client late, and never gets it cut: what is tested is no machine."""


@attrs.frozen
class Vendor:
    """The process, seen from here."""

    url: str
    _pipe: Connection

    async def fall_silent(self) -> tuple[int, dict[str, int]]:
        """Send nothing new, and everything that was queued; return the ticks sent in all, and the rules broken."""
        await trio.to_thread.run_sync(self._pipe.send, "mute")
        pushes, violations = await trio.to_thread.run_sync(self._pipe.recv)
        return pushes, violations


@asynccontextmanager
async def open_vendor(load: Load) -> AsyncIterator[Vendor]:
    """Run it for as long as the block lasts."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, load), daemon=True)
    process.start()
    try:
        yield Vendor(await trio.to_thread.run_sync(ours.recv), ours)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(process.join)
        process.close()
        ours.close()
        theirs.close()


def _serve(pipe: Connection, load: Load) -> None:
    trio.run(partial(_run, pipe, load))


async def _run(pipe: Connection, load: Load) -> None:
    switches = Switches(too_fast="serve")
    async with open_sim([], load=load, buffer_bytes=BUFFER_BYTES, switches=switches) as sim:
        pipe.send(sim.url)
        await trio.to_thread.run_sync(pipe.recv)
        links = sim._hub.live
        sim.mute()
        for link in links:
            await link.outbox.wait_written(link.outbox.put(b""))
        pipe.send(_told(sim.statistics()))
        await trio.sleep_forever()


def _told(statistics: SimStatistics) -> tuple[int, dict[str, int]]:
    return statistics.pushes, dict(statistics.violations)
