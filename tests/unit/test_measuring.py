"""What measurements share."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.app.measuring import duration_text, percentile, this_machine


@given(st.lists(st.integers(), min_size=1), st.floats(0, 1))
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(values: list[int], share: float) -> None:
    """By its definition, for any share."""
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert share == 0 or sum(value < found for value in values) < math.ceil(share * len(values))


@pytest.mark.parametrize(
    ("us", "text"), [(0, "0 µs"), (94.6, "95 µs"), (1_234, "1.2 ms"), (23_456, "23 ms"), (2_345_678, "2.3 s")]
)
def test_a_duration_has_the_unit_that_fits(us: float, text: str) -> None:
    """Two or three digits, whatever the size."""
    assert duration_text(us) == text


def test_the_machine_is_named() -> None:
    """Each part says something, on one line."""
    machine = this_machine()
    assert all((machine.cpu, machine.system, machine.python, machine.cores))
    assert "\n" not in str(machine)
