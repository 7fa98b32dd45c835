"""How old ticks are when they get somewhere, as a histogram that costs next to nothing.

A bucket is a power of two of microseconds, so that finding it is one look at how long the number is in binary. One
observation speaks for a whole batch, with the age of its oldest tick and the weight of all: no tick was older than
it says. So the cost is per batch, and a figure is true to within a factor of two, which is what one asks of an age.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from trio_ticks.model import Record, Tick

FINEST = 4
"""2**4 µs: a system call takes as long, so nothing comes from a socket to anywhere sooner."""

COARSEST = 27
"""2**27 µs, two minutes: whatever is older is an outage, and how long that lasted is told elsewhere."""

BOUNDS_US = tuple(1 << power for power in range(FINEST, COARSEST + 1))
"""The upper bounds of the buckets, each inclusive; behind the last one is the bucket without a bound."""

_LENGTHS = 80
"""No instant in microseconds is longer in binary than that, not even an absurd one of the year 36 billion."""


@attrs.frozen
class AgeCounts:
    """A histogram at one instant.

    Attributes:
        counts: Ticks by bucket of `BOUNDS_US`, and those older than all of it.
        sum_us: The ages of all of them together.
    """

    counts: tuple[int, ...] = (0,) * (len(BOUNDS_US) + 1)
    sum_us: int = 0

    @property
    def count(self) -> int:
        """How many ticks it speaks of."""
        return sum(self.counts)

    def __add__(self, other: AgeCounts) -> AgeCounts:
        counts = tuple(mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True))
        return AgeCounts(counts, self.sum_us + other.sum_us)

    def quantile_us(self, share: float) -> float | None:
        """Return the age that this share of the ticks had at most, by proportion within its bucket; None: no tick."""
        wanted, below = share * self.count, 0
        for place, ticks in enumerate(self.counts):
            if ticks and below + ticks >= wanted:
                low = BOUNDS_US[place - 1] if place else 0
                high = BOUNDS_US[min(place, len(BOUNDS_US) - 1)]
                return low + (high - low) * (wanted - below) / ticks
            below += ticks
        return None


def sum_of(ages: Iterable[AgeCounts]) -> AgeCounts:
    """Return several histograms as one."""
    return sum(ages, start=AgeCounts())


class Ages:
    """A histogram that grows."""

    __slots__ = ("_lengths", "_sum_us")

    def __init__(self) -> None:
        self._lengths = [0] * _LENGTHS
        self._sum_us = 0

    def note(self, age_us: int, ticks: int) -> None:
        """Count so many ticks of this age. One that is negative, because two clocks differ, counts as none."""
        age_us = max(age_us, 1)
        self._lengths[(age_us - 1).bit_length()] += ticks
        self._sum_us += age_us * ticks

    def note_batch(self, records: Sequence[Record], ticks: int, now_us: int) -> None:
        """Count a batch, with this weight, at the age of its first tick; without any it is not counted."""
        for first in records:  # no farther than to the first tick, which mostly is the first record
            if type(first) is Tick:
                self.note(now_us - first.received_us, ticks)
                return

    def counts(self) -> AgeCounts:
        """Return it as it is now."""
        lengths = self._lengths
        finest = sum(lengths[: FINEST + 1])
        return AgeCounts((finest, *lengths[FINEST + 1 : COARSEST + 1], sum(lengths[COARSEST + 1 :])), self._sum_us)
