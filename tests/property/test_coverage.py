"""Coverage against an oracle that knows nothing but intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import msgspec
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.core.coverage import Coverage
from trio_ticks.model import Gap, Tick

SYMBOLS = ("X", "Y", "Z")


@attrs.frozen
class Life:
    """One session: from its first frame to its last, with ticks between; that it is over is known then or later."""

    symbols: tuple[str, ...]
    live_us: int
    until_us: int
    ended_us: int
    cause: str
    ticks_us: tuple[int, ...]


@st.composite
def lives(draw: st.DrawFn) -> list[Life]:
    """Draw sessions that come and go, on top of one another or with holes between."""
    found = []
    for _ in range(draw(st.integers(0, 8))):
        symbols = draw(st.lists(st.sampled_from(SYMBOLS), unique=True, min_size=1))
        live, heard, told = draw(st.tuples(st.integers(0, 40), st.integers(0, 20), st.integers(0, 10)))
        cause = draw(st.sampled_from(["closed", "silent", "mute"]))
        ticks = draw(st.lists(st.integers(live, live + heard), max_size=3))
        found.append(Life(tuple(symbols), live, live + heard, live + heard + told, cause, tuple(ticks)))
    return found


def play(sessions: list[Life], finish_us: int, handover_us: int = 0) -> list[Gap]:
    """Tell a Coverage of the sessions, each event at its own time, and return the gaps."""
    events: list[tuple[int, int, int]] = []
    for number, life in enumerate(sessions):
        events += [(life.live_us, 0, number), (life.ended_us, 2, number)]
        events += [(at_us, 1, number) for at_us in life.ticks_us]
    coverage, gaps = Coverage(feed="f", handover_us=handover_us), []
    for at_us, what, number in sorted(events):
        life = sessions[number]
        if what == 0:
            gaps += coverage.live(number, life.symbols, at_us)
        elif what == 1:
            gaps += coverage.heard(number, at_us)
        else:
            gaps += coverage.ended(number, life.until_us, life.cause)
    return [*gaps, *coverage.finish(finish_us)]


def uncovered(sessions: list[Life], symbol: str, finish_us: int) -> Iterator[int]:
    """Yield each unit of time, from the first coverage on, that lies in no session: the naive complement."""
    mine = [life for life in sessions if symbol in life.symbols]
    for unit in range(min((life.live_us for life in mine), default=finish_us), finish_us):
        if not any(life.live_us <= unit < life.until_us for life in mine):
            yield unit


@given(lives(), st.integers(0, 10))
def test_gaps_are_the_complement_of_the_union_of_all_sessions(sessions: list[Life], later_us: int) -> None:
    """Every instant since the first coverage is in a session or in a gap, and in no more than one gap."""
    finish_us = max((life.ended_us for life in sessions), default=0) + later_us
    gaps = play(sessions, finish_us)
    for symbol in SYMBOLS:
        mine = [gap for gap in gaps if gap.symbol == symbol]
        units = [unit for gap in mine for unit in range(gap.start_us, gap.end_us)]
        assert sorted(units) == list(uncovered(sessions, symbol, finish_us))
        assert all(gap.start_us <= gap.end_us for gap in mine)


@given(lives())
def test_a_gap_begins_where_coverage_ended_and_names_whose_end_that_was(sessions: list[Life]) -> None:
    """Its start is the last frame of some session, and its cause is why that session ended."""
    finish_us = 100
    for gap in play(sessions, finish_us):
        mine = [life for life in sessions if gap.symbol in life.symbols]
        assert gap.cause in {life.cause for life in mine if life.until_us == gap.start_us}
        assert gap.end_us == finish_us or gap.end_us in {max(life.live_us, gap.start_us) for life in mine}


@given(lives(), st.integers(1, 12), st.data())
def test_what_was_on_its_way_when_a_session_ended_lies_in_a_gap(
    sessions: list[Life], handover_us: int, data: st.DataObject
) -> None:
    """A trade takes less than the handover to arrive. If no session that was live when it was made was there when it
    came, a gap touches its way; whatever came and went besides. All ends are known at once here.
    """
    sessions = [attrs.evolve(life, ended_us=life.until_us) for life in sessions]
    finish_us = max((life.ended_us for life in sessions), default=0) + 1
    way_us = data.draw(st.integers(0, handover_us - 1))
    gaps = play(sessions, finish_us, handover_us)
    for symbol in SYMBOLS:
        mine = [life for life in sessions if symbol in life.symbols]
        named = [(gap.start_us, gap.end_us) for gap in gaps if gap.symbol == symbol]
        for made_us in range(min((life.live_us for life in mine), default=finish_us), finish_us - way_us):
            came_us = made_us + way_us
            is_received = any(life.live_us <= made_us and came_us <= life.until_us for life in mine)
            assert is_received or any(start_us <= came_us and made_us <= end_us for start_us, end_us in named)


@given(lives(), st.integers(1, 12))
def test_a_handover_is_a_gap_only_if_it_was_short(sessions: list[Life], handover_us: int) -> None:
    """Besides the complement, gaps are short overlaps, from where one session is live to where another ends."""
    finish_us = 100
    for gap in play(sessions, finish_us, handover_us):
        mine = [life for life in sessions if gap.symbol in life.symbols]
        covered = [unit for unit in range(gap.start_us, gap.end_us) if any(_covers(life, unit) for life in mine)]
        if covered:
            assert gap.start_us in {life.live_us for life in mine}
            assert gap.end_us in {life.until_us for life in mine}
            assert gap.cause in {life.cause for life in mine}
            assert len(covered) == gap.end_us - gap.start_us < handover_us


def _covers(life: Life, unit: int) -> bool:
    return life.live_us <= unit < life.until_us


@given(lives(), st.integers(1, 12))
def test_where_nobody_takes_over_a_gap_is_as_long_as_the_outage(sessions: list[Life], handover_us: int) -> None:
    """One line, one session after the other, however short: the gaps are those between them, and no others."""
    alone, at_us = [], 0
    for life in sessions:
        moved_us = at_us + 1 - life.live_us
        at_us = life.ended_us + moved_us
        alone.append(Life(("X",), life.live_us + moved_us, life.until_us + moved_us, at_us, life.cause, ()))
    assert play(alone, at_us + 1, handover_us) == play(alone, at_us + 1)


def test_two_seconds_together_are_enough_to_take_over() -> None:
    """What the engine goes by: B is live 1.9 s before A ends, which shows with B's next tick; C 2 s before B does."""
    coverage = Coverage(feed="f")
    coverage.live("A", ["X"], 0)
    coverage.live("B", ["X"], 8_100_000)
    assert coverage.ended("A", 10_000_000, "closed") == []
    assert coverage.heard("B", 11_000_000) == [Gap(8_100_000, 10_000_000, "closed", "X", "f")]
    coverage.live("C", ["X"], 18_000_000)
    assert coverage.ended("B", 20_000_000, "closed") == []
    assert coverage.heard("C", 21_000_000) == []
    assert coverage.finish(30_000_000) == []


