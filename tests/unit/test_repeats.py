"""The log's repeats: how often the same words are said."""

from __future__ import annotations

import logging
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.app.repeats import MOST_KINDS, WINDOW_S, Repeats, alike


def test_words_that_differ_in_numbers_are_alike_and_names_with_digits_are_not() -> None:
    """A duration, a price or an instant makes no new event; another line or symbol does."""
    assert alike("0A: silent for 15.0 s") == alike("0A: silent for 16 s")
    assert alike("at 12:00:01.5, 1,000 ticks") == alike("at 13:59:59.1, 7 ticks")
    assert alike("shard 0A: closed") != alike("shard 1A: closed")
    assert alike("700.HK: stale") != alike("BTCUSDT: stale")


def test_after_the_window_it_is_told_how_often_words_were_held_back() -> None:
    """Two are said, three are held back and told of once, and then it begins anew."""
    repeats = Repeats(most=2)
    said = [repeats.may_say(f"lost {number} times", logging.WARNING, float(number)) for number in range(5)]
    assert said == [True, True, False, False, False]
    assert list(repeats.over(WINDOW_S - 0.1)) == []
    [window] = repeats.over(WINDOW_S)
    assert (window.words, window.level, window.held) == ("lost 0 times", logging.WARNING, 3)
    assert list(repeats.over(WINDOW_S)) == []
    assert repeats.may_say("lost 6 times", logging.WARNING, WINDOW_S)


def test_nothing_is_told_of_words_that_were_all_said() -> None:
    """A quiet log has no lines about itself."""
    repeats = Repeats(most=2)
    repeats.may_say("once", logging.INFO, 0.0)
    assert list(repeats.over(2 * WINDOW_S)) == []


def test_ever_new_words_do_not_fill_the_memory() -> None:
    """Beyond a bound the oldest are forgotten, whatever their window, and told of where something was held back."""
    repeats = Repeats(most=1)
    for _ in range(2):
        repeats.may_say("the first", logging.INFO, 0.0)
    for number in range(MOST_KINDS):
        repeats.may_say(f"kind {chr(0x4E00 + number)}", logging.INFO, 0.0)
    assert [window.words for window in repeats.over(0.0)] == ["the first"]
    assert len(repeats._windows) == MOST_KINDS


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.0, 20.0)), max_size=200), st.integers(1, 5))
def test_every_word_is_said_or_counted(events: list[tuple[str, float]], most: int) -> None:
    """Said and held back are all there were, and never more than so many are said in a window."""
    repeats = Repeats(most=most)
    now_s, said, held = 0.0, Counter[str](), Counter[str]()
    instants: dict[str, list[float]] = {"a": [], "b": [], "c": []}
    for word, later_s in events:
        now_s += later_s
        for window in repeats.over(now_s):
            held[window.words] += window.held
        if repeats.may_say(word, 0, now_s):
            said[word] += 1
            instants[word].append(now_s)
    for window in repeats.over(now_s, all_of_them=True):
        held[window.words] += window.held
    assert said + held == Counter(word for word, _ in events)
    for times in instants.values():
        for first, beyond in zip(times, times[2 * most :], strict=False):  # a window may end and another begin
            assert beyond - first >= WINDOW_S
