"""Does a connection that is open still bring prices?

A connection can stay open and answer heartbeats while its data has stopped. It can also be the middle of the night,
and the two look alike from this side. So a line, all its symbols together, learns how long it is usually quiet; when
it is quiet for longer it *asks* the vendor by another road for the last trade of its busiest symbols. A newer trade
proves the line mute: reconnect. No newer trade: the market is quiet, and nothing is done but to ask again later, each
time after twice the pause.

A vendor that only forgot the subscription would be cured by subscribing again. But a line that brings nothing has
nothing to lose by a new connection, and a session that went on would have no gap to show for what it missed.

Where a vendor cannot be asked, or does not answer, reconnecting is the only question left. Its pause doubles, too.

======================  =======================  ==================================================
state                   what ends it in time     then
======================  =======================  ==================================================
``fresh``               quiet for the bound      `Step.ASK`, or `Step.RECONNECT` if it cannot ask
``asking``              an answer                ``quiet``, ``suspect``, or ``unanswered``
``quiet``               the pause                `Step.ASK`
``suspect``             `SETTLE_S`               `Step.RECONNECT`
======================  =======================  ==================================================

In every state a tick leads back to ``fresh``. The driver waits until `due`, carries `step` out, and says so with
`taken`; it reports ticks with `ticked` and what a question came to with `answered`.
"""

from __future__ import annotations

import enum
import math

LEAST_S = 5.0
"""Even the busiest line may pause for so long; asking sooner would only spend the vendor's allowance."""

MOST_S = 900.0
"""At most this long: beyond a quarter of an hour an opening market would be found too late."""

PATIENCE = 4.0
"""Times the widest silence lately. Less asks at every lull; more finds a mute line later."""

FORGETTING = 0.98
"""Per tick, of the widest silence: a night is forgotten after some hundred ticks, however fast they come."""

SETTLE_S = 1.0
"""A trade that the vendor knows of may still be on its way to us for so long."""

_DOUBLINGS = 40
"""Counting ends here, far beyond the cap. In a market that is closed for ten days two to the count would overflow."""

ANSWERS_MISSED = 3
"""Questions without an answer, one after the other, after which the vendor counts as one that cannot be asked."""


class Step(enum.Enum):
    """What is to be done about a line that is quiet."""

    ASK = "ask"
    RECONNECT = "reconnect"


class Freshness:
    """The freshness of one line, kept across its reconnects. Instants are seconds of one monotonic clock.

    Args:
        first_s: The bound of a line that has not been heard yet, and of one that cannot be asked. Where it is less
            than `LEAST_S`, it is the least bound as well.
        can_ask: Whether the vendor has another road by which it tells the last trade.

    Attributes:
        due: When `step` is to be taken; infinite while an answer is awaited.
        step: What is to be done then.
    """

    def __init__(self, *, first_s: float, can_ask: bool) -> None:
        self._first_s = first_s
        self._can_ask = can_ask
        self._widest_s = first_s / PATIENCE
        self._missed = 0
        self._doublings = 0
        self._since = 0.0
        self.due = math.inf
        self.step = Step.ASK if can_ask else Step.RECONNECT

    @property
    def bound_s(self) -> float:
        """How long the line may be quiet before anything is done about it, had nothing been done yet."""
        if not self._asks:
            return self._first_s
        return min(max(PATIENCE * self._widest_s, min(LEAST_S, self._first_s)), MOST_S)

    def began(self, now: float) -> None:
        """Note that a connection is open and subscribed."""
        self._since = now
        self._wait(now)

    def ticked(self, woke: float, now: float) -> None:
        """Note ticks: read at ``woke``, handed on by ``now``. What lies between is nobody's silence."""
        quiet_s = min(woke - self._since, MOST_S / PATIENCE)
        self._widest_s = max(FORGETTING * self._widest_s, quiet_s)
        self._since = now
        self._missed = self._doublings = 0
        self._wait(now)

    def quiet_s(self, now: float) -> float:
        """Return how long no tick has come."""
        return now - self._since

    def taken(self) -> None:
        """Note that `step` is being carried out."""
        if self.step is Step.RECONNECT:
            self._doublings += 1
        self.due = math.inf

    def answered(self, now: float, *, newer: bool | None) -> None:
        """Note what a question came to: whether the vendor knows a newer trade; None if it did not answer."""
        if math.isfinite(self.due):
            return  # a tick came meanwhile, and made the question idle
        if newer:
            self._missed = 0
            self.step, self.due = Step.RECONNECT, now + SETTLE_S
            return
        self._missed = self._missed + 1 if newer is None else 0
        self._doublings += 1
        self._wait(now)

    @property
    def _asks(self) -> bool:
        return self._can_ask and self._missed < ANSWERS_MISSED

    def _wait(self, now: float) -> None:
        """Wait for a tick, twice as long after each step that brought none."""
        self.step = Step.ASK if self._asks else Step.RECONNECT
        pause_s = math.ldexp(self.bound_s, min(self._doublings, _DOUBLINGS))
        self.due = now + min(pause_s, max(MOST_S, self._first_s))
