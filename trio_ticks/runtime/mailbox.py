"""The bounded queue of one live consumer.

The fan-out puts batches in without ever waiting; the consumer takes them out when it gets to it. What does not fit
is dropped by the consumer's own policy, counted, and shown to it as a gap, so a slow consumer harms nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import trio

from trio_ticks.config import Overflow, rules
from trio_ticks.core.inband import greatest_us
from trio_ticks.core.overflow import Buffer
from trio_ticks.errors import StrategyError, TrioTicksError
from trio_ticks.model import Record


@attrs.frozen
class Wanted:
    """Which records a consumer wants: of these symbols (None: all) and this feed (None: any)."""

    symbols: frozenset[str] | None = None
    feed: str | None = None

    def of(self, records: Sequence[Record]) -> Sequence[Record]:
        """Return those that are wanted, in order. What concerns no symbol in particular concerns everyone."""
        if self.symbols is None and self.feed is None:
            return records
        return [item for item in records if self._includes(item)]

    def _includes(self, item: Record) -> bool:
        if self.feed is not None and item.feed != self.feed:
            return False
        return self.symbols is None or item.symbol is None or item.symbol in self.symbols


@attrs.frozen(kw_only=True)
class Room:
    """How far a consumer may fall behind, and what gives way then.

    Attributes:
        overflow: The policy.
        capacity: Of the queue, in records.
        max_age_s: Older prices are not shown; None: whatever their age.

    Raises:
        ConfigError: a value that is not accepted.
    """

    overflow: Overflow = attrs.field(default="drop_oldest", validator=rules.one_of(Overflow))
    capacity: int = attrs.field(default=10_000, validator=rules.count(1))
    max_age_s: float | None = attrs.field(default=None, validator=rules.optional(rules.seconds(0.001)))


class Mailbox:
    """Between the fan-out, which calls `offer` and `end`, and one consumer, which calls `take`."""

    def __init__(self, *, name: str, wanted: Wanted, room: Room) -> None:
        self.name = name
        self._wanted = wanted
        self._capacity = room.capacity
        self._buffer = Buffer(capacity=room.capacity, overflow=room.overflow)
        self._news = trio.Event()
        self._over = False
        self._failure: TrioTicksError | None = None
        self._newest_us: int | None = None

    def offer(self, records: Sequence[Record]) -> None:
        """Put in what the consumer wants of these. Never waits."""
        if self._over:
            return
        wanted = self._wanted.of(records)
        if not wanted:
            return
        self._buffer.put(wanted)
        if self._newest_us is not None:
            self._newest_us = max(self._newest_us, greatest_us(wanted))
        if self._buffer.failed:
            words = f"{self.name} fell behind: its queue of {self._capacity:,} is full and overflow is 'fail'"
            self.end(StrategyError(words))
        self._news.set()

    def end(self, failure: TrioTicksError | None = None) -> None:
        """Say that nothing more will come, because of a failure or cleanly. What is queued can still be taken."""
        if not self._over:
            self._over = True
            self._failure = failure
            self._news.set()

    async def take(self) -> list[Record]:
        """Return the next batch, or nothing once the stream has ended cleanly.

        Raises:
            TrioTicksError: the failure that ended the stream, after everything before it was taken.

        Cancellation:
            At any await; a batch is either returned or still queued.
        """
        if self._buffer or self._over:
            # A consumer with a full queue must let the others run, too, and so must one that asks on at the end.
            await trio.lowlevel.checkpoint()
        while not self._buffer:
            if self._over:
                if self._failure is not None:
                    raise type(self._failure)(*self._failure.args) from self._failure.__cause__
                return []
            await self._wait_news()
        return self._buffer.take()

    async def look_beyond(self, due_us: int) -> bool:
        """Return whether a record beyond an instant has come, kept or not; if not, only after something else has.

        Raises:
            trio.EndOfChannel: none has, and nothing more will come.

        Cancellation:
            At any await; nothing is taken.
        """
        if self.newest_us > due_us or self._over:
            await trio.lowlevel.cancel_shielded_checkpoint()
        else:
            await self._wait_news()
        if self.newest_us <= due_us and self._over:
            raise trio.EndOfChannel
        return self.newest_us > due_us

    @property
    def newest_us(self) -> int:
        """How far what was put in moves in-band time. Kept up only once it was asked for: it costs a look at each."""
        if self._newest_us is None:
            self._newest_us = self._buffer.newest_us()
        return self._newest_us

    async def _wait_news(self) -> None:
        if self._news.is_set():  # else somebody waits for it already, and shall hear of it, too
            self._news = trio.Event()
        await self._news.wait()

    @property
    def offered(self) -> int:
        """Ticks that were put in, kept or not."""
        return self._buffer.offered

    @property
    def dropped(self) -> int:
        """Ticks that did not fit."""
        return self._buffer.dropped

    @property
    def queued(self) -> int:
        """Ticks that can be taken."""
        return self._buffer.queued
