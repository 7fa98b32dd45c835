"""Finding the symbols that a vendor refuses while the others flow.

A vendor may answer a list with one bad symbol by refusing the whole list, and not say which. Each subscription
replaces the one before, so what is asked for is always all that is known to be good and one group of suspects: where
that is accepted the whole group is good, where it is refused the group is halved, down to single offenders. Until an
answer is known the subscription before stays in force, so the good ones flow all the while.

Of n symbols with k bad ones this takes at most ``2 k (log2(n / k) + 2) + 2`` requests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Suspects:
    """The search on one connection.

    The driver calls `ask` while `is_settled` is false, sends what it returns, and reports the answer with `accepted`
    or `refused`. Symbols may be added and removed at any moment, also while an answer is awaited.

    Attributes:
        good: Accepted so far, in the order asked for.
        bad: Refused, each on its own.
    """

    def __init__(self, symbols: Iterable[str]) -> None:
        self.good: tuple[str, ...] = ()
        self.bad: tuple[str, ...] = ()
        self._untried: tuple[str, ...] = ()
        self._groups: deque[tuple[str, ...]] = deque()
        self._trying: tuple[str, ...] = ()
        self._suspected = 0
        self._sent: tuple[str, ...] | None = None
        self._in_force: tuple[str, ...] | None = None
        self.add(symbols)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to ask: no suspects, and the good ones are what is subscribed."""
        return not (self._untried or self._groups or self._trying) and self._in_force == self.good

    @property
    def is_repeating(self) -> bool:
        """Whether the list that was asked for last holds nothing that was not accepted before."""
        return not self._suspected and bool(self.good) and self._sent == self.good

    def ask(self) -> tuple[str, ...]:
        """Return the list to subscribe to next: the good ones and a group of suspects. It may be empty.

        All that was added since the last time is one group, and comes first: most likely nothing is wrong with it.
        """
        if not self._trying and self._untried:
            self._trying, self._untried = self._untried, ()
        elif not self._trying and self._groups:
            self._trying = self._groups.popleft()
        self._sent, self._suspected = self.good + self._trying, len(self._trying)
        return self._sent

    def accepted(self) -> None:
        """Note that the vendor took the list."""
        self._in_force = self._sent
        self.good += self._trying
        self._trying = ()

    def refused(self) -> tuple[str, ...]:
        """Note that the vendor refused the list; return the offender, if that is now certain.

        What was accepted before may be in force or not: the good ones are asked for again at the end.
        """
        self._in_force = None if self._sent else ()  # no list at all: refused or not, nothing is subscribed
        group, self._trying = self._trying, ()
        if self._suspected == 1:
            self.bad += group
            return group
        # Of a group that shrank while it was asked for, the one that is left may not be the offender.
        half = (len(group) + 1) // 2
        self._groups.extendleft(part for part in (group[half:], group[:half]) if part)
        return ()

    def add(self, symbols: Iterable[str]) -> None:
        """Ask for more symbols, too. Those that are known, good or bad, are left out."""
        asked = (symbol for group in self._groups for symbol in group)
        known = {*self.good, *self.bad, *self._untried, *self._trying, *asked}
        self._untried += tuple(symbol for symbol in dict.fromkeys(symbols) if symbol not in known)

    def repeat(self) -> None:
        """Ask for the good ones once more, because the vendor seems to have forgotten them."""
        self._in_force = None

    def remove(self, symbols: Iterable[str]) -> None:
        """Ask for these no longer. A bad one that was removed can be added again."""
        gone = set(symbols)
        self.good, self.bad, self._untried, self._trying = (
            _without(gone, some) for some in (self.good, self.bad, self._untried, self._trying)
        )
        self._groups = deque(left for group in self._groups if (left := _without(gone, group)))


def _without(gone: set[str], symbols: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(symbol for symbol in symbols if symbol not in gone)
