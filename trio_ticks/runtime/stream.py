"""What a consumer iterates over: `Ticks`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

import trio

from trio_ticks.core.ages import Ages
from trio_ticks.core.bars import BarMaker
from trio_ticks.core.expiry import Expiry
from trio_ticks.core.inband import Field, Position, plain_fields, plain_text
from trio_ticks.core.ledger import ConsumerLedger
from trio_ticks.errors import TrioTicksError
from trio_ticks.model import Bar, Batch, Record, Signal, Tick, ticks_in
from trio_ticks.runtime.bars import Bars
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.desk import Desk, FarDesk
from trio_ticks.runtime.source import Foreseeing, Foresight
from trio_ticks.runtime.source import Source as Source  # noqa: PLC0414 - what a stream is made of, for whoever makes one
from trio_ticks.runtime.tasks import Tasks, TrioTasks
from trio_ticks.runtime.timers import Every, Timers

T = TypeVar("T", covariant=True)  # noqa: PLC0105 - the one type variable of this module


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

    def __init__(
        self,
        *,
        source: Source,
        now_us: NowUs,
        max_age_s: float | None = None,
        desk: Desk | None = None,
        ages: Ages | None = None,
    ) -> None:
        self._source = source if isinstance(source, Foreseeing) else Foresight(source)
        self._ages = ages
        self._now_us = now_us
        self._desk = desk
        self._expiry = Expiry(max_age_s)
        self._position = Position(looks_closely=max_age_s is not None)
        self._hosted_by(TrioTasks())
        self._abandoned = 0
        self._closed = False

    @property
    def name(self) -> str:
        """The consumer's name in statistics."""
        return self._source.name

    @property
    def dropped(self) -> int:
        """How many ticks this consumer has missed so far because it was slow, or they were old."""
        return self._source.dropped + self._expiry.dropped

    # ---- reading

    def __aiter__(self) -> AsyncIterator[Tick]:
        return self

    async def __anext__(self) -> Tick:
        position = self._position
        while True:
            at = position.at
            if at < position.fence:  # in hand, and nothing to ask of it: no call
                record, position.at = position.records[at], at + 1
            else:
                record = await self._record()
            if type(record) is Tick:
                return record

    def records(self) -> AsyncIterator[Record]:
        """Iterate over everything in order: ticks, gaps, statuses."""
        return _Each(self._record)

    def batches(self) -> AsyncIterator[Batch]:
        """Iterate over whole batches: one step of the loop for whatever one read of the socket brought.

        A batch is cut where a timer of `sleep` or `every` falls.
        """
        return _Each(self._batch)

    def bars(
        self,
        interval: str | None = None,
        *,
        ticks: int | None = None,
        volume: float | None = None,
        session: str | None = None,
        fill: bool = False,
        lateness_s: float = 0.0,
    ) -> AsyncIterator[Bar]:
        """Iterate over bars instead of ticks, each symbol's by itself; `BarMaker` says how they are made.

        They come while the records are read, so the stream is read by nothing else. At its end come the unfinished
        ones, as incomplete; where a failure ends it, it is raised instead.

        Args:
            interval: ``30s``, ``5m``, ``1h``, ``1d``, ``100 ticks`` or ``2.5 volume``.
            ticks: Instead: so many ticks.
            volume: Instead: so much volume.
            session: Such as ``09:30-16:00 America/New_York``. None: all of every day, UTC.
            fill: Intervals without a tick have a bar as well, at the last close.
            lateness_s: For how long after its end a bar waits for late ticks while others bring time forward.

        Raises:
            ConfigError: an argument is none of what is accepted.
        """
        maker = BarMaker(interval, ticks=ticks, volume=volume, session=session, fill=fill, lateness_s=lateness_s)
        return Bars(pull=self._record, maker=maker, desk=self._desk)

    # ---- in-band time and decisions

    @property
    def now_us(self) -> int:
        """In-band time: the greatest time of the records that were handed out so far; 0 before the first one.

        It is event time, UTC microseconds, so it is the same live and in a replay. It never goes back, and a timer
        that ends moves it to its instant.
        """
        return self._position.now_us

    async def sleep(self, seconds: float) -> None:
        """Sleep in in-band time: until the records' time has moved on by so many seconds.

        All records up to that instant come before, the first record beyond it comes behind. Where another task reads
        the stream, the sleeper runs, up to its next await, before that task is given that record. Where the sleeper
        reads itself, nothing is taken meanwhile: what comes waits to be read, within the bounds of the queue. A sleep
        that begins before the first record begins with it. While nothing trades, the engine's clock ends it.

        At the end of the stream a sleep ends at once.

        Raises:
            ValueError: the duration is not finite, or negative.
            trio.EndOfChannel: an earlier sleep has ended with the stream, so this one would never.

        Cancellation:
            At any await; no record is lost.
        """
        await self._timers.sleep(seconds)

    def every(self, seconds: float) -> AsyncIterator[int]:
        """Iterate over instants of in-band time, UTC microseconds: the multiples of so many seconds since 1970.

        Each is yielded when `sleep` would end there; none is left out, so a body that is slow catches up. Ends with
        the stream.

        Raises:
            ValueError: the duration is not finite, or below a microsecond.
        """
        return Every(self._timers, seconds)

    async def signal(self, name: str, symbol: str, **fields: Field) -> None:
        """Keep a decision beside the records that led to it: in the journal, or in the result of a replay.

        It is stamped with in-band time. Other strategies do not see it, and nothing is waited for.

        Args:
            name: What was decided, such as ``buy``.
            symbol: About which symbol.
            **fields: Anything else: texts, numbers, truth values, None.

        Raises:
            ConfigError: a field is something else, or the name or the symbol no text.

        Cancellation:
            Before it is kept. No other task runs meanwhile.
        """
        words = plain_text("name", name), plain_text("symbol", symbol)
        signal = Signal(*words, self.now_us, plain_fields(fields), strategy=self.name)
        await self._tasks.check()
        if self._desk is not None:
            self._desk.keep(signal)

    # ---- the account

    def close(self) -> None:
        """Give the subscription up. What was still queued counts as dropped."""
        if not self._closed:
            self._closed = True
            self._source.end()
            self._abandoned = self._source.queued + self._position.drop()
            self._position.end()

    def reroute(
        self, through: Callable[[Foreseeing], Foreseeing], *, tasks: Tasks, soon: Callable[..., object]
    ) -> None:
        """Be read elsewhere from now on. Before anybody reads, in the thread of whoever runs the stream.

        Args:
            through: Makes the source for the reader of the one there is.
            tasks: The reader's scheduler.
            soon: Calls a function in this thread, from the reader's.
        """
        self._source = through(self._source)
        self._desk = None if self._desk is None else FarDesk(self._desk, soon)
        self._hosted_by(tasks)

    def ledger(self) -> ConsumerLedger:
        """Return what became of the ticks that were offered, at this instant."""
        ahead = 0 if self._closed else self._source.queued + ticks_in(self._position.rest)
        return ConsumerLedger(
            offered=self._source.offered,
            delivered=self._position.taken_ticks - self._expiry.dropped,
            dropped=self.dropped + self._abandoned,
            queued=ahead,
        )

    # ---- inside

    def _hosted_by(self, tasks: Tasks) -> None:
        self._tasks = tasks
        ask = _nobody if self._desk is None else self._desk.wake_at
        self._timers = Timers(self._position, self._look, ask, tasks)

    async def _record(self) -> Record:
        position, expiry = self._position, self._expiry
        await self._timers.note_reader()
        while True:
            if expiry.gap is None and not position.has_next:
                await self._refill()
            elif position.has_next and await self._timers.ring_due():
                pass  # whoever was woken may have read on
            elif position.has_next and expiry.drops(position.records[position.at], self._now_us):
                position.step()
            else:
                return position.step() if expiry.gap is None else expiry.take_gap()

    async def _batch(self) -> Batch:
        position, expiry = self._position, self._expiry
        await self._timers.note_reader()
        while True:
            if not position.has_next:
                await self._refill()
            elif not await self._timers.ring_due():
                rest = position.stride()
                if expiry.max_age_us is not None:
                    rest = [item for item in rest if not expiry.drops(item, self._now_us)]
                if expiry.gap is not None:
                    rest = [expiry.take_gap(), *rest]
                if rest:
                    return Batch(rest)

    async def _refill(self) -> None:
        try:
            fresh = await self._source.take()
        except TrioTicksError:
            self._position.end()
            raise
        if self._closed or not (fresh or self._position.has_next):  # another task may have been first
            self._position.end()
            raise StopAsyncIteration  # if closed, what was just taken has been counted as dropped
        if self._ages is not None:  # weighed by all records: to count the ticks would cost more than the rest of it
            self._ages.note_batch(fresh, len(fresh), self._now_us())
        self._position.put(fresh)

    async def _look(self, due_us: int | None) -> bool:
        """Tell whether a record beyond an instant has come; without one, bring the first record into the hand."""
        if due_us is None:
            if not self._position.begin():
                await self._look_first()
            return False
        if self._position.reaches(due_us):
            await self._tasks.pass_turn_shielded()
            return True
        return await self._source.look_beyond(due_us)

    async def _look_first(self) -> None:
        try:
            fresh = await self._source.take()
        except TrioTicksError:  # for whoever reads
            fresh = ()
        if self._closed or not fresh:
            raise trio.EndOfChannel
        self._position.put(fresh)


class _Each(Generic[T]):
    """An async iterator over what a function returns. Not a generator: those must be closed by hand."""

    def __init__(self, pull: Callable[[], Awaitable[T]]) -> None:
        self._pull = pull

    def __aiter__(self) -> _Each[T]:
        return self

    async def __anext__(self) -> T:
        return await self._pull()


def _nobody(_due_us: int) -> None:
    """Nobody sees to it that a timer is woken."""
