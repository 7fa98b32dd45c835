"""The asyncio side of a hop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from trio_ticks.aio.loop import Loop
from trio_ticks.hosting.hop import CLOSED, Hop, Parcel
from trio_ticks.model import Record


class LoopHop(Hop):
    """A hop to tasks of one loop.

    Args:
        loop: The readers' loop.
        soon: Calls a function in the engine's thread.
        on_closed: Called in the engine's thread when the loop turns out to be closed.
    """

    def __init__(self, loop: Loop, soon: Callable[..., None], on_closed: Callable[[], None]) -> None:
        super().__init__()
        self._loop = loop
        self._soon = soon
        self._on_closed = on_closed
        self._parcels: deque[Parcel] = deque()
        self._news = asyncio.Event()
        self._readers = 0
        self._has_asked = False

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
                await self._wait()
        finally:
            self._readers -= 1
            if self._has_asked and not self._readers:
                self._has_asked = False
                self._soon(self.retract)
        return self.opened(self._parcels[0] if self._parcels[0] is CLOSED else self._parcels.popleft())

    async def _wait(self) -> None:
        if not self._has_asked:
            self._has_asked = True
            self._soon(self.ask)
        self._news.clear()
        await self._news.wait()

    def deliver(self, parcel: Parcel) -> None:
        """Let the loop's readers have it."""
        if not self._loop.soon(self._put, parcel):
            self._on_closed()

    def _put(self, parcel: Parcel) -> None:
        self._has_asked = False
        self._parcels.append(parcel)
        self._news.set()
