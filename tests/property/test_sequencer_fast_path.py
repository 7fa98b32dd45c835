"""The sequencer with its fast path and without: the same comes out, and the same is kept, after every step."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any
from unittest import mock

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from trio_ticks.core import front
from trio_ticks.core.sequencer import Sequencer
from trio_ticks.model import Tick
from trio_ticks.testing import START_US

if TYPE_CHECKING:
    from collections.abc import Hashable

    from trio_ticks.core.identity import Identity

SETTINGS = st.fixed_dictionaries(
    {
        "late": st.sampled_from(["flag", "drop"]),
        "window_s": st.sampled_from([10.0, 0.000_020, 0.000_004, 0.0]),
        "window_ticks": st.sampled_from([4096, 20, 5, 1]),
        "stamp_ticks": st.sampled_from([65_536, 4]),
    }
)
LINES = "ABC"
SESSIONS = st.sampled_from(LINES)
OFTEN_X = ("X", "X", "X", "Y")  # so that one window fills sooner than the other
MOVES = st.lists(st.sampled_from([1, 0, 4]), min_size=1, max_size=8)
AWKWARD: dict[str, dict[str, Any]] = {
    "as it is": {},
    "restamped": {"time_us": 1},
    "late": {"time_us": -3},
    "far ahead": {"time_us": 90_000_000},
    "without an id": {"trade_id": None},
    "not a number": {"price": float("nan")},
    "numbered": {"ordinal": 1},
    "flagged": {"late": True},
}


def counting(sequencer: Sequencer) -> Sequencer:
    """Let a sequencer count every tick."""
    sequencer._is_direct = False
    return sequencer


def awkward(tick: Tick, how: str) -> Tick:
    changes = dict(AWKWARD[how])
    if "time_us" in changes:
        changes["time_us"] += tick.time_us
    return attrs.evolve(tick, **changes)


class TwoSequencers(RuleBasedStateMachine):
    """A market, and lines that mostly show it in its order, each at its own pace and from its own place on."""

    identity: Identity

    @initialize(settings=SETTINGS, slack=st.sampled_from([0, 1, 3, front.SLACK]))
    def start(self, settings: dict[str, Any], slack: int) -> None:
        self.slack = mock.patch.object(front, "SLACK", slack)
        self.slack.start()
        self.settings = {"identity": self.identity, **settings}
        self.most = max(settings["window_ticks"], settings["stamp_ticks"])
        self.fast, self.slow = Sequencer(**self.settings), counting(Sequencer(**self.settings))
        self.market: list[Tick] = []
        self.places = dict.fromkeys(LINES, 0)
        self.now_us = START_US
        self.delivered: list[Tick] = []
        self.saved = self.slow.checkpoint(), 0

    def teardown(self) -> None:
        if hasattr(self, "slack"):
            self.slack.stop()

    def push(self, session: str, shown: list[Tick]) -> None:
        before = [attrs.astuple(tick) for tick in shown]
        fast, slow = (each.push(shown, session=session, now_us=self.now_us) for each in (self.fast, self.slow))
        # In tuples NaN is itself: it is the same object.
        assert [attrs.astuple(tick) for tick in fast] == [attrs.astuple(tick) for tick in slow]
        handed_in = {id(tick) for tick in shown}
        assert [id(tick) in handed_in for tick in fast] == [id(tick) in handed_in for tick in slow]
        assert [attrs.astuple(tick) for tick in shown] == before, "ticks handed in are never changed"
        self.delivered += fast

    def show(self, session: str, size: int) -> None:
        place = self.places[session]
        self.push(session, self.market[place : place + size])
        self.places[session] = min(place + size, len(self.market))

    @rule(moves=MOVES, data=st.data(), in_time=st.booleans())
    def trade(self, moves: list[int], data: st.DataObject, in_time: bool) -> None:
        """The market moves on, with a clock that is right or one that is ahead of ours."""
        for move in moves:
            time_us = self.market[-1].time_us + move if self.market else self.now_us
            number = len(self.market)
            symbol, price = data.draw(st.sampled_from(OFTEN_X)), data.draw(st.sampled_from([1.0, 2.0]))
            tick = Tick(symbol, time_us, price, trade_id=number + 1, sequence=number // 2, feed="test")
            self.market.append(tick)
            self.now_us = max(self.now_us, time_us) if in_time else self.now_us

    @rule(moves=MOVES, data=st.data(), chunks=st.lists(st.integers(1, 4), min_size=1, max_size=3))
    def trade_with_all_lines_in_step(self, moves: list[int], data: st.DataObject, chunks: list[int]) -> None:
        """Lines take turns in leading, and none misses anything."""
        self.places = dict.fromkeys(LINES, len(self.market))
        self.trade(moves, data, in_time=True)
        while any(place < len(self.market) for place in self.places.values()):
            for session in data.draw(st.permutations(LINES)):
                self.show(session, data.draw(st.sampled_from(chunks)))

    @rule(session=SESSIONS, size=st.integers(1, 12), at_once=st.booleans())
    def go_on(self, session: str, size: int, at_once: bool) -> None:
        """A line goes on from its place."""
        for _ in range(1 if at_once else size):
            self.show(session, size if at_once else 1)

    @rule(session=SESSIONS, by=st.integers(-6, 6))
    def jump(self, session: str, by: int) -> None:
        """A line misses some, or is about to repeat some."""
        self.places[session] = min(max(self.places[session] + by, 0), len(self.market))

    @rule(session=SESSIONS, how=st.sampled_from(list(AWKWARD)), back=st.integers(1, 2))
    def show_something_awkward(self, session: str, how: str, back: int) -> None:
        if self.market:
            self.push(session, [awkward(self.market[-min(back, len(self.market))], how)])

    @rule(by_us=st.integers(-3, 30))
    def let_time_pass(self, by_us: int) -> None:
        self.now_us += by_us

    @rule(session=SESSIONS)
    def end_session(self, session: str) -> None:
        self.fast.end_session(session)
        self.slow.end_session(session)

    @rule()
    def save(self) -> None:
        self.saved = self.fast.checkpoint(), len(self.delivered)

    @rule()
    def restart(self) -> None:
        checkpoint, position = self.saved
        tail = self.delivered[position:]
        self.fast = Sequencer.restore(checkpoint, tail, **self.settings)
        self.slow = counting(Sequencer.restore(checkpoint, tail, **self.settings))

    @invariant()
    def counts_are_equal(self) -> None:
        assert self.fast.counts == self.slow.counts
        assert self.fast.rejected == self.slow.rejected

    @invariant()
    def what_is_kept_is_equal(self) -> None:
        """Looked at in a copy, because a checkpoint makes the fast path count."""
        fast = copy.deepcopy(self.fast)
        assert fast.checkpoint() == self.slow.checkpoint()
        assert showings(fast) == showings(self.slow), "checkpoints know nothing of sessions"

    @invariant()
    def no_more_is_kept_than_is_due_to_be_forgotten(self) -> None:
        for each in self.fast._all_fronts():
            assert len(each) + each._window.kept <= self.most + max(self.most // 4, front.SLACK)

    @invariant()
    def the_slow_one_counts_everything(self) -> None:
        assert all(len(each) == 0 for each in self.slow._all_fronts())


def showings(sequencer: Sequencer) -> dict[tuple[str, Hashable], dict[Any, int]]:
    """By symbol and session: how often each key was shown. Of ended sessions there must be nothing."""
    names = {number: session for session, number in sequencer._sessions.items()}
    shown = {}
    for each in sequencer._all_fronts():
        window = each.counted()
        for number, counts in window.sessions.items():
            shown[window.symbol, names[number]] = {key: times for key, times in counts.items() if times}
    return {place: counts for place, counts in shown.items() if counts}


@pytest.mark.parametrize("identity", ["content", "trade_id", "sequence", "time"])
def test_the_fast_path_makes_no_difference(identity: Identity) -> None:
    """Output, counts, checkpoints and what each session showed are those of a sequencer that counts every tick."""
    machine = type("TwoSequencersUnderOneIdentity", (TwoSequencers,), {"identity": identity})
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=30))
