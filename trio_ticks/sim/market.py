"""What was traded so far, for the HTTP endpoints: the last trade of each code, and its bars."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

import attrs

from trio_ticks.model import Tick
from trio_ticks.sim.dialect import price_text, volume_text
from trio_ticks.sim.rules import service_of

BARS = 500  # of a code; AllTick returns no more at once
MINUTE_S = 60


@attrs.define(kw_only=True)
class Bar:
    """The trades of one code within a span of time; prices are the recorded texts.

    Attributes:
        time_s: When the span begins, UTC seconds.
    """

    time_s: int
    first: Tick
    high: Tick
    low: Tick
    last: Tick
    volume: Decimal = Decimal(0)
    turnover: Decimal = Decimal(0)

    def add(self, tick: Tick) -> None:
        """Take a trade into the bar."""
        self.high = max(self.high, tick, key=_price)
        self.low = min(self.low, tick, key=_price)
        self.last = tick
        volume = _number(volume_text(tick))
        self.volume += volume
        self.turnover += volume * _number(price_text(tick))

    def join(self, later: Bar) -> None:
        """Take a later bar into this one."""
        self.high = max(self.high, later.high, key=_price)
        self.low = min(self.low, later.low, key=_price)
        self.last = later.last
        self.volume += later.volume
        self.turnover += later.turnover


class Market:
    """The last trades and the minute bars of all codes. Memory: `BARS` bars a code."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[Tick, int]] = {}
        self._bars: defaultdict[str, dict[int, Bar]] = defaultdict(dict)
        # A number space of its own: the recorded answers have small counters where pushes have a clock.
        self._counters: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))

    def add(self, ticks: Iterable[Tick]) -> None:
        """Note what was traded."""
        for tick in ticks:
            self._last[tick.symbol] = tick, next(self._counters[service_of(tick.symbol)])
            self._add_to_bar(tick)

    def last(self, code: str) -> tuple[Tick, int] | None:
        """Return the last trade of a code and its number, if there was any."""
        return self._last.get(code)

    def bars(self, code: str, *, span_s: int, count: int, end_s: int | None = None) -> Sequence[Bar]:
        """Return the newest bars, newest last.

        A minute without trades has no bar.

        Args:
            code: Of what.
            span_s: Seconds in a bar, whole minutes.
            count: How many at most.
            end_s: The last that may be among them begins then; None: no limit.
        """
        joined: dict[int, Bar] = {}
        known = self._bars.get(code, {})
        for time_s in sorted(known):
            start_s = time_s - time_s % span_s
            if start_s in joined:
                joined[start_s].join(known[time_s])
            else:
                joined[start_s] = attrs.evolve(known[time_s], time_s=start_s)
        return [bar for bar in joined.values() if end_s is None or bar.time_s <= end_s][-count:]

    def _add_to_bar(self, tick: Tick) -> None:
        bars = self._bars[tick.symbol]
        time_s = tick.time_us // 1_000_000
        time_s -= time_s % MINUTE_S
        if time_s not in bars:
            bars[time_s] = Bar(time_s=time_s, first=tick, high=tick, low=tick, last=tick)
        bars[time_s].add(tick)
        if len(bars) > BARS:
            del bars[min(bars)]


def _price(tick: Tick) -> float:
    return tick.price


def _number(text: str) -> Decimal:
    """Return a decimal text as a number; 0 where it is none."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)
