"""The laws of the sequencer, each against its own plain statement, over any sessions and any life."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.core.front import SLACK
from trio_ticks.core.sequencer import Sequencer
from trio_ticks.testing import (
    START_US,
    Step,
    check_count,
    check_identity,
    check_ledger,
    check_loss_bound,
    check_never_twice,
    check_order,
    deliveries,
    streams,
)

if TYPE_CHECKING:
    from trio_ticks.config import Late
    from trio_ticks.core.identity import Identity
    from trio_ticks.model import Tick

Window: TypeAlias = dict[str, Any]
Event: TypeAlias = Literal["go on", "end session", "save", "restart"]

IDENTITIES = st.sampled_from(["content", "trade_id", "sequence", "time"])
WAITS = st.sampled_from([0.0, 0.000_002, 0.000_005])
WINDOWS = st.fixed_dictionaries(
    {"window_s": st.sampled_from([10.0, 0.000_002, 0.0]), "window_ticks": st.sampled_from([4096, 8, 5, 3, 1])}
)
UNIQUE = ["trade_id", "sequence", "time"]
CONTENTS: dict[str, Any] = {"prices": [1.0, 2.0], "volumes": [1.0], "sides": ["buy", None]}
ORDERED = streams(symbols=["X", "Y"], stamps=6, max_size=16, **CONTENTS)
SOURCES = ORDERED | streams(stamps=6, max_size=16, ordered=False, **CONTENTS)


class Life:
    """One sequencer, through ends of sessions and restarts, and all that a law may ask about it."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.sequencer = Sequencer(**settings)
        self.delivered: list[Tick] = []
        self.steps: list[tuple[object, list[Tick]]] = []  # as pushed, with each session's own name
        self.pushed = 0
        self.now = START_US
        self.lives: dict[str, int] = {}
        self.save()

    def show(self, step: Step, wait: int = 0) -> None:
        name, shown = step
        self.now += wait
        shown = [attrs.evolve(tick, received_us=self.now) for tick in shown]
        session = name, self.lives.setdefault(name, 0)
        self.steps.append((session, shown))
        self.pushed += len(shown)
        self.delivered += self.sequencer.push(shown, session=session, now_us=self.now)

    def happen(self, event: Event, name: str) -> None:
        if event == "end session":
            self.sequencer.end_session((name, self.lives[name]))
            self.lives[name] += 1
        elif event == "save":
            self.save()
        elif event == "restart":
            self.restart()

    def save(self) -> None:
        self.saved = self.sequencer.checkpoint(), len(self.delivered)

    def restart(self) -> None:
        checkpoint, position = self.saved
        self.sequencer = Sequencer.restore(checkpoint, self.delivered[position:], **self.settings)
        self.pushed = 0
        self.lives = {name: life + 1 for name, life in self.lives.items()}
        # What was held is as if it had never arrived: the journal stands for all that was shown before.
        self.steps = [("journal", list(self.delivered))]
        self.save()

    def finish(self) -> Life:
        self.delivered += self.sequencer.flush()
        return self

    def is_above_floor(self, tick: Tick) -> bool:
        for saved in self.sequencer.checkpoint()["symbols"]:
            if (saved["feed"], saved["symbol"]) == (tick.feed, tick.symbol):
                is_id_above = self.settings["identity"] != "trade_id" or (tick.trade_id or 0) > saved["id_floor"]
                return bool(tick.time_us > saved["floor_us"] and is_id_above)
        return True


EVENTS: tuple[Event, ...] = ("go on", "go on", "end session", "save", "restart")


@st.composite
def lives(draw: st.DrawFn, /, steps: list[Step], events: tuple[Event, ...] = EVENTS, **settings: Any) -> Life:
    """A life in which the steps are shown, with anything happening between them."""
    life = Life(**settings)
    for step in steps:
        life.show(step, wait=draw(st.integers(0, 3)))
        life.happen(draw(st.sampled_from(events)), step[0])
    return life.finish()


@given(st.data(), SOURCES, IDENTITIES, WAITS, WINDOWS)
def test_count(
    data: st.DataObject, source: list[Tick], identity: Identity, lateness_s: float, window: Window
) -> None:
    """Above the floor, what was delivered of a key is the maximum over sessions of what each showed."""
    steps = data.draw(deliveries(source))
    life = data.draw(lives(steps, identity=identity, lateness_s=lateness_s, **window))
    check_count(life.delivered, life.steps, identity=identity, where=life.is_above_floor)
    check_ledger(life.sequencer.counts, life.pushed)


@given(st.data(), SOURCES, IDENTITIES, WAITS)
def test_count_without_a_floor(
    data: st.DataObject, source: list[Tick], identity: Identity, lateness_s: float
) -> None:
    """While the window covers everything, the floor takes nothing: the law holds for every tick."""
    steps = data.draw(deliveries(source))
    life = data.draw(lives(steps, identity=identity, lateness_s=lateness_s))
    check_count(life.delivered, life.steps, identity=identity)
    assert life.sequencer.counts.expired == 0


