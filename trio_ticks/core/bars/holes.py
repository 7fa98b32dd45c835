"""Where ticks are known to be missing, as the gaps of a stream tell it, for bars that are made later."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Final

from trio_ticks.core.bars.sessions import Stretch
from trio_ticks.model import Gap

# Gaps of each symbol, and of all symbols of a feed, that are remembered. A bar is begun soon after the gap that
# touches it; only with a late tick, or filled intervals, one further back is asked for.
_REMEMBERED: Final = 64


class Holes:
    """The newest gaps of each symbol and feed."""

    def __init__(self) -> None:
        self._stretches: defaultdict[tuple[str, str | None], deque[Stretch]] = defaultdict(
            lambda: deque(maxlen=_REMEMBERED)
        )

    def add(self, gap: Gap) -> None:
        """Remember a gap."""
        self._stretches[gap.feed, gap.symbol].append(stretch_of(gap))

    def touch(self, feed: str, symbol: str, stretch: Stretch) -> bool:
        """Return whether ticks of a symbol may be missing in a stretch of time."""
        if not self._stretches:
            return False
        places = {(feed, symbol), (feed, None), ("", symbol), ("", None)}
        return any(overlap(hole, stretch) for place in places for hole in self._stretches.get(place, ()))


def concerns(gap: Gap, feed: str, symbol: str) -> bool:
    """Return whether a gap is one of this symbol of this feed."""
    return gap.feed in ("", feed) and gap.symbol in (None, symbol)


def stretch_of(gap: Gap) -> Stretch:
    """Return the instants of which ticks may be missing.

    At the end of a gap the symbol is covered again; but one that counts what is missing ends with the last of it.
    """
    return gap.start_us, max(gap.end_us, gap.start_us + 1) if gap.missed is None else gap.end_us + 1


def overlap(one: Stretch, other: Stretch) -> bool:
    """Return whether two stretches share an instant."""
    return one[0] < other[1] and other[0] < one[1]
