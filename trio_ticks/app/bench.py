"""``bench``: how many ticks a second this machine takes, and how old they are when a strategy sees them.

The simulator runs in a process of its own, as a vendor would elsewhere; the engine runs here, whole. Nothing is
pinned to a core and nothing is tuned: the figures are those that a program of yours would meet.
"""

from __future__ import annotations

import math
import multiprocessing
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import attrs
import msgspec
import trio

from trio_ticks.app.logs import silence_logging
from trio_ticks.app.measuring import Machine, duration_text, percentile, this_machine
from trio_ticks.config import ConnectionConfig, Secret
from trio_ticks.errors import EngineError
from trio_ticks.feeds.alltick import AllTick
from trio_ticks.model import Batch
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.opening import open_engine
from trio_ticks.sim import Load, open_sim

SYMBOLS = 1_000
TOKEN, PLAN = "demo", "professional"

PACED_RATE = 10_000.0
"""All of Nasdaq in a busy second; a list of a trader's own is far below it."""

PACE_S = 0.001
"""The simulator sends ten ticks a millisecond then: what a tick waits for its own batch is no age of ours."""

WARM_S = 0.5
"""Before anything is measured: caches fill, and the sender's first buffers empty."""

PATIENCE_S = 60.0
"""For the first tick. A machine on which two processes cannot meet in that time has nothing to be measured."""

CAPACITY = 1_000_000
"""Of the strategy's queue: what a slow machine does not take in time is late, and still counted."""

BUFFER_BYTES = 2**28
"""Of the simulator, for the same reason: it is not to hang up on a machine that stalls."""


@attrs.frozen
class Speed:
    """At full speed.

    Attributes:
        ticks: That a strategy was given while it was measured.
        seconds: So long.
        cpu_us: Of this process, per tick.
    """

    ticks: int
    seconds: float
    cpu_us: float

    @property
    def ticks_per_s(self) -> float:
        """What this machine keeps up with."""
        return self.ticks / self.seconds


@attrs.frozen
class Age:
    """At `PACED_RATE`: the age of a tick, from its sending to the strategy, in µs."""

    ticks: int
    p50_us: float
    p99_us: float


@attrs.frozen
class Findings:
    """All that was found."""

    speed: Speed
    age: Age
    machine: Machine

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            "ticks_per_s": self.speed.ticks_per_s,
            **attrs.asdict(self.speed),
            "age": {"rate": PACED_RATE, **attrs.asdict(self.age)},
            "machine": attrs.asdict(self.machine),
        }

    def __str__(self) -> str:
        speed, age = self.speed, self.age
        rate, times = f"{speed.ticks_per_s:,.0f}", speed.ticks_per_s / PACED_RATE
        median, tail = duration_text(age.p50_us), duration_text(age.p99_us)
        meaning = f"{times:.1f} times a market of {PACED_RATE:,.0f} ticks/s; no tick that was received is missing."
        lines = (
            f"at full speed       {rate:>9} ticks/s, {speed.cpu_us:.2f} µs of CPU per tick",
            f"at {PACED_RATE:,.0f} ticks/s   {median:>9} median age at the strategy, {tail} at the 99th percentile",
            f"on                  {self.machine}",
            f"This machine keeps up with {rate} ticks/s, {meaning}",
        )
        return "\n".join(lines)


def bench(*, seconds: float, as_json: bool) -> None:
    """Measure, and print what was found.

    Args:
        seconds: For each of the two measurements.
        as_json: Print JSON instead of words.

    Raises:
        EngineError: the engine failed, lost a tick, or its ledger does not balance.
    """
    silence_logging()
    findings = trio.run(_bench, seconds)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(findings.as_dict()), indent=2).decode())
    else:
        print(findings)


async def _bench(seconds: float) -> Findings:
    async with _open_stream(Load(symbols=SYMBOLS, rate=math.inf)) as batches:
        speed = await _measure_speed(batches, seconds)
    async with _open_stream(Load(symbols=SYMBOLS, rate=PACED_RATE, pace_s=PACE_S)) as batches:
        age = await _measure_age(batches, seconds)
    return Findings(speed, age, this_machine())


async def _measure_speed(batches: AsyncIterator[Batch], seconds: float) -> Speed:
    ticks, began_s, cpu_s = 0, time.perf_counter(), time.process_time()
    while ticks == 0 or time.perf_counter() < began_s + seconds:
        ticks += len((await anext(batches)).ticks)
    took_s = time.perf_counter() - began_s
    return Speed(ticks, took_s, (time.process_time() - cpu_s) * 1e6 / ticks)


async def _measure_age(batches: AsyncIterator[Batch], seconds: float) -> Age:
    ages: list[int] = []
    until_s = time.perf_counter() + seconds
    while not ages or time.perf_counter() < until_s:
        fresh = (await anext(batches)).ticks
        # The load numbers its ticks with the time of sending. A clock that is set back makes none younger than new.
        ages.extend(max(0, utc_now_us() - (tick.sequence or 0)) for tick in fresh)
    return Age(len(ages), percentile(ages, 0.5), percentile(ages, 0.99))


@asynccontextmanager
async def _open_stream(load: Load) -> AsyncIterator[AsyncIterator[Batch]]:
    """Run the simulator and the engine for as long as the block lasts; yields the strategy's batches, warmed up."""
    with _vendor(load) as pipe:
        url = await trio.to_thread.run_sync(pipe.recv)
        feed = AllTick(*load.codes, token=TOKEN, plan=PLAN, url=url)
        connection = ConnectionConfig(proxy=Secret(""))
        async with (
            open_engine(feed, connection=connection) as engine,
            engine.subscribe(capacity=CAPACITY) as ticks,
        ):
            batches = ticks.batches()
            await _warm_up(batches)
            yield batches
            _check(engine)


async def _warm_up(batches: AsyncIterator[Batch]) -> None:
    with trio.move_on_after(PATIENCE_S) as patience:
        await anext(batches)
    if patience.cancelled_caught:
        raise EngineError(f"no tick came from the simulator in {PATIENCE_S:g} s")
    until_s = time.perf_counter() + WARM_S
    while time.perf_counter() < until_s:
        await anext(batches)


def _check(engine: Engine) -> None:
    """Refuse figures of an engine that lost something."""
    statistics = engine.statistics()
    dropped = sum(consumer.dropped for consumer in statistics.ledger.consumers.values())
    wrong = [*statistics.ledger.imbalances(), *([f"{dropped:,} ticks were dropped"] if dropped else [])]
    if wrong or statistics.gaps:
        raise EngineError("; ".join([*wrong, *(f"a gap: {cause}" for cause in statistics.gaps)]))


@contextmanager
def _vendor(load: Load) -> Iterator[Connection]:
    """Run the simulator in a process of its own for as long as the block lasts; it tells its URL."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, load), daemon=True)
    process.start()
    try:
        yield ours
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()
        theirs.close()


def _serve(pipe: Connection, load: Load) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both processes; the other one ends this one
    trio.run(partial(_run_sim, pipe, load))


async def _run_sim(pipe: Connection, load: Load) -> None:
    async with open_sim([], load=load, token=TOKEN, plan=PLAN, buffer_bytes=BUFFER_BYTES) as sim:
        pipe.send(sim.url)
        await trio.sleep_forever()
