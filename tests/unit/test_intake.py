"""What the intake makes of each kind of event, by example. The laws of the ledger are in the property tests."""

from __future__ import annotations

import pytest

from trio_ticks.core.coverage import Coverage
from trio_ticks.core.intake import Arrival, Dropped, Ended, Event, Intake, Live, Notice, Session
from trio_ticks.core.ledger import Inbox
from trio_ticks.core.relaying import PLACE, Place, Relayed
from trio_ticks.core.sequencer import Sequencer
from trio_ticks.model import Clock, Gap, Record, Status, Tick

S = 1_000_000
NOW_US = 1_700_000_000 * S
ONE, TWO = Session("one", "one 0A", 1), Session("one", "one 0B", 2)


def tick(after_us: int = 0, feed: str = "one", received_us: int | None = None, **fields: float) -> Tick:
    at_us = NOW_US + after_us
    return Tick(
        "X", at_us, fields.get("price", 1.0), feed=feed, received_us=at_us if received_us is None else received_us
    )


class Engine:
    """An intake of two feeds, of which the second waits a second for stragglers."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.intake = Intake(
            sequencers={"one": Sequencer(), "two": Sequencer(lateness_s=1.0, late="drop")}, inbox=self.inbox
        )

    def take(self, event: Event, after_us: int = 0) -> list[Record]:
        if isinstance(event, Arrival):
            self.inbox.put(event.size)
        if isinstance(event, Relayed):
            self.inbox.put(event.ticks)
        return self.intake.handle(event, NOW_US + after_us)


def relayed(position: int, *records: Record) -> Relayed:
    return Relayed("redis", records, Place(position, "w", NOW_US), sum(isinstance(item, Tick) for item in records))


def test_what_another_engine_sequenced_is_handed_on_as_it_is() -> None:
    """Twins, flags and all; the ticks of it count as accepted, and its places are told once, the newest of each."""
    engine = Engine()
    records: list[Record] = [tick(feed="far"), tick(feed="far"), Status("resumed", NOW_US)]
    assert engine.intake.new_places() == {}
    assert engine.take(relayed(7, *records)) == records
    assert engine.take(relayed(8, tick(5, feed="far"))) == [tick(5, feed="far")]
    assert engine.intake.new_places() == {PLACE + "redis": Place(8, "w", NOW_US).save()}
    assert engine.intake.new_places() == {}
    ledger = engine.intake.ledger()
    assert (ledger.accepted, ledger.inbox, ledger.imbalances()) == (3, 0, [])


def test_gaps_are_those_between_sessions() -> None:
    """From what the last session heard to what the next one hears first, with the cause and the feed's name."""
    engine = Engine()
    assert engine.take(Live(ONE, ("X",), NOW_US)) == []
    engine.take(Arrival(ONE, [tick(S)]))
    assert engine.intake.uncovered == {}
    assert engine.take(Ended(ONE, NOW_US + 2 * S, "silent")) == []
    assert engine.intake.uncovered == {"one": ("X",)}
    gap = Gap(NOW_US + 2 * S, NOW_US + 9 * S, "silent", symbol="X", feed="one")
    assert engine.take(Live(TWO, ("X",), NOW_US + 9 * S)) == [gap]
    assert engine.intake.uncovered == {}


def test_a_session_covers_for_certain_what_it_was_heard_of() -> None:
    """Until the receipt of the last tick that it brought: so much is true whatever happens to the process next."""
    coverage = Coverage(feed="one")
    intake = Intake(sequencers={"one": Sequencer()}, inbox=Inbox(), coverage={"one": coverage})
    for session in (ONE, TWO):
        intake.handle(Live(session, ("X",), NOW_US), NOW_US)
    intake.handle(Arrival(TWO, [tick(received_us=NOW_US + S), tick(received_us=NOW_US + 5 * S)]), NOW_US)
    intake.handle(Arrival(ONE, (), ["no price"]), NOW_US + 6 * S)
    assert [heard_us for heard_us, _ in coverage.save()["sessions"]] == [NOW_US, NOW_US + 5 * S]


def test_what_is_not_wanted_any_longer_is_no_gap() -> None:
    """Nothing is missing of it, now or at the end."""
    engine = Engine()
    engine.take(Live(ONE, ("X", "Y"), NOW_US))
    engine.take(Ended(ONE, NOW_US, "closed"))
    assert engine.take(Dropped("one", ("Y",))) == []
    assert engine.intake.uncovered == {"one": ("X",)}
    assert engine.intake.finish(NOW_US + 1) == [Gap(NOW_US, NOW_US + 1, "closed", symbol="X", feed="one")]


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        (Live(ONE, ("X",), NOW_US), True),
        (Ended(ONE, NOW_US, "closed"), True),
        (Dropped("one", ("X",)), True),
        (Clock(NOW_US), False),
        (Arrival(ONE, [tick()]), False),
        (relayed(1, tick()), False),
    ],
)
def test_coverage_is_written_anew_when_sessions_come_or_go(event: Event, changes: bool) -> None:
    """Once for each change, however many events come behind it; never for ticks and clocks, which never cease."""
    engine = Engine()
    assert engine.intake.has_new_coverage() is False
    engine.take(event)
    engine.take(Clock(NOW_US + 1))
    assert [engine.intake.has_new_coverage(), engine.intake.has_new_coverage()] == [changes, False]


