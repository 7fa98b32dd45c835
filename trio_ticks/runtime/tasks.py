"""What a stream's timers ask of the scheduler in whose tasks it is read.

`TrioTasks` is Trio's. Where a stream is read elsewhere, whoever reroutes it brings another: that of asyncio, or that
of a thread, which has no tasks.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Hashable
from typing import Protocol, TypeAlias

import trio

from trio_ticks.core.inband import Alarm
from trio_ticks.runtime.scheduler import task_number

Task: TypeAlias = Hashable
"""Whatever a scheduler knows a task by."""

_AT_THE_END = type(
    trio.open_nursery(strict_exception_groups=True)
).__aexit__.__code__  # outside a run it must be told


class Tasks(Protocol):
    """A scheduler, as far as timers need one. Nothing here loses what a cancel interrupts."""

    def current(self) -> Task | None:
        """Return the task that runs now; None where there are no tasks, so that nobody else can be reading."""
        ...

    def rank(self) -> int:
        """Return a number by which the task that runs now stands before those that were started after it.

        0 for all where tasks take turns in the order in which they were started anyway.
        """
        ...

    def can_go_on(self, other: Task) -> bool:
        """Tell whether another task may still do something before this one has ended."""
        ...

    async def check(self) -> None:
        """Be cancelled here, if at all. No other task runs."""
        ...

    async def pass_turn(self) -> None:
        """Let the tasks that can run do so, once."""
        ...

    async def pass_turn_shielded(self) -> None:
        """Do the same where a cancel would be too early: it is met at the next wait."""
        ...

    async def doze(self, seconds: float) -> None:
        """Wait by the wall clock."""
        ...

    async def until_rung(self, alarm: Alarm, wait: Callable[[], Awaitable[None]]) -> None:
        """Wait in this way, which ends when the alarm has rung; cut it short where another task, or thread, rings."""
        ...


class TrioTasks:
    """Trio's."""

    current = staticmethod(trio.lowlevel.current_task)
    check = staticmethod(trio.lowlevel.checkpoint_if_cancelled)
    pass_turn = staticmethod(trio.lowlevel.checkpoint)
    pass_turn_shielded = staticmethod(trio.lowlevel.cancel_shielded_checkpoint)
    doze = staticmethod(trio.sleep)

    def rank(self) -> int:
        """Return which task of the process this is: Trio lets those that are ready together run in any order."""
        return task_number(trio.lowlevel.current_task())

    def can_go_on(self, other: Task) -> bool:
        """Tell whether another task may go on before this one has ended.

        It cannot if it has ended, or stands at the end of a nursery's block in which this one runs.
        """
        assert isinstance(other, trio.lowlevel.Task)
        if inspect.getcoroutinestate(other.coro) == inspect.CORO_CLOSED:
            return False
        if not other.child_nurseries or not _runs_in(other.child_nurseries[-1], trio.lowlevel.current_task()):
            return True
        return all(frame.f_code is not _AT_THE_END for frame, _ in other.iter_await_frames())

    async def until_rung(self, alarm: Alarm, wait: Callable[[], Awaitable[None]]) -> None:
        """Wait, until it is over or the alarm cancels it."""
        with trio.CancelScope() as scope:
            alarm.ring = lambda: scope.cancel("a timer is due")
            await wait()


def _runs_in(nursery: trio.Nursery, task: trio.lowlevel.Task) -> bool:
    above = task.parent_nursery
    while above is not None and above is not nursery:
        above = above.parent_task.parent_nursery
    return above is nursery
