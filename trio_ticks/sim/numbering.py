"""How pushes are numbered: what ``seq`` is, AllTick's documentation does not say."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator

from trio_ticks.model import Tick
from trio_ticks.sim.rules import service_of
from trio_ticks.sim.switches import Switches


class Numbering:
    """Numbers each tick and the order book after it; what a connection counts by itself, it counts later.

    A counter is that of a service. Order books take part in it whether or not anyone subscribes to them, so that
    the trades alone have holes.
    """

    def __init__(self, switches: Switches) -> None:
        self._kind = switches.seq
        self._counters: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))

    def numbers(self, tick: Tick, now_ms: int) -> tuple[int, int]:
        """Return the number of a tick's push, which is its own if it has one, and that of the book after it."""
        trade, book = self._next(service_of(tick.symbol), now_ms)
        return (trade if tick.sequence is None else tick.sequence), book

    def _next(self, service: str, now_ms: int) -> tuple[int, int]:
        if self._kind == "clock":
            return now_ms, now_ms
        counter = self._counters[service]
        if self._kind == "duplicate":
            number = (next(counter) + 1) // 2
            return number, number
        return next(counter), next(counter)
