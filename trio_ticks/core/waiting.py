"""Ticks that wait for stragglers before they are delivered, of all symbols.

Two orders meet here. A tick becomes *due* by its receipt. It must be *delivered* in (time, arrival) order
within its symbol. So when one is due, those of its symbol that belong before it leave with it: they gain
nothing by waiting, since whatever is delivered after it would be late. No tick waits longer than its
lateness, and the result does not depend on how often anybody looks.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_ticks.core.window import Window
    from trio_ticks.model import Tick

# Due times of ticks that left early are swept when they outnumber the others by this many. Smaller sweeps
# more often for nothing; larger only keeps some dead entries of four words each.
_SWEEP = 64


class Waiting:
    """The held ticks, by due time; each symbol's own are kept in its window, in order of delivery."""

    def __init__(self) -> None:
        self._dues: list[tuple[int, int, int, Window]] = []  # (due, arrival, stamp, window): a heap
        self._present: set[int] = set()  # arrivals that still wait; the heap may name others
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._present)

    @property
    def next_us(self) -> int | None:
        """When the next tick is due; None while none waits."""
        while self._dues and self._dues[0][1] not in self._present:
            heappop(self._dues)
        return self._dues[0][0] if self._dues else None

    def add(self, window: Window, tick: Tick, due_us: int) -> None:
        """Hold a tick until it is due."""
        self._arrivals += 1
        insort(window.held, (tick.time_us, self._arrivals, tick))
        self._present.add(self._arrivals)
        heappush(self._dues, (due_us, self._arrivals, tick.time_us, window))
        if len(self._dues) > 2 * len(self._present) + _SWEEP:
            self._dues = [due for due in self._dues if due[1] in self._present]
            heapify(self._dues)

    def due(self, now_us: float) -> Iterator[tuple[Window, list[Tick]]]:
        """Yield what is due, with what must leave before it; one window at a time."""
        while self._dues and self._dues[0][0] <= now_us:
            _, arrival, time_us, window = heappop(self._dues)
            if arrival in self._present:
                yield window, self._take(window, (time_us, arrival + 1))

    def through(self, window: Window, time_us: int) -> list[Tick]:
        """Take everything that waits in a window at or before a stamp, due or not."""
        return self._take(window, (time_us + 1, 0))

    def _take(self, window: Window, end: tuple[int, int]) -> list[Tick]:
        held = window.held
        count = bisect_left(held, end)  # arrivals differ, so that no tick is compared
        taken = held[:count]
        del held[:count]
        self._present.difference_update(arrival for _, arrival, _ in taken)
        return [tick for _, _, tick in taken]
