"""When a request may be sent, so that the vendor does not take it for flooding.

Three distances are kept, each in both directions, because a heartbeat may find room before a request that is
already waiting for its turn:

* ``request_s`` between any two requests on one connection, heartbeats included;
* ``across_s`` between requests on different connections. Heartbeats are exempt: ten connections that beat 3 s
  apart would beat every 30 s, and AllTick drops a connection that is silent for 30 s;
* ``connect_s`` between attempts to connect.

Every answer is a reservation: the caller sleeps until that instant and then calls `claim`. On a host that stood
still meanwhile, the instants of several connections have passed by then, and sending on all of them at once would be
the very volley that the pacing is there to avoid. So what counts for those that come later is when a request really
went out. Instants are float seconds of one monotonic clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Hashable


@attrs.define
class _Reservation:
    at: float
    connection: Hashable
    heartbeat: bool
    sent: bool = False


# Stands for every connection that is gone. What it sent still counts for the vendor, as another connection's.
_GONE: Final = object()


class Pacer:
    """The reservations of one token at one service.

    Memory holds what was reserved for the future and for the last ``max(request_s, across_s)`` seconds.

    Args:
        request_s: Between two requests on one connection.
        across_s: Between requests on different connections.
        connect_s: Between two attempts to connect.
    """

    def __init__(self, *, request_s: float, across_s: float, connect_s: float) -> None:
        self._request_s = request_s
        self._across_s = across_s
        self._connect_s = connect_s
        self._next_connect = self._last_connect = float("-inf")
        self._reserved: list[_Reservation] = []

    def connect_at(self, now: float) -> float:
        """Reserve and return the earliest instant from ``now`` on at which to connect."""
        at = max(now, self._next_connect)
        self._next_connect = at + self._connect_s
        return at

    def request_at(self, connection: Hashable, now: float) -> float:
        """Reserve and return the earliest instant from ``now`` on at which to send a request."""
        return self._reserve(connection, now, heartbeat=False)

    def heartbeat_at(self, connection: Hashable, now: float) -> float:
        """Reserve and return the earliest instant from ``now`` on at which to send a heartbeat."""
        return self._reserve(connection, now, heartbeat=True)

    def claim_connect(self, now: float) -> float:
        """Take up a turn to connect: do it if the answer is ``now``, else claim it again at the answer."""
        at = max(now, self._last_connect + self._connect_s)
        if at == now:
            self._last_connect = now
            self._next_connect = max(self._next_connect, now + self._connect_s)
        return at

    def claim(self, connection: Hashable, at: float, now: float, *, heartbeat: bool = False) -> float:
        """Take up a reservation at its instant or later: send if the answer is ``now``, else claim it again then.

        Args:
            connection: Whose it is.
            at: What was answered when it was reserved, or last claimed.
            now: At or after ``at``.
            heartbeat: What it was reserved for.

        Returns:
            ``now``; or the earliest later instant that keeps the distance from all that was sent, where some of that
            went out late. What others have only reserved is no hindrance: theirs is the turn after this one.
        """
        self._withdraw(connection, at)
        mine = _Reservation(now, connection, heartbeat)
        mine.at = _first_free(now, self._blocked_for(mine, [item for item in self._reserved if item.sent]))
        mine.sent = mine.at == now
        self._reserved.append(mine)
        return mine.at

    def forget(self, connection: Hashable) -> None:
        """Drop what a connection that is gone has not sent; its successor may have the same name.

        What it did send keeps its distance from the requests of all others, the successor's included.
        """
        self._reserved = [
            item if item.connection != connection else attrs.evolve(item, connection=_GONE)
            for item in self._reserved
            if item.connection != connection or (item.sent and not item.heartbeat)
        ]

    def _reserve(self, connection: Hashable, now: float, *, heartbeat: bool) -> float:
        horizon = now - max(self._request_s, self._across_s)
        self._reserved = [item for item in self._reserved if item.at > horizon]
        mine = _Reservation(now, connection, heartbeat)
        mine.at = _first_free(now, self._blocked_for(mine, self._reserved))
        self._reserved.append(mine)
        return mine.at

    def _withdraw(self, connection: Hashable, at: float) -> None:
        for number, item in enumerate(self._reserved):
            if item.connection == connection and item.at == at and not item.sent:
                del self._reserved[number]
                return

    def _blocked_for(self, mine: _Reservation, others: list[_Reservation]) -> list[tuple[float, float]]:
        """Return the open intervals in which a request must not go out, because of others that did or will."""
        blocked = []
        for item in others:
            if item.connection == mine.connection:
                blocked.append((item.at - self._request_s, item.at + self._request_s))
            elif not (mine.heartbeat or item.heartbeat):
                blocked.append((item.at - self._across_s, item.at + self._across_s))
        return blocked


def _first_free(now: float, blocked: list[tuple[float, float]]) -> float:
    """Return the first instant from ``now`` on that lies inside none of the open intervals."""
    at = now
    for start, end in sorted(blocked):
        if at <= start:  # inside neither this one nor any later one, as those start no earlier
            break
        at = max(at, end)
    return at
