"""How a client polls as fast as a plan allows, and never faster.

The vendor counts a request when it arrives: at most so many in any so many seconds. A client polls from as many
*lanes* as that is requests. In a lane, the next request leaves such that it arrives no sooner than the span after
the one before it arrived, of which the lane knows two things: it was there one way before its answer came, and what
is sent now needs one way to get there. So in any span each lane has one request at most, and all of them together
keep the limit: whatever stalls, and without a clock in common with the server.

Lanes leave in turn, evenly over the span, because that makes polled prices youngest on average.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from trio_ticks.sim.rules import Plan

CODES = 50
"""In one query: what AllTick's documentation recommends, as the codes are part of a URL."""


@attrs.frozen(kw_only=True)
class Allowance:
    """What a plan allows a client that asks for nothing but last trades.

    Attributes:
        requests: So many …
        seconds: … in any so many.
        codes: In one query.
    """

    requests: int
    seconds: float
    codes: int

    @classmethod
    def of(cls, plan: Plan) -> Allowance:
        """Return it; the limits per minute are those per second, sixty times over, in every plan."""
        return cls(requests=plan.http_requests, seconds=plan.http_s, codes=min(plan.codes, CODES))

    def queries(self, codes: Sequence[str]) -> Sequence[Sequence[str]]:
        """Return the codes as queries, to be asked in turn."""
        return [codes[start : start + self.codes] for start in range(0, len(codes), self.codes)]

    def cycle_s(self, codes: Sequence[str]) -> float:
        """Return the shortest time in which each code is asked for once."""
        return len(self.queries(codes)) * self.seconds / self.requests


class Departures:
    """When requests leave.

    Args:
        allowance: What is allowed.
        one_way_s: What the network needs at least, each way.
    """

    def __init__(self, allowance: Allowance, *, one_way_s: float) -> None:
        self._lane_s = max(0.0, allowance.seconds - 2 * one_way_s)
        self._apart_s = allowance.seconds / allowance.requests
        self._last_s = -math.inf

    def next_s(self, now_s: float, answered_s: float = -math.inf) -> float:
        """Return when a lane's next request leaves.

        Args:
            now_s: The present.
            answered_s: When the lane had the answer to its request before.
        """
        self._last_s = max(now_s, answered_s + self._lane_s, self._last_s + self._apart_s)
        return self._last_s
