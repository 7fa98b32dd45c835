"""AllTick's plans: what each allows, as data, and which one a list of symbols needs.

The numbers are those of the rate-limit page of AllTick's API documentation (July 2026). A token may hold the
plan's connections to each of the two services: using both at once is counted as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from trio_ticks.errors import ConfigError
from trio_ticks.feeds.arguments import accepted
from trio_ticks.feeds.base import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable

# The documented minimum is one second on a connection and three between connections; a request that comes
# early can cost the connection (ret 606). What the network shifts has to fit in between, hence the margin.
_MARGIN: Final = 1.05
_REQUEST_S: Final = 1.0 * _MARGIN
_ACROSS_S: Final = 3.0 * _MARGIN

# Documented: every ten seconds. After thirty without one the server hangs up.
_HEARTBEAT_S: Final = 10.0


@attrs.frozen
class Plan:
    """What one token of a plan may do.

    Attributes:
        name: As the configuration spells it.
        connections: At the same time, to each service.
        codes: Symbols in the subscription of one connection.
        connect_s: Between two attempts to connect, as documented.
    """

    name: str
    connections: int
    codes: int
    connect_s: float

    @property
    def capacity(self) -> int:
        """How many symbols one service carries."""
        return self.connections * self.codes

    @property
    def limits(self) -> Limits:
        """The plan as what the runtime keeps to."""
        return Limits(
            connections=self.connections,
            symbols_per_connection=self.codes,
            request_s=_REQUEST_S,
            across_s=_ACROSS_S,
            connect_s=self.connect_s * _MARGIN,
            heartbeat_s=_HEARTBEAT_S,
        )


# From small to large: the first that fits is the one to name. The plans for a whole market (all of Hong Kong,
# of China, of the United States) have the numbers of "professional".
PLANS: Final = {
    plan.name: plan
    for plan in (
        Plan(name="free", connections=1, codes=5, connect_s=10.0),
        Plan(name="basic", connections=1, codes=100, connect_s=3.0),
        Plan(name="premium", connections=3, codes=200, connect_s=3.0),
        Plan(name="professional", connections=10, codes=3000, connect_s=3.0),
    )
}


def plan_named(name: str) -> Plan:
    """Return a plan by its name.

    Raises:
        ConfigError: There is no such plan; the message lists them.
    """
    plan = PLANS.get(name)
    if plan is None:
        raise ConfigError(f"plan: there is no {name!r}; {accepted(name, PLANS)}")
    return plan


def check_fit(plan: Plan, counts: Iterable[tuple[str, int]]) -> None:
    """Check that a plan carries so many symbols on each service.

    Args:
        plan: The plan of the token.
        counts: Name of a service, and how many symbols it would carry.

    Raises:
        ConfigError: It does not; the message names the smallest plan that would.
    """
    wanted = list(counts)
    for service, count in wanted:
        if count > plan.capacity:
            most = max(count for _, count in wanted)
            raise ConfigError(
                f"symbols: {count} for {service}, but plan {plan.name!r} carries {plan.capacity} there"
                f" ({plan.connections} x {plan.codes}); {_fitting(most)}"
            )


def _fitting(count: int) -> str:
    for plan in PLANS.values():
        if count <= plan.capacity:
            return f"plan {plan.name!r} would fit"
    return "no plan carries so many"
