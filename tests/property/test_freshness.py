"""When a quiet line is asked about or given up: as tables, and as laws against a naive model."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trio_ticks.core.freshness import (
    ANSWERS_MISSED,
    FORGETTING,
    LEAST_S,
    MOST_S,
    PATIENCE,
    SETTLE_S,
    Freshness,
    Step,
)

YEAR_S = 365 * 86_400.0


def busy_line(*, can_ask: bool = True, every_s: float = 0.5, ticks: int = 400, first_s: float = 60.0) -> Freshness:
    """Return a line that has ticked evenly for a while, the last time at second 0."""
    line = Freshness(first_s=first_s, can_ask=can_ask)
    line.began(-every_s * ticks)
    for count in range(ticks):
        at = -every_s * (ticks - 1 - count)
        line.ticked(at, at)
    return line


def act(line: Freshness, *answers: bool | None) -> list[tuple[float, Step]]:
    """Let a line go unheard: carry out what is due, answer its questions in turn, and return when it did what."""
    done = []
    left = list(answers)
    while math.isfinite(line.due) and (left or line.step is not Step.ASK):
        now, step = line.due, line.step
        done.append((now, step))
        line.taken()
        if step is Step.ASK:
            line.answered(now, newer=left.pop(0))
    return done


# ---- tables


def test_a_trade_that_did_not_reach_us_leads_to_a_new_connection() -> None:
    """A busy line that is mute is given up within its bound and the time that the trade may be on its way."""
    line = busy_line()
    bound_s = line.bound_s
    assert bound_s == LEAST_S
    assert act(line, True) == [
        (bound_s, Step.ASK),
        (bound_s + SETTLE_S, Step.RECONNECT),
    ]


def test_a_quiet_market_is_asked_about_ever_less_often_and_never_acted_upon() -> None:
    """The pause doubles from the bound to a quarter of an hour and stays there."""
    times = [at for at, step in act(busy_line(), *[False] * 12) if step is Step.ASK]
    assert times[:3] == [5.0, 15.0, 35.0]
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert pauses == [10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 900.0, 900.0, 900.0, 900.0]


def test_three_questions_without_an_answer_in_a_row_make_a_line_one_that_cannot_ask() -> None:
    """Then, and only then, silence alone is a reason to reconnect."""
    line = busy_line()
    assert [step for _, step in act(line, None, None, False, None, None)] == [Step.ASK] * 5
    assert line.step is Step.ASK
    assert [step for _, step in act(line, None)] == [Step.ASK, Step.RECONNECT]


@pytest.mark.parametrize("answers", [[], [True], [False], [None, True], [None, None, False]])
def test_what_was_answered_counts_anew_behind_it(answers: list[bool | None]) -> None:
    """From the first question on it takes three, also where the answer has led to a new connection."""
    line = Freshness(first_s=60.0, can_ask=True)
    line.began(0.0)
    act(line, *answers)
    line.began(10_000.0)
    assert [step for _, step in act(line, None, None, None)] == [Step.ASK] * 3 + [Step.RECONNECT]


@pytest.mark.parametrize("first_s", [10.0, 2_000.0])
def test_a_line_that_cannot_ask_reconnects_after_a_bound_that_doubles_to_the_most(first_s: float) -> None:
    """The bound is the one it was given. It doubles up to a quarter of an hour, or stays if it was longer."""
    line = Freshness(first_s=first_s, can_ask=False)
    now, pauses = 0.0, []
    for _ in range(9):
        line.began(now)
        assert line.step is Step.RECONNECT
        pauses.append(line.due - now)
        now = line.due
        line.taken()
    doubled = [10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 900.0, 900.0]
    assert pauses == (doubled if first_s < MOST_S else [first_s] * 9)


@pytest.mark.parametrize("can_ask", [True, False])
def test_a_line_may_be_quiet_for_years(can_ask: bool) -> None:
    """A delisted symbol is quiet for ever; the pause stays at its most, whatever was doubled."""
    line = Freshness(first_s=60.0, can_ask=can_ask)
    now = 0.0
    line.began(now)
    while now < YEAR_S:
        assert now < line.due <= now + MOST_S
        now = line.due
        line.taken()
        if can_ask:
            line.answered(now, newer=False)
        else:
            line.began(now)


def test_a_night_is_forgotten_after_some_hundred_ticks() -> None:
    """A long silence widens the bound to the most, and ticks narrow it again, however fast they come."""
    line = busy_line()
    line.ticked(30_000.0, 30_000.0)
    assert line.bound_s == MOST_S
    for count in range(300):
        line.ticked(30_000.0 + count * 0.01, 30_000.0 + count * 0.01)
    assert line.bound_s == LEAST_S


def test_what_a_slow_consumer_takes_is_nobodys_silence() -> None:
    """Time between reading a tick and having handed it on neither widens the bound nor counts as quiet."""
    line = busy_line()
    line.ticked(0.5, 500.0)
    assert (line.bound_s, line.due, line.quiet_s(501.0)) == (LEAST_S, 505.0, 1.0)


def test_a_tick_makes_a_question_under_way_idle() -> None:
    """Whatever the answer says then, it is of the past."""
    line = busy_line()
    line.taken()
    line.ticked(6.0, 6.0)
    before = (line.due, line.step)
    for newer in (True, False, None):
        line.answered(6.5, newer=newer)
        assert (line.due, line.step) == before


@given(st.floats(0.05, 400.0), st.integers(0, 400), st.floats(1.0, 3_000.0))
def test_the_first_question_comes_within_the_bound_and_not_too_soon(
    every_s: float, ticks: int, first_s: float
) -> None:
    """Not before the least pause, nor before the usual one has passed some times; never after the most."""
    line = busy_line(every_s=every_s, ticks=ticks, first_s=first_s)
    if not ticks:
        line.began(0.0)
    assert line.step is Step.ASK
    assert min(LEAST_S, first_s) <= line.due <= MOST_S
    assert line.due == line.bound_s
    if ticks:
        assert line.due >= min(PATIENCE * every_s, MOST_S) * (1 - 1e-9)


# ---- the machine


class Quiet(RuleBasedStateMachine):
    """A line's whole life against a model that keeps every tick, every question and every answer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.silences: list[float] = []
        self.fruitless = 0
        self.unanswered = 0
        self.since = self.now
        self.is_asking = False
        self.proven = False
        self.waits_since: float | None = None

    @initialize(can_ask=st.booleans(), first_s=st.sampled_from([3.0, 60.0, 1_200.0]))
    def open(self, can_ask: bool, first_s: float) -> None:
        self.can_ask, self.first_s = can_ask, first_s
        self.line = Freshness(first_s=first_s, can_ask=can_ask)
        self.restart()

    def restart(self) -> None:
        """A connection is open and subscribed."""
        self.line.began(self.now)
        self.since = self.waits_since = self.now
        self.is_asking = self.proven = False

    @rule(idle_s=st.sampled_from([0.0, 0.01, 1.0, 4.0, 30.0, 2_000.0]), held_s=st.sampled_from([0.0, 0.0, 50.0]))
    def tick(self, idle_s: float, held_s: float) -> None:
        woke = self.now + idle_s
        self.silences.append(woke - self.since)
        self.now = self.since = self.waits_since = woke + held_s
        self.fruitless = self.unanswered = 0
        self.proven = False
        self.line.ticked(woke, self.now)
        assert self.line.due == pytest.approx(self.now + self.bound_s())
        assert self.line.step is (Step.ASK if self.can_ask else Step.RECONNECT)

    @rule(after_s=st.floats(0.0, 5_000.0))
    def the_connection_is_lost_and_opened_again(self, after_s: float) -> None:
        self.now += after_s
        self.restart()

    @precondition(lambda self: not self.is_asking)
    @rule()
    def let_it_come_due(self) -> None:
        self.now = max(self.now, self.line.due)
        step = self.line.step
        self.line.taken()
        self.waits_since = None
        if step is Step.ASK:
            assert self.can_ask
            assert self.unanswered < ANSWERS_MISSED
            self.is_asking = True
        else:
            assert self.proven or not self.can_ask or self.unanswered >= ANSWERS_MISSED
            self.fruitless += 1
            self.restart()

    @precondition(lambda self: self.is_asking)
    @rule(newer=st.sampled_from([True, False, None]), after_s=st.floats(0.0, 30.0))
    def answer(self, newer: bool | None, after_s: float) -> None:
        self.now += after_s
        was_idle = self.waits_since is not None  # a tick or a new connection came meanwhile
        self.is_asking = False
        self.line.answered(self.now, newer=newer)
        if was_idle:
            return
        self.unanswered = self.unanswered + 1 if newer is None else 0
        if newer:
            self.proven = True
            assert (self.line.step, self.line.due) == (Step.RECONNECT, self.now + SETTLE_S)
        else:
            self.fruitless += 1
            self.waits_since = self.now

    @invariant()
    def the_pause_doubles_and_is_capped(self) -> None:
        """While it waits for a tick: the bound, twice for each step that brought none, and at most the most."""
        if self.waits_since is not None:
            most_s = max(MOST_S, self.first_s)
            expected = min(self.bound_s() * 2**self.fruitless, most_s)
            assert self.line.due - self.waits_since == pytest.approx(expected)

    @invariant()
    def something_is_always_to_come(self) -> None:
        """Either an answer is awaited, or a step is due within the most."""
        if hasattr(self, "line"):
            assert self.is_asking or math.isfinite(self.line.due)
            assert self.line.due <= self.now + max(MOST_S, self.first_s) or self.is_asking

    def bound_s(self) -> float:
        """Recompute the bound from every silence there ever was: each is forgotten by a part with every tick."""
        if not self.can_ask or self.unanswered >= ANSWERS_MISSED:
            return self.first_s
        widest = self.first_s / PATIENCE * FORGETTING ** len(self.silences)
        for age, silence in enumerate(reversed(self.silences)):
            widest = max(widest, min(silence, MOST_S / PATIENCE) * FORGETTING**age)
        return min(max(PATIENCE * widest, min(LEAST_S, self.first_s)), MOST_S)

    def teardown(self) -> None:
        """However it went, one tick leads back to fresh."""
        if hasattr(self, "line"):
            self.tick(0.0, 0.0)


TestQuiet = Quiet.TestCase
