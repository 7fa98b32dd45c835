"""The clock of an engine's streams: while nothing trades, it moves in-band time on for those who wait for it.

A timer asks for its instant. Once the wall clock is past it by a while, and nothing has come to that stream that
moves its time beyond, one `Clock` record goes into the one order of records, for all consumers and the journal. So a
timer falls at the same place when the journal is read again. While ticks flow, no such record is written.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Protocol

import attrs
import trio

from trio_ticks.core.intake import Event
from trio_ticks.model import Clock, Signal
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.wiring import emit

PATIENCE_S = 0.25
"""So long after its instant a timer waits for a tick to pass it. A tick is on its way for some tens of milliseconds,
a few hundred at worst: sooner, there would be clocks among ticks that flow, and timers before ticks of an earlier
time. Longer only makes timers late while nothing trades."""


class Queue(Protocol):
    """What a stream's records come from."""

    @property
    def newest_us(self) -> int:
        """How far what was put in moves in-band time."""
        ...


class Bell:
    """Keeps the instants that were asked for; `run` is its task.

    Args:
        events: To the sequencer, which decides the order.
        now_us: The wall clock.
        held_s: How long ticks are held back to be put in order, at most: they come so much later.
    """

    def __init__(self, *, events: trio.MemorySendChannel[Event], now_us: NowUs, held_s: float) -> None:
        self._events = events
        self._now_us = now_us
        self._patience_us = round((PATIENCE_S + held_s) * 1e6)
        self._asked: list[tuple[int, int, Queue]] = []
        self._number = 0
        self._news = trio.Event()

    def ask(self, due_us: int, queue: Queue) -> None:
        """Ask for a clock at this instant, unless what comes into this queue has passed it by then. Never waits."""
        if queue.newest_us > due_us:
            return
        self._number += 1
        heapq.heappush(self._asked, (due_us, self._number, queue))
        if self._asked[0][1] == self._number:
            self._news.set()

    async def run(self) -> None:
        """Send clocks, until cancelled.

        Cancellation:
            At any await.
        """
        while True:
            due_us = self._due_us()
            if due_us is not None:
                # Beyond the instant, since a record exactly at it comes before a timer.
                await emit(self._events, Clock(due_us + 1))
            self._news = trio.Event()
            with trio.move_on_after(self._wait_s()):
                await self._news.wait()

    def _due_us(self) -> int | None:
        """Return the last instant that is over and that nobody's records have passed."""
        found = None
        while self._asked and self._asked[0][0] + self._patience_us <= self._now_us():
            due_us, _, queue = heapq.heappop(self._asked)
            if queue.newest_us <= due_us:
                found = due_us
        return found

    def _wait_s(self) -> float:
        if not self._asked:
            return float("inf")
        return max(0.0, (self._asked[0][0] + self._patience_us - self._now_us()) / 1e6)


@attrs.frozen
class LiveDesk:
    """What a stream of a running engine asks of it."""

    queue: Queue
    bell: Bell
    keeps: Callable[[Signal], None]

    def keep(self, signal: Signal) -> None:
        """Keep a decision. Never waits."""
        self.keeps(signal)

    def wake_at(self, due_us: int) -> None:
        """Ask for a clock at this instant."""
        self.bell.ask(due_us, self.queue)