def test_a_handover_is_asked_about_once_a_second_and_at_the_end() -> None:
    """That it is open costs next to nothing; what nobody has asked about is told when all is over."""
    for said_us, gaps in ((1_900_000, []), (2_000_000, [Gap(900_000, 1_800_000, "closed", "X", "f")])):
        coverage = Coverage(feed="f")
        coverage.live("A", ["X"], 0)
        coverage.live("B", ["X"], 900_000)
        coverage.heard("B", 1_000_000)
        coverage.ended("A", 1_800_000, "closed")
        coverage.heard("B", 1_000_000)
        found = coverage.heard("B", said_us)
        assert found == gaps
        assert found + coverage.finish(3_000_000) == [Gap(900_000, 1_800_000, "closed", "X", "f")]


def test_an_heir_has_to_outlive_whom_it_takes_over_from() -> None:
    """B is heard of up to just before the end of A, and then behind it; C ends at the instant at which B does."""
    coverage = Coverage(feed="f", handover_us=10)
    coverage.live("A", ["X"], 0)
    coverage.live("B", ["X"], 95)
    coverage.heard("B", 99)
    assert coverage.ended("A", 100, "closed") == []
    assert coverage.heard("B", 2_000_000) == [Gap(95, 100, "closed", "X", "f")]
    coverage.live("C", ["X"], 1_999_995)
    assert coverage.ended("B", 2_000_000, "closed") + coverage.ended("C", 2_000_000, "closed") == []
    assert coverage.live("D", ["X"], 2_000_001) == [Gap(2_000_000, 2_000_001, "closed", "X", "f")]


