"""Ages: whatever the histogram says is true to within its bucket, and every tick is in it once."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.core.ages import BOUNDS_US, AgeCounts, Ages, sum_of
from trio_ticks.model import Record, Status, Tick

AT_BOUNDS = st.builds(lambda bound, by: bound + by, st.sampled_from(BOUNDS_US), st.integers(-1, 1))
NOTED = st.lists(st.tuples(st.integers(-1_000, 1 << 40) | AT_BOUNDS, st.integers(1, 500)), max_size=60)
SHARES = st.sampled_from([0.25, 0.5, 1.0]) | st.floats(0.01, 1.0)


def filled(noted: list[tuple[int, int]]) -> AgeCounts:
    ages = Ages()
    for age_us, ticks in noted:
        ages.note(age_us, ticks)
    return ages.counts()


@given(NOTED)
def test_every_tick_is_in_the_bucket_of_its_age(noted: list[tuple[int, int]]) -> None:
    """Below each bound are exactly the ticks that are no older; bounds are inclusive, as Prometheus has them."""
    counts = filled(noted)
    for place, bound in enumerate(BOUNDS_US):
        assert sum(counts.counts[: place + 1]) == sum(ticks for age_us, ticks in noted if age_us <= bound)
    assert counts.count == sum(ticks for _, ticks in noted)
    assert counts.sum_us == sum(max(age_us, 1) * ticks for age_us, ticks in noted)


@given(NOTED.filter(bool), SHARES)
def test_a_quantile_lies_in_the_bucket_of_the_true_one(noted: list[tuple[int, int]], share: float) -> None:
    """So it is off by a factor of two at the most, where the ages are within the bounds."""
    expanded = sorted(age_us for age_us, ticks in noted for _ in range(ticks))
    true_us = expanded[math.ceil(share * len(expanded) - 1e-9) - 1]
    found_us = filled(noted).quantile_us(share)
    assert found_us is not None
    above = next((place for place, bound in enumerate(BOUNDS_US) if true_us <= bound), len(BOUNDS_US))
    low = BOUNDS_US[above - 1] if above else 0
    assert low <= found_us <= BOUNDS_US[min(above, len(BOUNDS_US) - 1)]


@pytest.mark.parametrize("age_us", [BOUNDS_US[-1] + 1, 2 * BOUNDS_US[-1], 2 * BOUNDS_US[-1] + 1, 1 << 60])
def test_whatever_is_older_than_the_last_bound_is_behind_it(age_us: int) -> None:
    """However much older."""
    assert filled([(age_us, 3)]).counts[-1] == 3


@pytest.mark.parametrize(("low_us", "high_us"), [(0, 16), (16, 32), (1 << 26, 1 << 27)])
@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_within_a_bucket_a_quantile_is_by_proportion(low_us: int, high_us: int, share: float) -> None:
    """Half of the ticks of one bucket are no older than its middle, all of them than its bound."""
    assert filled([(high_us, 4)]).quantile_us(share) == low_us + (high_us - low_us) * share


@given(NOTED, NOTED)
def test_a_sum_is_what_one_histogram_would_have_counted(
    some: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    """Histograms of several sinks are one."""
    assert sum_of([filled(some), filled(others)]) == filled(some + others)


def test_without_a_tick_there_is_no_age() -> None:
    """Nothing is made up."""
    assert filled([]).quantile_us(0.5) is None
    assert sum_of([]) == AgeCounts()


@pytest.mark.parametrize("before", [[], [Status("connected", 1)]])
def test_a_batch_is_as_old_as_its_first_tick(before: list[Record]) -> None:
    """One look for all of it; what else is in it is of no age, and a batch without a tick is not counted."""
    ages = Ages()
    ages.note_batch([*before, Tick("X", 1, 1.0, received_us=1_000), Tick("X", 1, 1.0, received_us=2_000)], 2, 3_000)
    assert (ages.counts().count, ages.counts().sum_us) == (2, 2 * 2_000)
    ages.note_batch([Status("connected", 1)], 1, 3_000)
    assert ages.counts().count == 2
