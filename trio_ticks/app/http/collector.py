"""What all pages share: one consumer that keeps the little they need, whether one is open, ten, or none.

It stands in the sequencer's task, so with each batch it does as little as it can: count the ticks of each symbol,
and pick out what is no tick. Four times a second, in a task of its own, it takes a turn: it notes each symbol's last
price, and wakes the pages, which then take what they have not seen. Only for the symbols that somebody is looking at
it keeps prices between two turns. It never waits for a page, and a page never makes it hold anything.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter, itemgetter
from typing import Any, NoReturn, TypeAlias

import attrs
import trio

from trio_ticks.app.http.trace import Trace
from trio_ticks.core.ages import Ages
from trio_ticks.core.ledger import ConsumerLedger
from trio_ticks.errors import TrioTicksError
from trio_ticks.model import Gap, Record, Signal, Status, Tick, ticks_in
from trio_ticks.runtime.engine import Engine

TURN_S = 0.25
"""Between two turns. Eyes follow four changes a second; each turn costs a look at every symbol."""

TURNS_A_SECOND = 4

SMOOTH = 0.2
"""Of each second's count in the rate that is shown: it settles within five seconds."""

LAGS = 60
"""Turns whose delay is remembered: a quarter of a minute, so that whoever looks that often misses none."""

AT_ONCE = 4_096
"""Names of ticks that are put by to be counted together: to count those of each small batch would cost twice that."""

EVENTS = 50
SIGNALS = 200
"""That are remembered for the charts, of all symbols together."""

GAPS = 50
"""That are remembered for the chart of each symbol. A connection that is lost is one of every symbol it carried, so a
number of all together would leave most of them out, and their charts would show a price where there was none."""

Key: TypeAlias = tuple[str, str]
"""Feed and symbol."""


