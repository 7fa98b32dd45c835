"""What a restart finds is what there was: marks and the tail of the journal, cut off at any commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias

import attrs
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from trio_ticks.core.coverage import Coverage
from trio_ticks.core.saving import Saving, coverage_of, last_round, tail_begins, was_stopped, windows_of
from trio_ticks.core.sequencer import Sequencer
from trio_ticks.model import Tick
from trio_ticks.testing import START_US, check_identity, ticks

FEED = "a/b"
"""A slash is what the keys of marks are made with."""


@attrs.frozen
class Step:
    """So long after the last one a session shows some ticks; what came of it may be committed at once, or later.

    Or the engine crashes after it, and another goes on from the journal.
    """

    wait_us: int
    session: str
    shown: list[Tick]
    commits: bool
    crashes: bool


steps = st.lists(
    st.builds(
        Step,
        wait_us=st.integers(0, 4),
        session=st.sampled_from("AB"),
        shown=st.lists(ticks(symbols=["X", "Y/Z", "Z"], stamps=6, prices=[1.0, 2.0], volumes=[1.0]), max_size=5),
        commits=st.booleans(),
        crashes=st.sampled_from([False, False, True]),
    ),
    max_size=16,
)

SETTINGS = st.fixed_dictionaries(
    {
        "identity": st.sampled_from(["content", "time"]),
        "window_s": st.sampled_from([10.0, 0.000_002, 0.0]),
        "window_ticks": st.sampled_from([4096, 3, 1]),
    }
)


@attrs.frozen
class Mark:
    """As the journal keeps it."""

    behind: int
    position: int
    payload: bytes


Windows: TypeAlias = dict[tuple[str, str], tuple[Any, ...]]


def memory(sequencer: Sequencer) -> Windows:
    """Return what a sequencer remembers, however it is arranged."""
    return {
        (window["feed"], window["symbol"]): (
            window["floor_us"],
            window["high_us"],
            window["newest_us"],
            window["id_floor"],
            {
                time_us: (size, Counter({repr(key): n for key, n in copies}))
                for time_us, size, copies in window["stamps"]
            },
        )
        for window in sequencer.checkpoint()["symbols"]
    }


class Life:
    """A sequencer that is saved by turns, and a journal of whole commits."""

    def __init__(self, settings: dict[str, Any], *, rounds_s: float, entries: int) -> None:
        self.settings = settings
        self.rounds_s, self.entries = rounds_s, entries
        self.now_us = START_US
        self.batches: list[list[Tick]] = []
        self.marks: dict[str, Mark] = {}
        self.most = 0
        self.begin()

    def begin(self) -> None:
        """Begin a life on what is in the journal; what was not committed is lost."""
        self.sequencer = self.restart()
        self.saving = Saving(
            {FEED: self.sequencer},
            {FEED: Coverage(feed=FEED)},
            rounds_s=self.rounds_s,
            entries=self.entries,
            rounds={FEED: last_round(self.marks, FEED)},
        )
        self.open: list[Tick] = []
        self.open_marks: dict[str, bytes] = {}

    def play(self, step: Step) -> None:
        self.now_us += step.wait_us
        shown = [attrs.evolve(tick, feed=FEED, received_us=self.now_us) for tick in step.shown]
        self.open += self.sequencer.push(shown, session=step.session, now_us=self.now_us)
        if self.saving.due(self.now_us):
            marks = self.saving.step(self.now_us)
            self.most = max(self.most, sum(key.startswith("window/") for key in marks))
            self.open_marks.update(marks)

    def commit(self) -> None:
        behind = len(self.batches)
        if self.open:
            self.batches.append(self.open)
        self.marks |= {key: Mark(behind, len(self.batches), payload) for key, payload in self.open_marks.items()}
        self.open, self.open_marks = [], {}

    def restart(self) -> Sequencer:
        """Return the sequencer that goes on from what is in the journal now."""
        tail = self.batches[tail_begins(self.marks, FEED) :]
        event(f"tail: {len(tail)} of {len(self.batches)}")
        saved = Sequencer(**self.settings).checkpoint_of(windows_of(self.marks, FEED))
        return Sequencer.restore(saved, [tick for batch in tail for tick in batch], **self.settings)


def play(script: Sequence[Step], life: Life) -> Sequence[Tick]:
    """Play a script, with a restart tried at each commit; return what was lost with the last, uncommitted steps."""
    for step in script:
        life.play(step)
        if step.commits:
            life.commit()
            assert memory(life.restart()) == memory(life.sequencer)
        if step.crashes:
            life.begin()
    return life.open


@given(steps, SETTINGS, st.sampled_from([0.000_002, 0.000_01, 1.0]), st.sampled_from([1, 3, 1_000]))
def test_after_any_commit_marks_and_tail_are_the_sequencer(
    script: list[Step], settings: dict[str, Any], rounds_s: float, entries: int
) -> None:
    """Wherever the journal ends, a restart remembers what the engine did, no more and no less."""
    play(script, Life(settings, rounds_s=rounds_s, entries=entries))


@given(steps, SETTINGS, st.sampled_from([0.000_002, 1.0]))
def test_a_vendor_that_repeats_everything_after_a_crash_adds_only_what_was_lost(
    script: list[Step], settings: dict[str, Any], rounds_s: float
) -> None:
    """No tick of the journal comes twice, whatever was lost; no ordinal is given twice over the journal's life."""
    life = Life(settings, rounds_s=rounds_s, entries=1)
    play(script, life)
    kept = [tick for batch in life.batches for tick in batch]
    shown = [tick for step in script for tick in step.shown]
    again = [attrs.evolve(tick, feed=FEED, received_us=life.now_us) for tick in dict.fromkeys(shown)]
    fresh = life.restart().push(again, session="C", now_us=life.now_us)
    check_identity([*kept, *fresh])
    assert not {identity(tick) for tick in kept} & {identity(tick) for tick in fresh}


