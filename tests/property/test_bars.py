"""Bars against a naive grouping of the ticks, for every disorder and every chunking."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.core.bars import BarMaker
from trio_ticks.model import Bar, Book, Clock, Gap, Record, Status, Tick

MINUTE_US = 60_000_000
DAY_US = 1_440 * MINUTE_US
BEGIN_US = 20_000 * DAY_US

# Few different instants and symbols, so that many ticks share a bar, or a stamp, or lie just on an edge.
INSTANTS = st.builds(
    lambda half, us: BEGIN_US + half * MINUTE_US // 2 + us, st.integers(16, 60), st.sampled_from([0, 0, 0, -1])
)
FEEDS = st.sampled_from(["x", "x", "x", "y"])
SYMBOLS = st.sampled_from(["A", "A", "A", "B"])
TICKS = st.builds(
    lambda symbol, time_us, price, volume, feed: Tick(symbol, time_us, price, volume, feed=feed),
    SYMBOLS,
    INSTANTS,
    st.sampled_from([-1.0, 0.1, 1.0, 2.0, 7.3]),
    st.sampled_from([0.0, 0.1, 0.2, 1.0, 3.0]),
    FEEDS,
)
GAPS = st.builds(
    lambda start_us, length, symbol, feed, missed: Gap(start_us, start_us + length, "closed", symbol, feed, missed),
    INSTANTS,
    st.sampled_from([0, 1, MINUTE_US, 7 * MINUTE_US]),
    st.none() | SYMBOLS,
    st.sampled_from(["", "x"]),
    st.sampled_from([None, 3]),
)
OTHERS = st.one_of(
    GAPS,
    st.builds(lambda time_us, feed: Status("connected", time_us, feed=feed), INSTANTS, st.sampled_from(["", "x"])),
    st.builds(Clock, INSTANTS),
    st.builds(lambda time_us: Book("A", time_us, feed="x"), INSTANTS),
)
STREAMS = st.lists(TICKS | TICKS | TICKS | OTHERS, max_size=30) | st.lists(TICKS | OTHERS, min_size=12, max_size=30)
IN_ORDER = STREAMS.map(lambda records: sorted(records, key=lambda record: record.time_us))
SETTINGS = st.fixed_dictionaries(
    {
        "session": st.sampled_from([None, "00:10-00:27 UTC"]),
        "fill": st.booleans(),
        "lateness_s": st.sampled_from([0.0, 90.0]),
    }
)
COUNTING = st.one_of(
    st.fixed_dictionaries({"ticks": st.integers(1, 4)}),
    st.fixed_dictionaries({"volume": st.sampled_from([0.3, 1.0, 2.5])}),
).flatmap(lambda cut: st.sampled_from([cut, {**cut, "session": "00:10-00:27 UTC"}]))


def intervals(session: str | None) -> list[tuple[int, int]]:
    """Every interval of five minutes that a stream may touch."""
    edges = (
        [range(-10, 100, 5)]
        if session is None
        else [[day + edge for edge in (10, 15, 20, 25, 27)] for day in (-1440, 0, 1440)]
    )
    return [(BEGIN_US + a * MINUTE_US, BEGIN_US + b * MINUTE_US) for day in edges for a, b in itertools.pairwise(day)]


def touched(gap: Gap, tick: Tick, start_us: int, end_us: int) -> bool:
    """Whether a gap makes a tick's bar incomplete: does an instant of the bar lie in it?"""
    last_us = gap.end_us if gap.missed is not None else max(gap.end_us - 1, gap.start_us)
    return (
        gap.feed in ("", tick.feed)
        and gap.symbol in (None, tick.symbol)
        and gap.start_us < end_us
        and last_us >= start_us
    )


