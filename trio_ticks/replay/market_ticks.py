"""The stream of a strategy in a backtest: each record is handed out at its market time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import trio

from trio_ticks.core.inband import us_of
from trio_ticks.core.ledger import ConsumerLedger
from trio_ticks.model import Batch, Record, Tick, ticks_in
from trio_ticks.replay.market import Market
from trio_ticks.replay.supply import Supply
from trio_ticks.runtime.desk import Desk
from trio_ticks.runtime.stream import Ticks


class MarketTicks(Ticks):
    """A `Ticks` by a `Market`.

    What is in its hand was read from the recording and has not happened yet. Its own timers are those of the market,
    which in a backtest is the same as in-band time.
    """

    def __init__(self, *, supply: Supply, market: Market, desk: Desk) -> None:
        super().__init__(source=supply, now_us=lambda: market.clock.now_us, desk=desk)
        self._supply = supply
        self._market = market
        self._clock = market.clock
        self._records: Sequence[Record] = ()
        self._next = 0
        self._read = 0
        self._left = 0
        self._is_closed = False
        self._has_told_end = False

    @property
    def now_us(self) -> int:
        """Market time, UTC microseconds."""
        return self._clock.now_us

    async def sleep(self, seconds: float) -> None:
        """Sleep in market time, as `trio.sleep` does here, or until the range ends.

        Raises:
            ValueError: the duration is negative, or no finite number.
            trio.EndOfChannel: an earlier sleep has ended with the range, so this one would never.
        """
        if await self.wait_until(self._clock.now_us + us_of(seconds)):
            return
        if self._has_told_end:
            raise trio.EndOfChannel("the range has ended, and its time with it")
        self._has_told_end = True

    def every(self, seconds: float) -> AsyncIterator[int]:
        """Iterate over the multiples of so many seconds since 1970, each when market time gets there."""
        return _Every(self, us_of(seconds, least_us=1))

    async def __anext__(self) -> Tick:
        clock, market = self._clock, self._market
        next_deadline, checkpoint_if_cancelled = market.next_deadline, trio.lowlevel.checkpoint_if_cancelled
        while True:
            at = self._next
            if at == len(self._records):
                await self._fill()
                continue
            record = self._records[at]
            time_us = record.time_us
            if time_us > clock.now_us:
                # No time passes for whoever is cancelled already. This does not let others run.
                await checkpoint_if_cancelled()
                # The first three are what `is_free_until` asks first, without the call, which is dear here.
                if (
                    clock.has_turned or clock.runnable or next_deadline() * 1e6 < time_us - 0.5
                ) and not market.is_free_until(time_us):
                    await market.reach(time_us)
                    continue
                clock.now_us = time_us
            self._next = at + 1
            if type(record) is Tick:
                return record

    def close(self) -> None:
        """Give the stream up. What was read ahead and not handed out counts as dropped."""
        if not self._is_closed:
            self._is_closed = True
            self._supply.end()
            self._left = self._supply.queued + ticks_in(self._records[self._next :])
            self._put_in_hand(())

    def ledger(self) -> ConsumerLedger:
        """Return what became of the ticks that were read from the recording."""
        ahead = 0 if self._is_closed else self._supply.queued + ticks_in(self._records[self._next :])
        return ConsumerLedger(
            offered=self._supply.offered,
            delivered=self._read + ticks_in(self._records[: self._next]),
            dropped=self._left,
            queued=ahead,
        )

    async def wait_until(self, time_us: int) -> bool:
        """Wait for an instant; return whether it came, rather than the end of the range."""
        with trio.CancelScope(deadline=time_us / 1e6) as scope:
            await trio.lowlevel.checkpoint()
            await self._market.reach_end()
        return scope.cancelled_caught

    async def _record(self) -> Record:
        await self._reach_next()
        record = self._records[self._next]
        self._next += 1
        return record

    async def _batch(self) -> Batch:
        """Return what is in hand, up to the next timer; market time is then that of the last of it."""
        await self._reach_next()
        end = self._first_beyond(self._market.free_us())
        records = self._records[self._next : end]
        self._next = end
        self._clock.now_us = max(self._clock.now_us, *[item.time_us for item in records])
        return Batch(records)

    def _first_beyond(self, free_us: float) -> int:
        """Return the place in hand of the first record behind the next one that may not be handed out yet."""
        free_us = max(free_us, self._clock.now_us)
        later = range(self._next + 1, len(self._records))
        return next((at for at in later if self._records[at].time_us > free_us), len(self._records))

    async def _reach_next(self) -> None:
        """Wait until it is the next record's time, and leave it in hand."""
        while True:
            if self._next == len(self._records):
                await self._fill()
                continue
            time_us = self._records[self._next].time_us
            if time_us <= self._clock.now_us:
                return
            await trio.lowlevel.checkpoint_if_cancelled()
            if self._market.is_free_until(time_us):
                self._clock.now_us = time_us
                return
            await self._market.reach(time_us)

    async def _fill(self) -> None:
        """Take the next records into the hand, which is empty."""
        if self._is_closed:
            raise StopAsyncIteration
        records = self._supply.take_nowait()
        if not records:
            await self._market.reach_end()
            raise StopAsyncIteration
        self._put_in_hand(records)

    def _put_in_hand(self, records: Sequence[Record]) -> None:
        self._read += ticks_in(self._records[: self._next])
        self._records, self._next = records, 0


class _Every:
    """The instants of `MarketTicks.every`. None is left out; ends with the range."""

    def __init__(self, ticks: MarketTicks, step_us: int) -> None:
        self._ticks = ticks
        self._step_us = step_us
        self._last_us = ticks.now_us

    def __aiter__(self) -> _Every:
        return self

    async def __anext__(self) -> int:
        due_us = (self._last_us // self._step_us + 1) * self._step_us
        if not await self._ticks.wait_until(due_us):
            raise StopAsyncIteration
        self._last_us = due_us
        return due_us
