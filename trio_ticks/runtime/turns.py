"""Waiting for one's turn, as the pacing gives it, and once more where the host stood still meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import trio

from trio_ticks.core.pacing import Pacer


async def request_turn(pacer: Pacer, connection: Hashable) -> None:
    """Wait until a request may go out on a connection. It has to, at once, when this returns.

    Cancellation:
        At the wait; the turn is given back by `Pacer.forget`.
    """
    at = pacer.request_at(connection, trio.current_time())
    await _claimed(at, lambda at, now: pacer.claim(connection, at, now))


async def heartbeat_turn(pacer: Pacer, connection: Hashable) -> None:
    """Wait until a heartbeat may go out, as `request_turn`."""
    at = pacer.heartbeat_at(connection, trio.current_time())
    await _claimed(at, lambda at, now: pacer.claim(connection, at, now, heartbeat=True))


async def connect_turn(pacer: Pacer) -> None:
    """Wait until an attempt to connect may begin, as `request_turn`; a turn that is not taken lapses."""
    await _claimed(pacer.connect_at(trio.current_time()), lambda _, now: pacer.claim_connect(now))


async def _claimed(at: float, claim: Callable[[float, float], float]) -> None:
    while True:
        await trio.sleep_until(at)
        now = trio.current_time()
        at = claim(at, now)
        if at == now:
            return
