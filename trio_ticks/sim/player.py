"""The task that publishes tapes as their ticks fall due."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import trio

from trio_ticks.model import Tick
from trio_ticks.sim.tape import Tape, timeline

# Ticks published between two checkpoints: after a stall the connections get a word in between.
BATCH = 1_000


class Player:
    """Plays tapes into ``publish``, once it is told to start."""

    def __init__(
        self,
        *,
        tapes: Sequence[Tape],
        speed: float,
        loop: bool,
        publish: Callable[[Sequence[Tick]], object],
        now_us: Callable[[], int],
    ) -> None:
        self._tapes = tapes
        self._speed = speed
        self._loop = loop
        self._publish = publish
        self._now_us = now_us
        self._started = trio.Event()
        self._finished = trio.Event()

    def start(self) -> None:
        """Let it play; a second call changes nothing."""
        self._started.set()

    async def wait_finished(self) -> None:
        """Wait until everything has been published."""
        await self._finished.wait()

    async def run(self) -> None:
        """Wait for the start, then publish every tick when it is due, until the tapes end."""
        await self._started.wait()
        start_us = self._now_us()
        ticks = timeline(self._tapes, start_us=start_us, speed=self._speed, loop=self._loop)
        await self._run_timeline(ticks, start_us)
        self._finished.set()

    async def _run_timeline(self, ticks: Iterator[Tick], start_us: int) -> None:
        """Publish a timeline that begins at ``start_us``, which is now; one wake-up takes all that is due."""
        began_s = trio.current_time()
        tick = next(ticks, None)
        while tick is not None:
            await trio.sleep_until(began_s + (tick.time_us - start_us) / 1e6)
            due_us = start_us + int((trio.current_time() - began_s) * 1e6)
            batch = [tick]
            tick = next(ticks, None)
            while tick is not None and tick.time_us <= due_us and len(batch) < BATCH:
                batch.append(tick)
                tick = next(ticks, None)
            self._publish(batch)
