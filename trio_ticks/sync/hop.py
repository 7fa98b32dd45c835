"""The blocking side of a hop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue

from trio_ticks.hosting.hop import CLOSED, Hop, Parcel, Sight
from trio_ticks.model import Record
from trio_ticks.sync.tasks import NoTasks


class ThreadHop(Hop):
    """A hop to whichever thread asks, one at a time.

    Args:
        soon: Calls a function in the engine's thread.
    """

    def __init__(self, soon: Callable[..., object]) -> None:
        super().__init__(tasks=NoTasks(), soon=soon)
        self._mail: SimpleQueue[Parcel | Sight] = SimpleQueue()

    async def take(self) -> Sequence[Record]:
        """Block until there is a batch, and return it: a coroutine that ends in its first step.

        Ctrl-C gets through, and loses nothing: a batch is either returned or still to be taken.
        """
        self._receive_what_is_there()
        if not self._parcels:
            self._soon(self.batches.ask, None)
        try:
            while not self._parcels:
                self._receive()
        except BaseException:
            self._soon(self.batches.retract)
            raise
        return self.open_next()

    async def look_beyond(self, due_us: int) -> bool:
        """Block until there is something to tell, and return whether a record beyond an instant has come.

        Ctrl-C gets through.
        """
        self._receive_what_is_there()
        self._sight = None
        if (seen := self.seen_beyond(due_us)) is not None:
            return seen
        self._soon(self.sights.ask, due_us)
        try:
            while (seen := self.seen_beyond(due_us)) is None:
                self._receive()
        finally:
            if self._sight is None:
                self._soon(self.sights.retract)
        return seen

    def deliver(self, item: Parcel | Sight) -> None:
        """Let the reader have it."""
        self._mail.put(item)

    def _receive(self) -> None:
        item = self._mail.get()
        if item is CLOSED:
            self._mail.put(CLOSED)  # for every other thread that waits
        self.put(item)

    def _receive_what_is_there(self) -> None:
        while not self._mail.empty() and CLOSED not in self._parcels:
            self._receive()
