"""Where an HTTP request leads: to a conversation, to an endpoint, or to a refusal.

AllTick's host asks for the token before it looks at the path: without one, every path answers 401. The bodies of
the 401s are recorded ones; those of the other refusals follow their shape.
"""

from __future__ import annotations

from typing import TypeAlias
from urllib.parse import parse_qs

import attrs
import msgspec

from trio_ticks.sim.endpoints import METHODS

SERVICES = {"/quote-stock-b-ws-api": "stock", "/quote-b-ws-api": "other"}
HTTP_SERVICES = {"/quote-stock-b-api": "stock", "/quote-b-api": "other"}
SIMPLE_PATH = "/ws/stock"


@attrs.frozen
class Response:
    """An HTTP response, in place of a connection or to a query."""

    status: int
    body: bytes


@attrs.frozen
class Route:
    """A conversation.

    Attributes:
        service: ``stock``, ``other`` or ``simple``.
        objection: ``token`` where a bad one is let in, to be told so in a frame; ``limit`` where the connection
            is one too many and let in, to be closed; otherwise "".
    """

    service: str
    objection: str = ""


@attrs.frozen(kw_only=True)
class Query:
    """A question to an endpoint.

    Attributes:
        service: ``stock`` or ``other``.
        endpoint: One of `METHODS`.
        text: What is asked, as it stands in the URL; the body counts where the method is POST.
    """

    service: str
    endpoint: str
    text: str


Target: TypeAlias = Route | Query | Response


def refusal(status: int, msg: str) -> Response:
    """Return a refusal with the vendor's JSON body."""
    return Response(status, msgspec.json.encode({"msg": msg, "trace": "", "ret": status}))


def find_route(method: str, target: str, *, token: str, upgrade: bool, admit_bad_token: bool) -> Target:
    """Return where a request goes.

    Args:
        method: ``GET`` or ``POST``; others lead nowhere.
        target: The path and query as they stand in the request.
        token: The only one accepted.
        upgrade: The request asks for a WebSocket.
        admit_bad_token: Route a bad or missing token as unauthorised instead of refusing it, where it asks for a
            WebSocket.
    """
    path, _, query = target.partition("?")
    if path == SIMPLE_PATH:
        return Route("simple") if upgrade else refusal(426, "upgrade required")
    fields = parse_qs(query)
    offered = fields.get("token", [""])[0]
    if offered != token and not (admit_bad_token and upgrade):
        return refusal(401, "token invalid" if offered else "token is required")
    if path in SERVICES:
        return (
            Route(SERVICES[path], "" if offered == token else "token")
            if upgrade
            else refusal(426, "upgrade required")
        )
    base, _, endpoint = path.rpartition("/")
    if offered == token and base in HTTP_SERVICES and METHODS.get(endpoint) == method:
        return Query(service=HTTP_SERVICES[base], endpoint=endpoint, text=fields.get("query", [""])[0])
    return refusal(404, "not found")
