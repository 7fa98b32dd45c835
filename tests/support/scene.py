"""The real engine at the simulated vendor, over real loopback sockets, with prices that tell what is missing.

Whoever uses it takes the fixture `simulated_time`: the sockets are real, only the waiting is not, so every pause the
vendor asks for is kept in full and the simulator is the referee of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import Any

import attrs
import trio
from trio.testing import MockClock

from trio_ticks import AllTick, ConnectionConfig, Engine, Gap, Record, Secret, Status, Tick, open_engine
from trio_ticks.core.ledger import Ledger
from trio_ticks.runtime.stream import Ticks
from trio_ticks.runtime.transport import OpenLink, open_websocket
from trio_ticks.runtime.vitals import LineStatistics
from trio_ticks.sim import Sim, Switches, open_sim

TOKEN = "t0p-s3cret"
"""No text that anybody sees may hold it."""

CONNECTION = ConnectionConfig(proxy=Secret(""))
"""As shipped, whatever proxies the environment names."""

EVERY_S = 0.25
"""Between two trades of every symbol."""

PATIENCE_S = 120.0
"""Simulated. A vendor that holds a lost place does so for 30 s, and the slowest reconnect waits a minute."""

IN_FLIGHT_S = 0.005
"""So much real idleness passes before the clock jumps: loopback bytes take microseconds."""

Road = Callable[[Sim], AbstractAsyncContextManager[str]]
"""Leads to a simulator by a URL of its own."""


def straight(sim: Sim) -> AbstractAsyncContextManager[str]:
    """The road with nobody on it."""
    return nullcontext(sim.url)


EPOCH_US = 1_700_000_000_000_000
"""When every scene begins."""


def new_clock() -> MockClock:
    """Return a clock that jumps to the next deadline once nothing is on its way on any socket."""
    return MockClock(autojump_threshold=IN_FLIGHT_S)


def clock_from(start_s: float) -> Callable[[], int]:
    """Return the wall clock, UTC microseconds, that goes with Trio's."""
    return lambda: EPOCH_US + round((trio.current_time() - start_s) * 1e6)


@attrs.define
class Scene:
    """An engine at work, and what its consumer has seen.

    Attributes:
        sent: By symbol, each trade's price and its time, in order.
        seen: All records that were read so far.
    """

    sim: Sim
    engine: Engine
    ticks: Ticks
    now_us: Callable[[], int]
    sent: dict[str, dict[str, int]] = attrs.field(factory=dict)
    seen: list[Record] = attrs.field(factory=list)
    _rounds: int = 0

    @property
    def line(self) -> LineStatistics:
        """The first line."""
        return self.engine.statistics().shards[0].lines[0]

    @property
    def ledger(self) -> Ledger:
        """Where every tick is."""
        return self.engine.statistics().ledger

    @property
    def gap_causes(self) -> set[str]:
        """Why something may be missing."""
        return {item.cause for item in self.seen if type(item) is Gap}

    async def trade(self, *symbols: str) -> None:
        """Let these symbols trade for ever, each time at a price of its own."""
        while True:
            await trio.sleep(EVERY_S)
            self._rounds += 1
            price = f"{100 + self._rounds / 100:.2f}"
            trades = [Tick(s, self.now_us(), float(price), price_text=price, volume_text="1") for s in symbols]
            for trade in trades:
                self.sent.setdefault(trade.symbol, {})[price] = trade.time_us
            await self.sim.send(trades)

    async def until(self, wanted: Callable[[Any], object]) -> Any:
        """Read on to the first record that is wanted, and return it."""
        with trio.fail_after(PATIENCE_S):
            async for record in self.ticks.records():
                self.seen.append(record)
                if wanted(record):
                    return record
        raise AssertionError(f"the stream ended; seen: {self.seen[-5:]}")

    async def gap(self) -> Gap:
        """Read on to the next gap."""
        gap: Gap = await self.until(lambda record: type(record) is Gap)
        return gap

    async def status(self, status: str) -> Status:
        """Read on to the next status of this name."""
        told: Status = await self.until(lambda record: type(record) is Status and record.status == status)
        return told

    async def flows(self, *symbols: str) -> None:
        """Read on until each of these has a tick of a trade that is still to come."""
        began = self._rounds
        missing = set(symbols)

        def settles(record: Record) -> bool:
            if type(record) is Tick and round((record.price - 100) * 100) > began:
                missing.discard(record.symbol)
            return not missing

        await self.until(settles)

    def check(self, *, broken: Mapping[str, int]) -> None:
        """Hold the laws: the sums are exact, what is missing lies in a gap, no rule was broken, no token was told."""
        statistics = self.engine.statistics()
        assert statistics.ledger.imbalances() == []
        assert self.unexplained() == []
        assert self.sim.statistics().violations == broken
        assert TOKEN not in repr((self.seen, statistics))

    def unexplained(self) -> list[tuple[str, str]]:
        """Return the trades between the first and the last that arrived that neither came nor lie in a gap."""
        gaps = [item for item in self.seen if type(item) is Gap]
        missing = []
        for symbol, sent in self.sent.items():
            got = {item.price_text for item in self.seen if type(item) is Tick and item.symbol == symbol}
            prices = [*sent]
            arrived = [at for at, price in enumerate(prices) if price in got]
            missing += [
                (symbol, price)
                for price in prices[min(arrived, default=0) : max(arrived, default=0)]
                if price not in got and not any(_holds(gap, symbol, sent[price]) for gap in gaps)
            ]
        return missing


def _holds(gap: Gap, symbol: str, time_us: int) -> bool:
    return gap.symbol in {None, symbol} and gap.start_us <= time_us <= gap.end_us


@asynccontextmanager
async def open_scene(
    *symbols: str,
    unknown: tuple[str, ...] = (),
    plan: str = "professional",
    vendors_plan: str | None = None,
    switches: Switches | None = None,
    connection: ConnectionConfig = CONNECTION,
    broken: Mapping[str, int] | None = None,
    road: Road = straight,
    open_link: OpenLink = open_websocket,
    **settings: Any,
) -> AsyncIterator[Scene]:
    """Run an engine for these symbols, which trade all the while; hold the laws at the end.

    Args:
        symbols: What trades.
        unknown: What is asked for as well, and does not exist.
        plan: What the client takes its plan for.
        vendors_plan: What it is; None: the same.
        switches: How the vendor behaves.
        connection: How the engine's connections are kept.
        broken: The vendor's rules that had to be broken, and how often.
        road: Who stands in the way: opened with the simulator, it yields the URL to connect to.
        open_link: The transport.
        **settings: Others of `open_sim`.
    """
    now_us = clock_from(trio.current_time())
    async with (
        open_sim(
            [],
            symbols=symbols,
            token=TOKEN,
            plan=vendors_plan or plan,
            switches=switches,
            now_us=now_us,
            **settings,
        ) as sim,
        road(sim) as url,
        open_engine(
            AllTick(*symbols, *unknown, token=TOKEN, plan=plan, url=url),
            connection=connection,
            open_link=open_link,
            now_us=now_us,
            chance=lambda: 0.5,
        ) as engine,
        engine.subscribe() as ticks,
        trio.open_nursery() as nursery,
    ):
        scene = Scene(sim, engine, ticks, now_us)
        nursery.start_soon(partial(scene.trade, *symbols))
        yield scene
        nursery.cancel_scope.cancel()
        scene.check(broken=broken or {})
