"""What the simulator counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

import attrs

_Key = TypeVar("_Key", int, str, int | str)


@attrs.frozen(kw_only=True)
class SimStatistics:
    """A snapshot; it does not change afterwards.

    Attributes:
        connections_open: Live now.
        connections_total: Let in since the start.
        refused: Handshakes refused, by HTTP status.
        ended: Connections that are over, by cause: ``peer`` (the client went), ``dropped``, ``restart``,
            ``heartbeat`` (30 s without one), ``vanished`` (the same, nobody having listened), ``slow`` (did not
            read what it was sent), ``refused`` (told so in a frame, then hung up on).
        requests: Messages of clients by ``cmd_id``; the simple dialect's by action; HTTP queries by endpoint;
            ``unreadable`` ones.
        answers: How they were answered, by the vendor's code. A code that does not exist (600) or is not in the
            plan (604) breaks no rule: only the answer tells its client.
        violations: Times a client broke a rule of the vendor: ``pacing``, ``pacing across connections``,
            ``reconnect pacing``, ``http pacing``, ``heartbeat``, ``too many codes``, ``too many connections``,
            ``subscribing over the limit`` (on a connection that is one too many), ``token``, ``bad data``,
            ``unknown request``, ``unreadable``.
        published: Distinct ticks per symbol that were due, whether or not anyone listened.
        pushes: Ticks written to sockets, once per connection.
    """

    connections_open: int
    connections_total: int
    refused: Mapping[int, int]
    ended: Mapping[str, int]
    requests: Mapping[int | str, int]
    answers: Mapping[int, int]
    violations: Mapping[str, int]
    published: Mapping[str, int]
    pushes: int


@attrs.define
class Tally:
    """The counters behind `SimStatistics`."""

    connections_total: int = 0
    refused: Counter[int] = attrs.field(factory=Counter)
    ended: Counter[str] = attrs.field(factory=Counter)
    requests: Counter[int | str] = attrs.field(factory=Counter)
    answers: Counter[int] = attrs.field(factory=Counter)
    violations: Counter[str] = attrs.field(factory=Counter)
    published: Counter[str] = attrs.field(factory=Counter)
    pushes: int = 0

    def snapshot(self, *, connections_open: int, published: Mapping[str, int], pushes: int) -> SimStatistics:
        """Return the counts as they are now."""
        return SimStatistics(
            connections_open=connections_open,
            connections_total=self.connections_total,
            refused=_kept(self.refused),
            ended=_kept(self.ended),
            requests=_kept(self.requests),
            answers=_kept(self.answers),
            violations=_kept(self.violations),
            published=MappingProxyType(dict(published)),
            pushes=pushes,
        )


def _kept(counter: Counter[_Key]) -> Mapping[_Key, int]:
    """Return a copy for good; what never happened is not in it."""
    return MappingProxyType(dict(+counter))
