"""Running Trio code in simulated time, the same way each time for the same seed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import trio
import trio.testing

from trio_ticks.runtime.scheduler import seeded

T = TypeVar("T")


def simulate(
    main: Callable[[], Awaitable[T]], *, seed: int = 0, instruments: Sequence[trio.abc.Instrument] = ()
) -> T:
    """Run ``main`` under a clock that jumps over every wait, with the scheduler's dice thrown by ``seed``.

    What ``main`` returns or raises comes out. Nothing in it may wait for a thread or a socket: the clock would run
    past it.
    """
    with seeded(seed):
        return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0), instruments=instruments)
