"""What waits for stragglers leaves when it is due, in order, with what belongs before it: against a plain list."""

from __future__ import annotations

import math

import attrs
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.core.waiting import _SWEEP, Waiting
from trio_ticks.core.window import Window
from trio_ticks.model import Tick

SYMBOLS = st.sampled_from("XXY")
ADD = st.tuples(st.just("add"), SYMBOLS, st.integers(1, 6), st.integers(0, 9))
PASS = st.tuples(st.just("pass"), SYMBOLS, st.just(0), st.integers(0, 4))
THROUGH = st.tuples(st.just("through"), SYMBOLS, st.integers(0, 6), st.just(0))
LIVES = st.lists(ADD | ADD | ADD | PASS | THROUGH, max_size=60)


@attrs.define
class Entry:
    """A tick that waits."""

    symbol: str
    time_us: int
    arrival: int
    due_us: int

    @property
    def place(self) -> tuple[int, int]:
        return self.time_us, self.arrival


class Model:
    """All that waits, in one list that is searched anew each time."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def take(self, symbol: str, place: tuple[float, float]) -> list[int]:
        taken = sorted((e for e in self.entries if e.symbol == symbol and e.place <= place), key=lambda e: e.place)
        self.entries = [e for e in self.entries if e not in taken]
        return [e.arrival for e in taken]

    def due(self, now_us: float) -> list[tuple[str, list[int]]]:
        out = []
        while over := [e for e in self.entries if e.due_us <= now_us]:
            first = min(over, key=lambda e: (e.due_us, e.arrival))
            out.append((first.symbol, self.take(first.symbol, first.place)))
        return out


def arrivals(ticks: list[Tick]) -> list[int]:
    return [tick.trade_id or 0 for tick in ticks]


@given(LIVES)
def test_what_leaves_is_what_a_plain_list_says(life: list[tuple[str, str, int, int]]) -> None:
    """By due time, and within a symbol by time and arrival; whoever looks sees how much waits, and until when."""
    waiting, model, now_us = Waiting(), Model(), 100
    windows = {symbol: Window("feed", symbol) for symbol in "XY"}
    for arrival, (what, symbol, time_us, wait_us) in enumerate(life, 1):
        if what == "add":
            waiting.add(windows[symbol], Tick(symbol, time_us, 1.0, trade_id=arrival), now_us + wait_us)
            model.entries.append(Entry(symbol, time_us, arrival, now_us + wait_us))
        elif what == "pass":
            now_us += wait_us
            left = [(window.symbol, arrivals(ticks)) for window, ticks in waiting.due(now_us)]
            assert left == model.due(now_us)
        else:
            through = waiting.through(windows[symbol], time_us)
            assert arrivals(through) == model.take(symbol, (time_us, math.inf))
        assert len(waiting) == len(model.entries)
        assert waiting.next_us == min((entry.due_us for entry in model.entries), default=None)
    assert [(w.symbol, arrivals(ticks)) for w, ticks in waiting.due(math.inf)] == model.due(math.inf)


@given(st.integers(0, 3), st.integers(1, 3))
def test_what_left_early_is_not_remembered(keeping: int, leaving: int) -> None:
    """Due times that are of nobody are swept away before they are many, and those of whoever waits are kept."""
    waiting, window, other = Waiting(), Window("feed", "X"), Window("feed", "Y")
    for number in range(keeping):
        waiting.add(other, Tick("Y", number, 1.0, trade_id=number), 1_000 - number)
    for turn in range(200):
        for number in range(leaving):
            waiting.add(window, Tick("X", turn, 1.0, trade_id=number), 5_000)
        assert len(waiting._dues) <= 2 * len(waiting) + _SWEEP
        assert arrivals(waiting.through(window, turn)) == list(range(leaving))
        assert len(waiting) == keeping
    assert [arrivals(ticks) for _, ticks in waiting.due(1_000)] == ([list(range(keeping))] if keeping else [])
