"""Running Trio code in simulated time, the same way each time for the same seed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import trio
import trio.testing

from trio_ticks.runtime.scheduler import seeded

T = TypeVar("T")


def run_seeded(
    main: Callable[[], Awaitable[T]], *, seed: int = 0, instruments: Sequence[trio.abc.Instrument] = ()
) -> T:
    """Run ``main`` under a clock that jumps over every wait, with the scheduler's dice thrown by ``seed``.

    What ``main`` returns or raises comes out. Nothing in it may wait for a thread or a socket: the clock would run
    past it.
    """
    with seeded(seed):
        return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0), instruments=instruments)


async def on_the_spot(function: Callable[..., T], *args: Any) -> T:
    """Run what blocks without a thread, which simulated time would run past.

    For ``open_engine(run_sync=…)`` with a journal. A cancel finds it not begun, or done.
    """
    await trio.lowlevel.checkpoint()
    return function(*args)