def identity(tick: Tick) -> tuple[Any, ...]:
    return tick.symbol, tick.time_us, tick.price, tick.volume, tick.side


@given(steps, SETTINGS)
def test_a_step_saves_no_more_than_it_should(script: list[Step], settings: dict[str, Any]) -> None:
    """The cost of a step is bounded: with room for one entry it saves one symbol."""
    life = Life(settings, rounds_s=0.000_01, entries=1)
    play(script, life)
    assert life.most <= 1


@given(steps, SETTINGS)
def test_a_clean_stop_leaves_nothing_to_read_back(script: list[Step], settings: dict[str, Any]) -> None:
    """After the last marks everything is in them: the tail is what was committed with them, or nothing."""
    life = Life(settings, rounds_s=0.000_01, entries=1)
    play(script, life)
    life.open_marks.update(life.saving.last())
    behind = len(life.batches)
    life.commit()
    assert tail_begins(life.marks, FEED) == behind
    assert was_stopped(life.marks, FEED)
    assert memory(life.restart()) == memory(life.sequencer)


def test_feeds_do_not_share_marks() -> None:
    """What one feed's marks say is not taken for another's, whatever characters their names have."""
    sequencers = {name: Sequencer() for name in ("a", "a/b", "a/b/c")}
    for name, sequencer in sequencers.items():
        for symbol in ("c", "b/c"):
            sequencer.push([Tick(symbol, START_US, 1.0, feed=name)], session=1, now_us=START_US)
    saving = Saving(sequencers, {name: Coverage(feed=name) for name in sequencers}, rounds_s=1.0)
    marks = {key: Mark(0, 1, payload) for key, payload in saving.last().items()}
    for name in sequencers:
        found = [(window["feed"], window["symbol"]) for window in windows_of(marks, name)]
        assert sorted(found) == [(name, "b/c"), (name, "c")]
        assert coverage_of(marks, name) != (None, 0)
    assert coverage_of(marks, "b") == (None, 0)


def test_a_feed_that_was_away_goes_on_from_its_own_round() -> None:
    """Rounds of an engine without a feed do not move the place from which that feed's tail is read."""
    one = Saving({"one": Sequencer()}, {"one": Coverage(feed="one")}, rounds_s=1.0)
    two = Saving({"two": Sequencer()}, {"two": Coverage(feed="two")}, rounds_s=1.0)
    marks = {key: Mark(7, 8, payload) for key, payload in one.step(START_US).items()}
    marks |= {key: Mark(90, 91, payload) for key, payload in two.last().items()}
    assert (tail_begins(marks, "one"), tail_begins(marks, "two"), tail_begins(marks, "three")) == (7, 90, 0)
    assert (was_stopped(marks, "one"), was_stopped(marks, "two")) == (False, True)


