"""What a trader holds at an instant: how old it is, how wrong it is, and which trades he never saw.

A symbol has trades 0, 1, 2 … with an instant and a price each. A client learns of some of them, each at an instant of
its own, and holds the newest it has learnt of; before the first it holds trade 0, the opening, which everyone knows.
With ``h`` the trade held and ``n`` the newest that exists at an instant:

* *behind* is 0 where ``h = n``, otherwise the time since trade ``h + 1``: for so long the price held has not been
  the last price any more. A quiet market makes nobody late.
* *since event* is the time since trade ``h``, however up to date it is. Even the venue's own price has that age.
* *error* is the difference between the prices of ``h`` and ``n``, in basis points of the true one.

A trade is *missed* when it happened in the measured span and the client never learnt of it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from operator import attrgetter

import attrs


@attrs.frozen
class Trade:
    """A trade at the venue.

    Attributes:
        time_us: When it happened; equal to or later than the one before it.
        price: At which price.
    """

    time_us: int
    price: float


@attrs.frozen
class Learnt:
    """A client knows of a trade from this instant on.

    Attributes:
        time_us: The instant; equal to or later than that of the one it learnt before.
        trade: Number of the trade.
    """

    time_us: int
    trade: int


@attrs.frozen
class Sample:
    """What a client holds at an instant, against the truth of that instant.

    Attributes:
        behind_us: For how long there has been a newer trade; 0 where there is none.
        since_event_us: How long ago the trade held happened.
        error_bp: Difference between its price and the true one, in basis points of the latter.
    """

    behind_us: int
    since_event_us: int
    error_bp: float


def samples(trades: Sequence[Trade], learnt: Sequence[Learnt], instants: Iterable[int]) -> Iterator[Sample]:
    """Yield what a client holds at each of the instants, which never go back and begin after trade 0."""
    held, upcoming = 0, 0
    for now_us in instants:
        while upcoming < len(learnt) and learnt[upcoming].time_us <= now_us:
            # Answers can overtake each other; who has seen a newer trade does not go back to an older one.
            held = max(held, learnt[upcoming].trade)
            upcoming += 1
        newest = bisect_right(trades, now_us, key=attrgetter("time_us")) - 1
        price = trades[newest].price
        yield Sample(
            behind_us=now_us - trades[held + 1].time_us if held < newest else 0,
            since_event_us=now_us - trades[held].time_us,
            error_bp=abs(trades[held].price - price) / price * 1e4 if held < newest else 0.0,
        )


def happened(trades: Sequence[Trade], start_us: int, end_us: int) -> range:
    """Return the numbers of the trades after one instant and up to another."""
    instants = [trade.time_us for trade in trades]
    return range(bisect_right(instants, start_us), bisect_right(instants, end_us))


def missed(numbers: Iterable[int], learnt: Iterable[Learnt]) -> int:
    """Return how many of these trades a client never learnt of."""
    return len(set(numbers) - {each.trade for each in learnt})


@attrs.frozen
class Summary:
    """Some numbers, in short; percentiles by nearest rank."""

    mean: float
    median: float
    p95: float
    max: float

    @classmethod
    def of(cls, values: Collection[float]) -> Summary:
        """Return the summary of one value or more."""
        ranked = sorted(values)
        return cls(
            mean=math.fsum(ranked) / len(ranked),
            median=_percentile(ranked, 50),
            p95=_percentile(ranked, 95),
            max=ranked[-1],
        )


def _percentile(ranked: Sequence[float], percent: int) -> float:
    return ranked[-(-len(ranked) * percent // 100) - 1]
