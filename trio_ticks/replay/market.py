"""Market time: a clock for Trio that only the recording and the timers move.

Inside a backtest `trio.current_time` is market time, in seconds since the epoch, and every timer of Trio, ``sleep``,
``move_on_after``, ``fail_after`` or the deadline of any scope, is due at a market instant. Instants are whole
microseconds: a deadline is due at the one it is nearest to, so that the last bits of a float, of which there are 0.24
microseconds in a float of this size, never decide anything, nor add up over many sleeps.

The rules, in this order:

1. No time passes while a task can run, or while a thread of Trio's default limiter works.
2. The next thing to happen is the earliest of the record that a reader waits for and the next timer; of both at one
   instant, the record. Time then stands at its instant, and never goes back.
3. Where nobody waits for a record, records wait for whoever reads next. None is left out.
4. When neither is left before the end of the range, time goes to the end, at which timers still fire; readers are
   told that it is over, and whatever waits for anything else is cancelled.

How it is done. `Market.drive` sleeps until all tasks are blocked, moves the time, and sleeps again. That costs a pass
of the run loop, so a reader does not wait for it where it can prove that the driver would let it go on at once: no
other task is runnable, no thread works, its own scope is not cancelled, and no deadline lies before its record
(`Market.is_free_until`). All of these are asked for each record that moves time, because a strategy can set the
deadline of a scope that it has opened before without asking anybody for the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import trio
import trio.testing

from trio_ticks.runtime.scheduler import deadline_reader

_THREAD_POLL_S = 0.001
"""Real seconds between two looks at whether a thread is done; its end also wakes the run loop by itself, so that this
is only the pause after it."""


class Horizon(Protocol):
    """How far the recording goes."""

    def goes_on_to(self, time_us: int) -> bool:
        """Return whether this instant still lies in the range."""
        ...

    def last_us(self) -> int:
        """Return where it ends."""
        ...

    def end(self) -> None:
        """Know that nobody will read any more."""
        ...


class MarketClock(trio.abc.Clock, trio.abc.Instrument):
    """The clock, and what the run loop tells of itself: how many tasks are about to run.

    Tasks see the time of the market. The run loop, which lets timers fire, is shown a time of its own, because at an
    instant at which a record and a timer fall together there is a while before the timer. It asks right after it has
    waited for input, which it tells its instruments.
    """

    def __init__(self, *, start_us: int) -> None:
        self.now_us = start_us
        self.runnable = 0
        self.has_turned = False  # the run loop, since somebody has set this back
        self._fired_s = -math.inf
        self._is_looking = False

    def start_clock(self) -> None:
        """Nothing to do: it stands."""

    def current_time(self) -> float:
        """Return market time in seconds since the epoch."""
        if self._is_looking:
            self._is_looking = False
            return self._due_s()
        return self.now_us / 1e6

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Return how long to wait for input: not at all when a timer is due, otherwise as long as it takes."""
        return 0.0 if deadline <= self._due_s() else math.inf

    def after_io_wait(self, timeout: float) -> None:  # noqa: ARG002 - the name is the instrument's
        """Know that the run loop asks for the time next."""
        self.has_turned = self._is_looking = True

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002 - as above
        """Count a task that is going to run."""
        self.runnable += 1

    def before_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002 - as above
        """Count a task that runs."""
        self.runnable -= 1

    def fire(self, deadline: float) -> None:
        """Move the time to a deadline, so that all timers up to it fire."""
        self.now_us = max(self.now_us, due_us(deadline))
        self._fired_s = max(self._fired_s, deadline)

    def _due_s(self) -> float:
        """Return up to where timers fire: those of earlier instants, and those of this one that have been let go."""
        # Three quarters, because a float holds a quarter: every instant before this one lies below, this one above.
        return max(self._fired_s, (self.now_us - 0.75) / 1e6)


def due_us(deadline: float) -> int:
    """Return the instant at which a deadline is due that is not infinite: the nearest microsecond."""
    return round(max(deadline, 0.0) * 1e6)


class Market:
    """Moves a `MarketClock`; see the rules above.

    Args:
        clock: Of this run.
        horizon: How far time may go.
        scope: Of the strategy; cancelled when it waits for what will not come.

    Attributes:
        is_over: Time is at the end of the range.
        next_deadline: Tells the earliest deadline of this run.
    """

    def __init__(self, *, clock: MarketClock, horizon: Horizon, scope: trio.CancelScope) -> None:
        self.clock = clock
        self.is_over = False
        self._horizon = horizon
        self._scope = scope
        self._readers = trio.lowlevel.ParkingLot()
        self._finishers = trio.lowlevel.ParkingLot()
        self._wanted_us: int | None = None
        self.next_deadline: Callable[[], float] = deadline_reader()
        self._limiter = trio.to_thread.current_default_thread_limiter()

    def is_free_until(self, time_us: int) -> bool:
        """Return whether nothing can happen before a record of this instant, which then may be handed out at once.

        To be asked by a task that is not cancelled, and acted on before it awaits anything.
        """
        clock = self.clock
        if clock.runnable or self.next_deadline() * 1e6 < time_us - 0.5:
            return False
        if clock.has_turned:  # otherwise nobody has run since but the task that asks
            if self._limiter.borrowed_tokens:
                return False
            clock.has_turned = False
        return True

    def free_us(self) -> float:
        """Return the last instant that is free to go to; see `is_free_until`."""
        if not self.is_free_until(self.clock.now_us):
            return -math.inf
        deadline = self.next_deadline()
        return deadline if math.isinf(deadline) else due_us(deadline)

    async def reach(self, time_us: int) -> None:
        """Wait until it is this instant's turn, for a record; or for nothing, if another reader was woken before.

        Cancellation:
            Anywhere; a timer that is due before cancels it in time.
        """
        self._wanted_us = time_us
        await self._readers.park()

    async def reach_end(self) -> None:
        """Wait until the range is over, and all its timers have fired.

        Cancellation:
            Anywhere.
        """
        if not self.is_over:
            await self._finishers.park()

    async def drive(self) -> None:
        """Move the time, for ever. To be run beside the strategy.

        Cancellation:
            Stops it.
        """
        while True:
            await trio.testing.wait_all_tasks_blocked()
            while self._limiter.borrowed_tokens:
                await trio.testing.wait_all_tasks_blocked(_THREAD_POLL_S)
            if not self.clock.runnable and not self._move():
                await trio.sleep_forever()  # a shield that nothing will ever end: waiting for it is all there is

    def _move(self) -> bool:
        """Let happen what comes next; return whether there is anything."""
        deadline = self.next_deadline()
        wanted_us = self._wanted_us if self._readers else None
        if wanted_us is not None and deadline * 1e6 >= wanted_us - 0.5:
            self.clock.now_us = max(self.clock.now_us, wanted_us)
            self._readers.unpark_all()
        elif deadline < math.inf and (self._scope.cancel_called or self._is_in_range(deadline)):
            self.clock.fire(deadline)  # after a cancel too: what cleans up behind a shield may have timers
        elif self._finishers or not self._scope.cancel_called:
            self._finish()
        else:
            return False
        return True

    def _is_in_range(self, deadline: float) -> bool:
        return not self.is_over and self._horizon.goes_on_to(due_us(deadline))

    def _finish(self) -> None:
        """Tell those who wait for it that it is over; without any, cancel whoever waits for something else."""
        if self._finishers:
            self._finishers.unpark_all()
        else:
            self._horizon.end()
            self._scope.cancel("the recording is over")
        self.is_over = True
        self.clock.now_us = max(self.clock.now_us, self._horizon.last_us())
