"""What is asked over HTTP and what is answered, as plain values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias
from urllib.parse import parse_qs

import attrs
import msgspec

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
HTML = "text/html; charset=utf-8"
EVENTS = "text/event-stream"

Send: TypeAlias = Callable[[bytes], Awaitable[None]]
"""Sends a piece of a body. It raises once the other side is gone, or takes nothing for too long."""


@attrs.frozen(kw_only=True)
class Ask:
    """A request.

    Attributes:
        method: Such as ``GET``.
        path: As it stands in the request, nothing decoded.
        query: What follows the question mark, likewise.
        headers: By name in lower case. Of a name that comes twice the last one.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)

    def argument(self, name: str) -> str:
        """Return an argument of the query, "" where there is none."""
        return parse_qs(self.query, max_num_fields=8).get(name, [""])[0] if len(self.query) else ""


@attrs.frozen
class Reply:
    """An answer that is complete."""

    status: int
    body: bytes
    kind: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()


@attrs.frozen
class Flow:
    """An answer that goes on: what it sends is called with how to send it."""

    run: Callable[[Send], Awaitable[None]]
    kind: str = EVENTS


Answer: TypeAlias = Reply | Flow


def words(status: int, text: str, *headers: tuple[str, str]) -> Reply:
    """Return one line for people."""
    return Reply(status, f"{text}\n".encode(), TEXT, headers)


def as_json(value: object) -> Reply:
    """Return a value for programs."""
    return Reply(200, msgspec.json.encode(value), JSON)
