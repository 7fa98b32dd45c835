"""The seam between journal and live queue, for any interleaving of publishing, committing, reading and cancels."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast
from unittest import mock

import attrs
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.journal import memory
from trio_ticks.core.inband import greatest_us
from trio_ticks.core.recording import Entry, Recorder
from trio_ticks.model import Gap, Record, Signal, Status, Tick, ticks_in
from trio_ticks.runtime.catching_up import CatchUp
from trio_ticks.runtime.history import History
from trio_ticks.runtime.journaling import JournalWriter, _packed
from trio_ticks.runtime.mailbox import Mailbox, Room, Wanted
from trio_ticks.storage.journal import Journal
from trio_ticks.testing.simulation import run_seeded

T = TypeVar("T")

SINCE_US = 1_000_000
STEPS = st.one_of(
    st.tuples(st.just("publish"), st.integers(1, 4)),
    st.tuples(st.sampled_from(["begin", "write", "settle", "decide"]), st.just(0)),
    st.tuples(st.just("read"), st.integers(0, 6)),
    st.tuples(st.just("look"), st.integers(0, 40)),
)
DISK = st.one_of(STEPS, st.tuples(st.sampled_from(["refuse", "leave out"]), st.just(0)))
PAST = st.lists(st.integers(-3, 3), max_size=12)


@attrs.define(eq=False, slots=False)
class Rig:
    """A journal, its writer's queue, and a source between them; whoever reads the disk lets other things happen."""

    journal: Journal
    recorder: Recorder
    steps: list[tuple[str, int]]
    wanted: Wanted = attrs.field(factory=lambda: Wanted(frozenset({"X"})))
    position: int = 0
    published: list[Record] = attrs.field(factory=list)
    shown: list[Record] = attrs.field(factory=list)
    taken: list[Entry] = attrs.field(factory=list)
    written: int = 0

    def begin_with(self, past: list[int]) -> list[Record]:
        """Let there be a past, of which the source is to show what is returned."""
        records: list[Record] = [
            Tick("Y" if number % 4 == 3 else "X", SINCE_US + shift, float(-1 - number))
            for number, shift in enumerate(past)
        ]
        for at in range(0, len(records), 2):
            self.journal.commit([records[at : at + 2], [Signal("old", "X", SINCE_US + 9)]], now_us=1)
        self.position = self.journal.last_position
        history = History(path=self.journal.path, wanted=self.wanted, since_us=SINCE_US, before=self.position)
        mailbox = Mailbox(name="s", wanted=self.wanted, room=Room())
        writer = cast("JournalWriter", self)
        self.source = CatchUp(mailbox=mailbox, history=history, writer=writer, run_sync=self.run_sync)
        return [item for item in records if item.symbol == "X" and item.time_us >= SINCE_US]

    async def run_sync(self, function: Callable[..., T], *args: Any) -> T:
        """Read the disk; other things happen before and behind."""
        await self.some_steps()
        result = function(*args)
        await self.some_steps()
        return result

    async def some_steps(self) -> None:
        await trio.lowlevel.checkpoint()
        for _ in range(2):
            if self.steps and self.steps[0][0] not in {"read", "look"}:
                self.step(*self.steps.pop(0))
        await trio.lowlevel.checkpoint()

    def step(self, name: str, amount: int) -> None:
        """Let one thing happen; without an await, as in the engine."""
        if name == "publish":
            number = len(self.published)
            some = [self.record(number + place) for place in range(amount)]
            self.published += some
            self.source.offer(some)
            self.recorder.offer(some)
        elif name == "decide":
            self.recorder.offer([Signal("buy", "X", SINCE_US), Status("started", 1, source="strategy s")])
        elif name == "begin" and not self.taken:
            self.taken = self.recorder.take()
        elif name == "write" and self.taken and not self.written:
            packed = _packed([entry.records for entry in self.taken])
            self.written = self.journal.commit(packed, now_us=1).last_position
        elif name == "settle" and self.written:  # the writer hears of it later, and notes it in one step
            self.position, self.written, self.taken = self.written, 0, []
            self.recorder.written()
        elif name in {"refuse", "leave out"} and self.taken and not self.written:
            self.recorder.failed("full", keep=name == "refuse")
            self.taken = []

    def record(self, number: int) -> Record:
        time_us = SINCE_US + 10 + number
        if number % 5 == 2:
            return Tick("X", SINCE_US - 5, float(number), received_us=time_us, late=True)
        if number % 5 == 4:
            return Status("connected", time_us)
        return Tick("Y" if number % 7 == 6 else "X", time_us, float(number), received_us=time_us)

    async def read(self, rounds: int) -> None:
        """Read what there is, in two tasks now and then; a cancel comes after so many rounds."""
        async with trio.open_nursery() as nursery:
            for _ in range(2 if rounds % 4 == 3 else 1):
                nursery.start_soon(self._take)
            for _ in range(rounds or 50):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel("the test says so")

    async def _take(self) -> None:
        self.shown += await self.source.take()

    async def look(self, due_us: int) -> None:
        """Look beyond an instant; what is said to have come has, and all that has is found."""
        for _ in range(20):
            with trio.move_on_after(1.0) as waiting:
                if await self.source.look_beyond(due_us):
                    there = self.wanted.of([*self.past, *self.published])
                    assert greatest_us(there) > due_us
                    return
            if waiting.cancelled_caught:
                assert greatest_us(self.wanted.of([*self.past, *self.published])) <= due_us
                return

    async def run(self, past: list[int]) -> None:
        self.past = self.begin_with(past)
        while self.steps:
            name, amount = self.steps.pop(0)
            if name == "read":
                await self.read(amount)
            elif name == "look":
                await self.look(SINCE_US + amount)
            else:
                self.step(name, amount)
        self.source.finish(None)
        while some := await self.source.take():
            self.shown += some
        assert await self.source.take() == []
        assert (self.source.offered, self.source.queued, self.source.dropped) == (ticks_in(self.shown), 0, 0)


