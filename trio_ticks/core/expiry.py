"""Prices that are too old to act on: dropped, counted, and told in one gap for each stretch of them."""

from __future__ import annotations

from collections.abc import Callable

from trio_ticks.model import Gap, Record, Tick


class Expiry:
    """The age limit of one consumer.

    Args:
        max_age_s: Older prices are dropped. None: none is too old.

    Attributes:
        max_age_us: The same in microseconds.
        dropped: How many were.
        gap: Those that nobody was told of yet.
    """

    def __init__(self, max_age_s: float | None) -> None:
        self.max_age_us = None if max_age_s is None else round(max_age_s * 1e6)
        self.dropped = 0
        self.gap: Gap | None = None

    def drops(self, record: Record, now_us: Callable[[], int]) -> bool:
        """Tell whether a record is a price that is too old, and count it if so. Age is from the event to now."""
        if self.max_age_us is None or type(record) is not Tick:
            return False
        if now_us() - record.time_us <= self.max_age_us:
            return False
        self.dropped += 1
        at_us, gap = record.time_us, self.gap
        if gap is None:
            self.gap = Gap(at_us, at_us, "stale", missed=1)
        else:
            missed = (gap.missed or 0) + 1
            self.gap = Gap(min(gap.start_us, at_us), max(gap.end_us, at_us), "stale", missed=missed)
        return True

    def take_gap(self) -> Gap:
        """Return the gap, of which nobody has to be told any more."""
        gap, self.gap = self.gap, None
        assert gap is not None
        return gap