@given(st.data(), SOURCES, WAITS, WINDOWS)
def test_never_twice_under_content(
    data: st.DataObject, source: list[Tick], lateness_s: float, window: Window
) -> None:
    """If no session repeats a tick, none is delivered more often than it was published, at any age."""
    steps = data.draw(deliveries(source, repeats=False))
    life = data.draw(lives(steps, identity="content", lateness_s=lateness_s, **window))
    check_never_twice(life.delivered, source)


@pytest.mark.parametrize("identity", UNIQUE)
@given(st.data(), SOURCES, WAITS, WINDOWS)
def test_never_twice_under_a_unique_identity(
    identity: Identity, data: st.DataObject, source: list[Tick], lateness_s: float, window: Window
) -> None:
    """Under a unique identity nothing is delivered twice, whatever the sessions repeat."""
    steps = data.draw(deliveries(source))
    life = data.draw(lives(steps, identity=identity, lateness_s=lateness_s, **window))
    check_never_twice(life.delivered, source, identity=identity)


@given(st.data(), SOURCES, WAITS, WINDOWS)
def test_never_twice_whatever_the_stamp(
    data: st.DataObject, source: list[Tick], lateness_s: float, window: Window
) -> None:
    """Under trade_id an id is delivered once, even if every session stamps it differently."""
    steps = [
        (name, [attrs.evolve(tick, time_us=tick.time_us + data.draw(st.integers(0, 6))) for tick in shown])
        for name, shown in data.draw(deliveries(source))
    ]
    life = data.draw(lives(steps, identity="trade_id", lateness_s=lateness_s, **window))
    check_never_twice(life.delivered, source, identity="trade_id")


@given(st.data(), SOURCES, IDENTITIES, st.booleans())
def test_loss_bound(data: st.DataObject, source: list[Tick], identity: Identity, drops: bool) -> None:
    """Lost are only twins of which each session missed a different one; none under a unique identity."""
    steps = data.draw(deliveries(source, drops=drops))
    life = data.draw(lives(steps, events=("go on",), identity=identity))
    check_loss_bound(life.delivered, steps, identity=identity)


@given(st.data(), SOURCES, IDENTITIES, WAITS, WINDOWS, st.sampled_from(["flag", "drop"]))
def test_order_and_identity(
    data: st.DataObject, source: list[Tick], identity: Identity, lateness_s: float, window: Window, late: Late
) -> None:
    """Unflagged ticks never go back in time, and no ordinal is given twice, over any life."""
    steps = data.draw(deliveries(source))
    life = data.draw(lives(steps, identity=identity, lateness_s=lateness_s, late=late, **window))
    check_order(life.delivered)
    check_identity(life.delivered)
    assert late == "flag" or not any(tick.late for tick in life.delivered)


