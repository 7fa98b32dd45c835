"""In-band time on one stream: where timers fall, whoever reads, and that nothing is lost or hung by them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal

import pytest
import trio
from trio.testing import MockClock, assert_checkpoints, wait_all_tasks_blocked

from trio_ticks.core.inband import Field
from trio_ticks.errors import ConfigError, EngineError
from trio_ticks.model import Bar, Clock, Gap, Record, Signal, Status, Tick
from trio_ticks.runtime.mailbox import Mailbox, Room, Wanted
from trio_ticks.runtime.scheduler import seeded
from trio_ticks.runtime.stream import Ticks

S = 1_000_000


class Desk:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []
        self.asked: list[int] = []

    def keep(self, signal: Signal) -> None:
        self.signals.append(signal)

    def wake_at(self, due_us: int) -> None:
        self.asked.append(due_us)


class Recording:
    """The simplest source there is: batches that lie there, behind a wait each."""

    name = "recording"
    dropped = 0

    def __init__(self, batches: Iterable[Sequence[Record]], failure: EngineError | None = None) -> None:
        self.waiting = [list(batch) for batch in batches]
        self.offered = sum(isinstance(item, Tick) for batch in self.waiting for item in batch)
        self.failure = failure

    @property
    def queued(self) -> int:
        return sum(isinstance(item, Tick) for batch in self.waiting for item in batch)

    async def take(self) -> Sequence[Record]:
        await trio.lowlevel.checkpoint()
        if self.waiting:
            return self.waiting.pop(0)
        if self.failure is not None:
            raise self.failure
        return []

    def end(self) -> None:
        self.waiting.clear()


def at(*seconds: float) -> list[Record]:
    return [Tick("X", round(second * S), second) for second in seconds]


def live(*batches: Sequence[Record], desk: Desk | None = None) -> tuple[Mailbox, Ticks]:
    mailbox = Mailbox(name="test", wanted=Wanted(), room=Room())
    for batch in batches:
        mailbox.offer(batch)
    return mailbox, Ticks(source=mailbox, now_us=lambda: 0, desk=desk)


def replayed(*batches: Sequence[Record], failure: EngineError | None = None) -> Ticks:
    return Ticks(source=Recording(batches, failure), now_us=lambda: 0)


def ended(*batches: Sequence[Record]) -> Ticks:
    mailbox, ticks = live(*batches)
    mailbox.end()
    return ticks


BOTH = pytest.mark.parametrize("make", [ended, replayed])


class Story:
    """A strategy of two tasks: one reads, the other sleeps; and the order in which things happened."""

    def __init__(self, ticks: Ticks) -> None:
        self.ticks = ticks
        self.told: list[str] = []

    async def run(self, *naps: float, way: str = "ticks") -> list[str]:
        async with trio.open_nursery() as nursery:
            for seconds in naps:
                nursery.start_soon(self.nap, seconds)
            await getattr(self, f"read_{way}")()
        return self.told

    async def nap(self, seconds: float) -> None:
        async for due_us in self.ticks.every(seconds):
            self.told.append(f"timer {due_us / S:g}/{seconds:g} {self.ticks.now_us / S:g}")

    async def read_ticks(self) -> None:
        async for tick in self.ticks:
            self.told.append(f"tick {tick.price:g}")

    async def read_records(self) -> None:
        async for item in self.ticks.records():
            self.told.append(f"{item.kind} {item.time_us / S:g}")

    async def read_batches(self) -> None:
        async for batch in self.ticks.batches():
            self.told += [f"tick {tick.price:g}" for tick in batch.ticks]


async def test_time_is_that_of_the_records_and_never_goes_back(autojump_clock: MockClock) -> None:
    """Ticks, gaps, statuses and clocks move it; what was derived from them does not, nor what came late."""
    records: list[Record] = [
        Tick("X", 5, 1.0),
        Tick("X", 3, 1.0),
        Gap(4, 7, "closed"),
        Bar("X", 9, 20, 1, 1, 1, 1),
        Signal("buy", "X", 30),
        Status("connected", 8),
        Clock(10),
    ]
    _, ticks = live(records)
    assert ticks.now_us == 0
    seen = []
    for _ in records:
        await anext(ticks.records())
        seen.append(ticks.now_us)
    assert seen == [5, 5, 7, 7, 7, 8, 10]


@BOTH
@pytest.mark.parametrize("way", ["ticks", "batches"])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_a_timer_falls_between_the_same_two_records(
    autojump_clock: MockClock, make: object, way: str, size: int
) -> None:
    """Behind all that are not beyond it, one exactly at it included; before the first that is; in any batches."""
    records = at(1, 1.5, 2, 2, 2.5, 5.5, 6)
    batches = [records[i : i + size] for i in range(0, len(records), size)]
    told = await Story(make(*batches)).run(1.0, way=way)  # type: ignore[operator]  # either maker
    assert told == [
        *("tick 1", "tick 1.5", "tick 2", "tick 2", "timer 2/1 2", "tick 2.5"),
        *("timer 3/1 3", "timer 4/1 4", "timer 5/1 5", "tick 5.5", "tick 6"),
    ]


@BOTH
async def test_timers_ring_in_the_order_of_their_instants(autojump_clock: MockClock, make: object) -> None:
    """However many sleep, and however far one record jumps."""
    told = await Story(make(at(1), at(10.5))).run(3.0, 2.0, 5.0)  # type: ignore[operator]  # either maker
    due = [line.split("/")[0] for line in told]
    assert due == ["tick 1", *(f"timer {n}" for n in (2, 3, 4, 5, 6, 6, 8, 9, 10, 10)), "tick 10.5"]


@pytest.mark.parametrize("reads", ["a task", "the parent", "nobody"])
@BOTH
def test_timers_of_one_instant_ring_in_the_order_in_which_tasks_were_started(make: object, reads: str) -> None:
    """One after the other, whatever order the scheduler runs them in: a strategy of several tasks is repeatable."""

    async def story() -> list[str]:
        ticks: Ticks = make(at(1, 2), at(3, 4.5), at(6))  # type: ignore[operator]  # either maker
        told: list[str] = []

        async def nap(name: str, seconds: float) -> None:
            for _ in range(3):
                await ticks.sleep(seconds)
                told.append(f"{name} {ticks.now_us / S:g}")

        async def bell(name: str, seconds: float) -> None:
            async for due_us in ticks.every(seconds):
                told.append(f"{name} {due_us / S:g}")  # noqa: PERF401 - in between the others tell

        async def read() -> None:
            async for _ in ticks:
                """Time moves on."""

        async with trio.open_nursery() as nursery:
            nursery.start_soon(nap, "a", 1.0)
            nursery.start_soon(bell, "b", 2.0)
            nursery.start_soon(nap, "c", 1.0)
            nursery.start_soon(bell, "d", 1.0)
            if reads == "a task":
                nursery.start_soon(read)
            elif reads == "the parent":
                await read()
        return told

    expected = ["a 2", "b 2", "c 2", "d 2", "a 3", "c 3", "d 3", "a 4", "b 4", "c 4", "d 4", "d 5"]
    for seed in range(20):
        with seeded(seed):
            assert trio.run(story, clock=MockClock(autojump_threshold=0)) == expected


async def test_a_sleeper_whose_timer_is_sooner_need_not_wait_for_one_that_looks(autojump_clock: MockClock) -> None:
    """What has come is enough for the later, shorter sleep, though not for the one that was there before."""
    _mailbox, ticks = live(at(1), at(5))
    assert (await anext(ticks)).price == 1
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ticks.sleep, 100.0)
        await wait_all_tasks_blocked()
        before = trio.current_time()
        await ticks.sleep(2.0)
        assert (ticks.now_us, trio.current_time()) == (3 * S, before)
        nursery.cancel_scope.cancel()


@BOTH
async def test_a_reader_that_sleeps_misses_nothing(autojump_clock: MockClock, make: object) -> None:
    """What came meanwhile is read afterwards, in order, and the time is the instant it slept to."""
    ticks: Ticks = make(at(1, 2), at(3), at(4, 5), at(6, 60))  # type: ignore[operator]  # either maker
    assert (await anext(ticks)).price == 1
    await ticks.sleep(4.0)
    assert ticks.now_us == 5 * S
    rest = [(tick.price, ticks.now_us / S) async for tick in ticks]
    assert rest == [(2, 5), (3, 5), (4, 5), (5, 5), (6, 6), (60, 60)]
    ledger = ticks.ledger()
    assert (ledger.offered, ledger.delivered, ledger.dropped, ledger.queued) == (7, 7, 0, 0)


async def test_a_sleeper_that_looks_ahead_takes_nothing_from_a_live_queue(autojump_clock: MockClock) -> None:
    """The queue's own bound goes on to hold while its reader sleeps."""
    mailbox = Mailbox(name="test", wanted=Wanted(), room=Room(capacity=2))
    ticks = Ticks(source=mailbox, now_us=lambda: 0)
    mailbox.offer(at(1))
    await anext(ticks)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ticks.sleep, 10.0)
        for second in range(2, 10):
            await wait_all_tasks_blocked()
            mailbox.offer(at(second))
        await wait_all_tasks_blocked()
        assert (mailbox.queued, mailbox.dropped) == (2, 6)
        mailbox.offer(at(12))
    mailbox.end()
    assert [tick.price async for tick in ticks] == [9, 12]