def live(past: list[int], steps: list[tuple[str, int]], capacity: int) -> Rig:
    """Return the rig after its life."""
    with (
        tempfile.TemporaryDirectory(dir=memory()) as folder,
        mock.patch.multiple("trio_ticks.runtime.history", PAGE_RECORDS=2, ROWS=2),
        Journal.open(Path(folder) / "j", now_us=1, fsync="checkpoint", free_floor_bytes=0) as journal,
    ):
        rig = Rig(journal, Recorder(capacity=capacity), list(steps))
        run_seeded(lambda: rig.run(past))
    return rig


@settings(max_examples=150)
@given(PAST, st.lists(STEPS, max_size=40))
def test_the_strategy_sees_the_past_and_then_what_comes_once_each_and_in_order(
    past: list[int], steps: list[tuple[str, int]]
) -> None:
    """Whatever is committed when, and wherever a read is cancelled."""
    rig = live(past, steps, capacity=100_000)
    assert rig.shown == [*rig.past, *rig.wanted.of(rig.published)]


@given(PAST, st.lists(DISK, max_size=40), st.integers(1, 6))
def test_what_the_journal_leaves_out_is_named(past: list[int], steps: list[tuple[str, int]], capacity: int) -> None:
    """What is not shown lies within a gap that is; what is shown is so once, and in order."""
    rig = live(past, steps, capacity)
    count = len(rig.past)
    assert rig.shown[:count] == rig.past
    rest = [item for item in rig.shown[count:] if not isinstance(item, Gap)]
    expected = rig.wanted.of(rig.published)
    assert rest == [item for item in expected if item in rest]
    gaps = [item for item in rig.shown if isinstance(item, Gap)]
    for item in expected:
        assert item in rest or any(gap.start_us <= item.time_us <= gap.end_us for gap in gaps)


def test_a_cancel_at_every_await_loses_nothing_and_doubles_nothing() -> None:
    """Of the reads in the past, at the seam and live, each cancelled after so many rounds, and begun again."""
    publishing: list[tuple[str, int]] = [("publish", 3), ("begin", 0), ("write", 0), ("settle", 0), ("publish", 2)]
    for rounds in range(1, 25):
        reads = [("read", rounds)] * 4
        rig = live([0, 1, 2, 3, 1, 2], [*reads, *publishing, *reads, *publishing, *reads, ("read", 0)], 100_000)
        assert rig.shown == [*rig.past, *rig.wanted.of(rig.published)], rounds
