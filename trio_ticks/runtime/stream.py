"""What a consumer iterates over: `Ticks`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

import attrs

from trio_ticks.core.ledger import ConsumerLedger
from trio_ticks.errors import TrioTicksError
from trio_ticks.model import Batch, Gap, Record, Tick, ticks_in
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.mailbox import Mailbox

T = TypeVar("T", covariant=True)  # noqa: PLC0105 - the one type variable of this module


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
        """Return the next records, at least one, or none once the stream has ended cleanly.

        Raises:
            TrioTicksError: the failure that ended the stream, after everything before it was taken.

        Cancellation:
            At any await; records are either returned or still to be taken.
        """
        ...

    def end(self) -> None:
        """Give up: the consumer takes no more."""
        ...


class Ticks:
    """A stream of ticks for one consumer.

    Iterating yields `Tick` and nothing else, in the one order that every consumer and the journal see. A clean stop
    of the engine ends the loop; a failure raises, after everything before it was yielded. The same stream can be
    read as `records` (gaps and statuses in between) or as `batches` (for speed); all three draw from one queue.

    Backpressure:
        None on the engine. What this consumer does not take in time is dropped by its overflow policy, counted in
        `dropped` and shown among `records` as ``Gap(cause="overflow")``; prices older than ``max_age_s`` likewise,
        as ``Gap(cause="stale")``.

    Cancellation:
        At any await; nothing is lost, the next iteration goes on where this one was cancelled.
    """

    def __init__(self, *, source: Source, now_us: NowUs, max_age_s: float | None = None) -> None:
        self._source = source
        self._now_us = now_us
        self._max_age_us = None if max_age_s is None else round(max_age_s * 1e6)
        self._hand: Sequence[Record] = ()
        self._at = 0
        self._settled = 0
        self._stale = 0
        self._stale_gap: Gap | None = None
        self._abandoned = 0
        self._closed = False

    @property
    def name(self) -> str:
        """The consumer's name in statistics."""
        return self._source.name

    @property
    def dropped(self) -> int:
        """How many ticks this consumer has missed so far because it was slow, or they were old."""
        return self._source.dropped + self._stale

    def __aiter__(self) -> AsyncIterator[Tick]:
        return self

    async def __anext__(self) -> Tick:
        while True:
            at = self._at
            if at < len(self._hand) and self._max_age_us is None:  # in hand, and nothing to ask of it: no call
                record, self._at = self._hand[at], at + 1
            else:
                record = await self._record()
            if type(record) is Tick:
                return record

    def records(self) -> AsyncIterator[Record]:
        """Iterate over everything in order: ticks, gaps, statuses."""
        return _Each(self._record)

    def batches(self) -> AsyncIterator[Batch]:
        """Iterate over whole batches: one step of the loop for whatever one read of the socket brought."""
        return _Each(self._batch)

    def close(self) -> None:
        """Give the subscription up. What was still queued counts as dropped."""
        if not self._closed:
            self._closed = True
            self._source.end()
            self._abandoned = self._source.queued + ticks_in(self._hand[self._at :])
            self._put_by(())

    def reroute(self, through: Callable[[Source], Source]) -> None:
        """Take records another way from now on: through what this makes of the source, for a reader elsewhere."""
        self._source = through(self._source)

    def ledger(self) -> ConsumerLedger:
        """Return what became of the ticks that were offered, at this instant."""
        taken = self._settled + ticks_in(self._hand[: self._at])
        ahead = 0 if self._closed else self._source.queued + ticks_in(self._hand[self._at :])
        return ConsumerLedger(
            offered=self._source.offered,
            delivered=taken - self._stale,
            dropped=self.dropped + self._abandoned,
            queued=ahead,
        )

    async def _record(self) -> Record:
        while True:
            while self._at < len(self._hand):
                record = self._hand[self._at]
                if self._max_age_us is not None and self._is_stale(record):
                    self._at += 1
                    continue
                if self._stale_gap is not None:
                    return self._take_gap()
                self._at += 1
                return record
            if self._stale_gap is not None:
                return self._take_gap()
            await self._refill()

    async def _batch(self) -> Batch:
        while True:
            rest = self._hand[self._at :] if self._at else self._hand
            self._at = len(self._hand)
            if self._max_age_us is not None:
                rest = [item for item in rest if not self._is_stale(item)]
            if self._stale_gap is not None:
                rest = [self._take_gap(), *rest]
            if rest:
                return Batch(rest)
            await self._refill()

    async def _refill(self) -> None:
        fresh = await self._source.take()
        if self._closed:
            raise StopAsyncIteration  # what was just taken has been counted as dropped
        rest = self._hand[self._at :]  # empty, unless another task reads the same stream and was first
        if not fresh and not rest:
            raise StopAsyncIteration
        self._put_by([*rest, *fresh] if rest else fresh)

    def _put_by(self, records: Sequence[Record]) -> None:
        """Count what was read in hand, and take other records into it."""
        self._settled += ticks_in(self._hand[: self._at])
        self._hand, self._at = records, 0

    def _is_stale(self, record: Record) -> bool:
        """Tell whether a price is too old to act on, and count it if so. Age is from the event to now."""
        assert self._max_age_us is not None
        if type(record) is not Tick or self._now_us() - record.time_us <= self._max_age_us:
            return False
        self._stale += 1
        gap = self._stale_gap or Gap(record.time_us, record.time_us, "stale", missed=0)
        self._stale_gap = Gap(
            start_us=min(gap.start_us, record.time_us),
            end_us=max(gap.end_us, record.time_us),
            cause="stale",
            missed=(gap.missed or 0) + 1,
        )
        return True

    def _take_gap(self) -> Gap:
        gap, self._stale_gap = self._stale_gap, None
        assert gap is not None
        return gap


@attrs.frozen
class StreamConsumer:
    """A stream as the fan-out sees it: the mailbox takes, the stream knows what became of it."""

    mailbox: Mailbox
    ticks: Ticks

    @property
    def name(self) -> str:
        """The consumer's name."""
        return self.mailbox.name

    def offer(self, records: Sequence[Record]) -> None:
        """Put the records into the mailbox."""
        self.mailbox.offer(records)

    def end(self, failure: TrioTicksError | None) -> None:
        """End the stream after what is queued."""
        self.mailbox.end(failure)

    def ledger(self) -> ConsumerLedger:
        """Return the stream's counts."""
        return self.ticks.ledger()


class _Each(Generic[T]):
    """An async iterator over what a function returns. Not a generator: those must be closed by hand."""

    def __init__(self, pull: Callable[[], Awaitable[T]]) -> None:
        self._pull = pull

    def __aiter__(self) -> _Each[T]:
        return self

    async def __anext__(self) -> T:
        return await self._pull()
