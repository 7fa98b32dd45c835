"""The timers of one stream: who waits for an instant of in-band time, and who lets them go on.

Where another task reads the stream, that task rings: just before it is handed a record beyond a timer's instant, it
lets the sleeper run first. Where nobody else does, because the sleeper itself is the reader or nobody has read yet,
the sleeper whose timer comes first looks ahead until a record beyond its instant has come, and leaves all of them to
be read afterwards; the others wait until theirs comes first. Which of the two holds may change while it sleeps, so it
is asked at each step.

Timers ring one after the other: each sleeper runs to its next wait before the next timer rings. Those of one instant
ring in the order in which their tasks were started, so that a strategy of several tasks decides the same each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import trio

from trio_ticks.core.inband import Alarm, Position, us_of
from trio_ticks.runtime.tasks import Task, Tasks

LOOK_S = 1.0
"""How often a sleeper looks whether the task that reads still lives. Nothing tells of a task's end; so long a timer
is late at most, once, where a reader left in the middle of a stream. Sooner would wake sleepers for nothing."""


ROUNDS = 2
"""Of the scheduler, until another task that may run has run. Those of one round run in any order: after one, the
other may still be behind us."""


class Timers:
    """Sets the alarms of one stream, and rings them.

    Args:
        position: Where the consumer stands.
        look: Returns whether a record beyond an instant has come, and brings the first one of all into the hand.
        ask: Is told of each instant that somebody waits for.
        tasks: The scheduler of those who read and sleep.
    """

    def __init__(
        self,
        position: Position,
        look: Callable[[int | None], Awaitable[bool]],
        ask: Callable[[int], None],
        tasks: Tasks,
    ) -> None:
        self._position = position
        self._look = look
        self._ask = ask
        self._tasks = tasks
        self._reader: Task | None = None
        self._asleep: Counter[Task | None] = Counter()
        self._queued: dict[Alarm, Alarm] = {}  # by the alarm of who waits to be the first: what tells it that it is
        self._told_end = False
        self._has_begun = False

    async def note_reader(self) -> None:
        """Note that the current task reads the stream.

        The first time it lets the tasks that were started along with it reach their first wait. Live, they set their
        timers before the first record comes; in a recording it lies there already.
        """
        self._reader = self._tasks.current()
        if not self._has_begun:
            self._has_begun = True
            await self._let_others_run()

    async def ring_due(self) -> bool:
        """Ring the alarm that comes before the next record, if there is one; the sleeper runs to its next wait.

        Cancellation:
            After the alarm has rung; the record is still to be handed on.
        """
        alarm = self._position.due()
        if alarm is None:
            return False
        await self._ring(alarm)
        return True

    async def sleep(self, seconds: float) -> None:
        """Wait until in-band time has moved by so many seconds, or the stream ends."""
        lasts_us = us_of(seconds)
        if not lasts_us:
            await self._tasks.pass_turn()
            return
        await self.wait(lambda start_us: start_us + lasts_us)

    async def wait(self, due_from: Callable[[int], int]) -> int | None:
        """Wait until in-band time reaches what this function makes of the time at which the wait begins.

        Returns:
            The instant; None if the stream ends before.

        Raises:
            trio.EndOfChannel: that was told before, and there is no more time to wait for.

        Cancellation:
            At any await; nothing is lost.
        """
        was_told = self._told_end
        alarm = Alarm(due_from=due_from, ask=self._ask, rank=self._tasks.rank())
        with self._set(alarm):
            await self._tasks.until_rung(alarm, lambda: self._wait_for(alarm))
        if alarm.state != "ended":
            return alarm.due_us
        if was_told:
            raise trio.EndOfChannel("the stream has ended, and its time with it")
        self._told_end = True
        await self._tasks.pass_turn()
        return None

    @contextmanager
    def _set(self, alarm: Alarm) -> Iterator[None]:
        task = self._tasks.current()
        self._asleep[task] += 1
        self._position.set(alarm)
        try:
            yield
        finally:
            self._position.unset(alarm)
            self._asleep -= Counter((task,))
            self._tell_first()

    async def _wait_for(self, alarm: Alarm) -> None:
        await self._tasks.check()
        rounds = 0 if self._position.now_us else ROUNDS
        # What is rung while it waits is woken by a cancel. Where it only lets others run it must not be cancelled:
        # that would take a round more than those wait who ring.
        while alarm.state == "pending":
            if self._position.first is not alarm:
                await self._until_first(alarm)
                rounds = ROUNDS
            elif rounds:  # whoever was rung before, or is going to read, perhaps started along with this task
                rounds -= 1
                await self._tasks.pass_turn_shielded()
            elif self._position.is_overdue:
                await self._tasks.pass_turn_shielded()
                self._ring_own(alarm)
            elif self._is_read_elsewhere():
                await self._tasks.doze(LOOK_S)
            else:
                await self._look_ahead(alarm)

    async def _until_first(self, alarm: Alarm) -> None:
        """Wait until no alarm comes before this one, or a while."""
        turn = self._queued[alarm] = Alarm(due_from=alarm.due_from, ask=alarm.ask)
        self._tell_first()
        try:
            await self._tasks.until_rung(turn, lambda: self._tasks.doze(LOOK_S))
        finally:
            del self._queued[alarm]

    def _tell_first(self) -> None:
        """Tell whoever waits for it that his alarm is the first now."""
        first = self._position.first
        if first is not None and first in self._queued:
            self._queued[first].ring()

    async def _look_ahead(self, alarm: Alarm) -> None:
        """Look beyond an alarm, the first of all, and ring it once a record beyond it has come."""
        try:
            has_come = await self._look(self._position.next_due_us)
        except trio.EndOfChannel:
            self._position.end()
            return
        if has_come and not self._is_read_elsewhere():
            self._ring_own(alarm)

    def _ring_own(self, alarm: Alarm) -> None:
        """Ring the alarm of the task that runs, unless another one comes before it by now."""
        if self._position.first is alarm:
            self._position.pop().finish("rung")

    def _is_read_elsewhere(self) -> bool:
        """Tell whether the task that has read last may read on, and does not sleep on this stream itself."""
        reader = self._reader
        if reader is None or reader in self._asleep:
            return False
        return self._tasks.can_go_on(reader)

    async def _ring(self, alarm: Alarm) -> None:
        alarm.finish("rung")
        await self._let_others_run()

    async def _let_others_run(self) -> None:
        for _ in range(ROUNDS):
            await self._tasks.pass_turn()


class Every:
    """An async iterator over the instants that are multiples of a duration since the epoch. None is left out."""

    def __init__(self, timers: Timers, seconds: float) -> None:
        self._timers = timers
        self._step_us = us_of(seconds, least_us=1)
        self._last_us: int | None = None

    def __aiter__(self) -> Every:
        return self

    async def __anext__(self) -> int:
        try:
            due_us = await self._timers.wait(self._next_from)
        except trio.EndOfChannel:
            due_us = None
        if due_us is None:
            raise StopAsyncIteration
        self._last_us = due_us
        return due_us

    def _next_from(self, start_us: int) -> int:
        after_us = start_us if self._last_us is None else self._last_us
        return (after_us // self._step_us + 1) * self._step_us
