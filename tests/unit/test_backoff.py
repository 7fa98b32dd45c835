"""The waits between attempts to connect."""

from __future__ import annotations

import pytest

from trio_ticks.core.backoff import Backoff


def defaults() -> Backoff:
    return Backoff(first_s=0.5, max_s=60.0, healthy_s=30.0)


def test_failures_double_the_wait_up_to_its_cap() -> None:
    """With chance 0 each wait is half of its bound: soon after a short cut, rarely when all is down."""
    backoff = defaults()
    waits = [backoff.after(None, 0.0) for _ in range(9)]
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_healthy_session_makes_the_next_failure_a_first_one() -> None:
    """After 30 s of life the wait is anywhere below the first bound, and doubling starts anew."""
    backoff = defaults()
    for _ in range(20):
        backoff.after(0.1, 0.9)
    assert backoff.after(30.0, 0.5) == 0.25
    assert backoff.after(None, 0.0) == 0.25


def test_a_session_that_was_short_resets_nothing() -> None:
    """A connect that succeeds is not health: 29.9 s of life count as another failure."""
    backoff = defaults()
    assert [backoff.after(29.9, 0.0) for _ in range(3)] == [0.25, 0.5, 1.0]


def test_what_passes_by_itself_is_waited_for_no_longer_and_leaves_no_bound_behind() -> None:
    """Under a ceiling the bound stops at it, so that the next failure of another kind does not wait for minutes."""
    backoff = defaults()
    assert [backoff.after(None, 0.0, ceiling_s=2.0) for _ in range(9)] == [0.25, 0.5, *[1.0] * 7]
    assert [backoff.after(None, 0.0) for _ in range(2)] == [1.0, 2.0]
    assert backoff.after(None, 0.0, ceiling_s=2.0) == 1.0  # the bound was higher, and stays
    assert backoff.after(None, 0.0) == 4.0


@pytest.mark.parametrize("lasted_s", [None, 0.0, 0.01, 29.9])
def test_a_peer_that_accepts_and_closes_is_not_hammered(lasted_s: float | None) -> None:
    """In an hour without a healthy session there are at most 129 attempts, whatever the luck."""
    backoff, now_s, attempts = defaults(), 0.0, 0
    while now_s < 3_600:
        attempts += 1
        now_s += (lasted_s or 0.0) + backoff.after(lasted_s, 0.0)
    assert attempts <= 129  # log2(120) + 2 + 3600 / 30, the bound in the docstring


@pytest.mark.parametrize(("first_s", "max_s"), [(0.0, 1.0), (-1.0, 1.0), (2.0, 1.0), (float("nan"), 1.0)])
def test_bounds_that_make_a_hot_loop_are_refused(first_s: float, max_s: float) -> None:
    """A first bound of zero would stay zero when doubled."""
    with pytest.raises(ValueError, match="first_s"):
        Backoff(first_s=first_s, max_s=max_s, healthy_s=1.0)