def test_nobody_asks_about_what_is_not_wanted_any_longer() -> None:
    """Whether B has taken over is open when X is dropped: neither a tick nor the end has anything to say of it."""
    coverage = Coverage(feed="f", handover_us=10)
    coverage.live("A", ["X", "Y"], 0)
    coverage.live("B", ["X", "Y"], 95)
    coverage.ended("A", 100, "closed")
    coverage.dropped(["X"])
    assert coverage.heard("B", 2_000_000) == [Gap(95, 100, "closed", "Y", "f")]
    assert coverage.finish(2_000_001) == []


def test_a_line_that_is_live_for_long_saves_a_short_handover() -> None:
    """C stands beside A, which ends, and B, which is young: it is open until C was heard of, or is found dead."""
    for is_heard, gaps in ((True, []), (False, [Gap(95, 100, "closed", "X", "f")])):
        coverage = Coverage(feed="f", handover_us=10)
        for name, at_us in (("C", 0), ("A", 0), ("B", 95)):
            coverage.live(name, ["X"], at_us)
        assert coverage.ended("A", 100, "closed") == []
        assert coverage.heard("B", 120) == []
        if is_heard:
            assert coverage.heard("C", 120) == []
        assert coverage.ended("C", 120 if is_heard else 50, "silent") == gaps


@given(st.integers(1, 200), st.booleans())
def test_a_line_that_flaps_beside_one_that_brings_ticks_fills_no_memory(times: int, ticks: bool) -> None:
    """What is remembered of ended sessions is what no tick of the others has settled yet."""
    coverage = Coverage(feed="f", handover_us=0)
    coverage.live("steady", SYMBOLS, 0)
    for number in range(1, times + 1):
        coverage.live(number, SYMBOLS, 10 * number)
        if ticks:
            coverage.heard("steady", 10 * number + 2)
        assert coverage.ended(number, 10 * number + 5, "closed") == []
    coverage.ended("never seen", 5, "closed")
    assert len(coverage.lost) == 0
    kept = [len(past.unsettled) for past in coverage._pasts.values()]
    assert max(kept) <= (1 if ticks else times)
    gaps = coverage.ended("steady", 10 * times + 7, "silent")
    assert not gaps
    assert sorted(coverage.lost) == list(SYMBOLS)
    assert {gap.cause for gap in coverage.finish(10 * times + 9)} == {"silent"}


def test_an_outage_that_one_line_noticed_at_once_and_the_other_late_is_a_gap() -> None:
    """A is cut and back after 10 s; B, dead since the same moment, is found out by its silence only after that."""
    coverage = Coverage(feed="f", handover_us=0)
    coverage.live("A", ["X"], 0)
    coverage.live("B", ["X"], 0)
    assert coverage.ended("A", 100, "closed") == []
    assert coverage.live("A again", ["X"], 110) == []
    assert coverage.ended("B", 101, "silent") == [Gap(101, 110, "silent", "X", "f")]
    assert coverage.lost == ()


def test_all_that_came_and_went_beside_a_dead_line_is_remembered() -> None:
    """A died long ago, and nobody knew: when it is found out, every hole between the others is named."""
    coverage = Coverage(feed="f", handover_us=0)
    coverage.live("A", ["X"], 0)
    for name, at_us in (("B", 10), ("C", 30), ("D", 50)):
        assert coverage.live(name, ["X"], at_us) == []
        assert coverage.ended(name, at_us + 10, "closed") == []
    holes = [(5, 10, "silent"), (20, 30, "closed"), (40, 50, "closed")]
    assert coverage.ended("A", 5, "silent") == [Gap(*hole, "X", "f") for hole in holes]
    assert coverage.finish(70) == [Gap(60, 70, "closed", "X", "f")]


