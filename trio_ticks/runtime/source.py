"""Where a stream's records come from: the queue of a live consumer, or a recording."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import trio

from trio_ticks.core.inband import greatest_us
from trio_ticks.errors import TrioTicksError
from trio_ticks.model import Record, ticks_in


class Source(Protocol):
    """Where a stream's records come from: the queue of a live consumer, or a recording."""

    @property
    def name(self) -> str:
        """The consumer's name in statistics."""
        ...

    @property
    def offered(self) -> int:
        """Ticks that there were for this consumer so far."""
        ...

    @property
    def dropped(self) -> int:
        """How many of them it will never see."""
        ...

    @property
    def queued(self) -> int:
        """How many of them wait to be taken."""
        ...

    async def take(self) -> Sequence[Record]:
        """Return the next records, at least one, or none once the stream has ended cleanly, however often asked.

        Raises:
            TrioTicksError: the failure that ended the stream, after everything before it was taken.

        Cancellation:
            At any await; records are either returned or still to be taken.
        """
        ...

    def end(self) -> None:
        """Give up: the consumer takes no more."""
        ...


@runtime_checkable
class Foreseeing(Source, Protocol):
    """A source that can tell of records before they are taken. `Foresight` makes one of any other."""

    async def look_beyond(self, due_us: int) -> bool:
        """Return whether a record beyond an instant has come; if not, only after something else has. Takes nothing.

        Raises:
            trio.EndOfChannel: none has, and nothing more will come, be it for a failure.

        Cancellation:
            At any await.
        """
        ...


class Foresight:
    """Makes a source that only knows `take` tell of records ahead: it takes them, and keeps them till asked.

    It holds what a consumer that sleeps through its records leaves unread, no more, and loses nothing.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._ahead: deque[Sequence[Record]] = deque()
        self._newest_us = 0
        self._failure: TrioTicksError | None = None
        self._over = False
        self._turn = trio.Lock()

    @property
    def name(self) -> str:
        """The consumer's name in statistics."""
        return self._source.name

    @property
    def offered(self) -> int:
        """Ticks that there were for this consumer so far."""
        return self._source.offered

    @property
    def dropped(self) -> int:
        """How many of them it will never see."""
        return self._source.dropped

    @property
    def queued(self) -> int:
        """How many of them wait to be taken, here or in the source."""
        return self._source.queued + sum(map(ticks_in, self._ahead))

    async def take(self) -> Sequence[Record]:
        """Return the next records, as the source does."""
        if self._ahead:
            await trio.lowlevel.checkpoint()
        while not self._ahead:
            if self._failure is not None:
                raise self._failure
            async with self._turn:
                if not self._ahead and self._failure is None:
                    return await self._source.take()
        return self._ahead.popleft()

    async def look_beyond(self, due_us: int) -> bool:
        """Take one batch more, unless what is ahead suffices."""
        if self._newest_us > due_us:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return True
        async with self._turn:
            await self._take_ahead()
        return self._newest_us > due_us

    def end(self) -> None:
        """Give up: the consumer takes no more."""
        self._source.end()

    async def _take_ahead(self) -> None:
        if self._over:
            raise trio.EndOfChannel
        try:
            some = await self._source.take()
        except TrioTicksError as error:
            self._failure, some = error, ()
        if not some:
            self._over = True
            raise trio.EndOfChannel
        self._ahead.append(some)
        self._newest_us = max(self._newest_us, greatest_us(some))
