"""The sequencer with its fast path and without: the same comes out, and the same is kept, after every step."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any
from unittest import mock

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from trio_ticks.core import front
from trio_ticks.core.sequencer import Sequencer
from trio_ticks.model import Tick
from trio_ticks.testing import START_US

if TYPE_CHECKING:
    from collections.abc import Hashable

    from trio_ticks.core.window import Window

SETTINGS = st.fixed_dictionaries(
    {
        "identity": st.sampled_from(["content", "trade_id", "sequence", "time"]),
        "late": st.sampled_from(["flag", "drop"]),
        "window_s": st.sampled_from([10.0, 0.000_020, 0.000_004, 0.0]),
        "window_ticks": st.sampled_from([4096, 20, 5, 1]),
        "stamp_ticks": st.sampled_from([65_536, 3]),
    }
)
SESSIONS = st.sampled_from("ABC")
MOVES = st.sampled_from([1, 1, 1, 0, 4])
AWKWARD = st.sampled_from(["again", "late", "ahead", "restamped", "no id", "nan", "numbered", "flagged"])


def counting(**settings: Any) -> Sequencer:
    """A sequencer that counts every tick."""
    sequencer = Sequencer(**settings)
    sequencer._is_direct = False
    return sequencer


def awkward(tick: Tick, how: str) -> Tick:
    changes: dict[str, dict[str, Any]] = {
        "late": {"time_us": tick.time_us - 3},
        "ahead": {"time_us": tick.time_us + 90_000_000},
        "restamped": {"time_us": tick.time_us + 1},
        "no id": {"trade_id": None},
        "nan": {"price": float("nan")},
        "numbered": {"ordinal": 1},
        "flagged": {"late": True},
    }
    return attrs.evolve(tick, **changes.get(how, {}))


class TwoSequencers(RuleBasedStateMachine):
    """A market, and lines that mostly show it in its order, each at its own pace and from its own place on."""

    @initialize(settings=SETTINGS, slack=st.sampled_from([0, 1, 3, front.SLACK]))
    def start(self, settings: dict[str, Any], slack: int) -> None:
        self.slack = mock.patch.object(front, "SLACK", slack)
        self.slack.start()
        self.settings = settings
        self.fast, self.slow = Sequencer(**settings), counting(**settings)
        self.market: list[Tick] = []
        self.places: dict[str, int] = {}
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

    @rule(moves=st.lists(MOVES, min_size=1, max_size=12), data=st.data())
    def trade(self, moves: list[int], data: st.DataObject) -> None:
        for move in moves:
            time_us = self.market[-1].time_us + move if self.market else self.now_us
            number = len(self.market)
            symbol, price = data.draw(st.sampled_from("XXY")), data.draw(st.sampled_from([1.0, 2.0]))
            tick = Tick(symbol, time_us, price, trade_id=number + 1, sequence=number // 2, feed="test")
            self.market.append(tick)
            self.now_us = max(self.now_us, time_us)

    @rule(session=SESSIONS, size=st.integers(1, 24))
    def show(self, session: str, size: int) -> None:
        """A line goes on from its place; a new one begins with the next trade, or with all."""
        place = self.places.get(session, 0)
        self.push(session, self.market[place : place + size])
        self.places[session] = min(place + size, len(self.market))

    @rule(session=SESSIONS, size=st.integers(1, 24))
    def show_one_by_one(self, session: str, size: int) -> None:
        for _ in range(size):
            self.show(session, 1)

    @rule(session=SESSIONS, by=st.integers(-6, 6))
    def jump(self, session: str, by: int) -> None:
        """A line misses some, or repeats some."""
        self.places[session] = min(max(self.places.get(session, 0) + by, 0), len(self.market))

    @rule(session=SESSIONS)
    def catch_up(self, session: str) -> None:
        """A line skips all that it has not shown."""
        self.places[session] = len(self.market)

    @rule(session=SESSIONS, how=AWKWARD, back=st.integers(1, 4))
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
        self.slow = Sequencer.restore(checkpoint, tail, **self.settings)
        self.slow._is_direct = False

    @invariant()
    def counts_are_equal(self) -> None:
        assert self.fast.counts == self.slow.counts
        assert self.fast.rejected == self.slow.rejected

    @invariant()
    def checkpoints_are_equal(self) -> None:
        """Looked at in a copy: a checkpoint makes the fast path count."""
        assert copy.deepcopy(self.fast).checkpoint() == self.slow.checkpoint()

    @invariant()
    def what_sessions_showed_is_equal(self) -> None:
        """Checkpoints know nothing of sessions, and the counts decide on what comes."""
        assert showings(copy.deepcopy(self.fast)) == showings(self.slow)

    @invariant()
    def the_slow_one_has_counted_everything(self) -> None:
        assert all(len(each) == 0 for each in self.slow._all_fronts())


def showings(sequencer: Sequencer) -> dict[tuple[str, Hashable], dict[Any, int]]:
    """By symbol: session and key → how often it was shown."""
    names = {number: session for session, number in sequencer._sessions.items()}
    windows: list[Window] = [each.counted() for each in sequencer._all_fronts()]
    return {
        (window.symbol, names[number]): {key: shown for key, shown in counts.items() if shown}
        for window in windows
        for number, counts in window.sessions.items()
        if any(counts.values())
    }


TestTwoSequencers = TwoSequencers.TestCase
TestTwoSequencers.settings = settings(stateful_step_count=60, deadline=None)