def test_of_lines_that_are_open_nothing_piles_up() -> None:
    """Beside one that was never heard of, only the ended ones are remembered, each once."""
    coverage = Coverage(feed="f", handover_us=0)
    coverage.live("never heard", ["X"], 0)
    coverage.live("open", ["X"], 5)
    for number in range(1, 10):
        coverage.live(number, ["X"], 10 * number)
        coverage.ended(number, 10 * number + 5, "closed")
        assert len(coverage._pasts["X"].unsettled) == number


# ---- restarts


@attrs.define
class Engine:
    """A coverage whose state is saved as the engine does it, and the ticks that were delivered since."""

    lateness_us: int
    coverage: Coverage = attrs.field(factory=lambda: Coverage(feed="f", handover_us=0))
    gaps: list[Gap] = attrs.field(factory=list)
    saved: dict[str, Any] | None = None
    tail: list[Tick] = attrs.field(factory=list)
    held: list[Tick] = attrs.field(factory=list)

    def at(self, now_us: int) -> None:
        """Deliver what is due."""
        self.tail += [tick for tick in self.held if tick.received_us + self.lateness_us <= now_us]
        self.held = [tick for tick in self.held if tick.received_us + self.lateness_us > now_us]

    def save(self) -> None:
        held_us = min((tick.received_us for tick in self.held), default=None)
        state = {**self.coverage.save(), "held_since_us": held_us, "lateness_us": self.lateness_us}
        self.saved, self.tail = msgspec.msgpack.decode(msgspec.msgpack.encode(state)), []

    def play(self, sessions: list[Life], until_us: int) -> None:
        """Tell it of sessions, up to an instant; what of one is not known by then is never heard."""
        events: list[tuple[int, int, int]] = []
        for number, life in enumerate(sessions):
            events += [(life.live_us, 0, number), (life.ended_us, 2, number)]
            events += [(at_us, 1, number) for at_us in life.ticks_us]
        for at_us, what, number in sorted(event for event in events if event[0] <= until_us):
            life, session = sessions[number], (until_us, number)
            self.at(at_us)
            if what == 0:
                self.gaps += self.coverage.live(session, life.symbols, at_us)
            elif what == 2:
                self.gaps += self.coverage.ended(session, life.until_us, life.cause)
            else:
                self.gaps += self.coverage.heard(session, at_us)
                # Which of its symbols ticks is anybody's guess; this way each of them does.
                symbol = life.symbols[at_us % len(life.symbols)]
                self.held.append(Tick(symbol, at_us, 1.0, received_us=at_us))
                self.at(at_us)
            if what != 1:
                self.save()
        self.at(until_us)

    def restart(self) -> None:
        """Lose all but what was saved and delivered."""
        self.coverage = Coverage(feed="f", handover_us=0)
        self.coverage.resume(self.saved, self.tail, cause="crashed", symbols=SYMBOLS)
        self.held, self.tail = [], []


@given(lives(), lives(), st.integers(0, 70), st.integers(0, 20), st.sampled_from([0, 0, 3, 12]))
def test_after_a_crash_no_gap_is_too_short(
    before: list[Life], after: list[Life], crash_us: int, pause_us: int, lateness_us: int
) -> None:
    """Every instant that no session covered, or whose ticks were lost with the process, lies in a gap."""
    engine = Engine(lateness_us)
    engine.play(before, crash_us)
    lost = list(engine.held)
    engine.restart()
    back_us = crash_us + pause_us
    later = [
        Life(
            one.symbols,
            one.live_us + back_us,
            one.until_us + back_us,
            one.ended_us + back_us,
            one.cause,
            tuple(at_us + back_us for at_us in one.ticks_us),
        )
        for one in after
    ]
    finish_us = max((life.ended_us for life in later), default=back_us) + 1
    engine.play(later, finish_us)
    gaps = [*engine.gaps, *engine.coverage.finish(finish_us)]
    alive = [
        attrs.evolve(life, until_us=min(life.until_us, crash_us), ended_us=min(life.ended_us, crash_us))
        for life in before
        if life.live_us <= crash_us
    ]
    for symbol in SYMBOLS:
        named = {unit for gap in gaps if gap.symbol == symbol for unit in range(gap.start_us, gap.end_us + 1)}
        missing = set(uncovered([*alive, *later], symbol, finish_us)) - named
        assert not missing
        assert {tick.received_us for tick in lost if tick.symbol == symbol} <= named


