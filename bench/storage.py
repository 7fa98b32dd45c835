"""What keeping a tick costs: ``python -m bench.storage [--quick] [--json FILE] [--markdown FILE]``.

The journal, the line protocol, a real InfluxDB and reading back, each alone. The ticks are 2,001 recorded trades of
BTCUSDT, over and over, each time later, in batches of 500 as a busy read of a socket brings them.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Literal

import attrs
import trio
from rich import box
from rich.console import Console
from rich.table import Table

from bench.database import Database, is_there, open_database
from bench.page import fill, markdown
from bench.plan import CLIENT_CORE, pin
from trio_ticks import Tick, read
from trio_ticks.app.measuring import this_machine
from trio_ticks.config import InfluxDB
from trio_ticks.core.recording import Recorder
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.draining import Drainer
from trio_ticks.runtime.influx_sink import InfluxSink
from trio_ticks.runtime.journaling import JournalWriter, in_thread
from trio_ticks.sim import Tape
from trio_ticks.storage import payload
from trio_ticks.storage.influxdb import InfluxWriter
from trio_ticks.storage.journal import Journal, JournalReader
from trio_ticks.storage.line_protocol import LineEncoder
from trio_ticks.storage.outcomes import Verdict

RECORDED = Path(__file__).parents[1] / "tests" / "data" / "btcusdt-2021-01-08.csv"
SYMBOL = "BTCUSDT"
BATCH = 500
LATENCY_US = 35_000
"""From the trade to its receipt; a batch has one time of receipt."""

WARM = 10
"""Batches that are encoded again and again: 5,000 ticks, as the drainer has just decoded them. More would measure how
long they take to come back into the processor's caches."""

NO_SERVER = "there is no influxd here (apt-get install influxdb)"


@attrs.frozen
class Effort:
    """How long it may take.

    Attributes:
        rounds: Of each measurement; the median counts.
        ticks: In a round.
        frame_ticks: That become a data frame, once.
    """

    rounds: int
    ticks: int
    frame_ticks: int


QUICK = Effort(rounds=3, ticks=100_000, frame_ticks=1_000_000)
FULL = Effort(rounds=9, ticks=300_000, frame_ticks=10_000_000)


@attrs.frozen
class Row:
    """One thing that was measured.

    Attributes:
        name: What.
        value: The figure; None where it could not be measured.
        unit: Its unit.
        target: What was to be reached; "": nothing was set.
        is_met: Whether it was; None where there is no saying.
        note: What goes with it.
    """

    name: str
    value: float | None
    unit: str
    target: str = ""
    is_met: bool | None = None
    note: str = ""

    @property
    def text(self) -> str:
        """The figure for people."""
        if self.value is None:
            return "not measured"
        return f"{self.value:,.0f} {self.unit}" if self.unit == "ticks/s" else f"{self.value:.2f} {self.unit}"


def batches(size: int = BATCH) -> Iterator[list[Tick]]:
    """Yield batches of ticks for ever, as the engine hands them on: received together, each with its ordinal."""
    trades = Tape.from_csv(RECORDED, SYMBOL).trades
    lap_us = trades[-1].time_us - trades[0].time_us + 1_000_000
    ticks = _numbered(trades, lap_us)
    while True:
        batch = list(islice(ticks, size))
        received_us = batch[-1].time_us + LATENCY_US
        yield [attrs.evolve(tick, received_us=received_us) for tick in batch]


def _numbered(trades: Sequence[Tick], lap_us: int) -> Iterator[Tick]:
    number, time_us, ordinal = 0, 0, 0
    while True:
        shift_us = number // len(trades) * lap_us
        for trade in trades:
            ordinal = ordinal + 1 if trade.time_us + shift_us == time_us else 0
            time_us = trade.time_us + shift_us
            yield attrs.evolve(trade, time_us=time_us, trade_id=number, feed="recorded", ordinal=ordinal)
            number += 1


def rate_of(deed: Callable[[], int]) -> float:
    """Return how many ticks a second a deed handles, which returns how many it handled."""
    began_s = time.perf_counter()
    ticks = deed()
    return ticks / (time.perf_counter() - began_s)


def append(path: Path, given: Sequence[Sequence[Tick]], fsync: Literal["commit", "checkpoint"]) -> float:
    """Append each batch in a transaction of its own to a new journal; return ticks/s, closing not included."""
    with Journal.open(path, now_us=utc_now_us(), fsync=fsync) as journal:

        def deed() -> int:
            for batch in given:
                journal.commit([batch], now_us=utc_now_us())
            return journal.total_ticks

        return rate_of(deed)


