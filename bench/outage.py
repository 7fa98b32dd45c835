"""A database that is not there: ``python -m bench.outage [--seconds N] [--rate N] [--quick]``.

The whole engine with a journal and a real InfluxDB, fed by the simulated vendor at 10,000 ticks/s, everything that is
not measured in processes of its own. The database fails in one way after the other; between two failures it is
mended, the backlog drains while ticks go on to come, and it is healthy for just as long: each failure is compared
with the healthy stretch before it, because a machine is not the same one ten minutes later. Two strategies, one
inline and one with a stream, note how old each tick is. At the end, every tick that was sent has to be in the journal
and in the database. ``--json FILE`` and ``--markdown FILE`` write the figures.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio
from rich import box
from rich.console import Console
from rich.table import Table

from bench.database import STATES, Database, is_there, open_database
from bench.memory import held_bytes
from bench.page import fill, markdown
from bench.plan import CLIENT_CORE, SERVER_CORE, pin
from bench.storage import NO_SERVER
from tests.support.load_process import Vendor, open_vendor
from trio_ticks import (
    AllTick,
    ConnectionConfig,
    Engine,
    InfluxDB,
    JournalConfig,
    Secret,
    Strategy,
    Tick,
    Ticks,
    open_engine,
)
from trio_ticks.app.measuring import duration_text, this_machine
from trio_ticks.config import PacingConfig
from trio_ticks.core.ledger import SinkLedger
from trio_ticks.sim import Load
from trio_ticks.storage.influxdb import InfluxWriter
from trio_ticks.storage.journal import JournalReader

SYMBOLS = 1_000
PACE_S = 0.001
"""Between two sendings of the vendor: ten ticks at a time at 10,000 a second, which is what a market in motion is."""

LIVE_S = 0.3
"""The backlog is gone when less waits than comes in so long: a journal that is healthy holds a commit or two."""

LOOK_S = 0.02
PATIENCE_S = 600.0
"""A guard against a run that never ends."""

RATIO, TIMES = 1.1, 5.0
"""The targets: age beside healthy, and draining beside the live rate."""


class Ages:
    """How old ticks were, to the microsecond, in memory that does not grow.

    Attributes:
        count: Of how many.
    """

    LIMIT_US = 200_000

    def __init__(self) -> None:
        self.count = 0
        self._counts = array("Q", bytes(8 * (self.LIMIT_US + 1)))

    def add(self, age_us: int) -> None:
        """Count a tick; what is older than the limit counts as just so old."""
        self.count += 1
        self._counts[min(max(age_us, 0), self.LIMIT_US)] += 1

    def percentile(self, share: float) -> int:
        """Return the least age that at least this share of the ticks does not exceed; 0 where there were none."""
        left = self.count * share
        for age_us, count in enumerate(self._counts):
            left -= count
            if left <= 0:
                return age_us
        return self.LIMIT_US


@attrs.define
class Watch:
    """The two strategies, which note ages where they are told to at the moment."""

    inline: Ages = attrs.field(factory=Ages)
    stream: Ages = attrs.field(factory=Ages)

    def taken(self) -> Medians:
        """Return the medians since the last time, and begin anew."""
        medians = Medians(self.inline.percentile(0.5), self.stream.percentile(0.5))
        self.inline, self.stream = Ages(), Ages()
        return medians

    def look(self, tick: Tick) -> None:
        """Be the inline strategy."""
        self.inline.add(_age_us(tick))

    async def watch(self, ticks: Ticks) -> None:
        """Be the strategy with a stream."""
        async for tick in ticks:
            self.stream.add(_age_us(tick))


def _age_us(tick: Tick) -> int:
    # The simulator's sequence is the instant of sending.
    return time.time_ns() // 1000 - (tick.sequence or 0)


@attrs.frozen
class Medians:
    """The median ages of a stretch at the two strategies, in µs."""

    inline_us: int
    stream_us: int


@attrs.frozen
class Phase:
    """A failure of the database, with the healthy stretch before it and what it took to make up for it.

    Attributes:
        state: The database's, of `STATES`.
        healthy: Before.
        failing: While it lasted.
        draining: While the backlog drained.
        backlog: Ticks that waited when it was over.
        drain_rate: Ticks/s to the database after it was mended, until nothing waited.
        held_bytes: What the process held at the end of the failure.
    """

    state: str
    healthy: Medians
    failing: Medians
    draining: Medians
    backlog: int
    drain_rate: float
    held_bytes: int

    @property
    def ratio(self) -> float:
        """How much older ticks were than before, at the strategy that it hit worse."""
        inline = self.failing.inline_us / max(self.healthy.inline_us, 1)
        return max(inline, self.failing.stream_us / max(self.healthy.stream_us, 1))


@attrs.frozen
class Counts:
    """Ticks at the end, which have to be the same number everywhere."""

    sent: int
    journaled: int
    settled: int
    stored: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing is lost, and nothing there twice."""
        return self.sent == self.journaled == self.settled == self.stored


