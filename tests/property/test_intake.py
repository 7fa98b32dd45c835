"""The intake and its ledger: whatever lines report, every tick is somewhere, and the sums say where."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from trio_ticks.core.intake import Arrival, Ended, Event, Intake, Live, Notice, Session
from trio_ticks.core.ledger import ConsumerLedger, Inbox, Ledger
from trio_ticks.core.sequencer import Sequencer
from trio_ticks.model import Gap, Record, Status, Tick

START_US = 1_700_000_000_000_000
FEEDS = ("one", "two")

counts = st.integers(0, 5)
offsets_us = st.integers(-12_000_000, 70_000_000)


class Lines(RuleBasedStateMachine):
    """Lines of two feeds that report in any order, with anything in it, and an engine that takes it when it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.inbox = Inbox()
        self.sequencers = {
            "one": Sequencer(window_ticks=8),
            "two": Sequencer(identity="trade_id", lateness_s=0.5, late="drop"),
        }
        self.intake = Intake(sequencers=self.sequencers, inbox=self.inbox)
        self.queue: list[Event] = []
        self.now_us = START_US
        self.sent = 0
        self.out: list[Record] = []
        self.finished = False

    @rule(feed=st.sampled_from(FEEDS), number=st.integers(0, 3))
    def go_live(self, feed: str, number: int) -> None:
        self.queue.append(Live(Session(feed, "line", number), ("X", "Y"), self.now_us))

    @rule(feed=st.sampled_from(FEEDS), number=st.integers(0, 3), data=st.data())
    def bring_ticks(self, feed: str, number: int, data: st.DataObject) -> None:
        drawn = st.tuples(st.sampled_from("XY"), offsets_us, st.integers(1, 3), st.none() | st.integers(0, 9))
        ticks = [
            Tick(symbol, self.now_us + offset, float(price), feed=feed, trade_id=trade, received_us=self.now_us)
            for symbol, offset, price, trade in data.draw(st.lists(drawn, max_size=6))
        ]
        rejected = data.draw(st.lists(st.sampled_from(["no price", "no time"]), max_size=2))
        arrival = Arrival(Session(feed, "line", number), ticks, rejected)
        self.inbox.put(arrival.size)
        self.sent += len(ticks) + len(rejected)
        self.queue.append(arrival)

    @rule(feed=st.sampled_from(FEEDS), number=st.integers(0, 3), cause=st.sampled_from(["closed", "mute"]))
    def end(self, feed: str, number: int, cause: str) -> None:
        self.queue.append(Ended(Session(feed, "line", number), self.now_us, cause))

    @rule()
    def tell(self) -> None:
        self.queue.append(Notice(Status("connected", self.now_us)))

    @rule(events=st.integers(1, 4))
    def take(self, events: int) -> None:
        for event in self.queue[:events]:
            self._say(self.intake.handle(event, self.now_us))
        del self.queue[:events]

    @rule(by_us=st.integers(0, 2_000_000))
    def let_time_pass(self, by_us: int) -> None:
        self.now_us += by_us
        due_us = self.intake.next_release_us
        if due_us is not None and due_us <= self.now_us:
            self._say(self.intake.advance(self.now_us))
            assert self.intake.next_release_us is None or self.intake.next_release_us > self.now_us

    @precondition(lambda self: not self.queue)
    @rule()
    def finish(self) -> None:
        self._say(self.intake.finish(self.now_us))
        ledger = self.intake.ledger()
        assert (ledger.held, ledger.inbox) == (0, 0)

    @invariant()
    def every_tick_is_somewhere(self) -> None:
        ledger = self.intake.ledger()
        assert ledger.imbalances() == []
        assert ledger.received == self.sent
        assert ledger.accepted == sum(isinstance(item, Tick) for item in self.out)
        waiting = [event for event in self.queue if isinstance(event, Arrival)]
        assert ledger.inbox == sum(event.size for event in waiting)

    @invariant()
    def no_tick_is_delivered_under_the_identity_of_another(self) -> None:
        places = [(tick.feed, tick.symbol, tick.time_us, tick.ordinal) for tick in self._ticks()]
        assert len(places) == len(set(places))

    @invariant()
    def unflagged_ticks_never_go_back_in_time(self) -> None:
        newest: dict[tuple[str, str], int] = {}
        for tick in self._ticks():
            place = tick.feed, tick.symbol
            assert tick.late == (tick.time_us < newest.get(place, tick.time_us))
            newest[place] = max(newest.get(place, tick.time_us), tick.time_us)

    def _ticks(self) -> list[Tick]:
        return [item for item in self.out if isinstance(item, Tick)]

    def _say(self, records: list[Record]) -> None:
        for item in records:
            assert isinstance(item, Tick | Gap | Status)
        self.out += records


