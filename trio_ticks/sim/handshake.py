"""The HTTP side: which request becomes a conversation, and what the others are told.

AllTick's host asks for the token before it looks at the path: without one, every path answers 401. The bodies of
the 401s are recorded ones; those of the other refusals follow their shape.
"""

from __future__ import annotations

from typing import TypeAlias
from urllib.parse import parse_qs

import attrs
import msgspec

SERVICES = {"/quote-stock-b-ws-api": "stock", "/quote-b-ws-api": "other"}
SIMPLE_PATH = "/ws/stock"


@attrs.frozen
class Refusal:
    """An HTTP response in place of a connection."""

    status: int
    body: bytes


@attrs.frozen
class Route:
    """Where a request leads.

    Attributes:
        service: ``stock``, ``other`` or ``simple``.
        authorised: False where a bad token is let in, to be told so in a frame.
    """

    service: str
    authorised: bool = True


Target: TypeAlias = Route | Refusal


def refusal(status: int, msg: str) -> Refusal:
    """Return a refusal with the vendor's JSON body."""
    return Refusal(status, msgspec.json.encode({"msg": msg, "trace": "", "ret": status}))


def find_route(target: str, *, token: str, admit_bad_token: bool) -> Target:
    """Return where a request goes.

    Args:
        target: The path and query as they stand in the request.
        token: The only one accepted.
        admit_bad_token: Route a bad or missing token as unauthorised instead of refusing it.
    """
    path, _, query = target.partition("?")
    if path == SIMPLE_PATH:
        return Route("simple")
    offered = parse_qs(query).get("token", [""])[0]
    if offered != token and not admit_bad_token:
        return refusal(401, "token invalid" if offered else "token is required")
    if path not in SERVICES:
        return refusal(404, "not found")
    return Route(SERVICES[path], authorised=offered == token)
