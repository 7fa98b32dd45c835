"""A thread that reads a stream by itself, as the stream's timers know it: there are no tasks, and nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from trio_ticks.core.inband import Alarm
from trio_ticks.runtime.tasks import Task


class NoTasks:
    """Whoever sleeps is the reader, so nobody can be let run and nobody rings."""

    def current(self) -> Task | None:
        """Return that there is none."""
        return None

    def rank(self) -> int:
        """Return 0: there is one timer at a time."""
        return 0

    def can_go_on(self, _other: Task) -> bool:
        """Tell that nobody does."""
        return False

    async def check(self) -> None:
        """Nothing cancels."""

    async def pass_turn(self) -> None:
        """Nobody waits for a turn."""

    async def pass_turn_shielded(self) -> None:
        """Nobody waits for a turn."""

    async def doze(self, seconds: float) -> None:
        """Never called, since nobody else reads."""

    async def until_rung(self, _alarm: Alarm, wait: Callable[[], Awaitable[None]]) -> None:
        """Wait; what ends it is found by looking ahead, in this thread."""
        await wait()
