"""The tasks of an asyncio loop, as the timers of a stream that is read there know them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from types import CodeType
from typing import Any

from trio_ticks.aio.loop import Loop
from trio_ticks.core.inband import Alarm
from trio_ticks.runtime.tasks import Task

_AT_THE_END = asyncio.TaskGroup.__aexit__.__code__


class LoopTasks:
    """Those of one loop.

    Tasks that can run do so in the order in which they were woken, so a turn that is passed to them ends behind the
    next wait of whoever was rung before it.

    Args:
        loop: It.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def current(self) -> Task | None:
        """Return the task that runs now.

        Raises:
            ConfigError: this is another loop.
        """
        self._loop.check()
        return asyncio.current_task()

    def rank(self) -> int:
        """Return 0: here tasks run in the order in which they were started."""
        return 0

    def can_go_on(self, other: Task) -> bool:
        """Tell whether another task may go on before this one has ended.

        It cannot if it has ended. One that stands at the end of a task group's block is taken to wait for this one.
        """
        assert isinstance(other, asyncio.Task)
        return not other.done() and not _stands_in(other.get_coro(), _AT_THE_END)

    async def check(self) -> None:
        """Nothing: a cancel comes at a wait only."""

    async def pass_turn(self) -> None:
        """Let the tasks that can run do so, once."""
        await asyncio.sleep(0)

    async def pass_turn_shielded(self) -> None:
        """Do the same: a cancel does not cost a turn here."""
        await asyncio.sleep(0)

    async def doze(self, seconds: float) -> None:
        """Wait by the wall clock."""
        await asyncio.sleep(seconds)

    async def until_rung(self, alarm: Alarm, wait: Callable[[], Awaitable[None]]) -> None:
        """Wait, until it is over or the alarm cuts it short by a cancel of its own, which goes no further."""
        ring = _Ring(self._loop)
        alarm.ring = ring.ring
        try:
            await wait()
        except asyncio.CancelledError:  # noqa: ASYNC103 - the one of the alarm has done what it was for
            if not ring.was_meant():
                raise
        finally:
            ring.is_over = True


class _Ring:
    """Cancels the task that made it, once, and tells such a cancel from others."""

    def __init__(self, loop: Loop) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._before = task.cancelling()
        self._loop = loop
        self._thread = threading.get_ident()
        self._has_cancelled = False
        self.is_over = False

    def ring(self) -> None:
        """Cut the wait short. A stream that is closed rings in the engine's thread."""
        if threading.get_ident() == self._thread:
            self._cancel()
        else:
            self._loop.soon(self._cancel)

    def was_meant(self) -> bool:
        """Tell whether a cancel was this one's, and no other came beside it."""
        return self._has_cancelled and self._task.uncancel() <= self._before

    def _cancel(self) -> None:
        # A task that rings for itself is no longer waiting, and looks before it waits again.
        if not (self.is_over or self._has_cancelled or asyncio.current_task() is self._task):
            self._has_cancelled = True
            self._task.cancel("a timer is due")


def _stands_in(coroutine: Any, code: CodeType) -> bool:
    """Tell whether a coroutine waits in this function, however deep."""
    while coroutine is not None:
        if getattr(coroutine, "cr_code", None) is code:
            return True
        coroutine = getattr(coroutine, "cr_await", None)
    return False