def test_a_restart_names_the_gap_that_was_not_yet_known() -> None:
    """A is dead without a word, B is gone, C is live, and the engine crashes: between B and C nothing was covered."""
    coverage = Coverage(feed="f", handover_us=0)
    coverage.live("A", ["X"], 0)
    coverage.live("B", ["X"], 5)
    coverage.heard("A", 8)
    coverage.ended("B", 20, "closed")
    coverage.live("C", ["X"], 30)
    coverage.heard("C", 35)
    saved = {**coverage.save(), "held_since_us": None, "lateness_us": 0}
    again = Coverage(feed="f", handover_us=0)
    again.resume(saved, [Tick("X", 40, 1.0, received_us=40)], cause="crashed", symbols=["X"])
    assert again.live("D", ["X"], 50) == [Gap(20, 30, "closed", "X", "f"), Gap(40, 50, "crashed", "X", "f")]


def test_a_tick_speaks_for_the_symbols_of_the_one_session_it_can_have_come_by() -> None:
    """One session has X and Y: a tick of X shows that Y was covered. With two it shows only what both cover."""
    for others, until_us in ((["Z"], 40), (["X"], 10)):
        coverage = Coverage(feed="f", handover_us=0)
        coverage.live("A", ["X", "Y"], 10)
        coverage.live("B", others, 10)
        saved = {**coverage.save(), "held_since_us": None, "lateness_us": 0}
        again = Coverage(feed="f", handover_us=0)
        again.resume(saved, [Tick("X", 40, 1.0, received_us=40)], cause="crashed", symbols=["X", "Y"])
        assert again.live("C", ["X"], 50) == [Gap(40, 50, "crashed", "X", "f")]
        assert again.live("C", ["Y"], 50) == [Gap(until_us, 50, "crashed", "Y", "f")]


def test_what_was_held_may_have_come_by_a_session_that_is_over() -> None:
    """A is dead without a word, B brought a tick and ended; the tick came out only then, and speaks for nobody."""
    coverage = Coverage(feed="f", handover_us=0)
    coverage.live("A", ["X"], 10)
    coverage.live("B", ["X"], 39)
    coverage.ended("B", 40, "closed")
    assert resumed(coverage, [Tick("X", 40, 1.0, received_us=40)], held_since_us=40).live("C", ["X"], 50) == [
        Gap(10, 39, "crashed", "X", "f"),
        Gap(40, 50, "closed", "X", "f"),
    ]


def test_what_came_after_all_that_is_over_speaks_for_who_is_open() -> None:
    """Its receipt counts for that, and what is certain is less by the lateness. With nobody open it says nothing."""
    coverage = Coverage(feed="f", handover_us=0)
    coverage.live("A", ["X"], 10)
    coverage.live("B", ["X"], 39)
    coverage.ended("B", 40, "closed")
    saved = {**coverage.save(), "held_since_us": None, "lateness_us": 20}
    tail = [Tick("X", 45, 1.0, received_us=45), Tick("never seen", 45, 1.0, received_us=45)]
    again = Coverage(feed="f", handover_us=0)
    again.resume(saved, tail, cause="crashed", symbols=["X"])
    assert again.live("C", ["X"], 50) == [Gap(25, 39, "crashed", "X", "f"), Gap(40, 50, "closed", "X", "f")]
    coverage.ended("A", 30, "closed")
    assert resumed(coverage, [Tick("X", 45, 1.0, received_us=45)]).live("C", ["X"], 50) == [
        Gap(40, 50, "closed", "X", "f")
    ]


