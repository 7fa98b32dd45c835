"""A vendor that sends, `trio-ticks run` that keeps, an InfluxDB that is fed, and everything that can happen to them.

The vendor runs in this process, the program and the database in their own, the proxy with its faults in threads of
this one. Nothing is measured by the clock: each fault is followed by a wait for what has to happen next, and what is
checked at the end holds however slow the machine was.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from array import array
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import attrs
import trio

from tests.support.influx_proxy import APPLY_THEN_503, APPLY_THEN_DROP, HANG, HTML_200, RESET, Proxy, answering
from tests.support.influxd import ADMIN, PASSWORD, Influxd
from tests.support.program import COMMAND, environment
from trio_ticks.config import InfluxDB
from trio_ticks.errors import JournalError
from trio_ticks.model import Gap, Tick
from trio_ticks.sim import Sim, open_sim
from trio_ticks.storage.event_line import EVENTS
from trio_ticks.storage.influxdb import InfluxWriter
from trio_ticks.storage.journal import CursorState, JournalReader
from trio_ticks.storage.reading import Kind, read
from trio_ticks.storage.tick_line import point_time, tick_of_row

SYMBOLS = tuple(f"C{number:02}USDT" for number in range(40))
OVERLAP = 1_000
"""Of each symbol so many ticks are shown again on every subscription: seconds of them, at any rate that is used here,
so that a restart which had forgotten them would have them twice."""

PATIENCE_S = 180.0
"""A guard against a run that never ends; nothing is measured by it."""

EVERY_S = 0.02
Stage = TypeVar("Stage", bound="Chaos")
TOKEN = f"{ADMIN}:{PASSWORD}"
ANSWERS = (
    answering(429, b'{"code":"too many requests","message":"slow down"}', Retry_After="1"),
    answering(503, b"", Retry_After="1"),
    answering(500, b'{"message":"engine: cache maximum memory size exceeded"}'),
    answering(401, b'{"message":"unauthorized access"}'),
    HTML_200,
    APPLY_THEN_DROP,
    APPLY_THEN_503,
    RESET,
    HANG,
)

_VENDOR = """
[feeds.alltick]
symbols = {symbols}
token = "demo"
plan = "professional"
url = "{url}"
backoff_first_s = 0.1
backoff_max_s = 1.0
proxy = ""
"""
_JOURNAL = """
[journal]
path = "{path}"
checkpoint_s = 2.0
min_free = 0
[stop]
grace_s = 60.0
"""
_DATABASE = """
[sinks.influxdb]
url = "{url}"
org = "trading"
bucket = "chaos"
token = "{token}"
connect_s = 2.0
read_s = 2.0
"""


@attrs.define
class Sent:
    """What the vendor has sent: of each symbol one tick for every price, 0.01, 0.02 … in order."""

    times: dict[str, array[int]] = attrs.field(factory=lambda: {symbol: array("q") for symbol in SYMBOLS})

    def next(self, symbol: str) -> Tick:
        """Return the symbol's next tick, sent now."""
        times, now_us = self.times[symbol], time.time_ns() // 1000
        times.append(now_us)
        cents = len(times)
        text = f"{cents // 100}.{cents % 100:02d}"
        return Tick(symbol, now_us, cents / 100, price_text=text, volume_text="1")

    def at_us(self, tick: Tick) -> int:
        """Return when a tick was sent."""
        return self.times[tick.symbol][number_of(tick) - 1]

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(map(len, self.times.values()))


def number_of(tick: Tick) -> int:
    """Return which of its symbol's ticks it is, from 1 on."""
    return int(tick.price_text.replace(".", ""))


