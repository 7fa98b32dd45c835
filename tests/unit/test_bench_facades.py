"""The comparison of the facades: its sums."""

from __future__ import annotations

import pytest

from bench.clients import FACADES
from bench.facades import NATIVE, Round, ratios


def test_ratios_are_taken_within_a_round() -> None:
    """A round in which the machine was slow for everybody weighs as much as any other."""
    quiet, slow = Round(100.0, 10.0, 50.0, 90.0), Round(10.0, 100.0, 500.0, 900.0)
    rounds = {NATIVE: [quiet, slow, quiet], "aio": [Round(50.0, 20.0, 100.0, 90.0), Round(5.0, 200.0, 1000.0, 900.0)]}
    rounds["aio"].append(rounds["aio"][0])
    found = ratios(rounds)
    assert found[NATIVE] == dict.fromkeys(("ticks_per_s", "cpu_us", "p50_us", "p99_us"), 1.0)
    assert found["aio"] == pytest.approx({"ticks_per_s": 0.5, "cpu_us": 2.0, "p50_us": 2.0, "p99_us": 1.0})
    assert NATIVE in FACADES
