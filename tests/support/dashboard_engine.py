"""An engine that is only figures: what the program would tell of it, moved on by hand."""

from __future__ import annotations

import csv
from collections import deque
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from trio_ticks.core.ledger import ConsumerLedger, JournalLedger, Ledger, SinkLedger
from trio_ticks.runtime.draining import SinkStatistics
from trio_ticks.runtime.journaling import JournalStatistics
from trio_ticks.runtime.shard import ShardStatistics
from trio_ticks.runtime.strategy import StrategyState
from trio_ticks.runtime.vitals import LineStatistics

FEED = "alltick"
START_US = 1_774_000_800_000_000
HISTORY = 2_000
WELL_KNOWN = (
    *("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "700.HK", "9988.HK", "5.HK", "AAPL.US", "MSFT.US"),
    *("NVDA.US", "TSLA.US", "GOLD", "USDJPY", "EURUSD"),
)
LIKELY = (
    39_432.48,
    1_221.5,
    142.31,
    0.5213,
    0.0981,
    444.2,
    82.35,
    61.4,
    213.25,
    428.9,
    131.4,
    248.5,
    2_412.8,
    156.4,
    1.087,
)
"""Near what they cost, so that a picture looks like itself."""


class FakeEngine:
    """Figures that move, and add up.

    Args:
        symbols: How many. The first has the recorded prices as they are, the others multiples of them.
        per_s: Ticks of each symbol in a second.
    """

    def __init__(self, *, symbols: int = len(WELL_KNOWN), per_s: int = 40) -> None:
        self.symbols = [*WELL_KNOWN[:symbols], *(f"SYM{number:03}.US" for number in range(len(WELL_KNOWN), symbols))]
        self.per_s = per_s
        self.stale: set[str] = set()
        self.journal_error = ""
        self.sink_error = ""
        self.restart()

    def restart(self) -> None:
        """Be a new process, whose clock goes on."""
        self.now_us = self.started_us = getattr(self, "now_us", START_US)
        self._points: deque[tuple[int, float]] = deque(maxlen=HISTORY)
        self._beat: list[tuple[int, float]] = []
        self._traded = 0
        self._gaps: list[list[Any]] = []
        self._signals: list[dict[str, Any]] = []
        self._recent: deque[dict[str, Any]] = deque(maxlen=50)
        self._news: list[dict[str, Any]] = []
        self._cut: tuple[int, int, str] | None = None
        self._fresh_gaps: list[list[Any]] = []
        self._fresh_signals: list[dict[str, Any]] = []
        self._gone_gaps = self._gone_signals = 0

    def advance(self, seconds: float) -> None:
        """Let time pass, and ticks come, unless the link is cut."""
        before_us, self.now_us = self.now_us, self.now_us + round(seconds * 1e6)
        ticks = round(self.per_s * seconds)
        if self._cut is not None:
            ticks = 0
            self._end_cut()
        step_us = round(seconds * 1e6) // max(ticks, 1)
        self._beat = [(before_us + (k + 1) * step_us, self._price(self._traded + k)) for k in range(ticks)]
        self._points.extend(self._beat)
        self._traded += ticks
        self._fresh_gaps, self._gone_gaps = self._gaps[self._gone_gaps :], len(self._gaps)
        self._fresh_signals, self._gone_signals = self._signals[self._gone_signals :], len(self._signals)

    def cut(self, seconds: float, cause: str) -> None:
        """Lose the connection that carries the first symbols, for so long."""
        self._cut = (self.now_us, self.now_us + round(seconds * 1e6), cause)
        self.tell("status", f"{cause}; reconnects", "")

    def _end_cut(self) -> None:
        assert self._cut is not None
        start_us, end_us, cause = self._cut
        if self.now_us < end_us:
            return
        self._cut = None
        self._gaps.append([start_us, self.now_us, cause])
        for symbol in self.symbols[:5]:
            self.tell("gap", f"not covered for {(self.now_us - start_us) / 1e6:.2f} s: {cause}", symbol)

    def signal(self, name: str, **fields: Any) -> None:
        """Let a strategy decide something about the first symbol."""
        self._signals.append({"time_us": self.now_us, "name": name, "strategy": "momentum", "fields": fields})
        words = " ".join(f"{key}={value}" for key, value in fields.items())
        self.tell("signal", f"momentum: {name} {words}", self.symbols[0])

    def tell(self, kind: str, text: str, symbol: str) -> None:
        """Let something have happened."""
        event = {"time_us": self.now_us, "kind": kind, "text": text, "feed": FEED, "symbol": symbol}
        self._recent.append(event)
        self._news.append(event)

    def news(self) -> list[dict[str, Any]]:
        """Return what happened since the last call."""
        news, self._news = self._news, []
        return news

    def recent(self) -> list[dict[str, Any]]:
        """Return the latest events."""
        return list(self._recent)

    def ticks(self, name: str) -> dict[str, Any] | None:
        """Return what the last beat brought of a symbol."""
        gaps, signals = self._fresh_gaps, self._fresh_signals
        if name.split("/", 1)[-1] not in self.symbols or not (self._beat or gaps or signals):
            return None
        return self._message(name, self._beat, gaps, signals)

    def history(self, name: str) -> dict[str, Any] | None:
        """Return what the stream begins with."""
        if name.split("/", 1)[-1] not in self.symbols:
            return None
        past = self._gaps[: self._gone_gaps], self._signals[: self._gone_signals]
        return {"reset": True, **self._message(name, list(self._points), *past)}

    def _message(self, name: str, points: list[tuple[int, float]], gaps: Any, signals: Any) -> dict[str, Any]:
        feed, symbol = name.split("/", 1)
        place = self.symbols.index(symbol)
        return {
            "feed": feed,
            "symbol": symbol,
            "t": [time_us for time_us, _ in points],
            "p": [round(price * _factor(place), 5) for _, price in points],
            "gaps": gaps if place < 5 else [],
            "signals": signals if place == 0 else [],
        }

    def _price(self, number: int) -> float:
        prices = recorded_prices()
        return prices[number % len(prices)]

    def state(self) -> dict[str, Any]:
        """Return what /status would say."""
        journal = {**attrs.asdict(self._journal()), "size_bytes": self._traded * 90, "free_bytes": 41_300_000_000}
        return {
            "state": "running",
            "started_us": self.started_us,
            "now_us": self.now_us,
            "ledger": self.ledger().as_dict(),
            "gaps": {"silent": len(self._gaps)},
            "uncovered": {FEED: self.symbols[:5]} if self._cut else {},
            "shards": [attrs.asdict(shard) for shard in self._shards()],
            "relays": [],
            "strategies": [attrs.asdict(StrategyState(name)) for name in ("momentum", "spread")],
            "journal": journal,
            "sinks": [attrs.asdict(self._sink())],
            "failed_feeds": {},
            "symbols": [self._symbol(place, symbol) for place, symbol in enumerate(self.symbols)],
            "ages": {
                "strategy": self._ages(180, 1_900),
                "journal": self._ages(3_100, 11_800),
                "stored": self._ages(420_000, 1_240_000),
            },
            "version": "0.1.0",
        }

    def _symbol(self, place: int, symbol: str) -> dict[str, Any]:
        is_stale = symbol in self.stale
        price = self._price(self._traded + place * 37) * _factor(place)
        age_us = 47_000_000 if is_stale else place * 53_000 % 2_900_000
        return {
            "feed": FEED,
            "symbol": symbol,
            "price_text": f"{price:.{2 if price >= 5 else 4}f}",
            "time_us": self.now_us - age_us,
            "received_us": self.now_us - age_us,
            "ticks": self._traded,
            "rate_per_s": 0.0 if is_stale else self.per_s / (1 + place % 7),
            "stale": is_stale,
        }

    def _ages(self, half_us: int, most_us: int) -> dict[str, Any]:
        middle = half_us.bit_length()
        spread = (2, 9, 40, 100, 61, 22, 8, 3)
        buckets = [[1 << (middle - 3 + k), weight * self._traded] for k, weight in enumerate(spread)]
        return {"p50_us": half_us, "p99_us": most_us, "count": self._traded, "buckets": buckets}

    def _shards(self) -> tuple[ShardStatistics, ...]:
        half = len(self.symbols) // 2
        return (
            ShardStatistics(FEED, f"{FEED}/crypto 0", tuple(self.symbols[:half]), self._lines(f"{FEED}/crypto 0")),
            ShardStatistics(FEED, f"{FEED}/stock 0", tuple(self.symbols[half:]), self._lines(f"{FEED}/stock 0")),
        )

    def _lines(self, shard: str) -> tuple[LineStatistics, ...]:
        return tuple(self._line(f"{shard}{letter}", letter) for letter in "AB")

    def _line(self, name: str, letter: str) -> LineStatistics:
        is_cut = self._cut is not None and "crypto" in name
        quiet_us = self.now_us - self._cut[0] if is_cut and self._cut else 90_000
        return LineStatistics(
            name=name,
            state="waiting" if is_cut else "live",
            symbols=len(self.symbols) // 2,
            accepted=len(self.symbols) // 2,
            refused={},
            attempts=1 + len(self._gaps),
            reconnects={"silent": len(self._gaps)} if self._gaps and "crypto" in name else {},
            messages=self._traded * 3 + (0 if letter == "A" else 17),
            unreadable=0,
            unknown=0,
            frame_us=self.now_us - quiet_us,
            tick_us=self.now_us - quiet_us,
            lag_us=41_000 if letter == "A" else 63_000,
            bound_s=15.0,
            questions=0,
            last_error=self._cut[2] if is_cut and self._cut else "",
        )

    def ledger(self) -> Ledger:
        """Return where every tick is; it adds up."""
        accepted = self._traded * len(self.symbols)
        repeated, unusable, held = accepted * 4 // 5, accepted // 9_000, 3
        queued = 6 if self.journal_error else 2
        journaled = max(0, accepted - queued)
        pending = min(journaled, 84_000 if self.sink_error else 950)
        return Ledger(
            received=accepted + repeated + unusable + held,
            accepted=accepted,
            duplicates=repeated,
            rejected=unusable,
            held=held,
            consumers={
                "momentum": ConsumerLedger(offered=accepted, delivered=accepted),
                "spread": ConsumerLedger(
                    offered=accepted,
                    delivered=accepted - accepted // 400,
                    dropped=accepted // 400,
                ),
            },
            journal=JournalLedger(journaled=journaled, queued=accepted - journaled),
            sinks={"influxdb": SinkLedger(appended=journaled, stored=journaled - pending, pending=pending)},
        )

    def _journal(self) -> JournalStatistics:
        ledger = self.ledger()
        return JournalStatistics(
            path="ticks.journal",
            state="holding" if self.journal_error else "writing",
            position=self._traded // 20,
            total_ticks=ledger.journal.journaled if ledger.journal else 0,
            last_error=self.journal_error,
        )

    def _sink(self) -> SinkStatistics:
        return SinkStatistics(
            name="influxdb",
            state="holding" if self.sink_error else "draining",
            position=self._traded // 20,
            ledger=self.ledger().sinks["influxdb"],
            lag_s=37.0 if self.sink_error else 0.42,
            attempts=self._traded // 900,
            failures=0,
            last_error=self.sink_error,
        )


def _factor(place: int) -> float:
    return round(LIKELY[place] / recorded_prices()[0], 7) if place < len(LIKELY) else 1 / (1 + place)


@cache
def recorded_prices() -> tuple[float, ...]:
    """Return the prices of BTCUSDT as they were traded."""
    with (Path(__file__).parents[1] / "data" / "btcusdt-2021-01-08.csv").open() as file:
        return tuple(float(row["price"]) for row in csv.DictReader(file))
