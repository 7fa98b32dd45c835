"""A crash of the engine before a step of the scheduler: the end of a process, as its files and its peers see it."""

from __future__ import annotations

from collections.abc import Callable

import trio

MOST_STEPS = 500_000
"""Of the scheduler in one world. They take some thousands; so many mean that a task asks the same again and again,
without a pause in which simulated time could go on."""


class Crash(trio.abc.Instrument):
    """Counts steps of the scheduler, and calls ``strike`` before the last of those that it was armed with.

    Attributes:
        world: Cancelled after `MOST_STEPS`.
        steps: All of them.
    """

    def __init__(self) -> None:
        self.world = trio.CancelScope()
        self.steps = 0
        self._left = 0
        self._strike: Callable[[], None] | None = None

    def arm(self, steps: int, strike: Callable[[], None]) -> None:
        """Strike so many steps from now."""
        self._left, self._strike = steps, strike

    def disarm(self) -> None:
        """Strike no more."""
        self._strike = None

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Count."""
        del task
        self.steps += 1
        if self.steps == MOST_STEPS:
            self.world.cancel("it does not end")
        self._left -= 1
        if self._left <= 0 and self._strike is not None:
            strike, self._strike = self._strike, None
            strike()
