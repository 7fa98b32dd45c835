"""What one task can know of another: whether it may still do something before this one has ended."""

from __future__ import annotations

import inspect

import trio

_AT_THE_END = type(
    trio.open_nursery(strict_exception_groups=True)
).__aexit__.__code__  # outside a run it must be told


def can_go_on(other: trio.lowlevel.Task, mine: trio.lowlevel.Task) -> bool:
    """Tell whether another task may go on before this one has ended.

    It cannot if it has ended, or stands at the end of a nursery's block in which this one runs.
    """
    if inspect.getcoroutinestate(other.coro) == inspect.CORO_CLOSED:
        return False
    if not other.child_nurseries or not _runs_in(other.child_nurseries[-1], mine):
        return True
    return all(frame.f_code is not _AT_THE_END for frame, _ in other.iter_await_frames())


def _runs_in(nursery: trio.Nursery, task: trio.lowlevel.Task) -> bool:
    above = task.parent_nursery
    while above is not None and above is not nursery:
        above = above.parent_task.parent_nursery
    return above is nursery
