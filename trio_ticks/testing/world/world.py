"""A world: a vendor, a market, a disk, a database, and one engine after another, all of it decided by one seed."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import trio

from trio_ticks.errors import in_one_line
from trio_ticks.runtime.engine import Engine
from trio_ticks.testing.simulation import run_seeded
from trio_ticks.testing.world import laws
from trio_ticks.testing.world.crash import Crash
from trio_ticks.testing.world.database import Database
from trio_ticks.testing.world.disk import Disk, disk_in_memory
from trio_ticks.testing.world.life import Lived, live
from trio_ticks.testing.world.market import Market
from trio_ticks.testing.world.plan import SYMBOLS, Plan, plan_of
from trio_ticks.testing.world.strategies import Reader, Store
from trio_ticks.testing.world.trace import Trace
from trio_ticks.testing.world.vendor import Faults, Vendor

EPOCH_US = 1_700_000_000_000_000

PATIENCE_S = 900.0
"""After the last fault everything has to go again within this: the longest pause of any part is 30 s, a write that
hangs holds the next one up for some minutes, and a mute link is found out by then."""

SETTLED_S = 30.0
"""After this without trades, whatever was half-open has been found out by its silence, and its gap is known."""


@attrs.frozen
class Outcome:
    """What came of a seed.

    Attributes:
        seed: Which.
        broken: The law that was broken, in one line; None: none.
        digest: Of the trace.
        simulated_s: How long the world lasted, on its own clock.
        trades: How many were made.
    """

    seed: int
    broken: str | None
    digest: str
    simulated_s: float
    trades: int


class World:
    """What the parts of one simulation share."""

    def __init__(self, plan: Plan, trace: Trace, disk: Disk, crash: Crash) -> None:
        self.plan = plan
        self.trace = trace
        self.disk: Disk = disk
        self.crash = crash
        self.clock_off_us = 0
        self.clock_steps_us = 0
        self._opening = trio.Event()
        self.open_market()
        self.chance = plan.dice("chance").random
        self.vendor: Vendor = Vendor(plan, trace, self.now_us, lambda: disk.is_dead)
        self.market = Market(plan, SYMBOLS, self.vendor_us, self.now_us)
        self.database: Database = Database(plan, trace, self.spawn)
        self.store: Store = Store(plan.dice("store"), Faults())
        self.lives: list[Lived] = []
        self.lasted_s = 0.0
        self._nursery: trio.Nursery | None = None

    def vendor_us(self) -> int:
        """Return the time of day."""
        return EPOCH_US + round(trio.current_time() * 1e6)

    def now_us(self) -> int:
        """Return what the host of the engine takes for the time of day."""
        return self.vendor_us() + self.clock_off_us

    async def run(self) -> None:
        """Let the world run to its end, and judge it.

        Raises:
            AssertionError: A law is broken.
        """
        with self.crash.world:
            async with trio.open_nursery() as self._nursery:
                self._nursery.start_soon(self.trade, name="market")
                try:
                    await self.live()
                    laws.check_history(self)
                    self.trace.note("end")
                finally:
                    self.lasted_s = trio.current_time()
                self._nursery.cancel_scope.cancel("the world is over")
        assert not self.crash.world.cancelled_caught, f"progress: no end within {self.crash.steps:,} steps"

    def spawn(self, job: Callable[[], Awaitable[None]]) -> None:
        """Run something for as long as the world lasts."""
        assert self._nursery is not None, "the world has not begun"
        self._nursery.start_soon(job)

    async def trade(self) -> None:
        """Let trades happen, for ever."""
        while True:
            await self._opening.wait()
            await trio.sleep(self.market.pause_s())
            if self._opening.is_set():
                self.vendor.publish(self.market.trades(1))

    def open_market(self) -> None:
        """Let trades happen again."""
        self._opening.set()

    def close_market(self) -> None:
        """Let none happen."""
        self._opening = trio.Event()

    async def live(self) -> None:
        """Let one engine live after the other."""
        for number, life in enumerate(self.plan.lives):
            self.trace.note("life", number + 1)
            is_last = number == len(self.plan.lives) - 1
            self.lives.append(await live(self, life, is_last=is_last))
            if not is_last:
                await trio.sleep(life.away_s)

    async def heal(self, engine: Engine, reader: Reader) -> None:
        """End all faults, and wait until everything goes again and every sink has everything."""
        self.trace.note("heal")
        self.open_market()
        for faults in (self.vendor.faults, self.disk.faults, self.store.faults):
            faults.cease()
        self.database.cease()
        since = self.market.made
        await self._patiently(lambda: laws.what_stands(self, reader, since))
        self.close_market()
        await trio.sleep(SETTLED_S)
        await self._patiently(lambda: laws.what_is_owed(engine))
        laws.check_account(engine, "in the end")

    async def _patiently(self, what_stands: Callable[[], str]) -> None:
        with trio.move_on_after(PATIENCE_S) as patience:
            while stands := what_stands():  # noqa: ASYNC110 - in simulated time; production code tells nobody of it
                await trio.sleep(1.0)
        assert not patience.cancelled_caught, f"progress: {PATIENCE_S:g} s after the last fault {stands}"


def simulate_seed(seed: int, *, show: Callable[[str], None] | None = None, keep: Path | None = None) -> Outcome:
    """Run the world of one seed, and judge it.

    Args:
        seed: Decides everything.
        show: Is handed each line of the trace.
        keep: Where the journals are left behind, in a directory of the seed's; None: nowhere.

    Returns:
        What came of it. Nothing is raised for a law that is broken, or for a bug of the engine's.
    """
    plan, trace, crash = plan_of(seed), Trace(show), Crash()
    broken = None
    with disk_in_memory(plan, trace, keep) as disk, _quiet():
        world = World(plan, trace, disk, crash)
        try:
            run_seeded(world.run, seed=seed, instruments=[crash])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the seed's result
            broken = _words(error)
            if show is not None:
                show(_history(error))
    return Outcome(seed, broken, trace.digest(), world.lasted_s, len(world.vendor.trades))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the engine's log still: it tells of each fault, of which there are thousands."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _words(error: BaseException) -> str:
    """Return an error in one line, and of a group the first one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return in_one_line(error)


def _history(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
