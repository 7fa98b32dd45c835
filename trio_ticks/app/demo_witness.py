"""Who missed what: the demo publishes the ticks itself, so it knows every one of them.

Each published tick carries a number of its own on the wire. What the engine's strategy is handed is struck off by
that number; what was published in a gap that the strategy was told of counts as named, unless it comes after all:
a gap ends with the first frame that is received, and what was sent just before arrives with it. The rest is still on
its way, and at the end there must be none.
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Iterable

import attrs

from trio_ticks.model import Gap, Tick

ON_ITS_WAY_US = 250_000
"""A tick counts as missed on the screen when it has not come after so long. Loopback takes a few milliseconds; less
would show what is on its way as missed, more would only show it later."""

_MAY_STILL_COME = 10_000
"""Ticks after which one that was named is taken as missed for good; a minute of them."""


@attrs.frozen
class _Sent:
    symbol: str
    at_us: int


class Witness:
    """The count of what was published, and of what became of it at the engine.

    Attributes:
        published: Ticks, since both sides were subscribed.
        delivered: Distinct ones that reached the strategy.
        named: Those that did not, and were published in a gap the strategy was told of, by the gap's cause.
        newest_us: When the newest of those delivered was published.
    """

    def __init__(self) -> None:
        self.published = self.delivered = 0
        self.named = Counter[str]()
        self.newest_us = 0
        self._open: dict[int, _Sent] = {}
        self._lost: dict[int, tuple[_Sent, str]] = {}
        self._totals: deque[tuple[int, int]] = deque()

    @property
    def unaccounted(self) -> int:
        """Ticks that were neither delivered nor named, yet."""
        return len(self._open)

    def publish(self, ticks: Iterable[Tick], at_us: int) -> list[Tick]:
        """Note what is published now; return it with its numbers."""
        numbered = []
        for number, tick in enumerate(ticks, start=self.published):
            numbered.append(attrs.evolve(tick, sequence=number))
            self._open[number] = _Sent(tick.symbol, at_us)
        self.published += len(numbered)
        self._totals.append((at_us, self.published))
        return numbered

    def strike(self, tick: Tick) -> None:
        """Note that a tick reached the strategy."""
        sent = None if tick.sequence is None else self._take(tick.sequence)
        if sent is not None:
            self.delivered += 1
            self.newest_us = max(self.newest_us, sent.at_us)

    def name(self, gap: Gap) -> None:
        """Note a gap that the strategy was told of."""
        for number, sent in list(self._open.items()):
            if gap.symbol in {None, sent.symbol} and gap.start_us <= sent.at_us <= gap.end_us:
                self._lost[number] = self._open.pop(number), gap.cause
                self.named[gap.cause] += 1
        while self._lost and (oldest := next(iter(self._lost))) < self.published - _MAY_STILL_COME:
            del self._lost[oldest]

    def _take(self, number: int) -> _Sent | None:
        """Take a number off the lists, if it is on one."""
        if number in self._lost:
            sent, cause = self._lost.pop(number)
            self.named[cause] -= 1
            return sent
        return self._open.pop(number, None)

    def overdue(self, now_us: int) -> int:
        """Return how many of the unaccounted ticks should have come by now."""
        return sum(
            1 for _ in itertools.takewhile(lambda sent: sent.at_us <= now_us - ON_ITS_WAY_US, self._open.values())
        )

    def due(self, now_us: int) -> int:
        """Return how many ticks were published so long ago that they must have come by now."""
        while len(self._totals) > 1 and self._totals[1][0] <= now_us - ON_ITS_WAY_US:
            self._totals.popleft()
        if not self._totals or self._totals[0][0] > now_us - ON_ITS_WAY_US:
            return 0
        return self._totals[0][1]
