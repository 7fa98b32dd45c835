"""How long to wait before the next attempt to connect.

The wait doubles from failure to failure and is jittered, so that many clients of a vendor that restarts do
not come back in step. Only a session that lived for a while resets it: were a successful connect enough, a
server that accepts and closes at once would be hammered as fast as it answers.
"""

from __future__ import annotations

import math


class Backoff:
    """The waits of one connection.

    After a healthy session the wait is anywhere below ``first_s``. Each failure after that waits between half
    and the whole of a bound, which starts at ``first_s`` and doubles up to ``max_s``. A peer that fails every
    session early is therefore tried less than ``log2(max_s / first_s) + 2 + t / (max_s / 2)`` times in the
    first ``t`` seconds.

    Args:
        first_s: The bound of the first failure.
        max_s: The largest bound.
        healthy_s: How long a session has to live to make the next failure a first one.

    Raises:
        ValueError: Not ``0 < first_s <= max_s``.
    """

    def __init__(self, *, first_s: float, max_s: float, healthy_s: float) -> None:
        if not 0 < first_s <= max_s:
            raise ValueError(f"backoff from {first_s} s to {max_s} s: needs 0 < first_s <= max_s")
        self._first_s = first_s
        self._max_s = max_s
        self._healthy_s = healthy_s
        self._bound_s = first_s

    def after(self, lasted_s: float | None, chance: float, *, ceiling_s: float = math.inf) -> float:
        """Return how many seconds to wait, now that a session has ended.

        Args:
            lasted_s: How long the session had been live. None: it never was.
            chance: A random number in [0, 1).
            ceiling_s: Wait no longer than this, where the reason of the failure is known to pass by itself. The
                bound does not grow beyond it meanwhile.
        """
        if lasted_s is not None and lasted_s >= self._healthy_s:
            self._bound_s = self._first_s
            return self._first_s * chance
        bound_s = self._bound_s
        self._bound_s = min(2 * bound_s, self._max_s, max(ceiling_s, bound_s))
        return min(bound_s, ceiling_s) * (1 + chance) / 2
