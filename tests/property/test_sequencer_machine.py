"""The sequencer does what its naive model does, step by step, through any life with any settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.sequencer_model import SlowSequencer
from trio_ticks.core.front import SLACK
from trio_ticks.core.sequencer import Sequencer
from trio_ticks.testing import START_US, check_identity, check_ledger, check_order, ticks

if TYPE_CHECKING:
    from tests.support.sequencer_model import Entry
    from trio_ticks.model import Tick

SETTINGS = st.fixed_dictionaries(
    {
        "identity": st.sampled_from(["content", "trade_id", "sequence", "time"]),
        "lateness_s": st.sampled_from([0.0, 0.000_002, 0.000_005]),
        "late": st.sampled_from(["flag", "drop"]),
        "ahead_s": st.sampled_from([60.0, 0.000_003]),
        "window_s": st.sampled_from([10.0, 0.000_002, 0.0]),
        "window_ticks": st.sampled_from([4096, 8, 3, 1]),
        "stamp_ticks": st.sampled_from([65_536, 3]),
    }
)


@st.composite
def shown_ticks(draw: st.DrawFn) -> Tick:
    tick = draw(ticks(symbols=["X", "Y"], stamps=6, prices=[1.0, 2.0], volumes=[1.0], sides=["buy", None]))
    trade_id = draw(st.one_of(st.integers(1, 9), st.none()))
    return attrs.evolve(tick, trade_id=trade_id, sequence=draw(st.integers(0, 1)))


class SequencerLife(RuleBasedStateMachine):
    @initialize(settings=SETTINGS)
    def start(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.now = START_US
        self.pushed = 0
        self.delivered: list[Tick] = []
        self.real = Sequencer(**settings)
        self.slow = SlowSequencer(**settings)
        self.open: set[str] = set()
        self.save()

    def agree(self, real: list[Tick], slow: list[Entry]) -> None:
        expected = [attrs.evolve(e.tick, ordinal=e.ordinal, late=e.late) for e in slow]
        assert real == expected
        self.delivered += real

    @rule(session=st.sampled_from("ABC"), shown=st.lists(shown_ticks(), max_size=6), wait=st.integers(-1, 4))
    def push(self, session: str, shown: list[Tick], wait: int) -> None:
        self.now += wait
        shown = [attrs.evolve(tick, received_us=self.now) for tick in shown]
        before = [attrs.evolve(tick) for tick in shown]
        self.pushed += len(shown)
        self.open.add(session)
        self.agree(self.real.push(shown, session=session, now_us=self.now), self.slow.push(shown, session, self.now))
        assert shown == before, "ticks handed in are never changed"

    @rule(wait=st.integers(0, 4))
    def advance(self, wait: int) -> None:
        self.now += wait
        self.agree(self.real.advance(self.now), self.slow.advance(self.now))

    @rule()
    def flush(self) -> None:
        self.agree(self.real.flush(), self.slow.advance(float("inf")))

    @rule(session=st.sampled_from("ABC"))
    def end_session(self, session: str) -> None:
        self.real.end_session(session)
        self.slow.end_session(session)
        self.open.discard(session)

    @rule()
    def save(self) -> None:
        self.saved = msgspec.msgpack.encode(self.real.checkpoint())
        self.saved_slow = self.slow.checkpoint()
        self.saved_at = len(self.delivered)

    @precondition(lambda self: self.delivered)
    @rule(overlap=st.integers(0, 2))
    def restart(self, overlap: int) -> None:
        tail = self.delivered[self.saved_at :]
        with_overlap = self.delivered[max(0, self.saved_at - overlap) :]
        self.real = Sequencer.restore(msgspec.msgpack.decode(self.saved), with_overlap, **self.settings)
        self.slow = self.saved_slow.restore(tail)
        self.pushed = 0
        self.open.clear()
        self.save()

    @invariant()
    def every_tick_is_accounted_for(self) -> None:
        counts, verdicts = self.real.counts, self.slow.verdicts
        check_ledger(counts, self.pushed)
        assert (counts.duplicates, counts.expired, counts.rejected) == (
            verdicts["duplicates"],
            verdicts["expired"],
            verdicts["rejected"],
        )
        assert counts.held == len(self.slow.entries("held"))

    @invariant()
    def the_driver_is_called_for_what_is_held(self) -> None:
        due = min((e.due_us for e in self.slow.entries("held")), default=None)
        assert self.real.next_release_us == due

    @invariant()
    def order_and_identity_hold_over_the_whole_life(self) -> None:
        check_order(self.delivered)
        check_identity(self.delivered)

    @invariant()
    def state_is_bounded(self) -> None:
        limit = max(self.settings["window_ticks"], self.settings["stamp_ticks"])
        assert len(self.real._waiting._dues) <= 2 * self.real.counts.held + 64
        assert self.real._sessions.keys() == self.open
        for front in self.real._all_fronts():
            window, shown = front._window, front._followers.values()
            assert window.kept + len(front) <= limit + max(limit // 4, SLACK)
            assert all(0 <= length <= len(front._ticks) for length in shown)
            assert {front._leader, *front._followers} <= {0, *self.real._sessions.values()}
            assert window.kept == sum(window.copies.values())
            assert len(window.held) <= window.kept
            assert list(window.order) == sorted(window.stamps)
            assert all(stamp.keys for stamp in window.stamps.values())
            assert window.sessions.keys() <= set(self.real._sessions.values())
            assert all(window.copies.keys() >= counts.keys() for counts in window.sessions.values())


TestSequencerLife = SequencerLife.TestCase