def oracle(records: Sequence[Record], *, session: str | None, fill: bool, lateness_s: float) -> dict[object, Bar]:
    """What a consumer should know of all bars that are over, once it has been handed these records."""
    records = [record for record in records if not isinstance(record, Book)]
    now_us = max((record.time_us for record in records), default=0)
    ticks = [record for record in records if isinstance(record, Tick)]
    gaps = [record for record in records if isinstance(record, Gap)]
    known: dict[object, Bar] = {}
    for feed, symbol in sorted({(tick.feed, tick.symbol) for tick in ticks}):
        began_us = next(record.time_us for record in records if record.feed == feed)
        own = sorted((tick for tick in ticks if (tick.feed, tick.symbol) == (feed, symbol)), key=lambda t: t.time_us)
        close = None
        for start_us, end_us in intervals(session):
            inside = [tick for tick in own if start_us <= tick.time_us < end_us]
            over = now_us >= end_us + lateness_s * 1e6 or own[-1].time_us >= end_us
            if not over or not (inside or (fill and close is not None)):
                continue
            prices = [tick.price for tick in inside] or [close or 0.0]
            sizes = [tick.volume for tick in inside]
            volume = math.fsum(sizes)
            weights = sizes if volume else [1.0] * len(prices)
            close = prices[-1]
            known[feed, symbol, start_us] = Bar(
                symbol,
                start_us,
                end_us,
                prices[0],
                max(prices),
                min(prices),
                close,
                volume,
                len(inside),
                began_us <= start_us and not any(touched(gap, own[0], start_us, end_us) for gap in gaps),
                feed,
                math.fsum(price * weight for price, weight in zip(prices, weights, strict=True)) / math.fsum(weights),
            )
    return known


def joined(known: dict[object, Bar], bars: Iterable[Bar]) -> None:
    """Take bars as a consumer does: a revised one replaces what it stands for, and is not the same again."""
    for bar in bars:
        fresh = attrs.evolve(bar, revised=False)
        assert fresh != known.get((bar.feed, bar.symbol, bar.time_us))
        known[bar.feed, bar.symbol, bar.time_us] = fresh


def near(bars: dict[object, Bar]) -> dict[object, Bar]:
    """Without the last digits, which a quotient of two sums may round either way."""
    return {key: attrs.evolve(bar, vwap=round(bar.vwap, 12)) for key, bar in bars.items()}


@given(STREAMS | IN_ORDER, SETTINGS)
def test_after_each_record_the_bars_are_those_of_a_naive_grouping(records: list[Record], settings: dict) -> None:  # type: ignore[type-arg]
    """Nothing is given out too early, nothing too late, and what was corrected is right, at every moment; and it is
    to be woken only for the end of an interval."""
    maker = BarMaker("5m", **settings)
    dues = {None, *(end_us + round(settings["lateness_s"] * 1e6) for _, end_us in intervals(settings["session"]))}
    known: dict[object, Bar] = {}
    for count, record in enumerate(records, 1):
        joined(known, maker.push(record))
        assert near(known) == near(oracle(records[:count], **settings))
        assert maker.next_due_us in dues
    assert maker.too_late == 0


@given(STREAMS | IN_ORDER, SETTINGS | COUNTING, st.data())
def test_any_chunking_makes_the_same_bars(records: list[Record], settings: dict, data: st.DataObject) -> None:  # type: ignore[type-arg]
    """Live and replayed alike: batches do not show in bars, nor in their order, nor in when the next is due."""
    interval = None if settings.keys() & {"ticks", "volume"} else "5m"
    one, other = BarMaker(interval, **settings), BarMaker(interval, **settings)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(records)), max_size=5)))
    expected = [bar for record in records for bar in one.push(record)]
    chunks = [records[a:b] for a, b in itertools.pairwise([0, *cuts, len(records)])]
    assert [bar for chunk in chunks for bar in other.push_many(chunk)] == expected
    assert other.next_due_us == one.next_due_us
    assert other.finish() == one.finish()


