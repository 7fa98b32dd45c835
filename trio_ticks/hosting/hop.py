"""The way of batches out of the engine's thread, on demand.

The reader asks; `Hop.serve`, in the engine's thread, takes what waits in the native queue, up to a bound, and hands
it over. A reader that gives up (a cancel, a timeout, Ctrl-C) takes his question back; what was on its way by then
waits for his next one. So nothing is lost, and at most one such parcel for each question lies outside of the queue.

One that sleeps in in-band time asks whether a record beyond an instant has come, and takes none: the native queue's
own bound holds while it sleeps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Self, TypeAlias

import attrs
import trio

from trio_ticks.core.inband import greatest_us
from trio_ticks.errors import TrioTicksError
from trio_ticks.hosting.exchange import Exchange
from trio_ticks.model import Record, ticks_in
from trio_ticks.runtime.source import Foreseeing
from trio_ticks.runtime.stream import Ticks
from trio_ticks.runtime.tasks import Tasks

Parcel: TypeAlias = Sequence[Record] | TrioTicksError
"""What crosses: a batch, an empty one at the clean end, or the failure that ended the stream."""

TOGETHER = 1_000
"""Records from which on no more batches are put beside them. Each crossing costs two wake-ups, so a reader that is
handed batches one by one falls behind where they come faster than that, though it could take ten times as many."""

CLOSED: Parcel = ()
"""The last parcel: it stays where it is delivered, so that everyone who asks finds it."""


@attrs.frozen
class Sight:
    """Whether a record beyond an instant has come. None: none has, and nothing more will."""

    due_us: int
    has_come: bool | None


class Hop(ABC):
    """A stream's source for a reader in another thread. What the reader's side is like, a subclass says.

    Args:
        tasks: Those of the reader.
        soon: Calls a function in the engine's thread.

    Attributes:
        closed: Done when the stream has been closed in the engine's thread.
        batches: Where the reader asks for a batch.
        sights: Where he asks, by an instant, for a `Sight`.
    """

    def __init__(self, *, tasks: Tasks, soon: Callable[..., object]) -> None:
        self._tasks = tasks
        self._soon = soon
        self.closed: Future[None] = Future()
        self.batches: Exchange[None] = Exchange(self._next, self.deliver)
        self.sights: Exchange[int] = Exchange(self._look, self.deliver)
        self._sent = 0  # written in the engine's thread
        self._received = 0  # and in the reader's, as those below
        self._parcels: deque[Parcel] = deque()
        self._sight: Sight | None = None
        self._is_left = False
        self._serving = trio.CancelScope()

    # ---- the reader's side

    @abstractmethod
    async def take(self) -> Sequence[Record]:
        """Return the next batch, as `trio_ticks.runtime.stream.Source` has it."""

    @abstractmethod
    async def look_beyond(self, due_us: int) -> bool:
        """Return whether a record beyond an instant has come, as `Foreseeing` has it."""

    @abstractmethod
    def deliver(self, item: Parcel | Sight) -> None:
        """Let the reader have it. Called in the engine's thread; never waits."""

    def put(self, item: Parcel | Sight) -> None:
        """Put what was delivered where the reader looks for it."""
        if isinstance(item, Sight):
            self._sight = item
        elif not (self._parcels and self._parcels[-1] is CLOSED):  # behind which nobody looks
            self._parcels.append(item)

    def open_next(self) -> Sequence[Record]:
        """Return what the next parcel holds, which is no longer on its way; raise a failure."""
        parcel = self._parcels[0] if self._parcels[0] is CLOSED else self._parcels.popleft()
        if isinstance(parcel, TrioTicksError):
            raise parcel
        self._received += ticks_in(parcel)
        return parcel

    def seen_beyond(self, due_us: int) -> bool | None:
        """Return whether a record beyond an instant has come; None while that is still to be answered.

        Raises:
            trio.EndOfChannel: none has, and nothing more will.
        """
        for parcel in self._parcels:
            if not isinstance(parcel, TrioTicksError) and greatest_us(parcel) > due_us:
                return True
        if self._parcels and self._parcels[-1] is CLOSED:
            raise trio.EndOfChannel
        if self._sight is None or self._sight.due_us != due_us:  # nothing, or the answer to what was taken back
            return None
        if self._sight.has_come is None:
            raise trio.EndOfChannel
        return self._sight.has_come

    # ---- the engine's side

    def host(self, ticks: Ticks) -> None:
        """Let a stream be read through this."""
        ticks.reroute(self._carry, tasks=self._tasks, soon=self._soon)

    def _carry(self, source: Foreseeing) -> Self:
        self._source = source
        return self

    async def serve(self) -> None:
        """Answer questions until cancelled, or `stop_serving`."""
        with trio.CancelScope() as self._serving:
            if self._is_left:
                return
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.batches.serve)
                nursery.start_soon(self.sights.serve)

    def stop_serving(self) -> None:
        """Answer no more, begun or not."""
        self._is_left = True
        self._serving.cancel("the reader has left")

    async def _next(self, _: None) -> Parcel:
        try:
            records = await self._source.take()
        except TrioTicksError as failure:
            return failure
        self._sent += ticks_in(records)
        return await self._together(list(records)) if self._source.queued else records

    async def _together(self, records: list[Record]) -> list[Record]:
        """Return a batch, and behind it those that wait."""
        try:
            while self._source.queued and len(records) < TOGETHER:
                more = await self._source.take()
                self._sent += ticks_in(more)
                records += more
        except TrioTicksError:
            pass  # it is raised again, to whoever asks next
        except trio.Cancelled:
            self.deliver(records)  # they are taken, so they wait for the next question at its other end
            raise
        return records

    async def _look(self, due_us: int) -> Sight:
        try:
            return Sight(due_us, await self._source.look_beyond(due_us))
        except trio.EndOfChannel:
            return Sight(due_us, None)

    # ---- what the engine asks of a source

    @property
    def name(self) -> str:
        """The consumer's name."""
        return self._source.name

    @property
    def offered(self) -> int:
        """Ticks that there were."""
        return self._source.offered

    @property
    def dropped(self) -> int:
        """Ticks that did not fit."""
        return self._source.dropped

    @property
    def queued(self) -> int:
        """Ticks that wait in the native queue, or are on their way."""
        return self._source.queued + self._sent - self._received

    def end(self) -> None:
        """Close: whoever waits for a batch, or comes to ask for one, hears that there are no more."""
        self._source.end()
        self.deliver(CLOSED)
