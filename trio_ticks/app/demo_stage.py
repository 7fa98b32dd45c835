"""What happens in the demo: tapes are played, and every ten seconds the connections are cut or muted."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import trio

from trio_ticks.app.demo_score import Score
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.stream import Ticks
from trio_ticks.sim import Sim, Tape
from trio_ticks.sim.tape import timeline

FIRST_FAULT_S = 7.0
EVERY_S = 10.0
"""The first fault comes when the screen has been understood, and both kinds within twenty seconds. Before each, two
lines have time to connect three seconds apart, as AllTick wants it, and to wait as long again; any closer and that
pause would delay the engine."""

SPEED = 4.0
"""Times the recorded speed: two hundred ticks a second. AllTick's stamps are whole milliseconds, so more speed puts
trades under one stamp that had stamps of their own: here 36 % of the BTCUSDT trades share one, 31 % as recorded."""

SETTLE_S = 1.0
"""For what is on its way to arrive. Loopback needs milliseconds; a busy machine may need more."""

RECOVER_S = 5.0
"""For the engine to get over the last fault before the demo ends: mute bound, answer, connect, and patience."""

LAST_S = 0.05
"""The recipe has no ledger that would tell when it has everything; so much longer than loopback takes."""

_POLL_S = 0.005

_SUBSCRIBE_TRADES = 22004
"""How the simulator's statistics call it in AllTick's protocol; in the simple dialect it is ``subscribe``."""


class Stage:
    """The tasks of the demo.

    Args:
        sim: The simulator; its own tapes are not playing.
        tapes: What to play instead, so that every single tick is known.
        score: Who counts.
    """

    def __init__(self, *, sim: Sim, tapes: Sequence[Tape], score: Score) -> None:
        self._sim = sim
        self._tapes = tapes
        self._score = score
        self._next_fault_at = math.inf
        self._struck_us = 0
        self._going = trio.Event()
        self._going.set()
        self._news = trio.Event()

    @property
    def fault_in_s(self) -> float:
        """Seconds until the next fault."""
        return max(0.0, self._next_fault_at - trio.current_time())

    async def wait_subscribed(self) -> None:
        """Wait until the engine and the recipe are both subscribed, so that they are measured from the same tick."""
        while not self._both_subscribed():  # noqa: ASYNC110 - the simulator has no event for two at once
            await trio.sleep(_POLL_S)

    async def play(self) -> None:
        """Publish the tapes, round after round, each tick when it is due."""
        start_us, began = utc_now_us(), trio.current_time()
        due = timeline(self._tapes, start_us=start_us, speed=SPEED)
        tick = next(due)
        while True:
            await trio.sleep_until(began + (tick.time_us - start_us) / 1e6)
            await self._going.wait()
            now_us = utc_now_us()
            batch = []
            while tick.time_us <= now_us:
                batch.append(tick)
                tick = next(due)
            await self._sim.send(self._score.publish(batch, now_us))

    async def strike(self) -> None:
        """Cut the connections, and mute them, in turn."""
        began = trio.current_time()
        for number, kind in enumerate(itertools.cycle(("cut", "mute"))):
            self._next_fault_at = began + FIRST_FAULT_S + number * EVERY_S
            await trio.sleep_until(self._next_fault_at)
            # What was published before a fault has arrived when it strikes, so that each missed tick was published
            # inside the gap, and not a millisecond before it.
            await self._hold()
            self._struck_us = utc_now_us()
            self._score.befall(kind)
            if kind == "cut":
                await self._sim.drop()
            else:
                self._sim.mute()
            self._going.set()

    async def follow(self, ticks: Ticks) -> None:
        """The engine's strategy: it counts what it is handed, and what it is told."""
        async for batch in ticks.batches():
            self._score.take(batch.records)
            self._news.set()
            self._news = trio.Event()

    async def finish(self) -> None:
        """Bring everything to rest: let the engine recover from the last fault, then let it have every tick."""
        await self._until(lambda: self._score.witness.newest_us > self._struck_us, RECOVER_S)
        await self._hold()
        await trio.sleep(LAST_S)

    def _both_subscribed(self) -> bool:
        return {_SUBSCRIBE_TRADES, "subscribe"} <= self._sim.statistics().requests.keys()

    async def _hold(self) -> None:
        """Publish nothing more for now, and wait until what was published is accounted for."""
        self._going = trio.Event()
        await self._until(lambda: not self._score.witness.unaccounted, SETTLE_S)

    async def _until(self, condition: Callable[[], bool], patience_s: float) -> None:
        """Wait until something is true of what the strategy has seen, but not for ever."""
        with trio.move_on_after(patience_s):
            while not condition():
                await self._news.wait()
