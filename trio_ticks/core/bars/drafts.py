"""A bar in the making: what is kept of its ticks.

Ticks are put by and worked in together, some dozens at a time, because a loop of bytecode for each costs more than
all the arithmetic. Open and close are the first and the last tick by (time, arrival), so a late one may still change
the open. Volume and the sum behind the VWAP are kept as two floats, the sum and what it lacks, added by `math.fsum`:
some 32 digits. All of it depends on the order of the ticks, and not on how they were batched.
"""

from __future__ import annotations

import math
import operator
from typing import Final

from trio_ticks.model import Bar, Tick

# Ticks that are put by for each bar in the making: 30 KB of them. With more, the bars of many symbols would hold much
# memory; with few, working them in costs more for each.
_PUT_BY: Final = 128


class Draft:
    """The bar of one interval, as far as its ticks are known. Plain and slotted: `add` is called for each tick.

    Args:
        start_us: Where the interval begins.
        end_us: Where it ends.
        price: All four prices while there is no tick.
        complete: Nothing is known to be missing.
    """

    __slots__ = (
        "_count",
        "_products",
        "_put_by",
        "_unsized",
        "_unsized_prices",
        "_volumes",
        "close",
        "complete",
        "end_us",
        "first_us",
        "high",
        "last_us",
        "low",
        "open",
        "start_us",
    )

    def __init__(self, *, start_us: int, end_us: int, complete: bool, price: float = 0.0) -> None:
        self.start_us = start_us
        self.end_us = end_us
        self.first_us = self.last_us = start_us
        self.open = self.high = self.low = self.close = price
        self.complete = complete
        self._put_by: list[Tick] = []
        self._count = 0
        self._volumes: tuple[float, ...] = ()  # two floats that stand for the sum of all; so below
        self._products: tuple[float, ...] = ()
        self._unsized = 0
        self._unsized_prices: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        """How many ticks there are."""
        return self._count + len(self._put_by)

    def add(self, tick: Tick) -> None:
        """Take a tick. What the attributes say of it is true after `settle`."""
        put_by = self._put_by
        put_by.append(tick)
        if len(put_by) >= _PUT_BY:
            self.settle()

    def settle(self) -> None:
        """Work in what was put by."""
        ticks, self._put_by = self._put_by, []
        if not ticks:
            return
        prices = [tick.price for tick in ticks]
        self._settle_prices(prices, [tick.time_us for tick in ticks])
        volumes = [tick.volume for tick in ticks]
        self._volumes = _added(self._volumes, volumes)
        self._products = _added(self._products, list(map(operator.mul, prices, volumes)))
        if not all(volumes):
            unsized = [price for price, volume in zip(prices, volumes, strict=True) if not volume]
            self._unsized += len(unsized)
            self._unsized_prices = _added(self._unsized_prices, unsized)
        self._count += len(ticks)

    def _settle_prices(self, prices: list[float], times_us: list[int]) -> None:
        first_us, last_us, high, low = min(times_us), max(times_us), max(prices), min(prices)
        empty = not self._count
        if empty or first_us < self.first_us:  # of equals, the first that arrived
            self.open, self.first_us = prices[times_us.index(first_us)], first_us
        if empty or last_us >= self.last_us:  # of equals, the last
            self.close, self.last_us = prices[-1 - times_us[::-1].index(last_us)], last_us
        self.high = high if empty else max(self.high, high)
        self.low = low if empty else min(self.low, low)

    def reprice(self, price: float) -> None:
        """Set the prices of an interval without ticks."""
        self.open = self.high = self.low = self.close = price

    def bar(self, symbol: str, feed: str, *, complete: bool, revised: bool = False) -> Bar:
        """Return it as it is given out, once it is settled."""
        return Bar(
            symbol,
            self.start_us,
            self.end_us,
            self.open,
            self.high,
            self.low,
            self.close,
            _total(self._volumes),
            self._count,
            complete,
            feed,
            self._vwap(),
            revised,
        )

    def _vwap(self) -> float:
        volume = _total(self._volumes)
        if volume:
            mean = _total(self._products) / volume
        elif self._unsized and self._unsized == self._count:
            mean = _total(self._unsized_prices) / self._count
        else:  # no tick, or sizes that cancel out
            mean = self.close
        # The division rounds: it may come out one digit outside of what all prices were.
        return min(max(mean, self.low), self.high)


def _total(values: tuple[float, ...] | list[float]) -> float:
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):  # beyond what floats can hold; infinities of both signs
        return sum(values)


def _added(sums: tuple[float, ...], values: list[float]) -> tuple[float, ...]:
    """Return two floats for the sum of all: itself, and what it lacks."""
    parts = [*sums, *values]
    total = _total(parts)
    if not math.isfinite(total):
        return (total,)
    parts.append(-total)
    return total, _total(parts)
