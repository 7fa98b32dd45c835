"""The laws of the buffer, for any sequence of puts and takes, against lists."""

from __future__ import annotations

import itertools
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from trio_ticks.config import Overflow
from trio_ticks.core.overflow import Buffer
from trio_ticks.model import Bar, Gap, Record, Status, Tick

POLICIES: tuple[Overflow, ...] = get_args(Overflow)
ORDERED: tuple[Overflow, ...] = ("drop_oldest", "drop_newest", "fail")


class Model:
    """One flat list in order; an overflow gap is in it as soon as something was dropped there.

    Each entry is (record, number of its put); a gap belongs to no put.
    """

    def __init__(self, capacity: int, policy: Overflow) -> None:
        self.capacity, self.policy = capacity, policy
        self.entries: list[tuple[Record, int]] = []
        self.offered = self.dropped = self.taken = 0
        self.puts = 0
        self.failed = False

    def put(self, records: list[Record]) -> None:
        self.puts += 1
        for record in records:
            self.offered += isinstance(record, Tick)
            if self.policy == "drop_oldest":
                self.put_oldest(record)
            elif self.policy == "conflate":
                self.put_conflated(record)
            else:
                self.put_newest(record)

    def put_oldest(self, record: Record) -> None:
        self.entries.append((record, self.puts))
        if sum(not lost(item) for item, _ in self.entries) > self.capacity:
            self.drop_first()

    def drop_first(self) -> None:
        """Drop the first record, into the gap at the very front."""
        gap = self.entries.pop(0)[0] if lost(self.entries[0][0]) else None
        victim = self.entries.pop(0)[0]
        self.entries.insert(0, (self.merged(gap, victim), 0))

    def put_newest(self, record: Record) -> None:
        if len(self.entries) < self.capacity:
            self.entries.append((record, self.puts))
            return
        self.failed = self.policy == "fail"
        last = self.entries[-1][0]
        if lost(last):
            self.entries[-1] = (self.merged(last, record), 0)
        else:
            self.entries.append((self.merged(None, record), 0))

    def put_conflated(self, record: Record) -> None:
        for index, (item, _) in enumerate(self.entries):
            if same_symbol(item, record):
                self.entries[index] = (record, 0)
                gap = self.entries.pop(0)[0] if lost(self.entries[0][0]) else None
                self.entries.insert(0, (self.merged(gap, item), 0))
                return
        self.put_oldest(record)

    def merged(self, gap: Record | None, victim: Record) -> Gap:
        self.dropped += isinstance(victim, Tick)
        start = victim.start_us if isinstance(victim, Gap) else victim.time_us
        parts = [start, victim.end_us if isinstance(victim, Bar) else victim.time_us]
        missed = int(isinstance(victim, Tick))
        if isinstance(gap, Gap):
            parts += [gap.start_us, gap.end_us]
            missed += gap.missed or 0
        return Gap(start_us=min(parts), end_us=max(parts), cause="overflow", missed=missed)

    def take(self) -> list[Record]:
        """Take the first put that has anything left, and the gaps on both its sides."""
        number = next((put for item, put in self.entries if not lost(item)), 0)
        size = 0
        for item, put in self.entries:
            if not lost(item) and put != number and self.policy != "conflate":
                break
            size += 1
        batch = [item for item, _ in self.entries[:size]]
        self.entries = self.entries[size:]
        self.taken += sum(isinstance(item, Tick) for item in batch)
        return batch

    @property
    def queued(self) -> int:
        return sum(isinstance(item, Tick) for item, _ in self.entries)


def lost(record: Record) -> bool:
    return isinstance(record, Gap) and record.cause == "overflow"


def same_symbol(one: Record, two: Record) -> bool:
    if not (isinstance(one, Tick) and isinstance(two, Tick)):
        return False
    return (one.feed, one.symbol) == (two.feed, two.symbol)


TIMES = st.integers(0, 1_000)
TICKS = st.builds(Tick, symbol=st.sampled_from("ABC"), feed=st.sampled_from("xy"), time_us=TIMES, price=st.just(1.0))
GAPS = st.builds(lambda start, length: Gap(start_us=start, end_us=start + length, cause="closed"), TIMES, TIMES)
BARS = st.builds(lambda start, length: Bar("A", start, start + length, 1.0, 1.0, 1.0, 1.0), TIMES, TIMES)
RECORDS: st.SearchStrategy[Record] = st.one_of(
    TICKS, TICKS, GAPS, BARS, st.builds(Status, status=st.just("silent"), time_us=TIMES)
)


class Buffers(RuleBasedStateMachine):
    """A buffer and its model live through the same history."""

    @initialize(capacity=st.integers(1, 8), policy=st.sampled_from(POLICIES))
    def start(self, capacity: int, policy: Overflow) -> None:
        self.capacity = capacity
        self.buffer = Buffer(capacity=capacity, overflow=policy)
        self.model = Model(capacity, policy)

    @rule(records=st.lists(RECORDS, max_size=12))
    def put(self, records: list[Record]) -> None:
        self.buffer.put(records)
        self.model.put(records)

    @rule()
    def take(self) -> None:
        assert self.buffer.take() == self.model.take()

    @invariant()
    def the_ledger_is_exact(self) -> None:
        buffer, model = self.buffer, self.model
        assert (buffer.offered, buffer.dropped, buffer.queued) == (model.offered, model.dropped, model.queued)
        assert buffer.offered == model.taken + buffer.dropped + buffer.queued
        assert buffer.failed == model.failed
        assert bool(buffer) == bool(model.entries)

    @invariant()
    def it_tells_how_far_time_will_have_moved_once_all_is_taken(self) -> None:
        moving = [item.time_us for item, _ in self.model.entries if not isinstance(item, Bar)]
        assert self.buffer.newest_us() == max(moving, default=0)

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.model.entries) <= self.capacity + 1


TestBuffers = Buffers.TestCase


@given(
    st.sampled_from(ORDERED),
    st.integers(1, 6),
    st.lists(st.one_of(st.none(), st.integers(1, 9)), max_size=40),
)
def test_a_gap_stands_exactly_where_ticks_are_missing(
    policy: Overflow, capacity: int, history: list[int | None]
) -> None:
    """Number the ticks: each hole in what was delivered is one gap, in its place, with its count and span."""
    buffer = Buffer(capacity=capacity, overflow=policy)
    delivered: list[Record] = []
    offered = 0
    for size in history:
        if size is None:
            delivered += buffer.take()
        else:
            buffer.put([Tick(symbol="A", time_us=offered + n, price=1.0) for n in range(size)])
            offered += size
    while buffer:
        delivered += buffer.take()
    expected = 0
    for record in delivered:
        if isinstance(record, Gap):
            missed = record.end_us - record.start_us + 1
            assert (record.start_us, record.missed) == (expected, missed)
            expected += missed
        else:
            assert record.time_us == expected
            expected += 1
    assert expected == offered
    assert not any(isinstance(one, Gap) and isinstance(two, Gap) for one, two in itertools.pairwise(delivered))


@given(st.sampled_from(POLICIES), st.integers(1, 5), st.lists(st.integers(0, 60), max_size=30))
def test_what_is_held_is_bounded(policy: Overflow, capacity: int, sizes: list[int]) -> None:
    """Whatever is put, all that can be taken afterwards is the capacity and one gap."""
    buffer = Buffer(capacity=capacity, overflow=policy)
    for number, size in enumerate(sizes):
        buffer.put([Tick(symbol=str(n), time_us=number, price=1.0) for n in range(size)])
    held = 0
    while buffer:
        held += len(buffer.take())
    assert held <= capacity + 1