def saving_of(symbols: int, *, entries: int) -> Saving:
    """Return a saving whose round is a second, with so many symbols of two entries each."""
    sequencer = Sequencer()
    shown = [Tick(f"S{n}", START_US, price, feed=FEED) for n in range(symbols) for price in (1.0, 2.0)]
    sequencer.push(shown, session=1, now_us=START_US)
    return Saving({FEED: sequencer}, {FEED: Coverage(feed=FEED)}, rounds_s=1.0, entries=entries)


@pytest.mark.parametrize(("entries", "symbols"), [(1, 1), (3, 1), (4, 2), (6, 2), (7, 3)])
def test_a_step_saves_symbols_until_it_has_its_entries(entries: int, symbols: int) -> None:
    """A symbol counts for one more than it has entries, so that quiet ones cost something, too."""
    marks = saving_of(4, entries=entries).step(START_US)
    assert sum(key.startswith("window/") for key in marks) == symbols


def test_the_steps_of_a_round_are_spread_and_the_next_one_waits_for_its_time() -> None:
    """Three symbols are done in half of the round; the rest is kept for longer windows."""
    saving, now_us = saving_of(3, entries=1), START_US
    assert saving.due(now_us)
    for _ in range(2):
        saving.step(now_us)
        assert not saving.due(now_us + 124_999)
        now_us += 125_000
        assert saving.due(now_us)
    saving.step(now_us)
    assert not saving.due(START_US + 999_999)
    assert saving.due(START_US + 1_000_000)


def test_a_round_that_took_too_long_is_followed_by_the_next_at_once() -> None:
    """But not in the same instant: the market goes on between two steps."""
    saving = saving_of(2, entries=1)
    saving.step(START_US)
    later_us = START_US + 5_000_000
    saving.step(later_us)
    assert not saving.due(later_us)
    assert saving.due(later_us + 1)


def test_each_round_saves_what_has_changed_and_moves_the_place_to_read_from() -> None:
    """A symbol that stood still is not written again; the coverage always is."""
    sequencer, coverage = Sequencer(lateness_s=0.5), Coverage(feed=FEED)
    saving = Saving({FEED: sequencer}, {FEED: coverage}, rounds_s=1.0)
    coverage.live("A", ["X", "Y"], START_US)
    sequencer.push([Tick(name, START_US, 1.0, feed=FEED) for name in "XY"], session=1, now_us=START_US)
    sequencer.advance(START_US + 500_000)
    marks: dict[str, Mark] = {}
    for position, symbols in enumerate([{"X", "Y"}, {"X"}, set[str]()]):
        now_us = START_US + position * 2_000_000
        saved = saving.step(now_us)
        assert {key.rpartition("/")[2] for key in saved if key.startswith("window/")} == symbols
        assert all(type(payload) is bytes for payload in saved.values()), "as a journal keeps them"
        marks |= {key: Mark(position, position + 1, payload) for key, payload in saved.items()}
        assert tail_begins(marks, FEED) == position
        state = {**coverage.save(), "held_since_us": None, "lateness_us": 500_000}
        assert coverage_of(marks, FEED) == (state, position + 1)
        if position == 0:
            sequencer.push([Tick("X", now_us, 2.0, feed=FEED)], session=1, now_us=now_us)
            sequencer.flush()


def test_a_symbol_of_which_there_is_nothing_to_save_costs_one_entry() -> None:
    """Whatever is held is in no mark, and yet to look at it is work."""
    sequencer = Sequencer(lateness_s=5)
    sequencer.push([Tick(name, START_US, 1.0, feed=FEED) for name in "XYZ"], session=1, now_us=START_US)
    for entries, is_finished in ((2, False), (3, True)):
        saving = Saving({FEED: sequencer}, {FEED: Coverage(feed=FEED)}, rounds_s=1.0, entries=entries)
        marks = saving.step(START_US)
        assert not any(key.startswith("window/") for key in marks)
        assert any(key.startswith("round/finished/") for key in marks) is is_finished
