"""Bars of so many ticks, or of so much volume, against plain lists of ticks: sessions, lateness and gaps included."""

from __future__ import annotations

import math
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tests.property.test_bars import BEGIN_US, DAY_US, MINUTE_US, touched
from trio_ticks.core.bars import BarMaker
from trio_ticks.model import Bar, Book, Clock, Gap, Record, Status, Tick

OPENS_US, CLOSES_US = 10 * MINUTE_US, 27 * MINUTE_US
SESSION = "00:10-00:27 UTC"
CUTS = st.sampled_from([{"ticks": 1}, {"ticks": 2}, {"ticks": 4}, {"volume": 0.3}, {"volume": 1.0}, {"volume": 2.5}])
SETTINGS = st.builds(
    lambda cut, session, lateness_s: {**cut, "session": session, "lateness_s": lateness_s},
    CUTS,
    st.sampled_from([SESSION, SESSION, None]),
    st.sampled_from([0.0, 90.0]),
)


# A stream goes forward by such steps, or to where the session closes, or opens on the next day; or comes late.
STEPS = st.sampled_from([0, 0, 1, MINUTE_US, 3 * MINUTE_US, 90_000_000, "close", "open", -2 * MINUTE_US, -DAY_US])
KINDS = st.sampled_from(["tick"] * 8 + ["gap", "gap", "clock", "status", "book"])
PLACES = st.sampled_from([("x", "A"), ("x", "A"), ("x", "B"), ("y", "A")])
SIZES = st.sampled_from([0.0, 0.1, 0.1, 0.2, 1.0, 3.0])
HOLES = st.tuples(
    st.sampled_from([0, 1, 90_000_000, 7 * MINUTE_US, 7 * MINUTE_US, DAY_US]),
    st.sampled_from([None, 3]),
    st.sampled_from(["own", "feed", "all"]),
)


def stream_of(moves: list[tuple[Any, ...]]) -> list[Record]:
    """Return the records that a market's moves lead to."""
    records: list[Record] = []
    at_us = BEGIN_US + 12 * MINUTE_US
    for number, (step, kind, (feed, symbol), volume, (length_us, missed, whose)) in enumerate(moves):
        midnight_us = at_us - (at_us - BEGIN_US) % DAY_US
        places = {"close": midnight_us + CLOSES_US, "open": midnight_us + DAY_US + OPENS_US}
        at_us = places[step] if step in places else at_us + step
        price = [-1.0, 0.1, 1.0, 2.0, 7.3][number % 5]
        named = None if whose != "own" else symbol
        choice: dict[str, Record] = {
            "tick": Tick(symbol, at_us, price, volume, feed=feed),
            "gap": Gap(at_us - length_us, at_us, "closed", named, "" if whose == "all" else feed, missed),
            "clock": Clock(at_us),
            "status": Status("connected", at_us, feed=feed),
            "book": Book(symbol, at_us, feed=feed),
        }
        records.append(choice[kind])
    return records


STREAMS = st.lists(st.tuples(STEPS, KINDS, PLACES, SIZES, HOLES), min_size=10, max_size=40).map(stream_of)


@attrs.define
class Symbol:
    """The ticks of the bar in the making, those of the bars given out, and the session."""

    ticks: list[Tick] = attrs.field(factory=list)
    complete: bool = True
    given: list[tuple[list[Tick], bool]] = attrs.field(factory=list)
    slot: tuple[float, float] = (-math.inf, math.inf)


def bar_of(ticks: list[Tick], *, complete: bool, revised: bool = False) -> Bar:
    in_order = sorted(ticks, key=lambda tick: tick.time_us)
    prices, volumes = [tick.price for tick in ticks], [tick.volume for tick in ticks]
    volume = math.fsum(volumes)
    weights = volumes if volume else [1.0] * len(ticks)
    mean = math.fsum(p * w for p, w in zip(prices, weights, strict=True)) / math.fsum(weights)
    return Bar(
        ticks[0].symbol,
        in_order[0].time_us,
        in_order[-1].time_us + 1,
        in_order[0].price,
        max(prices),
        min(prices),
        in_order[-1].price,
        volume,
        len(ticks),
        complete,
        ticks[0].feed,
        mean,
        revised,
    )


