"""Running Trio code in simulated time, the same way each time for the same seed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import trio
import trio.testing

T = TypeVar("T")

# Trio offers no seed: this is the module whose two names decide the order of tasks that are ready together, and
# the only private access of this package. Hypothesis reaches for the same two.
_scheduler: Any = trio._core._run  # noqa: SLF001 - as just said


def run_seeded(
    main: Callable[[], Awaitable[T]], *, seed: int = 0, instruments: Sequence[trio.abc.Instrument] = ()
) -> T:
    """Run ``main`` under a clock that jumps over every wait, with the scheduler's dice thrown by ``seed``.

    What ``main`` returns or raises comes out. Nothing in it may wait for a thread or a socket: the clock would run
    past it.
    """
    with _seeded(seed):
        return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0), instruments=instruments)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    dice, was_sorted = _scheduler._r.getstate(), _scheduler._ALLOW_DETERMINISTIC_SCHEDULING  # noqa: SLF001 - as above
    _scheduler._r.seed(seed)  # noqa: SLF001 - as above
    _scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True  # noqa: SLF001 - as above
    try:
        yield
    finally:
        _scheduler._r.setstate(dice)  # noqa: SLF001 - as above
        _scheduler._ALLOW_DETERMINISTIC_SCHEDULING = was_sorted  # noqa: SLF001 - as above


async def on_the_spot(function: Callable[..., T], *args: Any) -> T:
    """Run what blocks without a thread, which simulated time would run past.

    For ``open_engine(run_sync=…)`` with a journal. A cancel finds it not begun, or done.
    """
    await trio.lowlevel.checkpoint()
    return function(*args)
