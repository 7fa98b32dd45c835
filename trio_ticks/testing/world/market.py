"""What trades: many trades look the same, and some are reported late."""

from __future__ import annotations

import json
import random

import attrs

from trio_ticks.runtime.clock import NowUs
from trio_ticks.testing.world.plan import Plan

PUSH = 22998
"""AllTick's number for a trade that it pushes."""

_DIRECTIONS = {None: 0, "buy": 1, "sell": 2}


@attrs.define(eq=False)
class Trade:
    """A trade that was made.

    Attributes:
        number: Its own, which no other trade has: the truth about twins.
        time_us: Its stamp.
        made_us: When it was made, by the clock of the engine's host.
        swallowed: Some link that should have shown it did not, and nobody could know.
        shown_by: Links by which it was received, when by the host's clock, and the newest stamp of its symbol then.
    """

    number: int
    symbol: str
    time_us: int
    price: float
    volume: float
    side: str | None
    made_us: int
    swallowed: bool = False
    shown_by: list[tuple[int, int, int]] = attrs.field(factory=list)

    def text(self) -> str:
        """Return it as AllTick pushes it."""
        data = {
            "code": self.symbol,
            "seq": self.number,
            "tick_time": self.time_us // 1000,
            "price": f"{self.price:.2f}",
            "volume": f"{self.volume:.0f}",
            "turnover": f"{self.price * self.volume:.2f}",
            "trade_direction": _DIRECTIONS[self.side],
        }
        return json.dumps({"cmd_id": PUSH, "data": data})


class Market:
    """Makes trades, many of which look the same, at the pace of the plan."""

    def __init__(self, plan: Plan, symbols: tuple[str, ...], vendor_us: NowUs, host_us: NowUs) -> None:
        self._plan = plan
        self._symbols = symbols
        self._vendor_us = vendor_us
        self._host_us = host_us
        self._dice: random.Random = plan.dice("market")
        self.made = 0

    def trades(self, count: int) -> list[Trade]:
        """Return so many trades of this instant, a few of them reported late."""
        return [self._trade() for _ in range(count)]

    def pause_s(self) -> float:
        """Return how long nothing trades."""
        return self._dice.expovariate(1 / self._plan.pace_s)

    def _trade(self) -> Trade:
        self.made += 1
        dice, stamp_us = self._dice, self._plan.stamp_ms * 1000
        ago_us = round(dice.choice([0, 0, 0, 0, 0, 0, 1.5, 4.0]) * 1e6)
        time_us = (self._vendor_us() - ago_us) // stamp_us * stamp_us
        return Trade(
            number=self.made,
            symbol=dice.choice(self._symbols),
            time_us=time_us,
            price=dice.choice([100.0, 100.0, 100.25, 101.5]),
            volume=dice.choice([0.0, 100.0, 100.0, 300.0]),
            side=dice.choice([None, "buy", "sell"]),
            made_us=self._host_us(),
        )