def test_a_tick_that_left_early_does_not_speak_for_what_was_held_beside_it() -> None:
    """With lateness a tick shows only that what came so much earlier was delivered: the rest is lost."""
    coverage = Coverage(feed="f", handover_us=0)
    coverage.live("A", ["X"], 10)
    saved = {**coverage.save(), "held_since_us": None, "lateness_us": 5}
    again = Coverage(feed="f", handover_us=0)
    again.resume(saved, [Tick("X", 37, 1.0, received_us=40)], cause="crashed", symbols=["X"])
    assert again.live("B", ["X"], 50) == [Gap(35, 50, "crashed", "X", "f")]


def resumed(coverage: Coverage, tail: Sequence[Tick] = (), *, held_since_us: int | None = None) -> Coverage:
    """Return what goes on after a crash."""
    saved = {**coverage.save(), "held_since_us": held_since_us, "lateness_us": 0 if held_since_us is None else 20}
    again = Coverage(feed="f", handover_us=0)
    again.resume(saved, tail, cause="crashed", symbols=["X", "Y"])
    return again


def test_what_was_held_at_a_crash_is_not_covered() -> None:
    """Nothing after the receipt of what was held longest is certain, whoever was heard or over by then."""
    coverage = Coverage(feed="f", handover_us=0)
    coverage.live("A", ["X"], 10)
    coverage.live("B", ["X"], 12)
    assert coverage.ended("B", 13, "closed") == []
    coverage.heard("A", 30)
    assert resumed(coverage, held_since_us=15).live("C", ["X"], 50) == [Gap(15, 50, "crashed", "X", "f")]
    ended = Coverage(feed="f", handover_us=0)
    ended.live("A", ["X"], 10)
    ended.ended("A", 20, "closed")
    assert resumed(ended, held_since_us=15).live("C", ["X"], 50) == [Gap(15, 50, "closed", "X", "f")]


def test_a_restart_remembers_what_was_not_settled() -> None:
    """B came and went after A was heard of last: before it nothing was certain, and after it nothing."""
    coverage = Coverage(feed="f", handover_us=0)
    coverage.live("A", ["X"], 0)
    coverage.heard("A", 8)
    coverage.live("B", ["X"], 12)
    assert coverage.ended("B", 20, "closed") == []
    assert resumed(coverage).live("C", ["X"], 50) == [
        Gap(8, 12, "crashed", "X", "f"),
        Gap(20, 50, "closed", "X", "f"),
    ]


def test_what_was_lost_when_a_run_ended_is_missing_since_then_because_it_ended() -> None:
    """The gap of the lost connection ends with the run; the one behind it has a cause of its own."""
    coverage = Coverage(feed="f")
    coverage.live("A", ["X"], 10)
    coverage.ended("A", 20, "closed")
    assert coverage.finish(30) == [Gap(20, 30, "closed", "X", "f")]
    assert resumed(coverage).live("B", ["X"], 50) == [Gap(30, 50, "crashed", "X", "f")]


def test_of_the_ticks_of_a_tail_the_newest_receipt_counts() -> None:
    """They come in the order of their stamps, not of their receipts."""
    coverage = Coverage(feed="f", handover_us=0)
    coverage.live("A", ["X"], 10)
    tail = [Tick("X", n, 1.0, received_us=at_us) for n, at_us in enumerate((37, 40, 38))]
    assert resumed(coverage, tail).live("B", ["X"], 50) == [Gap(40, 50, "crashed", "X", "f")]


def test_of_what_nobody_wants_any_longer_nothing_is_missing() -> None:
    """Its sessions go on for the other symbols, and it begins anew if it is wanted again."""
    coverage = Coverage(feed="f", handover_us=0)
    coverage.live("A", ["X", "Y"], 0)
    coverage.dropped(["X", "never seen"])
    assert coverage.ended("A", 10, "closed") == []
    assert coverage.lost == ("Y",)
    assert coverage.live("B", ["X", "Y"], 20) == [Gap(10, 20, "closed", "Y", "f")]
