"""The task that publishes recorded ticks as they fall due, and the reels they come from."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Protocol, TypeAlias

import trio

from trio_ticks.model import Tick

# Ticks published between two checkpoints: after a stall the connections get a word in between.
BATCH = 1_000

Due: TypeAlias = tuple[int, Tick]
"""When a tick is due, UTC microseconds, and the tick."""


class Reel(Protocol):
    """Ticks in the order in which they are due, a portion at a time."""

    async def take(self) -> Sequence[Due]:
        """Return the next of them; none at the end. Cancellation: at any await."""
        ...

    def close(self) -> None:
        """Take no more."""
        ...


class TapeReel:
    """A timeline of tapes, whose stamps say when they are due."""

    def __init__(self, timeline: Iterator[Tick]) -> None:
        self._timeline = timeline

    async def take(self) -> Sequence[Due]:
        """Return the next ticks; there is nothing to wait for."""
        return [(tick.time_us, tick) for tick in itertools.islice(self._timeline, BATCH)]

    def close(self) -> None:
        """There is nothing to be closed."""


class ReadingReel:
    """Portions that a thread reads, because to find the next one may take a while."""

    def __init__(self, read: Callable[[Callable[[int, int], None]], Generator[Sequence[Due]]]) -> None:
        """Prepare to read.

        Args:
            read: Yields the portions, and calls what it is given now and then.
        """
        self._portions = read(_heed_cancellation)

    async def take(self) -> Sequence[Due]:
        """Return the next portion. Cancellation: when the reading next tells how far it is."""
        return await trio.to_thread.run_sync(next, self._portions, ())

    def close(self) -> None:
        """Close what is read from."""
        self._portions.close()


def _heed_cancellation(_done: int, _total: int) -> None:
    trio.from_thread.check_cancelled()


class Player:
    """Plays a reel into ``publish``, once it is told to start."""

    def __init__(
        self,
        *,
        open_reel: Callable[[int], Reel],
        publish: Callable[[Sequence[Tick]], object],
        now_us: Callable[[], int],
    ) -> None:
        """Prepare to play.

        Args:
            open_reel: Is told the instant at which the reel begins, which is now.
            publish: Takes the ticks that are due.
            now_us: The wall clock.
        """
        self._open_reel = open_reel
        self._publish = publish
        self._now_us = now_us
        self._started = trio.Event()
        self._finished = trio.Event()

    def start(self) -> None:
        """Let it play; a second call changes nothing."""
        self._started.set()

    async def wait_finished(self) -> None:
        """Wait until everything has been published."""
        await self._finished.wait()

    async def run(self) -> None:
        """Wait for the start, then publish every tick when it is due, until the reel ends."""
        await self._started.wait()
        start_us = self._now_us()
        began_s = trio.current_time()
        with contextlib.closing(self._open_reel(start_us)) as reel:
            while portion := await reel.take():
                await self._play(portion, start_us, began_s)
        self._finished.set()

    async def _play(self, portion: Sequence[Due], start_us: int, began_s: float) -> None:
        """Publish one portion; one wake-up takes all of it that is due."""
        done = 0
        while done < len(portion):
            await trio.sleep_until(began_s + (portion[done][0] - start_us) / 1e6)
            due_us = start_us + int((trio.current_time() - began_s) * 1e6)
            end = done + 1
            while end < len(portion) and portion[end][0] <= due_us and end - done < BATCH:
                end += 1
            self._publish([tick for _, tick in portion[done:end]])
            done = end
