"""The recent prices of one symbol, in bounded room: every turn near the present, the outline of what is longer ago.

A line on a screen looks the same when of many points in one column only the first, the lowest, the highest and the
last are drawn, in their order. So of each turn no more than these four are kept, and when a trace is full, of every
eight points of its older half these four. What is old gets coarser, and no high or low is ever lost.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import attrs

MOST = 2_000
"""Points that a trace may hold, 16 bytes each: some more than a wide screen has columns."""

FINE = MOST // 2
"""So many of the newest are never thinned."""

TOGETHER = 8
"""Points of which four are left where a trace is thinned."""

WAITING = 4_096
"""Points of one turn that are held before their outline is taken; they are a few milliseconds' worth at the most."""


@attrs.frozen
class Points:
    """Points of a trace.

    Attributes:
        times_us, prices: Of each.
        reset: They are all there are, not what came behind those that were had before.
    """

    times_us: Sequence[int]
    prices: Sequence[float]
    reset: bool


class Trace:
    """See the top of this module.

    Attributes:
        told: How many points were ever kept: what `since` is asked with.
    """

    def __init__(self) -> None:
        self.told = 0
        self._times = array("q")
        self._prices = array("d")
        self._fresh_times: list[int] = []
        self._fresh_prices: list[float] = []

    def __len__(self) -> int:
        return len(self._times)

    def add(self, time_us: int, price: float) -> None:
        """Take a price in. It is seen after the turn."""
        self._fresh_times.append(time_us)
        self._fresh_prices.append(price)
        if len(self._fresh_times) >= WAITING:
            self.turn()

    def turn(self) -> None:
        """Keep the outline of what was added since the last turn."""
        times, prices = self._fresh_times, self._fresh_prices
        if not times:
            return
        for place in outline(prices):
            self._times.append(times[place])
            self._prices.append(prices[place])
            self.told += 1
        times.clear()
        prices.clear()
        if len(self._times) > MOST:
            self._thin()

    def since(self, told: int | None) -> Points:
        """Return what was kept since ``told`` was so much; None, or too long ago: all there is."""
        count = None if told is None else self.told - told
        if count is None or count > min(FINE, len(self._times)):
            return Points(self._times.tolist(), self._prices.tolist(), reset=True)
        start = len(self._times) - count
        return Points(self._times[start:].tolist(), self._prices[start:].tolist(), reset=False)

    def _thin(self) -> None:
        older = len(self._times) - FINE
        kept = [
            start + place
            for start in range(0, older, TOGETHER)
            for place in outline(self._prices[start : min(start + TOGETHER, older)])
        ]
        self._times[:older] = array("q", [self._times[place] for place in kept])
        self._prices[:older] = array("d", [self._prices[place] for place in kept])


def outline(prices: Sequence[float]) -> list[int]:
    """Return the places of the first, the lowest, the highest and the last of some prices, in their order."""
    if len(prices) <= 4:  # noqa: PLR2004 - the four
        return list(range(len(prices)))
    return sorted({0, prices.index(min(prices)), prices.index(max(prices)), len(prices) - 1})