@attrs.frozen
class Outage:
    """The whole run."""

    began_bytes: int
    phases: Sequence[Phase]
    counts: Counts


@attrs.frozen
class Scene:
    """What takes part."""

    engine: Engine
    vendor: Vendor
    database: Database
    watch: Watch
    rate: float

    def sink(self) -> SinkLedger:
        """Return where the ticks are."""
        return self.engine.statistics().ledger.sinks["influxdb"]


@asynccontextmanager
async def open_scene(home: Path, database: Database, *, rate: float, symbols: int = SYMBOLS) -> AsyncIterator[Scene]:
    """Run the vendor and the engine, and wait until all symbols tick and nothing waits."""
    load = Load(symbols=symbols, rate=rate, pace_s=PACE_S)
    watch = Watch()
    strategies = [Strategy(watch.look, name="inline", inline=True), Strategy(watch.watch, name="stream")]
    pacing = PacingConfig(request_s=2.0, across_s=6.0, connect_s=6.0)
    async with open_vendor(load) as vendor:
        pin(CLIENT_CORE)  # the other processes are there already, on whatever core
        feed = AllTick(*load.codes, token="demo", plan="professional", url=vendor.url)  # noqa: S106 - no secret
        async with open_engine(
            feed,
            strategies=strategies,
            connection=ConnectionConfig(proxy=Secret(""), pacing=pacing),
            journal=JournalConfig(path=str(home / "ticks.journal")),
            sinks=[database.settings],
            grace_s=PATIENCE_S,
        ) as engine:
            scene = Scene(engine, vendor, database, watch, rate)
            while not scene.sink().stored:  # noqa: ASYNC110 - what is waited for is in another process
                await trio.sleep(LOOK_S)
            yield scene


async def perform(home: Path, database: Database, *, rate: float, seconds: float, symbols: int = SYMBOLS) -> Outage:
    """Run all phases, then let everything drain and count.

    Args:
        home: An empty directory.
        database: Healthy and empty.
        rate: Ticks a second.
        seconds: For each phase.
        symbols: That take turns.
    """
    async with open_scene(home, database, rate=rate, symbols=symbols) as scene:
        await trio.sleep(min(seconds, 10.0))  # the windows fill, which they do once
        began_bytes = held_bytes()
        phases = [await _phase(scene, state, seconds) for state in STATES if state != "healthy"]
        sent, _ = await scene.vendor.fall_silent()
        with trio.fail_after(PATIENCE_S):
            while scene.sink().stored < sent and not _is_short(scene.engine):  # noqa: ASYNC110 - as below
                await trio.sleep(LOOK_S)
    return Outage(began_bytes, phases, _count(home, sent, database.settings))


def _is_short(engine: Engine) -> bool:
    """Tell whether ticks that were lost will be waited for in vain."""
    ledger = engine.statistics().ledger
    return bool(ledger.journal and ledger.journal.gapped)


async def _phase(scene: Scene, state: str, seconds: float) -> Phase:
    """Be healthy for so long, then fail for so long, then be healthy until nothing waits."""
    scene.watch.taken()
    await trio.sleep(seconds)
    healthy = scene.watch.taken()
    await trio.to_thread.run_sync(scene.database.become, state)
    scene.watch.taken()
    await trio.sleep(seconds)
    failing, backlog, held = scene.watch.taken(), scene.sink().pending, held_bytes()
    await trio.to_thread.run_sync(scene.database.become, "healthy")
    drain_rate = await _drained(scene)
    return Phase(state, healthy, failing, scene.watch.taken(), backlog, drain_rate, held)


async def _drained(scene: Scene) -> float:
    """Wait until nothing waits; return the ticks/s since the database took the first, the live ones included."""
    with trio.fail_after(PATIENCE_S):
        before = scene.sink().stored
        while scene.sink().stored == before:  # noqa: ASYNC110 - of a database, which tells nobody
            await trio.sleep(LOOK_S)
        began_s, before = trio.current_time(), scene.sink().stored
        scene.watch.taken()
        while scene.sink().pending > scene.rate * LIVE_S:  # noqa: ASYNC110 - likewise
            await trio.sleep(LOOK_S)
    took_s = trio.current_time() - began_s
    return (scene.sink().stored - before) / took_s if took_s else 0.0


