"""What the simulator counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

import attrs


@attrs.frozen(kw_only=True)
class SimStatistics:
    """A snapshot; it does not change afterwards.

    Attributes:
        connections_open: Live now.
        connections_total: Let in since the start.
        refused: Handshakes refused, by HTTP status.
        ended: Connections that are over, by cause: ``peer`` (the client went), ``dropped``, ``heartbeat`` (30 s
            without one), ``slow`` (did not read what it was sent), ``refused`` (told so in a frame, then hung up
            on).
        requests: Messages of clients by ``cmd_id``; the simple dialect's by action; ``unreadable`` ones.
        violations: Times a client broke a rule of the vendor: ``pacing``, ``pacing across connections``,
            ``reconnect pacing``, ``heartbeat``, ``too many codes``, ``too many connections``, ``token``,
            ``code``, ``bad data``, ``unknown request``, ``unreadable``.
        published: Distinct ticks per symbol that were due, whether or not anyone listened.
        pushes: Ticks written to sockets, once per connection.
    """

    connections_open: int
    connections_total: int
    refused: Mapping[int, int]
    ended: Mapping[str, int]
    requests: Mapping[int | str, int]
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
    violations: Counter[str] = attrs.field(factory=Counter)
    published: Counter[str] = attrs.field(factory=Counter)
    pushes: int = 0

    def snapshot(self, *, connections_open: int, pushes: int) -> SimStatistics:
        """Return the counts as they are now."""
        return SimStatistics(
            connections_open=connections_open,
            connections_total=self.connections_total,
            refused=MappingProxyType(dict(self.refused)),
            ended=MappingProxyType(dict(self.ended)),
            requests=MappingProxyType(dict(self.requests)),
            violations=MappingProxyType(dict(self.violations)),
            published=MappingProxyType(dict(self.published)),
            pushes=pushes,
        )
