"""A fast clock is seen from prices that all look old, and from nothing less."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from trio_ticks.core.clock_watch import NEEDED, OLD_US, ClockWatch
from trio_ticks.model import Tick

NOW_US = 1_700_000_000_000_000
OLD, FRESH = OLD_US + 1, OLD_US


def told(ages_us: Sequence[int], *, symbols: int = 1, feed: str = "f") -> list[float]:
    watch = ClockWatch(["f"])
    ticks = [
        Tick(f"S{n % symbols}", NOW_US - age, 1.0, feed=feed, received_us=NOW_US) for n, age in enumerate(ages_us)
    ]
    return [behind_s for tick in ticks if (behind_s := watch.look(tick)) is not None]


@pytest.mark.parametrize(
    ("ages_us", "symbols", "expected"),
    [
        ([OLD] * (NEEDED + 1), 1, [OLD / 1e6]),
        ([OLD] * (3 * NEEDED), 1, [OLD / 1e6]),
        ([OLD] * NEEDED, 1, []),
        ([3_600_000_000, *[OLD + n for n in range(NEEDED)]], 1, [OLD / 1e6]),
        ([OLD] * (NEEDED - 1) + [FRESH] + [OLD] * 100, 1, []),
        ([OLD] * 100, 100, []),
    ],
)
def test_all_of_the_first_repeated_ticks_have_to_be_old(
    ages_us: Sequence[int], symbols: int, expected: list[float]
) -> None:
    """Told once, with the least age; a single fresh one clears the clock, and first ticks prove nothing."""
    assert told(ages_us, symbols=symbols) == expected


def test_another_feed_is_not_looked_at() -> None:
    """A relay brings ticks of feeds that are not this machine's."""
    assert told([OLD] * 100, feed="other") == []


def test_it_is_over_once_every_feed_has_shown_itself() -> None:
    """From then on it costs nothing."""
    watch = ClockWatch(["a", "b"])
    for feed, age_us in (("a", 0), ("b", 3_600_000_000)):
        assert not watch.is_over
        for _ in range(NEEDED + 1):
            watch.look(Tick("S", NOW_US - age_us, 1.0, feed=feed, received_us=NOW_US))
    assert watch.is_over
