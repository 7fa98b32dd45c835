"""What a strategy is to see, written down: prices, gaps, silences, in one line of Python.

A script is a value. Each method returns a new one, so that the beginning that several tests share is written once.
Time runs along: prices come ``every_s`` after one another, and after a gap or a silence the next price comes at its
end. Ticks carry what the engine would give them, ``ordinal`` and ``late`` included.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import Any

import attrs

from trio_ticks.core.instants import Instant, instant_us
from trio_ticks.model import Clock, Gap, Record, Side, Status, Tick
from trio_ticks.testing.trades import Number, arrived_us, numbered, one_each, trade

START_US = 1_700_000_000_000_000
"""The first stamp, unless you say otherwise: 14 November 2023, 22:13:20 UTC."""


@attrs.frozen(kw_only=True)
class Script:
    """Records in the order in which a strategy is to see them. Made by `ticks_from` and `merge`.

    Attributes:
        records: All of them.
        symbol: What the next price is of; None after `merge`, where there are several.
        feed: The feed's name.
        every_s: Between two prices.
        start_us: When it began, UTC microseconds.
        now_us: The instant it has reached.
        next_us: When the next price comes.
    """

    records: tuple[Record, ...] = ()
    symbol: str | None
    feed: str
    every_s: float
    start_us: int
    now_us: int
    next_us: int

    def then(
        self,
        prices: Iterable[Number],
        *,
        every_s: float | None = None,
        volumes: Sequence[Number] | Number | None = None,
        sides: Sequence[Side | None] | Side | None = None,
        symbol: str | None = None,
    ) -> Script:
        """Go on with these prices.

        Args:
            prices: One trade each. Text keeps its digits.
            every_s: Between two of them, from here on. With 0 they share a stamp.
            volumes: One for each price, or one for all; none by default.
            sides: One for each price, or one for all; none by default.
            symbol: What they are of, where the script has several symbols.

        Raises:
            ValueError: a price is no number, there is not one volume or side for each price, or it is not said
                which symbol is meant.

        Example:
            >>> script = ticks_from("TSLA.US", [100, 101], start="2026-11-20T14:30").then(["101.50"], volumes=[7])
            >>> [(tick.price_text, tick.volume, tick.time.second) for tick in script.ticks]
            [('100', 0.0, 0), ('101', 0.0, 1), ('101.50', 7.0, 2)]
        """
        if isinstance(prices, str):
            raise ValueError(f"prices = {prices!r}: accepted is a list of prices")  # noqa: TRY004 - a wrong value
        prices = list(prices)
        step_us = self._step_us(self.every_s if every_s is None else every_s)
        of = self._symbol(symbol)
        sizes, aggressors = one_each("volumes", volumes, prices), one_each("sides", sides, prices)
        ticks = [
            trade(of, self.next_us + index * step_us, price, volume, side, feed=self.feed)
            for index, (price, volume, side) in enumerate(zip(prices, sizes, aggressors, strict=True))
        ]
        if not ticks:
            return attrs.evolve(self, every_s=step_us / 1e6)
        now_us = ticks[-1].time_us
        return self._with(ticks, every_s=step_us / 1e6, now_us=now_us, next_us=now_us + step_us)

    def then_gap(self, cause: str, *, seconds: float, missed: int | None = None) -> Script:
        """Go on with a `Gap` of so many seconds; the next price comes as it ends.

        Args:
            cause: ``closed``, ``silent``, ``overflow`` … as `Gap` has it.
            seconds: How long nothing is covered.
            missed: How many ticks are missing, where that is known.

        Example:
            >>> script = ticks_from("TSLA.US", [100]).then_gap("silent", seconds=5).then([101])
            >>> [(record.kind, (record.time_us - script.start_us) / 1e6) for record in script]
            [('tick', 0.0), ('gap', 5.0), ('tick', 5.0)]
        """
        end_us = self.now_us + self._step_us(seconds)
        gap = Gap(self.now_us, end_us, cause, symbol=self.symbol, feed=self.feed, missed=missed)
        return self._with([gap], now_us=end_us, next_us=end_us)

    def then_silence(self, seconds: float) -> Script:
        """Let so many seconds pass in which nothing trades: the market is quiet, the connection is not.

        The strategy's timers run; a `Clock` record at the end says how far time has come.

        Example:
            >>> script = ticks_from("TSLA.US", [100]).then_silence(60).then([101])
            >>> [(record.kind, (record.time_us - script.start_us) / 1e6) for record in script]
            [('tick', 0.0), ('clock', 60.0), ('tick', 60.0)]
        """
        end_us = self.now_us + self._step_us(seconds)
        return self._with([Clock(end_us)], now_us=end_us, next_us=end_us)

    def then_status(self, status: str, reason: str = "", *, symbol: str | None = None, source: str = "") -> Script:
        """Go on with a `Status`. It takes no time.

        Args:
            status: ``connected``, ``disconnected``, ``stale`` … as `Status` has it.
            reason: One plain sentence.
            symbol: The symbol it concerns; None: all of them.
            source: The shard and line it concerns.

        Example:
            >>> ticks_from("TSLA.US", [100]).then_status("disconnected", "the server closed it").records[-1].reason
            'the server closed it'
        """
        return self._with([Status(status, self.now_us, reason, feed=self.feed, symbol=symbol, source=source)])

    def late(self, price: Number, *, by_s: float, volume: Number | None = None, symbol: str | None = None) -> Script:
        """Go on with a trade that took place before the newest one of its symbol, and is flagged so.

        It takes no time: the next price comes when it would have come anyway.

        Args:
            price: Of the trade.
            by_s: How much older it is than the newest trade before it, at least a microsecond.
            volume: Its size; none by default.
            symbol: What it is of, where the script has several symbols.

        Raises:
            ValueError: there is no trade before it, or it would not be older.

        Example:
            >>> script = ticks_from("TSLA.US", [100, 101]).late(99, by_s=0.25).then([102])
            >>> [(tick.price, (tick.time_us - script.start_us) / 1e6, tick.late) for tick in script.ticks]
            [(100.0, 0.0, False), (101.0, 1.0, False), (99.0, 0.75, True), (102.0, 2.0, False)]
        """
        of = self._symbol(symbol)
        newest_us = max((tick.time_us for tick in self.ticks if tick.symbol == of), default=None)
        if newest_us is None:
            raise ValueError(f"no trade of {of} has come that this one could be later than")
        by_us = self._step_us(by_s)
        if not by_us:
            raise ValueError(f"by_s = {by_s}: accepted is a microsecond and more")
        tick = trade(of, newest_us - by_us, price, volume, None, feed=self.feed)
        return self._with([attrs.evolve(tick, received_us=self.now_us)])

    @property
    def ticks(self) -> list[Tick]:
        """The ticks among the records."""
        return [record for record in self.records if type(record) is Tick]

    @property
    def symbols(self) -> tuple[str, ...]:
        """Of its ticks, each once, in the order in which they appear."""
        return tuple(dict.fromkeys(tick.symbol for tick in self.ticks))

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def _with(self, records: Sequence[Record], **changes: Any) -> Script:
        return attrs.evolve(self, records=(*self.records, *numbered(self.ticks, records)), **changes)

    def _symbol(self, symbol: str | None) -> str:
        if (found := symbol or self.symbol) is None:
            raise ValueError(f"there are several symbols, say which: symbol={' or '.join(map(repr, self.symbols))}")
        return found

    @staticmethod
    def _step_us(seconds: float) -> int:
        if not (isfinite(seconds) and seconds >= 0):
            raise ValueError(f"{seconds} seconds: accepted is 0 and more; time does not go back")
        return round(seconds * 1e6)


def ticks_from(
    symbol: str,
    prices: Iterable[Number] = (),
    *,
    start: Instant = START_US,
    every_s: float = 1.0,
    volumes: Sequence[Number] | Number | None = None,
    sides: Sequence[Side | None] | Side | None = None,
    feed: str = "test",
) -> Script:
    """Begin a script: these prices of one symbol, one after the other.

    Args:
        symbol: What they are of.
        prices: One trade each, from ``start`` on. With none, something else may come first.
        start: ISO 8601 (UTC, unless it has an offset), a ``datetime``, or UTC microseconds.
        every_s: Between two of them.
        volumes: One for each price, or one for all; none by default.
        sides: One for each price, or one for all; none by default.
        feed: The feed's name.

    Raises:
        ValueError: as `Script.then`, or ``start`` is no instant.

    Example:
        >>> script = ticks_from("TSLA.US", [100, 101], sides="buy").then_gap("silent", seconds=5).then([102])
        >>> [record.kind for record in script], script.symbols
        (['tick', 'tick', 'gap', 'tick'], ('TSLA.US',))
    """
    start_us = instant_us(start, now_us=START_US)
    empty = Script(symbol=symbol, feed=feed, every_s=every_s, start_us=start_us, now_us=start_us, next_us=start_us)
    return empty.then(prices, volumes=volumes, sides=sides)


def merge(*scripts: Script) -> Script:
    """Put scripts together by time, such as one for each symbol. At the same instant the first script comes first.

    What is added behind belongs to all symbols, so a price must say its own: ``.then([101], symbol="A")``.

    Raises:
        ValueError: there is nothing to merge.

    Example:
        >>> both = merge(ticks_from("A", [1, 2]), ticks_from("B", [10]).then_silence(5)).then([11], symbol="B")
        >>> [getattr(record, "price", record.kind) for record in both]
        [1.0, 10.0, 2.0, 'clock', 11.0]
    """
    if not scripts:
        raise ValueError("there is no script to merge")
    records = tuple(numbered((), list(heapq.merge(*scripts, key=arrived_us))))
    same = {script.symbol for script in scripts}
    last = max(scripts, key=lambda script: script.now_us)
    return attrs.evolve(
        last,
        records=records,
        symbol=scripts[0].symbol if len(same) == 1 else None,
        start_us=min(script.start_us for script in scripts),
    )
