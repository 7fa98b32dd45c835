"""The law of backoff, for any history of sessions and any luck."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.core.backoff import Backoff

CHANCES = st.floats(0, 1, exclude_max=True)
HISTORY = st.lists(st.tuples(st.none() | st.floats(0, 100), CHANCES), max_size=80)


@given(HISTORY, st.floats(0.01, 10), st.floats(0, 10), st.floats(0.01, 100))
def test_each_wait_lies_in_its_band(
    history: list[tuple[float | None, float]], first_s: float, doublings: float, healthy_s: float
) -> None:
    """The n-th failure in a row waits between half and the whole of min(max_s, first_s * 2 ** (n - 1))."""
    max_s = first_s * 2**doublings
    backoff = Backoff(first_s=first_s, max_s=max_s, healthy_s=healthy_s)
    failures = 0
    for lasted_s, chance in history:
        wait = backoff.after(lasted_s, chance)
        if lasted_s is not None and lasted_s >= healthy_s:
            failures = 0
            assert wait == first_s * chance
        else:
            failures += 1
            bound_s = min(max_s, first_s * 2 ** (failures - 1))
            assert bound_s / 2 <= wait <= bound_s
