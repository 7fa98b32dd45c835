"""Whatever a vendor refuses is found, and whatever it takes is subscribed."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from trio_ticks.core.suspects import Suspects

SYMBOLS = [f"S{number}" for number in range(12)]
SOME = st.lists(st.sampled_from(SYMBOLS), max_size=6)


@given(st.sets(st.sampled_from(SYMBOLS), min_size=1), st.sets(st.sampled_from(SYMBOLS)))
def test_the_offenders_are_found_and_the_rest_is_subscribed(symbols: set[str], bad: set[str]) -> None:
    """In a bounded number of questions every bad symbol is named and every other one is in force."""
    search = Suspects(sorted(symbols))
    offenders = symbols & bad
    k = max(len(offenders), 1)
    in_force: tuple[str, ...] = ()
    questions = 0
    while not search.is_settled:
        questions += 1
        assert questions <= 2 * k * (math.log2(len(symbols) / k) + 2) + 2
        asked = search.ask()
        if bad & set(asked):
            search.refused()
        else:
            in_force = asked
            search.accepted()
    assert set(search.bad) == offenders
    assert set(in_force) == set(search.good) == symbols - bad


@given(st.integers(1, 200))
def test_without_offenders_one_question_is_enough(count: int) -> None:
    """The search costs nothing where there is nothing to find."""
    search = Suspects(range_of(count))
    assert len(search.ask()) == count
    search.accepted()
    assert search.is_settled


@given(st.integers(1, 200), st.data())
def test_one_offender_among_many_is_found_by_halving(count: int, data: st.DataObject) -> None:
    """Wherever it stands in the list, in two questions for each halving."""
    search = Suspects(range_of(count))
    bad = f"S{data.draw(st.integers(0, count - 1))}"
    questions = 0
    while not search.is_settled:
        questions += 1
        assert questions <= 2 * (math.log2(count) + 2) + 2
        if bad in search.ask():
            search.refused()
        else:
            search.accepted()
    assert search.bad == (bad,)


def range_of(count: int) -> list[str]:
    return [f"S{number}" for number in range(count)]


def test_after_a_refusal_the_list_before_may_still_be_in_force() -> None:
    """Even where nothing is wanted any more that has to be said, or the vendor goes on with what it has."""
    search = Suspects(["GOOD"])
    search.ask()
    search.accepted()
    search.remove(["GOOD"])
    search.add(["BAD"])
    assert search.ask() == ("BAD",)
    assert search.refused() == ("BAD",)
    assert not search.is_settled
    assert search.ask() == ()
    search.accepted()
    assert search.is_settled


def test_a_vendor_that_refuses_no_symbols_at_all_is_not_asked_for_ever() -> None:
    """An empty list has no offender, and refused or not, nothing is subscribed."""
    search = Suspects(["BAD"])
    search.ask()
    search.refused()
    assert search.ask() == ()
    assert search.refused() == ()
    assert search.is_settled


def test_it_knows_a_list_that_it_has_asked_for_before() -> None:
    """That one is refused for another reason than a symbol. One with a suspect, or without symbols, is another."""
    search = Suspects(["A", "B"])
    repeating = []
    for more in ([], [], ["C"], []):
        search.add(more)
        search.repeat()
        assert not search.is_settled
        search.ask()
        repeating.append(search.is_repeating)
        search.accepted()
        assert search.is_settled
    assert repeating == [False, True, False, True]
    nothing = Suspects([])
    nothing.ask()
    assert not nothing.is_repeating


class Subscribing(RuleBasedStateMachine):
    """Changes of what is wanted, at any moment of the search, against a vendor that remembers one list."""

    def __init__(self) -> None:
        super().__init__()
        self.search = Suspects([])
        self.wanted: set[str] = set()
        self.vendor: tuple[str, ...] = ()
        self.bad = frozenset(SYMBOLS[::5])
        self.asked: tuple[str, ...] | None = None

    @rule(symbols=SOME)
    def add(self, symbols: list[str]) -> None:
        self.search.add(symbols)
        self.wanted |= set(symbols)

    @rule(symbols=SOME)
    def remove(self, symbols: list[str]) -> None:
        self.search.remove(symbols)
        self.wanted -= set(symbols)

    @precondition(lambda self: self.asked is None and not self.search.is_settled)
    @rule()
    def ask(self) -> None:
        self.asked = self.search.ask()

    @precondition(lambda self: self.asked is not None)
    @rule()
    def answer(self) -> None:
        assert self.asked is not None
        if self.bad & set(self.asked):
            self.search.refused()
        else:
            self.vendor = self.asked
            self.search.accepted()
        self.asked = None

    @invariant()
    def nothing_good_is_called_bad(self) -> None:
        """Only what the vendor refuses alone is an offender."""
        assert set(self.search.bad) <= self.bad

    @invariant()
    def what_is_good_was_accepted_and_is_wanted(self) -> None:
        """A symbol is good only once the vendor has taken it, and only while it is wanted."""
        assert set(self.search.good) <= self.wanted - self.bad

    @invariant()
    def settled_means_subscribed(self) -> None:
        """When nothing is left to ask, the vendor sends exactly what is wanted and possible."""
        if self.search.is_settled and self.asked is None:
            assert set(self.vendor) == self.wanted - self.bad

    def teardown(self) -> None:
        """However it went, the search comes to an end."""
        for _ in range(100):
            if self.asked is not None:
                self.answer()
            elif not self.search.is_settled:
                self.ask()
        assert self.search.is_settled
        assert set(self.vendor) == self.wanted - self.bad


TestSubscribing = Subscribing.TestCase
