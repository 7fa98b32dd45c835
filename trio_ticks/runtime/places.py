"""How far the feeds with positions are settled: what lies before may be forgotten where it came from.

A position is settled once the records before it are in the journal, by the very transaction that carries the position
too; without a journal, once they were handed to the consumers.
"""

from __future__ import annotations

from collections.abc import Mapping

import trio

from trio_ticks.core.relaying import PLACE, Place


class Places:
    """The settled place of each feed, and the way to wait for it.

    Args:
        marks: What the journal knows, by key.
    """

    def __init__(self, marks: Mapping[str, bytes]) -> None:
        self._places: dict[str, Place] = {}
        self._moved = trio.Event()
        self.settle(marks)

    def settle(self, marks: Mapping[str, bytes]) -> None:
        """Take the places among some marks that are in the journal now. Never waits."""
        moved = {key.removeprefix(PLACE): Place.load(value) for key, value in marks.items() if key.startswith(PLACE)}
        if moved:
            self._places.update(moved)
            self._moved.set()
            self._moved = trio.Event()

    def of(self, feed: str) -> Place:
        """Return where a feed stands."""
        return self._places.get(feed, Place())

    async def wait_moved(self, feed: str, position: int) -> int:
        """Wait until a feed is settled beyond a position; return up to where.

        Cancellation:
            At any await.
        """
        while self.of(feed).position <= position:
            await self._moved.wait()
        return self.of(feed).position