def read_back(path: Path) -> float:
    """Read and decode all of a journal; return ticks/s."""
    with JournalReader(path) as reader:
        return rate_of(lambda: sum(map(len, reader.records())))


def encode(given: Sequence[Sequence[Tick]]) -> float:
    """Write batches of the journal as line protocol, as the drainer does; return ticks/s."""
    encoder = LineEncoder()
    stored = [(position, payload.encode(batch)) for position, batch in enumerate(given)]
    return rate_of(lambda: sum(encoder.encode_stored([one]).count for one in stored))


def format_plainly(given: Sequence[Sequence[Tick]]) -> float:
    """Write the same fields with an f-string that escapes and checks nothing; return ticks/s."""

    def deed() -> int:
        lines = 0
        for batch in given:
            body = "\n".join([plain_line(tick, position) for position, tick in enumerate(batch)]).encode()
            lines += len(batch) if body else 0
        return lines

    return rate_of(deed)


def plain_line(tick: Tick, position: int) -> str:
    """Return what a line is without escaping and checking."""
    return (
        f"tick,feed={tick.feed},symbol={tick.symbol} price={tick.price_text},volume={tick.volume_text},"
        f'price_text="{tick.price_text}",volume_text="{tick.volume_text}",side="{tick.side}",'
        f"time_us={tick.time_us}i,trade_id={tick.trade_id}i,received_us={tick.received_us}i,late={tick.late:d}i,"
        f"ordinal={tick.ordinal}i,position={position}i {tick.time_us * 1000 + tick.ordinal}"
    )


async def drain(path: Path, settings: InfluxDB, name: str) -> float:
    """Let the engine's own drainer carry a journal, which nobody writes any more, to a database; return ticks/s.

    Raises:
        RuntimeError: Not all of it was stored.
    """
    with Journal.open(path, now_us=utc_now_us()) as journal, JournalReader(path) as reader:
        cursors = journal.open_cursors()
        writer = JournalWriter(
            journal=journal,
            recorder=Recorder(capacity=1, keeps_all=False),
            linger_s=0.0,
            when_full="stop",
            now_us=utc_now_us,
            run_sync=in_thread,
            tell=lambda _: None,
            fail=_raise,
            settled=lambda _: None,
        )
        drainer = Drainer(
            sink=InfluxSink(name=name, settings=settings),
            cursors=cursors,
            reader=reader,
            writer=writer,
            state=cursors.start(name, now_us=utc_now_us()),
            now_us=utc_now_us,
            run_sync=in_thread,
            chance=lambda: 0.5,
        )
        began_s = time.perf_counter()
        async with trio.open_nursery() as nursery:
            writer.end()
            nursery.start_soon(writer.run)
            await drainer.run()
        took_s = time.perf_counter() - began_s
        ledger = drainer.ledger()
        cursors.close()
    if ledger.stored != ledger.appended:
        raise RuntimeError(f"{ledger} after draining: {drainer.statistics().last_error}")
    return ledger.stored / took_s


def _raise(error: Exception) -> None:
    raise error


def frame_s(path: Path) -> float:
    """Read a journal into a data frame of pandas; return the seconds."""
    began_s = time.perf_counter()
    frame = read(path).to_pandas()
    took_s = time.perf_counter() - began_s
    with JournalReader(path) as reader:
        if len(frame) != reader.info().ticks:
            raise RuntimeError(f"{len(frame):,} rows from a journal of {reader.info().ticks:,} ticks")
    return took_s