@given(st.data(), SOURCES, IDENTITIES, WAITS, WINDOWS, st.sampled_from(["flag", "drop"]))
def test_state_is_bounded_and_input_is_not_changed(
    data: st.DataObject, source: list[Tick], identity: Identity, lateness_s: float, window: Window, late: Late
) -> None:
    """No more is kept than the window or one stamp holds, and ticks handed in stay as they are."""
    before = [attrs.evolve(tick) for tick in source]
    sequencer = Sequencer(identity=identity, lateness_s=lateness_s, late=late, stamp_ticks=4, **window)
    limit = max(window["window_ticks"], 4)
    for session, shown in data.draw(deliveries(source)):
        sequencer.push(shown, session=session, now_us=START_US)
        for front in sequencer._all_fronts():
            assert len(front) + front._window.kept <= limit + max(limit // 4, SLACK)
            held = copy.deepcopy(front).counted()
            assert held.kept == sum(held.copies.values()) <= limit
            assert len(held.held) <= held.kept
            assert len(held.order) == len(held.stamps) <= held.kept
    assert source == before


@given(st.data(), SOURCES, IDENTITIES, WAITS, WINDOWS)
def test_chunking_makes_no_difference(
    data: st.DataObject, source: list[Tick], identity: Identity, lateness_s: float, window: Window
) -> None:
    """One push, or the same ticks one by one at the same receipt: the same comes out, the same is kept."""
    whole, single = (Sequencer(identity=identity, lateness_s=lateness_s, **window) for _ in range(2))
    now = START_US
    for session, shown in data.draw(deliveries(source, max_chunk=8)):
        now += data.draw(st.integers(0, 3))
        at_once = whole.push(shown, session=session, now_us=now)
        one_by_one = [out for tick in shown for out in single.push([tick], session=session, now_us=now)]
        assert at_once == one_by_one
    assert whole.flush() == single.flush()
    assert whole.checkpoint() == single.checkpoint()
    assert whole.counts == single.counts


@given(st.data(), SOURCES, WINDOWS)
def test_advancing_more_often_makes_no_difference(data: st.DataObject, source: list[Tick], window: Window) -> None:
    """Only receipts decide: a driver that looks late or often delivers the same list."""
    eager, lazy = (Sequencer(lateness_s=0.000_003, **window) for _ in range(2))
    often: list[Tick] = []
    rarely: list[Tick] = []
    now = START_US
    for session, shown in data.draw(deliveries(source)):
        for _ in range(data.draw(st.integers(0, 4))):
            now += 1
            often += eager.advance(now)
        often += eager.push(shown, session=session, now_us=now)
        rarely += lazy.push(shown, session=session, now_us=now)
    assert often + eager.flush() == rarely + lazy.flush()


@given(st.data(), streams(stamps=8, max_size=16, ordered=False), st.integers(1, 5))
def test_lateness(data: st.DataObject, source: list[Tick], lateness_us: int) -> None:
    """A tick waits its lateness at most; late is one that comes when a later-stamped one had waited so."""
    sequencer = Sequencer(lateness_s=lateness_us / 1_000_000)
    now = START_US
    received: dict[int | None, int] = {}
    delivered: list[Tick] = []
    for tick in source:
        now += data.draw(st.integers(0, 3))
        received[tick.trade_id] = now
        released = sequencer.push([tick], session="A", now_us=now)
        delivered += released
        due = [(out.time_us, out.trade_id) for out in released if received[out.trade_id] + lateness_us <= now]
        assert all((out.time_us, out.trade_id) <= max(due) for out in released), "not before its time"
        overdue = {id_ for id_, at in received.items() if at + lateness_us <= now}
        assert overdue <= {out.trade_id for out in delivered}
    delivered += sequencer.flush()
    assert sequencer.next_release_us is None
    for tick in delivered:
        came = received[tick.trade_id]
        assert tick.late == any(
            other.time_us > tick.time_us and received[other.trade_id] + lateness_us <= came for other in source
        )
    on_time = [(tick.time_us, tick.trade_id) for tick in delivered if not tick.late]
    assert on_time == sorted(on_time), "delivered by time, and by arrival within one stamp"


@given(st.data(), SOURCES, IDENTITIES, WINDOWS)
def test_a_restart_forgets_nothing_but_sessions(
    data: st.DataObject, source: list[Tick], identity: Identity, window: Window
) -> None:
    """Checkpoint plus tail is the state itself, wherever the checkpoint was taken."""
    steps = data.draw(deliveries(source))
    life = data.draw(lives(steps, events=("go on", "save"), identity=identity, **window))
    before = life.sequencer.checkpoint()
    life.restart()
    assert life.sequencer.checkpoint() == before


@given(st.data(), SOURCES, WAITS)
def test_what_was_held_at_a_restart_can_be_shown_again(
    data: st.DataObject, source: list[Tick], lateness_s: float
) -> None:
    """After a restart a session that shows everything brings everything that is not in the journal."""
    steps = data.draw(deliveries(source, drops=False, repeats=False))
    life = Life(identity="content", lateness_s=lateness_s)
    for step in steps:
        life.show(step, wait=data.draw(st.integers(0, 3)))
        life.happen(data.draw(st.sampled_from(EVENTS)), step[0])
    life.restart()
    life.show(("Z", source))
    life.finish()
    check_count(life.delivered, [("Z", source)])


@given(st.data(), streams(max_size=16), IDENTITIES.filter(lambda name: name != "time"))
def test_one_session_that_loses_nothing_is_the_source(
    data: st.DataObject, source: list[Tick], identity: Identity
) -> None:
    """With one session the order is the source's, and ordinals count up within each stamp."""
    published = [attrs.evolve(tick, sequence=tick.trade_id) for tick in source]
    steps = data.draw(deliveries(published, max_sessions=1, drops=False, repeats=False))
    life = data.draw(lives(steps, events=("go on",), identity=identity))
    stamps = [tick.time_us for tick in source]
    assert [(tick.trade_id, tick.ordinal, tick.late) for tick in life.delivered] == [
        (tick.trade_id, stamps[:index].count(tick.time_us), False) for index, tick in enumerate(source)
    ]


@given(st.data(), streams(symbols=["X", "Y"], max_size=16), IDENTITIES, WAITS, WINDOWS)
def test_symbols_do_not_touch_each_other(
    data: st.DataObject, source: list[Tick], identity: Identity, lateness_s: float, window: Window
) -> None:
    """What comes out for one symbol is what comes out when it is alone."""
    together, alone = (Sequencer(identity=identity, lateness_s=lateness_s, **window) for _ in range(2))
    mixed: list[Tick] = []
    only: list[Tick] = []
    now = START_US
    for session, shown in data.draw(deliveries(source)):
        now += data.draw(st.integers(0, 3))
        mixed += together.push(shown, session=session, now_us=now)
        only += alone.push([tick for tick in shown if tick.symbol == "X"], session=session, now_us=now)
    mixed += together.flush()
    only += alone.flush()
    assert [tick for tick in mixed if tick.symbol == "X"] == only
