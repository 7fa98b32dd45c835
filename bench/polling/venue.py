"""Fifteen symbols from three recordings, at the speed at which they were recorded.

Each recording is played under five codes, each of which begins at another fifth of it. What the recording brings
until its end is followed by what it brings from its beginning, with all prices multiplied so that the price does
not jump there: the moves, in basis points, are the recorded ones. A symbol's opening is the trade before.

All codes belong to one of the vendor's services, so that one query can ask for all of them. That is to the advantage
of polling: shares and currencies, on two services, need a query each, and are polled half as often.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import attrs
import trio

from trio_ticks.model import Tick
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.sim import Sim, Tape

DATA = Path(__file__).parents[2] / "tests" / "data"

RECORDINGS = {
    "btcusdt-2021-01-08": ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT"),
    "700hk-2022-01-07": ("ADAUSDT", "DOTUSDT", "TRXUSDT", "LTCUSDT", "BCHUSDT"),
    "xbtusdt-2025-11-10": ("UNIUSDT", "XLMUSDT", "ETCUSDT", "FILUSDT", "EOSUSDT"),
}
"""The codes are but names for the simulator; the prices are the recording's."""

CODES = tuple(itertools.chain.from_iterable(RECORDINGS.values()))

_PAUSE_US = 100_000
"""Between the last trade of a recording and the first of its repetition: more than the wire's millisecond."""


def recording_of(code: str) -> str:
    """Return the name of the recording that is played under a code."""
    return next(name for name, codes in RECORDINGS.items() if code in codes)


def recorded_ticks(seconds: float) -> Sequence[Tick]:
    """Return the trades of all symbols, the opening of each at 0, in the order in which they happen.

    ``time_us`` is the time since the start, cut to the whole milliseconds that the wire knows; ``sequence`` is 1 for
    the first, 2 for the next and so on.
    """
    ticks: list[Tick] = []
    for name, codes in RECORDINGS.items():
        trades = Tape.from_csv(DATA / f"{name}.csv", name).trades
        for number, code in enumerate(codes):
            played = _play(trades, number / len(codes))
            until = itertools.takewhile(lambda tick: tick.time_us <= seconds * 1e6, played)
            ticks += [attrs.evolve(tick, symbol=code, time_us=tick.time_us // 1000 * 1000) for tick in until]
    ticks.sort(key=lambda tick: tick.time_us)
    return [attrs.evolve(tick, sequence=number) for number, tick in enumerate(ticks, start=1)]


def _play(trades: Sequence[Tick], phase: float) -> Iterator[Tick]:
    """Yield an opening at 0 and then a recording from a phase of it on, for ever."""
    first_us, last_us = trades[0].time_us, trades[-1].time_us
    cut_us = first_us + int((last_us - first_us) * phase)
    start = bisect_left(trades, cut_us, key=lambda trade: trade.time_us)
    yield attrs.evolve(trades[max(0, start - 1)], time_us=0)
    shift_us, factor = -cut_us, Decimal(1)
    while True:
        for trade in trades[start:]:
            yield _scaled(trade, trade.time_us + shift_us, factor)
        shift_us += last_us - first_us + _PAUSE_US
        factor *= trades[-1].price_exact / trades[0].price_exact
        start = 0


def _scaled(trade: Tick, time_us: int, factor: Decimal) -> Tick:
    """Return a trade at another time, its price multiplied and rounded to the recorded decimals."""
    if factor == 1:
        return attrs.evolve(trade, time_us=time_us)
    price = (trade.price_exact * factor).quantize(trade.price_exact)
    return attrs.evolve(trade, time_us=time_us, price=float(price), price_text=str(price))


class Clock:
    """UTC microseconds that no correction of the computer's clock disturbs; it runs from when it is made."""

    def __init__(self) -> None:
        self._start_us = utc_now_us()
        self._began_s = trio.current_time()

    def now_us(self) -> int:
        """Return the present."""
        return self._start_us + int((trio.current_time() - self._began_s) * 1e6)

    def next_ms_us(self) -> int:
        """Return the next whole millisecond: the wire knows nothing finer."""
        return self.now_us() // 1000 * 1000 + 1000

    async def sleep_until(self, time_us: int) -> None:
        """Wait for an instant; one in the past is a checkpoint."""
        await trio.sleep_until(self._began_s + (time_us - self._start_us) / 1e6)


async def publish(ticks: Sequence[Tick], sims: Sequence[Sim], clock: Clock) -> Sequence[float]:
    """Let each trade happen on all simulators when it is due.

    Args:
        ticks: Timed on the clock, in order.
        sims: Each gets all of them.
        clock: The one that everybody is measured by.

    Returns:
        How late each wake-up came, in seconds: what the machine itself adds to every age.
    """
    late_s = []
    done = 0
    while done < len(ticks):
        await clock.sleep_until(ticks[done].time_us)
        late_s.append((clock.now_us() - ticks[done].time_us) / 1e6)
        due = max(done + 1, bisect_left(ticks, clock.now_us() + 1, key=lambda tick: tick.time_us))
        for sim in sims:
            await sim.send(ticks[done:due])
        done = due
    return late_s