@BOTH
async def test_a_sleep_before_the_first_record_begins_with_it(autojump_clock: MockClock, make: object) -> None:
    """There is no time before; in 1970 nobody traded."""
    ticks: Ticks = make(at(100), at(101, 102.5))  # type: ignore[operator]  # either maker
    await ticks.sleep(2.0)
    assert ticks.now_us == 102 * S
    assert [tick.price async for tick in ticks] == [100, 101, 102.5]


async def test_while_nothing_trades_a_clock_moves_the_time(autojump_clock: MockClock) -> None:
    """A timer asks for it by its instant, and every way of sleeping hears it."""
    desk = Desk()
    mailbox, ticks = live(at(1), desk=desk)
    await anext(ticks)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ticks.sleep, 2.0)
        await wait_all_tasks_blocked()
        assert desk.asked == [3 * S]
        mailbox.offer([Clock(3 * S + 1)])
    assert ticks.now_us == 3 * S
    mailbox.end()
    assert [item.kind async for item in ticks.records()] == ["clock"]


async def test_a_timer_goes_on_when_the_reader_has_left(autojump_clock: MockClock) -> None:
    """A task that broke off reading does not take the time with it."""
    mailbox, ticks = live(at(1))
    rung = []

    async def read_one() -> None:
        await anext(ticks)

    async def nap() -> None:
        async for due_us in ticks.every(1.0):
            rung.append(due_us // S)  # noqa: PERF401 - the list is looked at from outside

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_one)
        await wait_all_tasks_blocked()
        nursery.start_soon(nap)
        await wait_all_tasks_blocked()
        mailbox.offer(at(3.5))
        await trio.sleep(10.0)
        assert rung == [2, 3]
        mailbox.end()


