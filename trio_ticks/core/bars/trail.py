"""One symbol of one feed on its way through time: its bar in the making, and those given out."""

from __future__ import annotations

from trio_ticks.core.bars.drafts import Draft
from trio_ticks.model import Bar

NEVER = -(2**63)


class Trail:
    """The bars of one symbol.

    Attributes:
        draft: The bar in the making.
        newest_us: Where the newest bar that was given out begins.
        floor_us: Bars that begin here or earlier are forgotten.
        empty: How many intervals in a row had no tick.
        outside_us: The latest tick outside the session: bars that end before it are over.
    """

    __slots__ = ("_closed", "_history", "draft", "empty", "feed", "floor_us", "newest_us", "outside_us", "symbol")

    def __init__(self, *, feed: str, symbol: str, history: int) -> None:
        self.feed = feed
        self.symbol = symbol
        self.draft: Draft | None = None
        self.newest_us = NEVER
        self.floor_us = NEVER
        self.empty = 0
        self.outside_us = NEVER
        self._closed: dict[int, Draft] = {}
        self._history = history

    def closed(self, start_us: int) -> Draft | None:
        """Return the bar given out for the interval that begins then, if it is remembered."""
        return self._closed.get(start_us)

    def remembered(self) -> list[Draft]:
        """Return the bars given out that are remembered, oldest first."""
        return [self._closed[start_us] for start_us in sorted(self._closed)]

    def give(self, draft: Draft) -> Bar:
        """Return a bar to be given out, and remember it. One that is not newer than the newest is a revised one."""
        revised = draft.start_us <= self.newest_us
        self.newest_us = max(self.newest_us, draft.start_us)
        draft.settle()
        self._closed[draft.start_us] = draft
        if len(self._closed) > self._history:
            # In a stream in order the oldest is the first; a late one may have been put behind it.
            oldest_us = min(self._closed)
            self.floor_us = oldest_us
            del self._closed[oldest_us]
        return draft.bar(self.symbol, self.feed, complete=draft.complete, revised=revised)