@attrs.define(eq=False)
class Chaos:
    """The stage: what runs on it, and what can be done to it. Each deed is over when all goes on again."""

    home: Path
    rng: random.Random
    rate: float
    sim: Sim
    proxy: Proxy
    influxd: Influxd
    sent: Sent = attrs.field(factory=Sent)
    deeds: Counter[str] = attrs.field(factory=Counter)
    _processes: dict[str, trio.Process] = attrs.field(factory=dict)
    _trading: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.home / "ticks.journal"

    @property
    def last_journal(self) -> Path:
        """The journal that the database is fed from."""
        return self.journal

    # What the program is told.

    def vendor(self) -> str:
        """Return where the ticks come from."""
        return _VENDOR.format(symbols=list(SYMBOLS), url=self.sim.url)

    def database(self) -> str:
        """Return where they go to."""
        return _DATABASE.format(url=self.proxy.url, token=TOKEN)

    def configure(self, name: str, journal: Path, *ends: str) -> None:
        """Write down what one program reads, keeps and feeds."""
        (self.home / f"{name}.toml").write_text("".join([_JOURNAL.format(path=journal.name), *ends]))

    # The program.

    async def open(self) -> None:
        """Start what is started with the vendor and the database there."""
        self.configure("chaos", self.journal, self.vendor(), self.database())
        await self.do(self.start_program)

    async def start(self, name: str) -> None:
        """Start a program on its configuration."""
        with (self.home / "program.log").open("ab") as log:
            self._processes[name] = await trio.lowlevel.open_process(
                [*COMMAND, "run", f"{name}.toml", "--report", f"{name}.json"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                env=environment(),
            )

    async def end(self, name: str, number: signal.Signals) -> int:
        """End it by a signal; return its exit code."""
        process = self._processes.pop(name)
        with suppress(ProcessLookupError):
            process.send_signal(number)
        return await process.wait()

    async def stop(self, name: str) -> None:
        """End it as it wants to be ended."""
        code = await self.end(name, signal.SIGTERM)
        assert code == 0, f"exit code {code}\n{self.log()}"

    async def start_program(self) -> None:
        """Start the program and wait until it is subscribed."""
        await self.start("chaos")
        await self.sim.wait_subscribed(*SYMBOLS)

    async def close(self) -> None:
        """Leave nothing behind."""
        for name in list(self._processes):
            await self.end(name, signal.SIGKILL)

    # The vendor.

    async def trade(self) -> None:
        """Send ticks for ever, as many a second as are wanted or as the machine can."""
        with self._trading:
            owed, last = 0.0, trio.current_time()
            while True:
                await trio.sleep(EVERY_S)
                now = trio.current_time()
                # After a stall the rate is kept, not the number.
                owed += min(now - last, 10 * EVERY_S) * self.rate
                last = now
                ticks = [self.sent.next(SYMBOLS[n % len(SYMBOLS)]) for n in range(int(owed))]
                owed -= len(ticks)
                await self.sim.send(ticks)

    async def stop_trading(self) -> None:
        """Send no more, once what is sent last is in the journal."""
        self._trading.cancel()
        while True:
            await self.sim.wait_subscribed(*SYMBOLS)
            with JournalReader(self.journal) as reader:
                after = reader.last_position
            last = [self.sent.next(symbol) for symbol in SYMBOLS]
            await self.sim.send(last)
            wanted = {(tick.symbol, tick.price_text) for tick in last}
            # Should the connection be lost just now, they are in a gap, and others have to be the last.
            with trio.move_on_after(10.0):
                while wanted:
                    ticks, after = self.new_ticks(after)
                    wanted -= {(tick.symbol, tick.price_text) for tick in ticks}
                    await trio.sleep(0.1)
                return

    def new_ticks(self, after: int) -> tuple[list[Tick], int]:
        """Return the ticks of the journal behind a position, and the position of the last."""
        try:
            with JournalReader(self.journal) as reader:
                batches = reader.batches(after=after)
        except JournalError:  # it is just being made
            return [], after
        ticks = [item for batch in batches for item in batch.decode() if isinstance(item, Tick)]
        return ticks, batches[-1].position if batches else after

    # Deeds.

    async def kill_program(self) -> None:
        """kill -9, and start it anew; it has said in its journal that it was killed before it can be again."""
        await self.end("chaos", signal.SIGKILL)
        with JournalReader(self.journal) as reader:
            after = reader.last_position
        await trio.sleep(self.rng.uniform(0.0, 0.5))
        await self.start_program()
        await until(lambda: bool(self.new_ticks(after)[0]))

    async def cut_feed(self) -> None:
        """Cut the vendor's connections."""
        await self.sim.drop()
        await self.sim.wait_subscribed(*SYMBOLS)

    async def shut_feed(self) -> None:
        """Let nobody connect to the vendor for a while."""
        await self.sim.restart(down_s=self.rng.uniform(0.1, 1.0))
        await self.sim.wait_subscribed(*SYMBOLS)

    async def kill_influxd(self) -> None:
        """Kill the database, and start it anew, elsewhere."""
        await trio.to_thread.run_sync(self.influxd.stop, signal.SIGKILL)
        await trio.sleep(self.rng.uniform(0.0, 1.0))
        await trio.to_thread.run_sync(self.influxd.start)
        self.proxy.upstream = self.influxd.port

    async def stall_influxd(self) -> None:
        """Let the database hang in the middle of whatever it does."""
        self.influxd.send(signal.SIGSTOP)
        await trio.sleep(self.rng.uniform(0.2, 2.5))
        self.influxd.send(signal.SIGCONT)

    async def spoil_answers(self, count: int = 2) -> None:
        """Let some writes be answered wrongly, each followed by one that is not, and wait until they were made."""
        for fault in self.rng.sample(ANSWERS, min(count, len(ANSWERS))):
            self.proxy.faults += [fault, None]
        await until(lambda: not self.proxy.faults)

    async def do(self, deed: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        """Do one of these, and count it."""
        name = getattr(deed, "__name__", "deed").replace("_", " ")
        try:
            with trio.fail_after(PATIENCE_S):
                await deed(*arguments)
        except trio.TooSlowError as error:
            raise AssertionError(f"{name}: nothing went on\n{self.log()}") from error
        self.deeds[name] += 1

    def log(self) -> str:
        """Return the end of what the program said."""
        return (self.home / "program.log").read_text(errors="replace")[-3_000:]

    # The end.

    async def finish(self) -> None:
        """Stop the vendor, let the program drain what it has, and end it."""
        await self.do(self.stop_trading)
        await self.do(self.wait_drained)
        await self.stop("chaos")
        assert self.pending() == 0

    async def wait_kept(self) -> None:
        """Wait until something is in the journal. What is lost before that is not yet known to be missing."""
        await until(lambda: self.journal.exists() and bool(self.new_ticks(0)[0]))

    async def wait_drained(self) -> None:
        """Wait until the database has all that is in the journal."""
        await until(lambda: not self.pending())

    def pending(self) -> int:
        """Return how many ticks the database has not got yet."""
        cursor = cursor_of(self.journal)
        return 1 if cursor is None else cursor.pending

    def settings(self) -> InfluxDB:
        """Return where the ticks are."""
        return InfluxDB(url=self.proxy.url, org="trading", bucket="chaos", token=TOKEN, read_s=600.0)


def cursor_of(journal: Path) -> CursorState | None:
    """Return how far a journal's one sink is, or None before there is any."""
    try:
        with JournalReader(journal) as reader:
            return reader.info().cursors[0]
    except (JournalError, IndexError):
        return None


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that another process brings about: nobody tells when, so it is looked for."""
    while not is_so():  # noqa: ASYNC110 - as just said
        await trio.sleep(0.05)


@asynccontextmanager
async def open_chaos(home: Path, stage: Callable[..., Stage], *, seed: int, rate: float) -> AsyncIterator[Stage]:
    """Run everything, in a directory of its own.

    Args:
        home: The directory.
        stage: What to run: `Chaos`, or one with more on it.
        seed: Of what is done.
        rate: Ticks a second.
    """
    influxd = Influxd(home)
    try:
        await trio.to_thread.run_sync(influxd.start)
        influxd.command(f"CREATE USER {ADMIN} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES", first=True)
        influxd.command("CREATE DATABASE chaos")
        async with open_sim([], symbols=SYMBOLS, overlap=OVERLAP, buffer_bytes=1 << 26) as sim:
            with Proxy(influxd.port) as proxy:
                proxy.keeps_bodies = False
                chaos = stage(home, random.Random(seed), rate, sim, proxy, influxd)
                async with trio.open_nursery() as nursery:
                    try:
                        await chaos.open()
                        nursery.start_soon(chaos.trade)
                        await chaos.do(chaos.wait_kept)
                        yield chaos
                    finally:
                        with trio.CancelScope(shield=True):
                            await chaos.close()
                    nursery.cancel_scope.cancel()
    finally:
        influxd.stop(signal.SIGKILL)


# ---- what has to be true at the end


@attrs.frozen
class Found:
    """How much was looked at."""

    sent: int
    journaled: int
    stored: int
    in_gaps: int
    gaps: Counter[str]


def check(chaos: Chaos) -> Found:
    """Check everything that has to be true; return how much that was."""
    with JournalReader(chaos.journal) as reader:
        assert not reader.verify().damage
        gaps = [item for records in reader.records(kinds={"gap"}) for item in records if isinstance(item, Gap)]
        missing = missing_of(chaos.sent, ticks_of(reader))
        check_gaps(chaos.sent, ticks_of(reader), gaps, missing)
    in_gaps = sum(map(len, missing.values()))
    count = check_stored(chaos)
    return Found(chaos.sent.count, chaos.sent.count - in_gaps, count, in_gaps, Counter(gap.cause for gap in gaps))


def check_stored(chaos: Chaos) -> int:
    """Check that the database has the journal it is fed from; return how many ticks it has."""
    with JournalReader(chaos.last_journal) as reader:
        assert not reader.verify().damage
        (cursor,) = reader.info().cursors
        journaled = Buckets.of(ticks_of(reader), lambda tick: point_time(tick)[0])
    assert (cursor.appended, cursor.stored) == (journaled.count, journaled.count), cursor
    with InfluxWriter(chaos.settings()) as writer:
        rows = writer.query("SELECT * FROM tick ORDER BY time")
        stored = Buckets.of_points((tick_of_row(row), row["time"]) for row in rows)
    assert stored.differences(journaled) == []
    check_events(chaos, cursor.position)
    return stored.count


def check_events(chaos: Chaos, position: int) -> None:
    """Check that the database has each gap and status of the journal once, up to where its cursor stands at least."""
    with JournalReader(chaos.last_journal) as reader:
        journaled, behind = (
            Counter(repr(item) for records in reader.records(kinds=EVENTS, after=after) for item in records)
            for after in (0, position)
        )
    kinds: tuple[Kind, ...] = ("gaps", "statuses", "signals")
    found = Counter(repr(item) for kind in kinds for item in read(chaos.settings(), kind=kind))
    assert not found - journaled
    assert not journaled - behind - found
    assert journaled


def ticks_of(reader: JournalReader) -> Iterator[Tick]:
    """Yield the ticks of a journal, in its order."""
    for records in reader.records(kinds={"tick"}):
        for item in records:
            if isinstance(item, Tick):
                yield item


@attrs.define
class Buckets:
    """Ticks with their nanoseconds, second by second: how many, and the sum of their hashes. Small, however many."""

    counts: Counter[int] = attrs.field(factory=Counter)
    sums: defaultdict[int, int] = attrs.field(factory=lambda: defaultdict(int))

    @classmethod
    def of(cls, ticks: Iterable[Tick], time_ns_of: Callable[[Tick], int]) -> Buckets:
        return cls.of_points((tick, time_ns_of(tick)) for tick in ticks)

    @classmethod
    def of_points(cls, points: Iterable[tuple[Tick, int]]) -> Buckets:
        found = cls()
        for tick, time_ns in points:
            second = time_ns // 1_000_000_000
            found.counts[second] += 1
            found.sums[second] += hash((tick, time_ns))
        return found

    @property
    def count(self) -> int:
        return self.counts.total()

    def differences(self, other: Buckets) -> list[str]:
        """Return the seconds in which the two are not the same ticks, each as often."""
        return [
            f"second {second}: {self.counts[second]} and {other.counts[second]} ticks"
            for second in sorted({*self.counts, *other.counts})
            if (self.counts[second], self.sums[second]) != (other.counts[second], other.sums[second])
        ]


def missing_of(sent: Sent, ticks: Iterable[Tick]) -> dict[str, list[int]]:
    """Return, by symbol, which ticks are not in the journal; none may be there twice, or where it was never sent."""
    seen = {symbol: bytearray(len(times)) for symbol, times in sent.times.items()}
    places: set[int] = set()
    for tick in ticks:
        number = number_of(tick) - 1
        assert not seen[tick.symbol][number], f"twice in the journal: {tick}"
        assert sent.times[tick.symbol][number] // 1000 == tick.time_us // 1000, f"never sent like this: {tick}"
        seen[tick.symbol][number] = 1
        place = hash((tick.symbol, tick.time_us, tick.ordinal))
        assert place not in places, f"an ordinal was given twice: {tick}"
        places.add(place)
    return {symbol: [n for n, there in enumerate(flags) if not there] for symbol, flags in seen.items()}


def check_gaps(sent: Sent, ticks: Iterable[Tick], gaps: Sequence[Gap], missing: dict[str, list[int]]) -> None:
    """Check that every missing tick was sent within a gap.

    A gap begins when something was received, and a tick is on its way for a while. So what counts is when that was
    sent that was received last: whatever is missing was sent after it, because a connection keeps its order.
    """
    received: list[tuple[int, int]] = []
    newest = 0
    for received_us, sent_us in sorted((tick.received_us, sent.at_us(tick)) for tick in ticks):
        newest = max(newest, sent_us)
        received.append((received_us, newest))
    instants = [received_us for received_us, _ in received]
    for symbol, numbers in missing.items():
        spans = []
        for gap in gaps:
            if gap.symbol in {None, symbol}:
                place = bisect_right(instants, gap.start_us)
                spans.append((received[place - 1][1] if place else 0, gap.end_us))
        for number in numbers:
            at_us = sent.times[symbol][number]
            assert any(start_us <= at_us <= end_us for start_us, end_us in spans), (
                f"{symbol} number {number + 1}, sent at {at_us}, is neither in the journal nor in a gap"
            )