async def test_a_timer_waits_for_a_reader_that_is_busy(autojump_clock: MockClock) -> None:
    """It falls between the records as they are handed on, not as they arrive."""
    mailbox, ticks = live(at(1))
    story = Story(ticks)

    async def read_slowly() -> None:
        async for tick in ticks:
            await trio.sleep(30.0)
            story.told.append(f"tick {tick.price:g}")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_slowly)
        await wait_all_tasks_blocked()
        nursery.start_soon(story.nap, 2.0)
        mailbox.offer(at(1.5, 2.5))
        mailbox.end()
    assert story.told == ["tick 1", "tick 1.5", "timer 2/2 2", "tick 2.5"]


async def test_a_reader_that_sleeps_does_not_hold_up_other_timers(autojump_clock: MockClock) -> None:
    """While it looks ahead for itself, it rings those of others that come before."""
    mailbox, ticks = live(at(1))
    rung = []

    async def nap() -> None:
        async for due_us in ticks.every(2.0):
            rung.append(due_us // S)  # noqa: PERF401 - the list is looked at from outside

    async with trio.open_nursery() as nursery:
        await anext(ticks)
        nursery.start_soon(nap)
        nursery.start_soon(wait_all_tasks_blocked)
        async with trio.open_nursery() as inner:
            inner.start_soon(_offer_later, mailbox, at(4.5))
            inner.start_soon(_offer_later, mailbox, at(50))
            await ticks.sleep(30.0)
        assert rung[:2] == [2, 4]
        assert ticks.now_us >= 31 * S
        mailbox.end()


async def _offer_later(mailbox: Mailbox, records: Sequence[Record]) -> None:
    await trio.sleep(records[0].time_us / S)
    mailbox.offer(records)


# ---- the end


@BOTH
async def test_at_the_end_of_the_stream_timers_end(autojump_clock: MockClock, make: object) -> None:
    """The first sleep returns at once, iteration ends; who would sleep on for ever is told."""
    ticks: Ticks = make(at(1, 2))  # type: ignore[operator]  # either maker
    await anext(ticks)
    await ticks.sleep(10.0)
    assert ticks.now_us == S
    assert [due_us async for due_us in ticks.every(100.0)] == []
    assert [tick.price async for tick in ticks] == [2]
    with pytest.raises(trio.EndOfChannel):
        await ticks.sleep(10.0)


@BOTH
async def test_all_that_sleep_at_the_end_return(autojump_clock: MockClock, make: object) -> None:
    """Each of them once, and without an error."""
    ticks: Ticks = make(at(1), at(2))  # type: ignore[operator]  # either maker
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ticks.sleep, 100.0)
        assert [tick.price async for tick in ticks] == [1, 2]


