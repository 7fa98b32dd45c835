"""When a symbol was covered, and why it was not.

A symbol is covered while at least one session is live for it: from the first frame after the vendor acknowledged
the subscription to the last frame that session received. What lies between is a `Gap`, recorded even when nothing
was missed for certain, because nobody can prove that nothing was.

The driver calls `live` and `ended` as sessions come and go, and `finish` once at the end; each returns the gaps
that are now known from end to end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable

import attrs

from trio_ticks.model import Gap


@attrs.frozen
class _Loss:
    """An open gap: covered until then, lost for that cause."""

    start_us: int
    cause: str


class Coverage:
    """The coverage of one feed's symbols. State is bounded by the symbols and the open sessions."""

    def __init__(self, *, feed: str) -> None:
        self._feed = feed
        self._sessions: dict[Hashable, tuple[str, ...]] = {}
        self._live: Counter[str] = Counter()
        self._until: dict[str, int] = {}
        self._lost: dict[str, _Loss] = {}

    @property
    def lost(self) -> tuple[str, ...]:
        """The symbols that were covered once and are not now."""
        return tuple(self._lost)

    def live(self, session: Hashable, symbols: Iterable[str], at_us: int) -> list[Gap]:
        """Note that a session covers these symbols from now on; return the gaps this ends."""
        self._sessions[session] = covered = tuple(symbols)
        self._live.update(covered)
        return [self._close(symbol, at_us) for symbol in covered if symbol in self._lost]

    def ended(self, session: Hashable, until_us: int, cause: str) -> None:
        """Note that a session covered its symbols until then and is over."""
        for symbol in self._sessions.pop(session, ()):
            # The last session to go is not always the last that heard something.
            self._until[symbol] = until = max(until_us, self._until.get(symbol, until_us))
            self._live[symbol] -= 1
            if not self._live[symbol]:
                del self._live[symbol]
                self._lost[symbol] = _Loss(until, cause)

    def finish(self, at_us: int) -> list[Gap]:
        """Return the gaps that are still open, ended at this instant."""
        return [self._close(symbol, at_us) for symbol in tuple(self._lost)]

    def _close(self, symbol: str, at_us: int) -> Gap:
        loss = self._lost.pop(symbol)
        end_us = max(at_us, loss.start_us)
        return Gap(start_us=loss.start_us, end_us=end_us, cause=loss.cause, symbol=symbol, feed=self._feed)
