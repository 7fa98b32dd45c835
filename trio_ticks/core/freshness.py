"""How long a connection may bring frames but no tick before that is taken for a fault.

A connection can stay open and answer heartbeats while its data has stopped. It can also be the middle of the
night. Without asking the vendor the two look alike, so the bound doubles each time it led to a reconnect and
returns to its first value with the first tick: a mute link is found soon, a closed market costs a handful of
reconnects and then one in fifteen minutes.
"""

from __future__ import annotations

MUTE_MAX_S = 900.0
"""At most this long: beyond a quarter of an hour, an opening market would be found too late."""


class MuteBound:
    """The bound of one line, kept across its reconnects."""

    def __init__(self, *, first_s: float, max_s: float = MUTE_MAX_S) -> None:
        self._first_s = first_s
        self._max_s = max(first_s, max_s)
        self.bound_s = first_s

    def ticked(self) -> None:
        """Note a tick: the market is open, so the bound is short again."""
        self.bound_s = self._first_s

    def tripped(self) -> None:
        """Note that the bound led to a reconnect: be twice as patient with the next one."""
        self.bound_s = min(2 * self.bound_s, self._max_s)