def measure(home: Path, effort: Effort, database: Database | None) -> list[Row]:
    """Measure everything.

    Args:
        home: An empty directory.
        effort: How thoroughly.
        database: To drain into.
    """
    given = list(islice(batches(), effort.ticks // BATCH))
    gc.freeze()  # what stays is not gone through again and again
    rounds = range(effort.rounds)
    kept = [home / f"{number}.journal" for number in rounds]
    commit = statistics.median(append(kept[number], given, "commit") for number in rounds)
    checkpoint = statistics.median(append(home / f"{number}.checkpoint", given, "checkpoint") for number in rounds)
    decode = statistics.median(read_back(path) for path in kept)
    warm = given[:WARM] * (len(given) // WARM)
    encode_us = 1e6 / statistics.median(encode(warm) for _ in rounds)
    plain_us = 1e6 / statistics.median(format_plainly(warm) for _ in rounds)
    detour_us = 1e6 / decode + plain_us
    beside = (
        f"from the journal's columns; to decode them and use a plain f-string without escaping: {detour_us:.2f} µs, "
        f"{detour_us / encode_us:.2f} times as long"
    )
    return [
        _at_least(
            f"journal: append batches of {BATCH}, each synced to the disk", commit, 300_000, 'fsync = "commit"'
        ),
        Row(f"journal: append batches of {BATCH}", checkpoint, "ticks/s", note='fsync = "checkpoint"'),
        Row("journal: read and decode", decode, "ticks/s"),
        Row("line protocol: encode", encode_us, "µs/tick", "≤ 0.4 µs/tick", is_met=encode_us <= 0.4, note=beside),  # noqa: PLR2004 - as it says
        drain_row(kept, database),
        _frame_row(home / "frame.journal", effort.frame_ticks),
    ]


def _at_least(name: str, value: float, target: int, note: str) -> Row:
    return Row(name, value, "ticks/s", f"≥ {target:,} ticks/s", is_met=value >= target, note=note)


def drain_row(paths: Sequence[Path], database: Database | None) -> Row:
    """Drain journals, one after the other; say so where there is nothing to drain them into."""
    name = "drain the journal into influxd"
    if database is None:
        return Row(name, None, "ticks/s", "≥ 150,000 ticks/s", note=NO_SERVER)
    rates, ready_made = [], []
    for number, path in enumerate(paths):
        # A measurement of its own: points that are there already would be overwritten, not added.
        settings = attrs.evolve(database.settings, measurement=f"tick{number}")
        rates.append(trio.run(drain, path, settings, "influxdb"))
        ready_made.append(send_ready_made(path, attrs.evolve(settings, measurement=f"ready{number}")))
    note = (
        f"1.6.7 behind a proxy, batches of 5,000, two at once; the same lines, written down before: "
        f"{statistics.median(ready_made):,.0f} ticks/s"
    )
    return _at_least(name, statistics.median(rates), 150_000, note)


def send_ready_made(path: Path, settings: InfluxDB) -> float:
    """Send the lines of a journal, written down before, over two connections; return the ticks/s it takes."""
    encoder = LineEncoder(measurement=settings.measurement)
    with JournalReader(path) as reader:
        stored = [(batch.position, batch.payload) for batch in reader.batches(limit=1_000_000)]
    rows = settings.batch_points // BATCH
    encoded = [encoder.encode_stored(stored[at : at + rows]) for at in range(0, len(stored), rows)]
    with InfluxWriter(settings) as writer, ThreadPoolExecutor(InfluxSink.in_flight) as threads:

        def deed() -> int:
            outcomes = list(threads.map(writer.write, [batch.body for batch in encoded]))
            return sum(
                batch.count
                for batch, outcome in zip(encoded, outcomes, strict=True)
                if outcome.verdict is Verdict.STORED
            )

        return rate_of(deed)


def _frame_row(path: Path, ticks: int) -> Row:
    with Journal.open(path, now_us=utc_now_us(), fsync="checkpoint") as journal:
        for batch in islice(batches(), math.ceil(ticks / BATCH)):
            journal.commit([batch], now_us=utc_now_us())
    return Row(f"read(…).to_pandas() of {ticks:,} ticks", frame_s(path), "s", note="once, all columns")


def table(rows: Sequence[Row]) -> Table:
    """Return one line for each."""
    drawn = Table(title="Storage", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    drawn.add_column("")
    drawn.add_column("measured", justify="right", no_wrap=True)
    drawn.add_column("target", justify="right", no_wrap=True)
    drawn.add_column("", no_wrap=True)
    drawn.add_column("note")
    for row in rows:
        drawn.add_row(row.name, row.text, row.target, {True: "met", False: "MISSED", None: ""}[row.is_met], row.note)
    return drawn


def main() -> None:
    """Measure, show, and write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.storage", description="What keeping a tick costs.")
    parser.add_argument("--quick", action="store_true", help="fewer ticks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table into this page")
    parser.add_argument("--directory", type=Path, metavar="DIR", help="where the journals are written: the disk")
    options = parser.parse_args()
    effort = QUICK if options.quick else FULL
    opened = open_database() if is_there() else nullcontext()
    with tempfile.TemporaryDirectory(dir=options.directory) as home, opened as database:
        pin(CLIENT_CORE)
        rows = measure(Path(home), effort, database)
    drawn = table(rows)
    Console().print(drawn)
    if options.json:
        found = [attrs.asdict(row) for row in rows]
        told = {"machine": attrs.asdict(this_machine()), "effort": attrs.asdict(effort), "rows": found}
        options.json.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.markdown:
        note = f"medians of {effort.rounds} rounds of {effort.ticks:,} ticks each"
        fill(options.markdown, "storage", markdown([drawn], note))


if __name__ == "__main__":
    main()
