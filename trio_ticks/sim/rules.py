"""What AllTick's documentation allows a client, and which of it a client broke.

The numbers are the vendor's, written down here a second time on purpose: the simulator must not share its idea
of the rules with the client it checks.
"""

from __future__ import annotations

import attrs

from trio_ticks.errors import ConfigError

REQUEST_S = 1.0  # between two requests on one connection
ACROSS_S = 3.0  # between requests on different connections of one token
HEARTBEAT_S = 30.0  # without a 22000 for this long, the server hangs up

_STOCK_SUFFIXES = (".US", ".HK", ".SH", ".SZ")


@attrs.frozen
class Plan:
    """What a token of this plan may do.

    Attributes:
        connections: At the same time, per service.
        codes: In one subscription; the rest is cut off silently.
        connect_s: Between two attempts to connect.
    """

    connections: int
    codes: int
    connect_s: float


PLANS = {
    "free": Plan(connections=1, codes=5, connect_s=10.0),
    "basic": Plan(connections=1, codes=100, connect_s=3.0),
    "premium": Plan(connections=3, codes=200, connect_s=3.0),
    "professional": Plan(connections=10, codes=3000, connect_s=3.0),
}


def plan_named(name: str) -> Plan:
    """Return a plan by its name, or raise ConfigError with the names there are."""
    try:
        return PLANS[name]
    except KeyError:
        raise ConfigError(f"plan = {name!r}: accepted are {', '.join(PLANS)}") from None


def service_of(code: str) -> str:
    """Return which of AllTick's two services carries a code: ``stock`` or ``other``."""
    return "stock" if code.endswith(_STOCK_SUFFIXES) else "other"


@attrs.define(kw_only=True)
class TokenPace:
    """The vendor's spacing rules that span the connections of one token. Broken, they are only counted."""

    connect_s: float
    _requested: tuple[object, float] | None = attrs.field(default=None, init=False)
    _connected: dict[str, float] = attrs.field(factory=dict, init=False)

    def connect(self, service: str, now_s: float) -> bool:
        """Note an attempt to connect; return whether it kept its distance from the last to that service."""
        last_s = self._connected.get(service)
        self._connected[service] = now_s
        return last_s is None or now_s - last_s >= self.connect_s

    def request(self, connection: object, now_s: float) -> bool:
        """Note a request; return whether it kept its distance from the last on another connection."""
        last, self._requested = self._requested, (connection, now_s)
        return last is None or last[0] is connection or now_s - last[1] >= ACROSS_S
