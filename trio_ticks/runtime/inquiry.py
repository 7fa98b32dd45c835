"""The other road to a vendor: asking for the last trade of some symbols, to tell a mute link from a quiet market."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import trio

from trio_ticks.errors import TrioTicksError
from trio_ticks.feeds.base import Askable, Limits
from trio_ticks.model import Tick
from trio_ticks.runtime.foreign import own_code
from trio_ticks.runtime.road import Road

log = logging.getLogger("trio_ticks.inquiry")

TIMEOUT_S = 10.0
"""An answer takes a fraction of a second; whoever needs longer is no witness to the present."""


class Fetch(Protocol):
    """One ``GET``, as `trio_ticks.runtime.asking.fetch` does it."""

    def __call__(self, url: str, *, secret_query: str, timeout_s: float, road: Road) -> Awaitable[tuple[int, bytes]]:
        """Return the status and the body of the answer."""
        ...


class Inquiry:
    """Questions to one vendor, for all lines of a service, no faster than its plan allows.

    Args:
        feed: Knows the question and reads the answer.
        limits: How often, and for how many symbols at once.
        fetch: Asks.
        road: How the vendor is reached.
        latest: Returns the newest tick of a symbol, None before the first.
    """

    def __init__(
        self, *, feed: Askable, limits: Limits, fetch: Fetch, road: Road, latest: Callable[[str], Tick | None]
    ) -> None:
        self._feed = feed
        self._limits = limits
        self._fetch = fetch
        self._road = road
        self._latest = latest
        self._next = float("-inf")

    async def knows_newer(self, symbols: Sequence[str], since_us: int) -> bool | None:
        """Ask whether the vendor knows of a trade that did not reach us.

        Args:
            symbols: The busiest first; as many of them as one question may name are asked for.
            since_us: A symbol that never ticked is missing trades only if one is newer than that.

        Returns:
            Whether one is newer than the newest tick we have; None if there was no answer that tells.

        Cancellation:
            At any await; the question is given up.
        """
        asked = symbols[: self._limits.question_symbols]
        if not asked:
            return None
        now = trio.current_time()
        at, self._next = max(now, self._next), max(now, self._next) + self._limits.question_s
        await trio.sleep_until(at)
        try:
            question = own_code(lambda: self._feed.question(asked), "question")
            if question is None:
                return None
            status, body = await self._fetch(
                question.url, secret_query=question.secret_query, timeout_s=TIMEOUT_S, road=self._road
            )
            trades = own_code(lambda: self._feed.last_trades(status, body), "last_trades")
        except TrioTicksError as error:
            log.warning("no answer to whether it still trades: %s", error)
            return None
        ours = {symbol: time_us for symbol, time_us in trades.items() if symbol in asked}
        if not ours:
            return None
        return any(time_us > self._known_us(symbol, since_us) for symbol, time_us in ours.items())

    def _known_us(self, symbol: str, since_us: int) -> int:
        tick = self._latest(symbol)
        return since_us if tick is None else tick.time_us
