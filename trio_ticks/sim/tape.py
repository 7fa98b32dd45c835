"""Recorded trades, and when each of them is due if they are played from now on.

A trade recorded at ``t`` on a tape that began at ``t0`` gets the stamp ``start + (t - t0) / speed``, cut to a whole
millisecond because AllTick's wire knows nothing finer. So equal recorded stamps stay equal, stamps never go
back, and two different ones become equal only where less than a millisecond of wire time lies between them.
A stamp is also the instant at which its tick is due: nothing is stale and nothing comes from the future.
"""

from __future__ import annotations

import csv
import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from os import PathLike, fspath
from pathlib import Path

import attrs

from trio_ticks.errors import ConfigError
from trio_ticks.model import Side, Tick

# Between the last trade of one round and the first of the next. More than the wire's 1 ms, so that rounds never
# share a stamp; short, so that a looping tape does not look like a silent feed.
ROUND_PAUSE_MS = 100

_SIDES: dict[str, Side | None] = {"buy": "buy", "sell": "sell", "": None}


@attrs.frozen(kw_only=True)
class Tape:
    """The recorded trades of one symbol.

    Attributes:
        symbol: The code under which they are served.
        trades: In the order recorded; ``time_us`` never goes back.
        speed: How much faster than recorded this tape plays.
    """

    symbol: str
    trades: Sequence[Tick] = attrs.field(repr=lambda trades: f"<{len(trades)} trades>")
    speed: float = 1.0

    def __attrs_post_init__(self) -> None:
        check_speed(self.speed)
        for number, (one, two) in enumerate(zip(self.trades, self.trades[1:], strict=False), start=2):
            if two.time_us < one.time_us:
                raise ConfigError(f"tape {self.symbol}: trade {number} lies before the one recorded before it")

    @classmethod
    def from_csv(cls, path: str | PathLike[str], symbol: str, *, speed: float = 1.0) -> Tape:
        """Read a file with the columns ``time_us, price, volume, side``, in any order; others are ignored.

        Raises:
            ConfigError: The file cannot be read as such; names the file and the line.
        """
        try:
            text = Path(path).read_text(encoding="utf-8-sig")  # Excel puts a mark in front
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"tape {fspath(path)}: cannot be read: {error}") from error
        return cls(symbol=symbol, trades=_parse_csv(text, symbol, fspath(path)), speed=speed)


def sample_tapes() -> tuple[Tape, ...]:
    """Return the tapes that ship with the package; the quiet ones sped up, so that each ticks every second."""
    sample = resources.files("trio_ticks.sim") / "data"
    return tuple(
        Tape(
            symbol=symbol,
            trades=_parse_csv((sample / name).read_text(encoding="utf-8"), symbol, name),
            speed=speed,
        )
        for symbol, name, speed in (
            ("BTCUSDT", "btcusdt-2021-01-08.csv", 1.0),  # 43 trades a second as recorded
            ("XBTUSDT", "xbtusdt-2025-11-10.csv", 100.0),  # 6 a second
            ("700.HK", "700hk-2022-01-07.csv", 20.0),  # 8 a second
        )
    )


def timeline(tapes: Iterable[Tape], *, start_us: int, speed: float = 1.0, loop: bool = True) -> Iterator[Tick]:
    """Yield the ticks of all tapes in the order in which they are due.

    Args:
        tapes: Each plays at its own speed times ``speed``.
        start_us: When every tape begins, UTC microseconds.
        speed: For all of them.
        loop: Start a tape over when it ends, each round later than the last; then there is no end.

    Yields:
        Ticks with ``time_us`` on the wire's clock: whole milliseconds, never going back.
    """
    rounds = (_play(tape, start_us // 1000, 1000 * tape.speed * speed, loop=loop) for tape in tapes)
    return heapq.merge(*rounds, key=lambda tick: tick.time_us)


def _play(tape: Tape, start_ms: int, us_per_ms: float, *, loop: bool) -> Iterator[Tick]:
    """Yield one tape's ticks; ``us_per_ms`` recorded microseconds pass in a millisecond of wire time."""
    while tape.trades:
        first_us = tape.trades[0].time_us
        wire_ms = start_ms
        for trade in tape.trades:
            wire_ms = start_ms + int((trade.time_us - first_us) / us_per_ms)
            yield attrs.evolve(trade, time_us=wire_ms * 1000)
        if not loop:
            return
        start_ms = wire_ms + ROUND_PAUSE_MS


def check_speed(speed: float) -> None:
    """Raise ConfigError unless time can pass at this speed."""
    if not (math.isfinite(speed) and speed > 0):
        raise ConfigError(f"speed = {speed!r}: a positive number is accepted; 1.0 is as recorded")


def _parse_csv(text: str, symbol: str, name: str) -> tuple[Tick, ...]:
    """Return the trades in a CSV text; ``name`` is for the error."""
    trades = []
    for number, row in enumerate(csv.DictReader(text.splitlines()), start=2):
        try:
            trades.append(_trade(row, symbol))
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"tape {name}, line {number}: not a trade ({error!r})") from error
    return tuple(trades)


def _trade(row: dict[str, str], symbol: str) -> Tick:
    """Return one row as a tick that keeps the recorded texts."""
    if not math.isfinite(float(row["price"])):
        raise ValueError(f"price {row['price']!r} is no number")
    return Tick(
        symbol=symbol,
        time_us=int(row["time_us"]),
        price=float(row["price"]),
        volume=float(row["volume"] or 0),
        price_text=row["price"],
        volume_text=row["volume"],
        side=_SIDES[row["side"]],
    )
