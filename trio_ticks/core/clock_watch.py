"""Whether a machine's clock is fast, seen from the prices that come: fresh ones that all look old.

The opposite, a clock that is slow, shows by itself: the sequencer refuses stamps that lie ahead. One tick that is old
proves nothing, because a vendor begins a subscription with the last trade, which may be days old. So only ticks of
symbols that have ticked before count, and all of the first `NEEDED` of a feed have to be old. A single fresh one
clears the clock for good, so this costs nothing after the first moments.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from trio_ticks.model import Tick

OLD_US: Final = 60_000_000
"""Feeds are behind by seconds at worst, but for those that are delayed by contract, and then by 15 minutes: that is
told as well. Less would take a vendor's bad minute for a wrong clock."""

NEEDED: Final = 20
"""A quiet symbol may repeat an old trade now and then; twenty in a row it does not."""


class ClockWatch:
    """Watches one feed after another; `is_over` once each has shown a fresh tick, or was told of.

    Args:
        feeds: Those to watch.
    """

    def __init__(self, feeds: Iterable[str]) -> None:
        self._seen: dict[str, set[str]] = {feed: set() for feed in feeds}
        self._ages: dict[str, list[int]] = {feed: [] for feed in self._seen}

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to look at."""
        return not self._seen

    def look(self, tick: Tick) -> float | None:
        """Take a tick in; return how far its feed's stamps are behind this machine's clock, once that is known.

        Returns:
            Seconds, told once for each feed; None while it is not known, or where nothing is wrong.
        """
        seen = self._seen.get(tick.feed)
        if seen is None:
            return None
        if tick.symbol not in seen:
            seen.add(tick.symbol)
            return None
        age_us, ages = tick.received_us - tick.time_us, self._ages[tick.feed]
        ages.append(age_us)
        if age_us <= OLD_US:
            del self._seen[tick.feed]
        elif len(ages) >= NEEDED:
            del self._seen[tick.feed]
            return min(ages) / 1e6
        return None
