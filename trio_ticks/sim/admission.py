"""Who is let in: the token, the plan's connections, the spacing of attempts, and the rate of HTTP requests.

A connection whose client vanished is refused a successor where the vendor is taken to do so, but the successor
breaks no rule: its client cannot know that the server still holds the place.
"""

from __future__ import annotations

from http import HTTPStatus

import attrs

from trio_ticks.sim.alltick import Terms
from trio_ticks.sim.conditions import Conditions
from trio_ticks.sim.endpoints import Endpoints
from trio_ticks.sim.exchange import HttpRequest
from trio_ticks.sim.handshake import Query, Response, Route, Target, find_route, refusal
from trio_ticks.sim.rules import HttpPace, TokenPace
from trio_ticks.sim.statistics import Tally
from trio_ticks.sim.writing import result

_TOO_MANY = refusal(HTTPStatus.TOO_MANY_REQUESTS, "Too Many Requests")


@attrs.frozen
class Places:
    """How the connections of a token to one service stand.

    Attributes:
        taken: By connections that live.
        lost: By those whose client vanished, as long as the server does not know.
    """

    taken: int
    lost: int


@attrs.define(kw_only=True)
class Admission:
    """Decides on requests, and counts what is refused and which rules are broken."""

    token: str = attrs.field(repr=False)
    terms: Terms
    endpoints: Endpoints
    conditions: Conditions
    tally: Tally
    _pace: TokenPace = attrs.field(init=False)
    _http_pace: HttpPace = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._pace = TokenPace(connect_s=self.terms.plan.connect_s)
        self._http_pace = HttpPace(self.terms.plan)

    def find(self, request: HttpRequest) -> Target:
        """Return where a request leads, as far as it says so itself."""
        return find_route(
            request.method,
            request.target,
            token=self.token,
            upgrade=request.upgrade,
            admit_bad_token=self.terms.switches.bad_token == "frame",  # noqa: S105 - a switch, no secret
        )

    def admit(self, target: Target, places: Places, now_s: float) -> Target:
        """Return where a request leads, with the limits of the plan and the faults of the hour."""
        if isinstance(target, Route) and target.service != "simple" and not target.objection:
            target = self._limit(target, places, now_s)
        if self.conditions.refusals:
            status = self.conditions.refusals[-1]
            target = refusal(status, status.phrase.lower())
        elif isinstance(target, Response) and target.status == HTTPStatus.UNAUTHORIZED:
            self.tally.violations["token"] += 1
        if isinstance(target, Response):
            self.tally.refused[target.status] += 1
        return target

    def request(self, connection: object, now_s: float) -> None:
        """Hold a request on a connection against the spacing between connections."""
        if not self._pace.request(connection, now_s):
            self.tally.violations["pacing across connections"] += 1

    def answer(self, query: Query, body: bytes, now_s: float) -> Response:
        """Return the HTTP response to a query."""
        self.tally.requests[query.endpoint] += 1
        if not self._http_pace.note(query.endpoint, now_s):
            self.tally.violations["http pacing"] += 1
            return self._too_fast()
        text = body if query.endpoint == "batch-kline" else query.text
        forced = self.conditions.forced_ret
        reply = self.endpoints.answer(query.endpoint, query.service, text, forced=forced)
        self.tally.answers[reply.ret] += 1
        if reply.violation:
            self.tally.violations[reply.violation] += 1
        return Response(HTTPStatus.OK, reply.body)

    def _limit(self, route: Route, places: Places, now_s: float) -> Target:
        """Hold an attempt to connect against the token's plan."""
        if not self._pace.connect(route.service, now_s):
            self.tally.violations["reconnect pacing"] += 1
        allowed = self.terms.plan.connections
        if places.taken + places.lost < allowed:
            return route
        if places.taken >= allowed and not self.conditions.refusals:
            self.tally.violations["too many connections"] += 1
        return (
            _TOO_MANY if self.terms.switches.too_many_connections == "429" else attrs.evolve(route, objection="limit")
        )

    def _too_fast(self) -> Response:
        ret = int(self.terms.switches.http_too_fast)
        self.tally.answers[ret] += 1
        status = HTTPStatus.TOO_MANY_REQUESTS if ret == HTTPStatus.TOO_MANY_REQUESTS else HTTPStatus.OK
        return Response(status, self.endpoints.refuse(*result(ret)).body)
