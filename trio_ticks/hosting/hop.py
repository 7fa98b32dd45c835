"""The way of batches out of the engine's thread, on demand.

The reader asks; `Hop.serve`, in the engine's thread, takes one batch from the native queue and hands it over. A
reader that gives up (a cancel, a timeout, Ctrl-C) takes his question back; a batch that was on its way by then waits
for his next one. So nothing is lost, and at most one batch for each question lies outside of the native queue.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Self, TypeAlias

import trio

from trio_ticks.errors import TrioTicksError
from trio_ticks.model import Record, ticks_in
from trio_ticks.runtime.stream import Source

Parcel: TypeAlias = Sequence[Record] | TrioTicksError
"""What crosses: a batch, an empty one at the clean end, or the failure that ended the stream."""

CLOSED: Parcel = ()
"""The last parcel: it stays where it is delivered, so that everyone who asks finds it."""


class Hop(ABC):
    """A stream's source for a reader in another thread. What the reader's side is like, a subclass says.

    Attributes:
        closed: Done when the stream has been closed in the engine's thread.
    """

    def __init__(self) -> None:
        self.closed: Future[None] = Future()
        self._sent = 0  # written in the engine's thread
        self._received = 0  # and in the reader's
        self._is_wanted = self._is_left = False
        self._wake = trio.Event()
        self._taking = trio.CancelScope()
        self._serving = trio.CancelScope()

    # ---- the reader's side

    @abstractmethod
    async def take(self) -> Sequence[Record]:
        """Return the next batch, as `trio_ticks.runtime.stream.Source` has it."""

    @abstractmethod
    def deliver(self, parcel: Parcel) -> None:
        """Let the reader have it. Called in the engine's thread; never waits."""

    def opened(self, parcel: Parcel) -> Sequence[Record]:
        """Return what a parcel holds, which is no longer on its way; raise a failure."""
        if isinstance(parcel, TrioTicksError):
            raise parcel
        self._received += ticks_in(parcel)
        return parcel

    # ---- the engine's side

    def carry(self, source: Source) -> Self:
        """Carry what this source has; return the hop."""
        self._source = source
        return self

    async def serve(self) -> None:
        """Answer questions, one batch each, until cancelled, or `stop_serving`."""
        with trio.CancelScope() as self._serving:
            while not self._is_left:
                while not self._is_wanted:
                    self._wake = trio.Event()
                    await self._wake.wait()
                with trio.CancelScope() as self._taking:
                    parcel = await self._next()
                    self._is_wanted = False
                    self.deliver(parcel)

    def stop_serving(self) -> None:
        """Answer no more, begun or not."""
        self._is_left = True
        self._serving.cancel("the reader has left")

    async def _next(self) -> Parcel:
        try:
            records = await self._source.take()
        except TrioTicksError as failure:
            return failure
        self._sent += ticks_in(records)
        return records

    def ask(self) -> None:
        """Want a batch."""
        self._is_wanted = True
        self._wake.set()

    def retract(self) -> None:
        """Want none any more."""
        if self._is_wanted:
            self._is_wanted = False
            self._taking.cancel("the reader has given up")

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