@given(STREAMS | IN_ORDER, SETTINGS)
def test_each_tick_is_in_one_bar(records: list[Record], settings: dict) -> None:  # type: ignore[type-arg]
    """With the last bars of the stream, count and volume are those of the ticks; prices lie where they must."""
    maker = BarMaker("5m", **settings)
    known: dict[object, Bar] = {}
    joined(known, maker.push_many(records))
    last = maker.finish()
    assert not any(bar.complete or bar.count == 0 for bar in last)
    assert not {(bar.feed, bar.symbol, bar.time_us) for bar in last} & known.keys()
    joined(known, last)
    ticks = [record for record in records if isinstance(record, Tick)]
    assert sum(bar.count for bar in known.values()) + maker.outside == len(ticks)
    if not maker.outside:
        total = math.fsum(tick.volume for tick in ticks)
        assert math.fsum(bar.volume for bar in known.values()) == pytest.approx(total, rel=1e-14)
    for bar in known.values():
        assert bar.low <= min(bar.open, bar.close, bar.vwap) <= max(bar.open, bar.close, bar.vwap) <= bar.high
        assert bar.time_us < bar.end_us


@given(STREAMS | IN_ORDER, SETTINGS)
def test_bars_that_correct_none_come_in_order(records: list[Record], settings: dict) -> None:  # type: ignore[type-arg]
    """Of each symbol they go forward in time, a revised one never does; those that time ends come by their ends."""
    newest: dict[tuple[str, str], int] = {}
    maker = BarMaker("5m", **settings)
    for record in records:
        bars = maker.push(record)
        for bar in bars:
            before_us = newest.get((bar.feed, bar.symbol), -1)
            assert bar.revised == (bar.time_us <= before_us)
            newest[bar.feed, bar.symbol] = max(before_us, bar.time_us)
        if isinstance(record, Clock):
            assert bars == sorted(bars, key=lambda bar: (bar.end_us, bar.feed, bar.symbol))


@given(IN_ORDER, SETTINGS)
def test_clock_records_change_when_bars_come_and_nothing_else(records: list[Record], settings: dict) -> None:  # type: ignore[type-arg]
    """Woken whenever it says that a bar is due, it makes the bars that it makes of the ticks alone."""
    records = [record for record in records if isinstance(record, Tick)]
    end = Clock(BEGIN_US + 60 * MINUTE_US)
    plain, woken = BarMaker("5m", **settings), BarMaker("5m", **settings)
    expected: dict[object, Bar] = {}
    joined(expected, plain.push_many([*records, end]))
    known: dict[object, Bar] = {}
    for record in [*records, end]:
        while (due_us := woken.next_due_us) is not None and due_us < record.time_us:
            joined(known, woken.push(Clock(due_us)))
        joined(known, woken.push(record))
    assert known == expected


@given(STREAMS | IN_ORDER, COUNTING)
def test_counted_bars_are_the_ticks_in_a_row(records: list[Record], settings: dict) -> None:  # type: ignore[type-arg]
    """Each holds so many ticks, or the fewest that reach the volume; none is lost, and none is split."""
    settings.pop("session", None)
    maker = BarMaker(**settings)
    given_out = [bar for bar in maker.push_many(records) if not bar.revised]
    for feed, symbol in itertools.product("xy", "AB"):
        own = iter([t for t in records if isinstance(t, Tick) and (t.feed, t.symbol) == (feed, symbol)])
        for bar in [bar for bar in given_out if (bar.feed, bar.symbol) == (feed, symbol)]:
            ticks = list(itertools.islice(own, bar.count))
            assert (bar.time_us, bar.end_us) == (min(t.time_us for t in ticks), max(t.time_us for t in ticks) + 1)
            assert (bar.high, bar.low) == (max(t.price for t in ticks), min(t.price for t in ticks))
            assert bar.volume == pytest.approx(math.fsum(t.volume for t in ticks), rel=1e-15)
            if "ticks" in settings:
                assert bar.count == settings["ticks"]
            else:
                assert math.fsum(t.volume for t in ticks[:-1]) < settings["volume"] <= bar.volume
        rest = [bar for bar in maker.finish() if (bar.feed, bar.symbol) == (feed, symbol)]
        assert sum(bar.count for bar in rest) == len(list(own))