TestLines = Lines.TestCase
TestLines.settings = settings(stateful_step_count=40, deadline=None)


@given(st.lists(st.integers(0, 200), max_size=40))
def test_a_reason_is_told_once_a_minute_however_often_it_occurs(seconds: list[int]) -> None:
    """Statuses about rejected ticks are bounded in number, and in the reasons that are remembered."""
    intake = Intake(sequencers={"one": Sequencer()}, inbox=Inbox())
    told: list[int] = []
    for second in sorted(seconds):
        arrival = Arrival(Session("one", "line", 1), (), ["no price", "no price"])
        for status in intake.handle(arrival, START_US + second * 1_000_000):
            assert isinstance(status, Status)
            told.append(second)
    expected: list[int] = []
    for second in sorted(seconds):
        if not expected or second - expected[-1] >= 60:
            expected.append(second)
    assert told == expected


@given(st.lists(st.sampled_from([0, 1, 59, 60, 61, 125]), min_size=16, max_size=100))
def test_reasons_that_never_repeat_drown_nobody(seconds: list[int]) -> None:
    """Feeds put the price into their reasons: in no minute are more than sixteen told, but all are counted."""
    intake = Intake(sequencers={"one": Sequencer()}, inbox=Inbox())
    told: list[int] = []
    for number, second in enumerate(sorted(seconds)):
        arrival = Arrival(Session("one", "line", 1), (), [f"bad price {number}"])
        told += [second] * len(intake.handle(arrival, START_US + second * 1_000_000))
    for first in told:
        assert sum(first <= second < first + 60 for second in told) <= 16
    assert told[:16] == sorted(seconds)[:16]
    assert intake.ledger().rejected == len(seconds)


def test_the_end_of_a_session_reaches_the_sequencer() -> None:
    """What a session showed is forgotten with it: shown again under its name, a tick is a copy, no second trade."""
    intake, session = Intake(sequencers={"one": Sequencer()}, inbox=Inbox()), Session("one", "line", 1)
    tick = Tick("X", START_US, 1.0, feed="one")
    intake.handle(Arrival(session, [tick]), START_US)
    intake.handle(Ended(session, START_US, "closed"), START_US)
    intake.handle(Arrival(session, [tick]), START_US)
    assert (intake.ledger().accepted, intake.ledger().duplicates) == (1, 1)


figures = st.fixed_dictionaries(dict.fromkeys(("accepted", "duplicates", "rejected", "held", "inbox"), counts))


@given(
    figures, st.sampled_from(["received", "accepted", "duplicates", "rejected", "expired", "late_dropped", "held"])
)
def test_an_account_that_is_off_by_one_is_seen(known: dict[str, int], where: str) -> None:
    """The equation of the ticks holds exactly or is named; no field is left out of it."""
    ledger = attrs.evolve(Ledger(received=sum(known.values())), **dict[str, Any](known))
    assert ledger.imbalances() == []
    off: dict[str, Any] = {where: getattr(ledger, where) + 1}
    assert len(attrs.evolve(ledger, **off).imbalances()) == 1


@given(counts, counts, counts, st.sampled_from(["offered", "delivered", "dropped", "queued"]))
def test_a_consumer_that_is_off_by_one_is_named(delivered: int, dropped: int, queued: int, where: str) -> None:
    """The equation of each consumer holds exactly, or its name is in the complaint."""
    right = ConsumerLedger(delivered + dropped + queued, delivered, dropped, queued)
    off: dict[str, Any] = {where: getattr(right, where) + 1}
    wrong = attrs.evolve(right, **off)
    (complaint,) = Ledger(consumers={"good": right, "bad": wrong, "sum": right + right}).imbalances()
    assert complaint.startswith("bad ")
