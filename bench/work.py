"""What every contestant does with a tick: a record, dedup, a strategy, and a line for InfluxDB.

Whatever a contestant leaves to its own library it does there; whatever it would write itself is here, once, so that
nobody's is better written than another's. Dataclasses, not attrs: these are in every process that is measured.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import sys
import threading
import time
from array import array
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol

from bench.memory import peak_bytes
from bench.plan import Outcome, Run
from bench.wire import codes

TRADE = 22998

FLUSH_LINES = 1_000
"""Lines that are joined for one write. More would be memory; fewer, more writes than InfluxDB wants."""

GENERATION = 50_000
"""Ticks that one half of the memory for dedup holds: seconds at any rate here."""


class Priced(Protocol):
    """A tick of whichever class: the engine's own, or `Record`."""

    @property
    def symbol(self) -> str: ...  # noqa: D102 - named like the fields of `Record`; so below
    @property
    def time_us(self) -> int: ...  # noqa: D102
    @property
    def price(self) -> float: ...  # noqa: D102
    @property
    def volume(self) -> float: ...  # noqa: D102
    @property
    def price_text(self) -> str: ...  # noqa: D102
    @property
    def volume_text(self) -> str: ...  # noqa: D102
    @property
    def sequence(self) -> Any: ...  # noqa: D102


@dataclass(slots=True)
class Record:
    """A tick, as a contestant without records of its own makes it."""

    symbol: str
    time_us: int
    price: float
    volume: float
    price_text: str
    volume_text: str
    sequence: int


def record_of(message: str | bytes) -> Record | None:
    """Return the trade in a message; None where it is something else. Decoded the way everyone begins."""
    frame = json.loads(message)
    if frame.get("cmd_id") != TRADE:
        return None
    data = frame["data"]
    price, volume = data["price"], data["volume"]
    time_us = int(data["tick_time"]) * 1000
    return Record(data["code"], time_us, float(price), float(volume), price, volume, int(data["seq"]))


def line_of(tick: Priced) -> bytes:
    """Return a tick as a line of InfluxDB's line protocol: numbers as the vendor wrote them, and as texts."""
    price, volume = tick.price_text, tick.volume_text
    return (
        f"tick,symbol={tick.symbol} price={price},volume={volume},"
        f'price_text="{price}",volume_text="{volume}" {tick.time_us}000'
    ).encode()


class Seen:
    """Dedup in bounded memory: a set that is written, and the one before it."""

    def __init__(self) -> None:
        self._young: set[Hashable] = set()
        self._old: set[Hashable] = set()

    def is_new(self, key: Hashable) -> bool:
        """Tell whether a tick was not here before, and remember it. The key is symbol, time, price and volume."""
        if key in self._young or key in self._old:
            return False
        self._young.add(key)
        if len(self._young) >= GENERATION:
            self._old, self._young = self._young, set()
        return True


class Desk:
    """The strategy, the writer of lines, and the stopwatch.

    It ends the process with the last tick: how a library closes is not measured.

    Attributes:
        tell: Returns what else the contestant knows at the end.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._prices: dict[str, float] = {}
        self._counts = dict.fromkeys(codes(run.symbols), 0)
        self._lines: list[bytes] = []
        self._written = 0
        self._decided = 0
        self._ends = list(itertools.accumulate(phase.ticks for phase in run.phases))
        self._room = min(FLUSH_LINES, self._ends[0])
        self._marks: list[tuple[int, int, int]] = []
        self._told = threading.Lock()
        self.tell: Callable[[], dict[str, Any]] = dict

    def take(self, tick: Priced) -> None:
        """Be the strategy, and keep the tick's line."""
        self._prices[tick.symbol] = tick.price
        self._counts[tick.symbol] += 1
        self._lines.append(line_of(tick))
        if len(self._lines) == self._room:
            self.flush()

    def decide(self, symbol: str, price: float, sequence: int) -> None:  # noqa: ARG002 - `TimedDesk` reads it
        """Be the strategy alone, for a contestant with records and lines of its own; `keep` takes the line.

        Its lines may lag behind, so here a phase is over when the strategy is done with it, and only the last one
        when all lines are written.
        """
        self._prices[symbol] = price
        self._counts[symbol] += 1
        self._decided += 1
        if self._decided == self._ends[0] and len(self._ends) > 1:
            self._mark()

    def keep(self, line: bytes) -> None:
        """Keep a line that the contestant has made itself."""
        self._lines.append(line)
        if len(self._lines) == self._room:
            self.flush()

    def flush(self) -> None:
        """Make the lines one body, as a writer would; the end of a phase always falls on such a moment."""
        assert b"\n".join(self._lines)
        self.advance(len(self._lines))
        self._lines.clear()

    def advance(self, lines: int) -> None:
        """Count lines that are written, and note the time where a phase is over."""
        self._written += lines
        if self._written == self._ends[0]:
            self._mark()
        self._room = min(FLUSH_LINES, self._ends[0] - self._written)

    def report(self) -> None:
        """Tell how it went, however far it came, and end the process."""
        self._told.acquire()  # never released: the deadline and the last tick may come at once
        outcome = Outcome(
            marks=self._marks,
            ages=self._ages(),
            counts={symbol: count for symbol, count in self._counts.items() if count},
            prices=dict(self._prices),
            written=self._written,
            peak_bytes=peak_bytes(),
            extra=self.tell(),
        )
        sys.stdout.write(outcome.to_json() + "\n")
        sys.stdout.flush()
        os._exit(0)

    def _mark(self) -> None:
        self._marks.append((self._ends[0], time.monotonic_ns(), time.process_time_ns()))
        if len(self._ends) > 1:
            del self._ends[0]
        else:
            self.report()

    def _ages(self) -> list[str]:
        return []


class TimedDesk(Desk):
    """Notes, besides, how old each tick is when the strategy gets it."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._at = array("q")

    def take(self, tick: Priced) -> None:
        """Be the strategy, and keep the tick's line."""
        self._at.append(time.monotonic_ns() // 1000 - tick.sequence)
        super().take(tick)

    def decide(self, symbol: str, price: float, sequence: int) -> None:
        """Be the strategy alone."""
        self._at.append(time.monotonic_ns() // 1000 - sequence)
        super().decide(symbol, price, sequence)

    def _ages(self) -> list[str]:
        ages = array("I", (at - self._run.epoch_us for at in self._at))
        ends = list(itertools.accumulate(phase.ticks for phase in self._run.phases))
        return [base64.b64encode(ages[begin:end]).decode() for begin, end in itertools.pairwise([0, *ends])]


def handler(desk: Desk) -> Callable[[str | bytes], None]:
    """Return what does all of it with one message: JSON, dedup, strategy, line."""
    seen = Seen()

    def handle(message: str | bytes) -> None:
        tick = record_of(message)
        if tick is not None and seen.is_new((tick.symbol, tick.time_us, tick.price_text, tick.volume_text)):
            desk.take(tick)

    return handle


def subscription(run: Run) -> str:
    """Return AllTick's request for the trades of all symbols."""
    symbols = [{"code": code} for code in codes(run.symbols)]
    return json.dumps({"cmd_id": 22004, "seq_id": 1, "trace": "bench", "data": {"symbol_list": symbols}})
