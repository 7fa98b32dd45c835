"""What waits for the journal, through any life of the disk, against a model that keeps everything."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trio_ticks.core.recording import AT_ONCE, Entry, Recorder
from trio_ticks.model import Gap, Record, Status, Tick, ticks_in

KINDS = st.lists(st.sampled_from(["tick", "late tick", "status", "gap"]), max_size=4)
CAUSES = st.sampled_from(["full", "journal"])


class Recording(RuleBasedStateMachine):
    """The recorder, a journal that takes what it is given or nothing, and all that was ever offered."""

    @initialize(capacity=st.integers(1, 8), keeps_all=st.booleans())
    def start(self, capacity: int, keeps_all: bool) -> None:
        self.recorder = Recorder(capacity=capacity, keeps_all=keeps_all)
        self.keeps_all = keeps_all
        self.offered: list[Record] = []
        self.marks: dict[str, bytes] = {}
        self.journal: list[Record] = []
        self.kept_marks: dict[str, bytes] = {}
        self.taken: list[Entry] = []
        self.was_gap = False

    @precondition(lambda self: not (self.keeps_all and self.recorder.is_full))
    @rule(kinds=KINDS, marks=st.lists(st.sampled_from("abc"), max_size=2))
    def offer(self, kinds: list[str], marks: list[str]) -> None:
        records = [self.record(kind, len(self.offered) + number) for number, kind in enumerate(kinds)]
        self.offered += records
        named = {key: str(len(self.offered)).encode() for key in marks}
        self.marks.update(named)
        self.recorder.offer(records, named)

    def record(self, kind: str, number: int) -> Record:
        """Return a record that differs from all others by its time."""
        at_us = 1_000 * number
        if kind == "status":
            return Status("connected", at_us)
        if kind == "gap":
            return Gap(at_us - 2_500, at_us, "closed", "X", "f")
        return Tick("X", at_us - (1_500 if kind == "late tick" else 0), 1.0, received_us=at_us + 300)

    @precondition(lambda self: not self.taken)
    @rule()
    def take(self) -> None:
        self.taken = self.recorder.take()
        self.was_gap = self.recorder.is_writing_gap
        assert len(self.taken) <= 1 or not self.was_gap

    @precondition(lambda self: self.taken)
    @rule()
    def succeed(self) -> None:
        for entry in self.taken:
            self.journal += entry.records
            self.kept_marks.update(entry.marks)
        gap = self.recorder.written()
        assert ([] if gap is None else [gap]) == (self.taken[0].records if self.was_gap else [])
        self.taken = []
        self.check_what_is_kept()

    @precondition(lambda self: self.taken)
    @rule(cause=CAUSES, keep=st.booleans())
    def fail(self, cause: str, keep: bool) -> None:
        self.recorder.failed(cause, keep=keep)
        self.taken = []

    def check_what_is_kept(self) -> None:
        """In the journal stands what was offered, in order, and for each stretch that is not there one exact gap."""
        at = 0
        own = {id(item) for item in self.offered}
        for number, item in enumerate(self.journal):
            if id(item) in own:
                assert self.offered[at] is item
                at += 1
                continue
            assert isinstance(item, Gap)
            follower = self.journal[number + 1] if number + 1 < len(self.journal) else None
            end = next((i for i, each in enumerate(self.offered) if each is follower), None)
            left_out = self.offered[at:end]
            if end is None:  # what is behind the gap may still be queued
                left_out = left_out[: self.length_of(item, left_out)]
            self.check_gap(item, left_out)
            at += len(left_out)
        self.accounted = at
        for payload in self.kept_marks.values():
            assert int(payload) <= at, "a mark before what it is behind"

    def length_of(self, gap: Gap, records: list[Record]) -> int:
        """Return how many records a gap stands for that ends with them, or somewhere before."""
        return next(
            (n for n in range(len(records), 0, -1) if bounds(records[:n]) == (gap.start_us, gap.end_us)), len(records)
        )

    def check_gap(self, gap: Gap, left_out: list[Record]) -> None:
        assert left_out
        assert gap.cause in {"full", "journal", "overflow"}
        assert (gap.symbol, gap.feed) == (None, "")
        assert (gap.start_us, gap.end_us) == bounds(left_out)
        assert gap.missed == ticks_in(left_out)

    @invariant()
    def every_tick_is_somewhere(self) -> None:
        ledger = self.recorder.ledger()
        assert ticks_in(self.offered) == ledger.journaled + ledger.gapped + ledger.queued
        assert min(ledger.journaled, ledger.gapped, ledger.queued) >= 0
        assert ledger.journaled == ticks_in(self.journal)
        assert not (self.keeps_all and ledger.gapped)

    @invariant()
    def what_is_pending_follows_on_what_is_kept(self) -> None:
        pending = [item for records in self.recorder.pending() for item in records]
        assert ticks_in(pending) == self.recorder.ledger().queued
        known = [item for item in [*self.journal, *pending] if not isinstance(item, Gap) or item.symbol is not None]
        assert known == [item for item in self.offered if item in known]

    @invariant()
    def what_waits_is_bounded(self) -> None:
        batch = 4
        assert self.recorder.ledger().queued < self.recorder._capacity + batch

    def teardown(self) -> None:
        """Once the disk takes everything, nothing waits, every mark is the latest, and every gap is written."""
        if not hasattr(self, "recorder"):
            return
        if self.taken:
            self.succeed()
        while self.recorder.has_work:
            self.take()
            self.succeed()
        self.check_what_is_kept()
        assert self.accounted == len(self.offered)
        assert self.kept_marks == self.marks
        ledger = self.recorder.ledger()
        assert ledger.queued == 0
        gaps = [item for item in self.journal if isinstance(item, Gap) and item.symbol is None]
        assert ledger.gapped == sum(gap.missed or 0 for gap in gaps)
        assert not self.recorder.is_lossy


def bounds(records: list[Record]) -> tuple[int, int]:
    """Return the first and the last instant of which records tell."""
    instants: list[int] = []
    for item in records:
        instants.append(item.time_us)
        if isinstance(item, Tick):
            instants.append(item.received_us)
        if isinstance(item, Gap):
            instants.append(item.start_us)
    return min(instants), max(instants)


TestRecording = Recording.TestCase


def test_what_the_disk_refuses_for_a_moment_is_not_lost() -> None:
    """As long as there is room, what a full disk refuses waits, in order."""
    recorder = Recorder(capacity=10)
    ticks: list[Record] = [Tick("X", number, 1.0) for number in range(6)]
    recorder.offer(ticks[:3])
    recorder.take()
    recorder.failed("full", keep=True)
    recorder.offer(ticks[3:])
    assert not recorder.is_lossy
    assert [item for entry in recorder.take() for item in entry.records] == ticks


def test_marks_alone_never_begin_a_gap() -> None:
    """A full queue still takes marks: they are no records, and a gap of nothing would never end."""
    recorder = Recorder(capacity=1)
    recorder.offer([Tick("X", 1, 1.0)])
    recorder.offer([], {"a": b"1"})
    assert not recorder.is_lossy
    assert [entry.marks for entry in recorder.take()] == [{}, {"a": b"1"}]


def test_what_comes_while_the_gap_is_written_is_not_forgotten() -> None:
    """It is queued behind the gap, and where the gap is refused it becomes part of it."""
    recorder = Recorder(capacity=1)
    ticks: list[Record] = [Tick("X", number, 1.0, received_us=number) for number in range(4)]
    for tick in ticks[:2]:
        recorder.offer([tick])
    recorder.take()
    recorder.written()
    assert recorder.take()[0].records == [Gap(1, 1, "overflow", missed=1)]
    recorder.offer([ticks[2]])
    recorder.failed("full", keep=True)
    recorder.offer([ticks[3]])
    assert recorder.take()[0].records == [Gap(1, 3, "full", missed=3)]
    assert recorder.written() == Gap(1, 3, "full", missed=3)


def test_one_commit_takes_so_many_ticks_and_no_more() -> None:
    """Whole entries, until there are enough; the rest waits for the next one."""
    recorder, tick = Recorder(capacity=10 * AT_ONCE), Tick("X", 1, 1.0)
    for count in (AT_ONCE - 1, 1, 1, AT_ONCE + 5, 1):
        recorder.offer([tick] * count)
    for sizes in ([AT_ONCE - 1, 1], [1, AT_ONCE + 5], [1]):
        assert [entry.ticks for entry in recorder.take()] == sizes
        recorder.written()


def test_a_gap_that_begins_while_the_disk_fails_says_why() -> None:
    """What was kept finds its way; what came after it, and found no room, is left out for the disk's reason."""
    recorder = Recorder(capacity=1)
    recorder.offer([Tick("X", 1, 1.0)])
    recorder.take()
    recorder.failed("full", keep=True)
    recorder.offer([Tick("X", 2, 1.0, received_us=2)])
    assert len(recorder.take()) == 1
    recorder.written()
    assert recorder.take()[0].records == [Gap(2, 2, "full", missed=1)]


def test_what_fails_before_a_gap_is_made_part_of_it() -> None:
    """One gap, from the first record that is left out to the last, with the latest marks of both."""
    recorder = Recorder(capacity=1)
    recorder.offer([Tick("X", 1, 1.0, received_us=1)], {"a": b"1", "b": b"1"})
    recorder.offer([Tick("X", 2, 1.0, received_us=2), Tick("X", 3, 1.0, received_us=3)], {"b": b"2"})
    recorder.take()
    recorder.failed("journal", keep=False)
    assert (recorder.is_lossy, recorder.is_writing_gap) == (True, False)
    (entry,) = recorder.take()
    assert (entry.records, entry.ticks) == ([Gap(1, 3, "journal", missed=3)], 0)
    assert entry.marks == {"a": b"1", "b": b"2"}


def test_marks_that_were_refused_come_again_without_a_gap() -> None:
    """Nothing of the market was lost with them."""
    recorder = Recorder(capacity=1)
    recorder.offer([], {"a": b"1"})
    recorder.take()
    recorder.failed("journal", keep=False)
    (entry,) = recorder.take()
    assert (entry.records, entry.marks) == ([], {"a": b"1"})
    assert recorder.written() is None
    assert not recorder.is_lossy