async def test_a_failure_is_raised_where_it_is_read(autojump_clock: MockClock) -> None:
    """A sleep ends without it, and what came before is read first; live and from a recording."""
    mailbox, first = live(at(1, 2))
    mailbox.end(EngineError("it failed"))
    for ticks in (first, replayed(at(1, 2), failure=EngineError("it failed"))):
        seen = []
        await ticks.sleep(10.0)
        with pytest.raises(EngineError, match="it failed"):  # noqa: PT012 - the loop raises at its end
            async for tick in ticks:
                seen.append(tick.price)  # noqa: PERF401 - the list is looked at after the failure
        assert seen == [1, 2]


async def test_closing_ends_timers(autojump_clock: MockClock) -> None:
    """Nobody sleeps on a stream that was given up."""
    _, ticks = live(at(1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ticks.sleep, 10.0)
        await wait_all_tasks_blocked()
        ticks.close()


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
async def test_a_duration_that_is_none_is_refused(autojump_clock: MockClock, seconds: float) -> None:
    """In one line that names it."""
    _, ticks = live()
    with pytest.raises(ValueError, match="finite number of seconds"):
        await ticks.sleep(seconds)
    with pytest.raises(ValueError, match="finite number of seconds"):
        ticks.every(seconds)
    with pytest.raises(ValueError, match="at least 1e-06"):
        ticks.every(0.0)


async def test_sleeping_lets_others_run(autojump_clock: MockClock) -> None:
    """Even no time at all, and what is over already."""
    _, ticks = live(at(1, 2), at(30))
    await anext(ticks)
    for seconds in (0.0, 0.5):
        with assert_checkpoints():
            await ticks.sleep(seconds)


# ---- signals


async def test_a_signal_bears_the_time_of_its_stream(autojump_clock: MockClock) -> None:
    """And the stream's name, and its fields as they are."""
    desk = Desk()
    _, ticks = live(at(1, 2), desk=desk)
    await anext(ticks)
    await ticks.signal("buy", "X", size=2, why="it rose", sure=True, limit=1.5, until=None)
    fields: dict[str, Field] = {"size": 2, "why": "it rose", "sure": True, "limit": 1.5, "until": None}
    assert desk.signals == [Signal("buy", "X", S, fields, strategy="test")]


async def test_a_field_that_cannot_be_written_is_named(autojump_clock: MockClock) -> None:
    """Nothing is kept then."""
    desk = Desk()
    _, ticks = live(desk=desk)
    with pytest.raises(ConfigError, match="'sizes' is a list; accepted: str"):
        await ticks.signal("buy", "X", sizes=[1])  # type: ignore[arg-type]  # what is to be refused
    with pytest.raises(ConfigError, match=r"'price' is a decimal\.Decimal; accepted: str"):
        await ticks.signal("buy", "X", price=Decimal(1))  # type: ignore[arg-type]  # likewise
    with pytest.raises(ConfigError, match="signal name = 5: accepted is a text"):
        await ticks.signal(5, "X")  # type: ignore[arg-type]  # likewise
    with pytest.raises(ConfigError, match="signal symbol = None: accepted is a text"):
        await ticks.signal("buy", None)  # type: ignore[arg-type]  # likewise
    assert desk.signals == []


async def test_a_cancelled_signal_is_not_kept(autojump_clock: MockClock) -> None:
    """It is kept wholly, or not at all."""
    desk = Desk()
    _, ticks = live(desk=desk)
    with trio.CancelScope() as scope:
        scope.cancel()
        await ticks.signal("buy", "X")
    assert scope.cancelled_caught
    assert desk.signals == []


# ---- a cancel at every await


async def _nap(ticks: Ticks, story: list[str]) -> None:
    async for due_us in ticks.every(1.0):
        story.append(f"timer {due_us // S}")
        await ticks.signal("beat", "X")


@BOTH
async def test_a_cancelled_sleep_loses_no_record(autojump_clock: MockClock, make: object) -> None:
    """After however many rounds of the scheduler it is cancelled: all is read afterwards, once and in order."""
    for rounds in range(30):
        ticks: Ticks = make(at(1, 2), at(3.5), at(4, 9), at(10))  # type: ignore[operator]  # either maker
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_nap, ticks, [])
            nursery.start_soon(ticks.sleep, 5.0)
            for _ in range(rounds):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel("the test says so")
        assert [tick.price async for tick in ticks] == [1, 2, 3.5, 4, 9, 10], rounds


@BOTH
async def test_a_cancelled_reader_loses_no_record(autojump_clock: MockClock, make: object) -> None:
    """Even while it lets a sleeper run before it."""
    for rounds in range(40):
        ticks: Ticks = make(at(1, 2), at(3.5), at(4, 9), at(10))  # type: ignore[operator]  # either maker
        seen: list[float] = []
        async with trio.open_nursery() as outer:
            outer.start_soon(_nap, ticks, [])
            async with trio.open_nursery() as inner:
                inner.start_soon(_read, ticks, seen)
                for _ in range(rounds):
                    await trio.lowlevel.checkpoint()
                inner.cancel_scope.cancel("the test says so")
            await _read(ticks, seen)
        assert seen == [1, 2, 3.5, 4, 9, 10], rounds


async def _read(ticks: Ticks, seen: list[float]) -> None:
    async for tick in ticks:
        seen.append(tick.price)  # noqa: PERF401 - what was read before a cancel counts, too
