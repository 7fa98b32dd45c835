"""What AllTick's documentation allows a client, and which of it a client broke.

The numbers are the vendor's, written down here a second time on purpose: the simulator must not share its idea
of the rules with the client it checks.
"""

from __future__ import annotations

from collections import deque

import attrs

from trio_ticks.errors import ConfigError

REQUEST_S = 1.0  # between two requests on one connection
ACROSS_S = 3.0  # between requests on different connections of one token
HEARTBEAT_S = 30.0  # without a 22000 for this long, the server hangs up
MINUTE_S = 60.0

_STOCK_SUFFIXES = (".US", ".HK", ".SH", ".SZ")


@attrs.frozen(kw_only=True)
class Plan:
    """What a token of this plan may do.

    Attributes:
        connections: At the same time, per service.
        codes: In one subscription, and in one HTTP query.
        connect_s: Between two attempts to connect.
        http_requests: So many HTTP requests …
        http_s: … in so many seconds, counted for each endpoint by itself unless ``http_in_total``.
        http_in_total: The rate is that of all endpoints together.
        http_minute: HTTP requests in a minute, all endpoints together.
        batch_s: Between two batches of bars.
        batch_groups: Codes and kinds of bar in one batch.
    """

    connections: int
    codes: int
    connect_s: float
    http_requests: int
    http_s: float
    http_in_total: bool
    http_minute: int
    batch_s: float
    batch_groups: int


# "1 interface per 10 s" and "only one interface per second" are taken as rates of all endpoints together: the
# documentation contradicts itself here, and a client that keeps the stricter reading keeps both. Limits per day
# are not held: they follow from those per minute, but for the free plan's 1,000 a day.
PLANS = {
    "free": Plan(
        connections=1,
        codes=5,
        connect_s=10.0,
        http_requests=1,
        http_s=10.0,
        http_in_total=True,
        http_minute=10,
        batch_s=10.0,
        batch_groups=5,
    ),
    "basic": Plan(
        connections=1,
        codes=100,
        connect_s=3.0,
        http_requests=1,
        http_s=1.0,
        http_in_total=True,
        http_minute=60,
        batch_s=3.0,
        batch_groups=100,
    ),
    "premium": Plan(
        connections=3,
        codes=200,
        connect_s=3.0,
        http_requests=10,
        http_s=1.0,
        http_in_total=False,
        http_minute=600,
        batch_s=2.0,
        batch_groups=200,
    ),
    "professional": Plan(
        connections=10,
        codes=3000,
        connect_s=3.0,
        http_requests=20,
        http_s=1.0,
        http_in_total=False,
        http_minute=1200,
        batch_s=1.0,
        batch_groups=500,
    ),
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


def is_forex(code: str) -> bool:
    """Return whether a code is a currency, a metal or energy: neither a share nor, as all crypto is, in USDT."""
    return service_of(code) == "other" and not code.endswith("USDT")


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


class Window:
    """At most so many requests in any so many seconds. One that comes too early counts as well."""

    def __init__(self, requests: int, seconds: float) -> None:
        self._seconds = seconds
        self._last: deque[float] = deque(maxlen=requests)

    def note(self, now_s: float) -> bool:
        """Note a request; return whether it was allowed."""
        allowed = len(self._last) < (self._last.maxlen or 0) or now_s - self._last[0] >= self._seconds
        self._last.append(now_s)
        return allowed


class HttpPace:
    """A token's rates of HTTP requests, both services together."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._minute = Window(plan.http_minute, MINUTE_S)
        self._batch = Window(1, plan.batch_s)
        self._rates: dict[str, Window] = {}

    def note(self, endpoint: str, now_s: float) -> bool:
        """Note a request; return whether it kept all of the plan's rates."""
        key = "" if self._plan.http_in_total else endpoint
        rate = self._rates.setdefault(key, Window(self._plan.http_requests, self._plan.http_s))
        windows = [self._minute, rate, *([self._batch] if endpoint == "batch-kline" else [])]
        return sum(window.note(now_s) for window in windows) == len(windows)  # each has to note it
