"""The blocking side of a hop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue

from trio_ticks.hosting.hop import CLOSED, Hop, Parcel
from trio_ticks.model import Record


class ThreadHop(Hop):
    """A hop to whichever thread asks.

    Args:
        soon: Calls a function in the engine's thread.
    """

    def __init__(self, soon: Callable[[Callable[[], object]], object]) -> None:
        super().__init__()
        self._soon = soon
        self._parcels: SimpleQueue[Parcel] = SimpleQueue()

    async def take(self) -> Sequence[Record]:
        """Block until there is a batch, and return it: a coroutine that ends in its first step.

        Ctrl-C gets through, and loses nothing: a batch is either returned or still to be taken.
        """
        if self._parcels.empty():
            self._soon(self.ask)
        try:
            parcel = self._parcels.get()
        except BaseException:
            self._soon(self.retract)
            raise
        if parcel is CLOSED:
            self._parcels.put(CLOSED)
        return self.opened(parcel)

    def deliver(self, parcel: Parcel) -> None:
        """Let the reader have it."""
        self._parcels.put(parcel)
