"""Records that another engine has sequenced: handed on as they are, with the place up to which they were taken.

They come from another engine's journal, where each tick has its ordinal and its flag for ever. Sequencing them once
more could only change that: a window of another length, or a restart in between, would take a twin for a copy or
number it otherwise. So the source's order, ordinals and flags are kept, and its gaps and statuses come where they
stood between the ticks. That nothing comes twice is the business of the place: positions only grow, and the place is
written down in the same transaction as the records before it.

What the other engine's strategies left there comes along for the journal, under names of its own (`marks`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Self

import attrs

from trio_ticks.core.marks import brought_by
from trio_ticks.model import Gap, Record, Tick, ticks_in

PLACE = "place/"
"""In front of a feed's name: the key under which the journal keeps its place."""


@attrs.frozen
class Place:
    """Up to where a source was taken.

    Attributes:
        position: Of the last batch.
        writer: Whose positions these are; "" before the first batch.
        last_us: When the last tick before it was received; 0 before the first.
    """

    position: int = 0
    writer: str = ""
    last_us: int = 0

    def save(self) -> bytes:
        """Return it as bytes."""
        return f"{self.position} {self.last_us} {self.writer}".encode()

    @classmethod
    def load(cls, saved: bytes) -> Self:
        """Return what was saved."""
        position, last_us, writer = saved.decode().split(" ", 2)
        return cls(int(position), writer, int(last_us))


@attrs.frozen
class Relayed:
    """One batch of another engine's journal.

    Attributes:
        feed: The feed that brings it, in this engine. Its records have the names of the feeds they came from.
        records: In their order.
        place: Where the feed stands behind it.
        ticks: How many of the records are ticks.
    """

    feed: str
    records: Sequence[Record]
    place: Place
    ticks: int

    @classmethod
    def following(
        cls,
        before: Place,
        *,
        feed: str,
        position: int,
        writer: str,
        records: Sequence[Record],
        symbols: Collection[str] | None = None,
    ) -> Self:
        """Return a batch as it is handed on behind a place.

        Batches that lie between, and are not to be had any more, become a `Gap` in front of it, for all symbols.

        Args:
            before: The place.
            feed: The feed's name in this engine.
            position: Of the batch.
            writer: Whose position that is.
            records: All that the batch holds.
            symbols: Those that are wanted; what concerns no single one comes along. None: all.
        """
        chosen = [
            brought_by(feed, item)
            for item in records
            if symbols is None or item.symbol is None or item.symbol in symbols
        ]
        received = [item.received_us for item in records if type(item) is Tick]
        if before.position and position > before.position + 1:
            end_us = received[0] if received else records[0].time_us
            chosen.insert(0, Gap(min(before.last_us or end_us, end_us), end_us, "lost", feed=feed))
        place = Place(position, writer, received[-1] if received else before.last_us)
        return cls(feed, chosen, place, ticks_in(chosen))