def test_clocks_and_notices_are_records_themselves() -> None:
    """They are handed on in the one order."""
    engine, status = Engine(), Status("connected", NOW_US)
    assert engine.take(Clock(NOW_US)) == [Clock(NOW_US)]
    assert engine.take(Notice(status)) == [status]


def test_what_is_held_comes_when_it_is_due_and_at_the_end() -> None:
    """Of all feeds, before the gaps that are open at the end."""
    engine, two = Engine(), Session("two", "two 0A", 3)
    engine.take(Live(two, ("X",), NOW_US))
    dues = [engine.intake.next_release_us]
    first, second = tick(feed="two"), tick(9, feed="two")
    assert engine.take(Arrival(two, [first])) == []
    assert engine.take(Arrival(two, [second]), S // 2) == []
    assert [*dues, engine.intake.next_release_us] == [None, NOW_US + S]
    assert engine.intake.advance(NOW_US + S - 1) == []
    assert engine.intake.advance(NOW_US + S) == [first]
    assert engine.intake.ledger().held == 1
    engine.take(Ended(two, NOW_US + S, "closed"))
    gap = Gap(NOW_US + S, NOW_US + 2 * S, "closed", symbol="X", feed="two")
    assert engine.intake.finish(NOW_US + 2 * S) == [second, gap]


def test_the_ledger_is_the_sum_over_feeds() -> None:
    """A copy, one too old, one dropped for being late and two unusable ones: each under its own name."""
    engine, two = Engine(), Session("two", "two 0A", 3)
    engine.take(Arrival(ONE, [tick(60 * S), tick(90 * S)], ["no price"]), 90 * S)
    engine.take(Arrival(TWO, [tick(90 * S), tick(30 * S), tick(200 * S)]), 90 * S)
    engine.take(Arrival(two, [tick(2, feed="two")]), 0)
    engine.intake.advance(NOW_US + S)
    engine.take(Arrival(two, [tick(1, feed="two")]), S)
    engine.intake.advance(NOW_US + 2 * S)
    ledger = engine.intake.ledger()
    assert (ledger.accepted, ledger.duplicates, ledger.expired, ledger.late_dropped, ledger.rejected) == (
        3,
        1,
        1,
        1,
        2,
    )
    assert ledger.imbalances() == []


def test_what_is_unusable_is_told_with_its_source() -> None:
    """What the feed could not read, and what the sequencer refused: a status each, behind the ticks."""
    engine = Engine()
    far = tick(3_600 * S)
    told = engine.take(Arrival(ONE, [far, tick()], ["no price"]))
    assert told[0] == tick()
    first, second = told[1:]
    assert isinstance(second, Status)
    assert first == Status("rejected", NOW_US, "no price", feed="one", source="one 0A")
    assert second == Status("rejected", NOW_US, second.reason, feed="one", source="one 0A")
    assert second.reason.startswith("stamped too far ahead")


def test_a_refusal_is_told_again_after_a_minute_if_it_goes_on() -> None:
    """Each reason by itself: one that does not occur any longer is not told with another."""
    engine = Engine()
    nan = float("nan")
    told = [
        [item.reason for item in engine.take(Arrival(ONE, [bad]), after_s * S) if isinstance(item, Status)]
        for after_s, bad in [
            (0, tick(price=nan)),
            (1, tick(7_200 * S)),
            (59, tick(price=nan)),
            (60, tick(price=nan)),
            (61, tick(7_200 * S)),
            (130, tick(price=nan)),
        ]
    ]
    assert [len(reasons) for reasons in told] == [1, 1, 0, 1, 1, 1]
    assert told[3] == told[0] != told[1] == told[4]


def test_each_feed_has_its_own_allowance_of_complaints() -> None:
    """One that is broken does not silence another."""
    engine = Engine()
    reasons = [f"bad price {number}" for number in range(20)]
    assert len(engine.take(Arrival(ONE, (), reasons))) == 16
    assert len(engine.take(Arrival(Session("two", "two 0A", 3), (), reasons))) == 16
    assert len(engine.take(Arrival(TWO, (), ["another"]), 60 * S - 1)) == 0
    assert len(engine.take(Arrival(TWO, (), ["another"]), 60 * S)) == 1


def test_coverage_that_was_resumed_goes_on() -> None:
    """What was covered before a restart is lost until it is covered again."""
    coverage = Coverage(feed="one")
    coverage.live(ONE, ["X"], NOW_US)
    coverage.ended(ONE, NOW_US + S, "crashed")
    intake = Intake(sequencers={"one": Sequencer()}, inbox=Inbox(), coverage={"one": coverage})
    assert intake.uncovered == {"one": ("X",)}
    gap = Gap(NOW_US + S, NOW_US + 3 * S, "crashed", symbol="X", feed="one")
    assert intake.handle(Live(TWO, ("X",), NOW_US + 3 * S), NOW_US) == [gap]
