"""Which symbols are quiet while their neighbours trade.

One symbol's silence is no reason to reconnect: thin shares pause for minutes, and some codes are accepted and never
tick at all. It is worth telling, once. So a symbol is *stale* when it has not ticked for long while others of its
feed did; time in which nothing of the feed ticks (a night, a lost connection) does not count. What is long is learned
from the symbol itself, and not less than ``after_s``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

LIVELY_US = 60_000_000
"""A feed trades if any of its symbols ticked within the last minute."""

PATIENCE = 4
"""Times the longest pause that the symbol made before. Less would call every thin symbol stale now and then."""


@attrs.frozen
class Change:
    """A symbol that became stale, or ticked again.

    Attributes:
        symbol: Which.
        is_stale: Whether it is stale now.
        quiet_s: For how long it had been quiet while others ticked.
        has_ticked: Whether it ever ticked.
    """

    symbol: str
    is_stale: bool
    quiet_s: float
    has_ticked: bool


@attrs.define
class _Symbol:
    last_us: int | None = None
    quiet_us: int = 0
    longest_us: int = 0
    is_stale: bool = False


class Staleness:
    """The symbols of one feed. The driver calls `look` now and then, every ten seconds say.

    Args:
        after_s: The shortest silence that is worth telling.
    """

    def __init__(self, *, after_s: float) -> None:
        self._after_us = round(after_s * 1e6)
        self._symbols: dict[str, _Symbol] = {}
        self._looked_us: int | None = None

    def look(self, now_us: int, symbols: Iterable[str], last_us: Mapping[str, int]) -> list[Change]:
        """Return what has changed since the last look.

        Args:
            now_us: UTC microseconds.
            symbols: Those that are covered now; the others' silence is not their own.
            last_us: When each last ticked, by receipt; without those that never did.
        """
        passed_us = 0 if self._looked_us is None else max(0, now_us - self._looked_us)
        self._looked_us = now_us
        wanted = set(symbols)
        self._symbols = {symbol: state for symbol, state in self._symbols.items() if symbol in wanted}
        newest_us = max((last_us[symbol] for symbol in wanted if symbol in last_us), default=None)
        is_lively = newest_us is not None and now_us - newest_us <= LIVELY_US
        changes: list[Change] = []
        for symbol in sorted(wanted):
            state = self._symbols.setdefault(symbol, _Symbol())
            changes += self._looked_at(symbol, state, last_us.get(symbol), passed_us if is_lively else 0)
        return changes

    def _looked_at(self, symbol: str, state: _Symbol, last_us: int | None, passed_us: int) -> list[Change]:
        if last_us != state.last_us:
            was_stale, quiet_us = state.is_stale, state.quiet_us
            if state.last_us is not None:
                state.longest_us = max(state.longest_us, quiet_us)
            state.last_us, state.quiet_us, state.is_stale = last_us, 0, False
            return [Change(symbol, is_stale=False, quiet_s=quiet_us / 1e6, has_ticked=True)] if was_stale else []
        state.quiet_us += passed_us
        if state.is_stale or state.quiet_us <= max(self._after_us, PATIENCE * state.longest_us):
            return []
        state.is_stale = True
        return [Change(symbol, is_stale=True, quiet_s=state.quiet_us / 1e6, has_ticked=last_us is not None)]
