"""The three things about Trio's run loop that have no public door, and the only private access of this package.

`seeded` decides the order of tasks that are ready together: Trio throws dice, and offers no seed. Hypothesis reaches
for the same two names.

`deadline_reader` tells the next deadline of a run. `trio.lowlevel.current_statistics` tells it too, and is what a
version of Trio with other insides falls back on; it counts sockets and queues on the way, which takes twenty times as
long, and a backtest has to ask before each tick.

`task_number` tells which of two tasks was started first. Trio counts them, to sort them where it has to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import trio

_inside: Any = trio._core._run  # noqa: SLF001 - as said above; so below

# The dice are the process's, so one seeded run at a time has them.
_turn = threading.Lock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Throw the scheduler's dice by a seed meanwhile; a second thread that wants the same waits.

    A run of Trio in another thread, that of a live engine for instance, throws the same dice: order among tasks is
    then fair, but not repeatable.
    """
    with _turn:
        dice, was_sorted = _inside._r.getstate(), _inside._ALLOW_DETERMINISTIC_SCHEDULING  # noqa: SLF001
        _inside._r.seed(seed)  # noqa: SLF001
        _inside._ALLOW_DETERMINISTIC_SCHEDULING = True  # noqa: SLF001
        try:
            yield
        finally:
            _inside._r.setstate(dice)  # noqa: SLF001
            _inside._ALLOW_DETERMINISTIC_SCHEDULING = was_sorted  # noqa: SLF001


def deadline_reader() -> Callable[[], float]:
    """Return the function that tells the earliest deadline of the run that this is called in, infinite for none."""
    try:
        read: Callable[[], float] = _inside.GLOBAL_RUN_CONTEXT.runner.deadlines.next_deadline
    except AttributeError:
        return public_next_deadline
    return read


def public_next_deadline() -> float:
    """Tell the earliest deadline of this run, by Trio's public statistics."""
    # Both are multiples of one ulp and of one magnitude: the difference is exact, and so is this sum.
    return trio.lowlevel.current_statistics().seconds_to_next_deadline + trio.current_time()


def task_number(task: trio.lowlevel.Task) -> int:
    """Return a number that is the greater the later a task was started; 0 where Trio does not tell."""
    number: int = getattr(task, "_counter", 0)
    return number