class Model:
    """The rules as they read, looked through from the start for each record."""

    def __init__(
        self, *, session: str | None, lateness_s: float, ticks: int | None = None, volume: float | None = None
    ) -> None:
        self.ticks, self.volume, self.has_session = ticks, volume, session is not None
        self.lateness_us = round(lateness_s * 1e6)
        self.symbols: dict[tuple[str, str], Symbol] = {}
        self.now_us: float = -math.inf
        self.outside = self.too_late = 0

    def push(self, record: Record) -> list[Bar]:
        if isinstance(record, Book):
            return []
        out = self.missed(record) if isinstance(record, Gap) else []
        self.now_us = max(self.now_us, record.time_us)
        out += self.over()
        return out + self.take(record) + self.over() if isinstance(record, Tick) else out

    def in_order(self) -> list[Symbol]:
        return [self.symbols[place] for place in sorted(self.symbols)]

    def ends(self) -> list[float]:
        return [symbol.slot[1] + self.lateness_us for symbol in self.symbols.values() if symbol.ticks]

    def over(self) -> list[Bar]:
        open_ = [symbol for symbol in self.in_order() if symbol.ticks]
        return [self.give(symbol) for symbol in open_ if symbol.slot[1] + self.lateness_us <= self.now_us]

    def take(self, tick: Tick) -> list[Bar]:
        symbol = self.symbols.setdefault((tick.feed, tick.symbol), Symbol())
        out = [self.give(symbol)] if symbol.ticks and tick.time_us >= symbol.slot[1] else []
        slot = self.slot_of(tick.time_us)
        if slot is None:
            self.outside += 1
        elif slot[0] < symbol.slot[0]:
            self.too_late += 1
        else:
            symbol.slot = slot
            symbol.ticks.append(tick)
            out += [self.give(symbol)] if self.is_full(symbol.ticks) else []
        return out

    def slot_of(self, time_us: int) -> tuple[float, float] | None:
        if not self.has_session:
            return -math.inf, math.inf
        midnight_us = time_us - (time_us - BEGIN_US) % DAY_US
        slot = midnight_us + OPENS_US, midnight_us + CLOSES_US
        return slot if slot[0] <= time_us < slot[1] else None

    def is_full(self, ticks: list[Tick]) -> bool:
        if self.ticks is not None:
            return len(ticks) >= self.ticks
        return math.fsum(tick.volume for tick in ticks) >= (self.volume or 0.0)

    def give(self, symbol: Symbol) -> Bar:
        bar = bar_of(symbol.ticks, complete=symbol.complete)
        symbol.given.append((symbol.ticks, symbol.complete))
        symbol.ticks, symbol.complete = [], True
        return bar

    def missed(self, gap: Gap) -> list[Bar]:
        out = []
        for place in sorted(self.symbols):
            symbol = self.symbols[place]
            one = Tick(place[1], 0, 1.0, feed=place[0])
            for n, (ticks, complete) in enumerate(symbol.given):
                times_us = [tick.time_us for tick in ticks]
                if complete and touched(gap, one, min(times_us), max(times_us) + 1):
                    symbol.given[n] = ticks, False
                    out.append(bar_of(ticks, complete=False, revised=True))
            if gap.feed in ("", place[0]) and gap.symbol in (None, place[1]):
                symbol.complete = False
        return out

    def finish(self) -> list[Bar]:
        return [bar_of(symbol.ticks, complete=False) for symbol in self.in_order() if symbol.ticks]


def near(bars: list[Bar]) -> list[Bar]:
    """Without the last digits, which a quotient of two sums may round either way."""
    return [attrs.evolve(bar, vwap=round(bar.vwap, 12)) for bar in bars]


@given(STREAMS, SETTINGS)
def test_counted_bars_are_what_plain_lists_of_ticks_say(records: list[Record], settings: dict[str, Any]) -> None:
    """The same bars at the same records; what is in none is counted; and it says in time when it is to be woken."""
    maker, model = BarMaker(**settings), Model(**settings)
    for record in records:
        assert near(maker.push(record)) == near(model.push(record))
        assert (maker.outside, maker.too_late) == (model.outside, model.too_late)
        due_us = maker.next_due_us
        assert min(model.ends(), default=math.inf) >= (math.inf if due_us is None else due_us)
        if due_us is not None:
            assert due_us > model.now_us
            assert (due_us - model.lateness_us - BEGIN_US) % DAY_US == CLOSES_US
    assert near(maker.finish()) == near(model.finish())