def _count(home: Path, sent: int, settings: InfluxDB) -> Counts:
    with JournalReader(home / "ticks.journal") as reader:
        info = reader.info()
    with InfluxWriter(attrs.evolve(settings, read_s=PATIENCE_S)) as writer:
        (row,) = writer.query("SELECT count(price) FROM tick")
    return Counts(sent, info.ticks, info.cursors[0].stored, row["count"])


def phase_table(found: Outage, rate: float) -> Table:
    """Return one line for each failure; ages as before → meanwhile."""
    drawn = _table("Age of a tick at the strategy, healthy → failing → draining (medians), and the backlog")
    for name in ("inline", "stream", "worse by", "backlog", "drained at", "live rate", "MB"):
        drawn.add_column(name, justify="right", no_wrap=True)
    for phase in found.phases:
        stretches = (phase.healthy, phase.failing, phase.draining)
        drawn.add_row(
            STATES[phase.state],
            " → ".join(duration_text(stretch.inline_us) for stretch in stretches),
            " → ".join(duration_text(stretch.stream_us) for stretch in stretches),
            f"{phase.ratio:.2f}x",
            f"{phase.backlog:,}",
            f"{phase.drain_rate:,.0f}/s",
            f"{phase.drain_rate / rate:.1f}x",
            f"{phase.held_bytes / 1e6:.0f}",
        )
    return drawn


def sum_table(found: Outage, rate: float) -> Table:
    """Return what is judged, each with its target."""
    drawn = _table("In sum")
    for name in ("measured", "target", ""):
        drawn.add_column(name, justify="right", no_wrap=True)
    age = max(phase.ratio for phase in found.phases)
    slowest = min(phase.drain_rate for phase in found.phases) / rate
    stored = " / ".join(f"{count:,}" for count in attrs.astuple(found.counts))
    memory = f"{found.began_bytes / 1e6:.0f} → {found.phases[-1].held_bytes / 1e6:.0f} MB"
    drained = "backlog drained, beside the live rate, slowest"
    drawn.add_row(
        "sent / in the journal / receipts / in InfluxDB", stored, "equal", _verdict(is_met=found.counts.is_whole)
    )
    drawn.add_row("age of a tick, beside healthy, worst", f"{age:.2f}x", f"≤ {RATIO}x", _verdict(is_met=age <= RATIO))
    drawn.add_row(drained, f"{slowest:.1f}x", f"≥ {TIMES:g}x", _verdict(is_met=slowest >= TIMES))
    drawn.add_row("memory, first healthy → last failing", memory, "bounded", "")
    return drawn


def _verdict(*, is_met: bool) -> str:
    return "met" if is_met else "MISSED"


def _table(title: str) -> Table:
    drawn = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    drawn.add_column("", no_wrap=True)
    return drawn


def main() -> None:
    """Measure, show, and write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.outage", description="A database that is not there.")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each phase")
    parser.add_argument("--rate", type=float, default=10_000.0, help="ticks a second")
    parser.add_argument("--quick", action="store_true", help="phases of 5 s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables into this page")
    options = parser.parse_args()
    if not is_there():
        parser.exit(1, f"{NO_SERVER}\n")
    seconds = 5.0 if options.quick else options.seconds
    with tempfile.TemporaryDirectory() as home, open_database(core=SERVER_CORE) as database:
        found = trio.run(lambda: perform(Path(home), database, rate=options.rate, seconds=seconds))
    tables = [phase_table(found, options.rate), sum_table(found, options.rate)]
    for drawn in tables:
        Console().print(drawn)
    if options.json:
        told = {"machine": attrs.asdict(this_machine()), "rate": options.rate, "seconds": seconds}
        options.json.write_text(json.dumps({**told, **attrs.asdict(found)}, indent=2) + "\n", encoding="utf-8")
    if options.markdown:
        note = f"{options.rate:,.0f} ticks/s, {seconds:g} s in each phase"
        fill(options.markdown, "outage", markdown(tables, note))
    if not found.counts.is_whole:
        parser.exit(1, "ticks are missing, or there twice\n")


if __name__ == "__main__":
    main()