@attrs.frozen
class Happening:
    """Something to tell a person.

    Attributes:
        number: Counted from 1.
        record: What it was.
        text: In words.
    """

    number: int
    record: Gap | Status | Signal
    text: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as pages get it."""
        record = self.record
        return {
            "time_us": record.time_us,
            "kind": record.kind,
            "text": self.text,
            "feed": record.feed,
            "symbol": record.symbol,
        }


class Collector:
    """See the top of this module. The engine calls `offer`; `run` is its own task; the rest is for pages.

    Args:
        engine: Whose records it sees, once it is one of its consumers.

    Attributes:
        turns: How many it has taken.
        happened: How many records that are no ticks there were.
        stale: Symbols that are quiet while others tick.
    """

    name = "trio-ticks page"

    def __init__(self, engine: Engine) -> None:
        self.ages = Ages()
        self.turns = 0
        self.happened = 0
        self.stale: set[Key] = set()
        self.events: deque[Happening] = deque(maxlen=EVENTS)
        self.signals: deque[tuple[int, Signal]] = deque(maxlen=SIGNALS)
        self._gaps: defaultdict[tuple[str, str | None], deque[tuple[int, Gap]]] = defaultdict(_no_gaps)
        self._engine = engine
        # One name is found at half the cost of two, and most engines have one feed.
        self._only_feed = next(iter(engine.symbols)) if len(engine.symbols) == 1 else None
        self._key_of = attrgetter("symbol") if self._only_feed is not None else attrgetter("feed", "symbol")
        self._uncounted: list[Hashable] = []
        self._counts: Counter[Hashable] = Counter()
        self._rates: dict[Hashable, float] = {}
        self._counted: dict[Hashable, int] = {}
        self._traces: defaultdict[Key, Trace] = defaultdict(Trace)
        self._sampled: dict[Key, Tick] = {}
        self._looked_at: Counter[Key] = Counter()
        self._names: set[str] = set()  # the symbols of what is looked at: most ticks are found to be others' by this
        self._offered = 0
        self._lags: deque[float] = deque([0.0], maxlen=LAGS)
        self._turned = trio.Event()

    # ---- what the engine calls

    def offer(self, records: Sequence[Record]) -> None:
        """Count the ticks, and take note of what is none."""
        ticks = ticks_in(records)
        if ticks < len(records):
            for item in records:
                if type(item) is not Tick:
                    self._note(item)
            records = [item for item in records if type(item) is Tick]
        self._offered += ticks
        self._uncounted.extend(map(self._key_of, records))
        if len(self._uncounted) >= AT_ONCE:
            self._count()
        if self._looked_at:
            self._follow(records)

    def end(self, failure: TrioTicksError | None) -> None:
        """Nothing to do: nothing waits here."""

    def ledger(self) -> ConsumerLedger:
        """Return the counts; nothing is ever dropped."""
        return ConsumerLedger(offered=self._offered, delivered=self._offered)

    def _count(self) -> None:
        self._counts.update(self._uncounted)
        self._uncounted.clear()

    def _follow(self, records: Sequence[Record]) -> None:
        names = self._names
        for item in [item for item in records if item.symbol in names]:
            if type(item) is Tick and not item.late and (item.feed, item.symbol) in self._looked_at:
                self._traces[item.feed, item.symbol].add(item.time_us, item.price)

    def _note(self, record: Record) -> None:
        if not isinstance(record, Gap | Status | Signal):
            return
        self.happened += 1
        self.events.append(Happening(self.happened, record, _words(record)))
        if isinstance(record, Gap):
            self._gaps[record.feed, record.symbol].append((self.happened, record))
        elif isinstance(record, Signal):
            self.signals.append((self.happened, record))
        elif record.symbol is not None:
            if record.status == "stale":
                self.stale.add((record.feed, record.symbol))
            elif record.status in {"resumed", "rejected"}:
                self.stale.discard((record.feed, record.symbol))

    # ---- its own task

    async def run(self) -> NoReturn:
        """Take turns until cancelled."""
        due = trio.current_time()
        while True:
            due += TURN_S
            await trio.sleep_until(due)
            now = trio.current_time()
            self._lags.append(now - due)
            due = max(due, now - TURN_S)  # turns that were missed are not made up for
            self.turn()

    def turn(self) -> None:
        """Note the last prices, and wake the pages."""
        self._count()
        for feed, prices in self._engine.prices.items():
            for symbol, tick in prices.items():
                self._sample((feed, symbol), tick)
        self.turns += 1
        if self.turns % TURNS_A_SECOND == 0:
            self._rate()
        self._turned.set()
        self._turned = trio.Event()

    def _sample(self, key: Key, tick: Tick) -> None:
        trace = self._traces[key]
        if self._sampled.get(key) is not tick:
            self._sampled[key] = tick
            if key not in self._looked_at:
                trace.add(tick.time_us, tick.price)
        trace.turn()

    def _rate(self) -> None:
        for key, count in self._counts.items():
            fresh = count - self._counted.get(key, 0)
            before = self._rates.get(key, 0.0)
            self._rates[key] = before + SMOOTH * (fresh - before)
            self._counted[key] = count

    # ---- for pages

    @property
    def loop_lag_s(self) -> float:
        """The longest that a turn came too late lately: for so long nothing else ran either."""
        return max(self._lags)

    async def wait_turn(self) -> None:
        """Wait until there may be news."""
        await self._turned.wait()

    @contextmanager
    def looking_at(self, key: Key) -> Iterator[Trace]:
        """Keep every price of a symbol while the block lasts, not only the last one of each turn."""
        last = self._engine.prices.get(key[0], {}).get(key[1])
        if last is not None:
            self._sample(key, last)  # it came before anybody looked, perhaps since the last turn
        self._looked_at[key] += 1
        self._names.add(key[1])
        try:
            yield self._traces[key]
        finally:
            self._looked_at[key] -= 1
            if not self._looked_at[key]:
                del self._looked_at[key]
                self._names = {symbol for _, symbol in self._looked_at}
                if key not in self._sampled:
                    del self._traces[key]  # of a symbol that nobody has heard of

    def gaps(self, key: Key, after: int) -> list[Gap]:
        """Return the gaps that concern a symbol, of what happened after the first so many."""
        feed, symbol = key
        places = ((feed, symbol), (feed, None), ("", symbol), ("", None))
        fresh = [item for place in places for item in self._gaps.get(place, ()) if item[0] > after]
        return [gap for _, gap in sorted(fresh, key=itemgetter(0))]

    def symbols(self) -> list[dict[str, Any]]:
        """Return every symbol with its last price and how busy it is."""
        self._count()
        carried = dict.fromkeys((feed, symbol) for feed, some in self._engine.symbols.items() for symbol in some)
        prices = self._engine.prices
        carried |= dict.fromkeys((feed, symbol) for feed, some in prices.items() for symbol in some)
        return [self._row(key, prices.get(key[0], {}).get(key[1])) for key in carried]

    def _row(self, key: Key, tick: Tick | None) -> dict[str, Any]:
        counted: Hashable = key[1] if self._only_feed is not None else key
        return {
            "feed": key[0],
            "symbol": key[1],
            "price_text": None if tick is None else tick.price_text or repr(tick.price),
            "time_us": None if tick is None else tick.time_us,
            "received_us": None if tick is None else tick.received_us,
            "ticks": self._counts[counted],
            "rate_per_s": round(self._rates.get(counted, 0.0), 2),
            "stale": key in self.stale,
        }


def _no_gaps() -> deque[tuple[int, Gap]]:
    return deque(maxlen=GAPS)


def _words(record: Gap | Status | Signal) -> str:
    if isinstance(record, Gap):
        missed = "" if record.missed is None else f", {record.missed:,} ticks"
        return f"{record.cause} for {(record.end_us - record.start_us) / 1e6:.2f} s{missed}"
    if isinstance(record, Signal):
        fields = ", ".join(f"{name}={value}" for name, value in record.fields.items())
        return " ".join(word for word in (f"{record.strategy}:", record.name, fields) if word)
    return " ".join(word for word in (record.source, f"{record.status}:", record.reason) if word).rstrip(":")
