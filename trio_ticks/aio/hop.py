"""The asyncio side of a hop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from trio_ticks.aio.loop import Loop
from trio_ticks.aio.tasks import LoopTasks
from trio_ticks.hosting.hop import Hop, Parcel, Sight
from trio_ticks.model import Record


class LoopHop(Hop):
    """A hop to tasks of one loop.

    Args:
        loop: The readers' loop.
        soon: Calls a function in the engine's thread.
        on_closed: Called in the engine's thread when the loop turns out to be closed.
    """

    def __init__(self, loop: Loop, soon: Callable[..., object], on_closed: Callable[[], None]) -> None:
        super().__init__(tasks=LoopTasks(loop), soon=soon)
        self._loop = loop
        self._on_closed = on_closed
        self._news = asyncio.Event()
        self._readers = 0
        self._has_asked = False
        self._looking = asyncio.Lock()

    async def take(self) -> Sequence[Record]:
        """Return the next batch.

        Raises:
            ConfigError: this is another loop.

        Cancellation:
            At any await; a batch is either returned or still to be taken.
        """
        self._loop.check()
        if self._parcels:
            await asyncio.sleep(0)  # others must get their turn, here as where there is something to wait for
        self._readers += 1
        try:
            while not self._parcels:
                if not self._has_asked:
                    self._has_asked = True
                    self._soon(self.batches.ask, None)
                await self._wait_news()
        finally:
            self._readers -= 1
            if self._has_asked and not self._readers:
                self._has_asked = False
                self._soon(self.batches.retract)
        return self.open_next()

    async def look_beyond(self, due_us: int) -> bool:
        """Return whether a record beyond an instant has come.

        Raises:
            ConfigError: this is another loop.
            trio.EndOfChannel: none has, and nothing more will.

        Cancellation:
            At any await; the question is taken back.
        """
        self._loop.check()
        async with self._looking:  # one question at a time; whoever waits here is rung, or asks next
            self._sight = None
            seen = self.seen_beyond(due_us)
            if seen is not None:
                await asyncio.sleep(0)
                return seen
            self._soon(self.sights.ask, due_us)
            try:
                while (seen := self.seen_beyond(due_us)) is None:
                    await self._wait_news()
            finally:
                if self._sight is None:
                    self._soon(self.sights.retract)
            return seen

    async def _wait_news(self) -> None:
        self._news.clear()
        await self._news.wait()

    def deliver(self, item: Parcel | Sight) -> None:
        """Let the loop's readers have it."""
        if not self._loop.soon(self._put, item):
            self._on_closed()

    def _put(self, item: Parcel | Sight) -> None:
        if not isinstance(item, Sight):
            self._has_asked = False
        self.put(item)
        self._news.set()
