"""What the comparison of polling with streaming measures, and that its polling client keeps to what is allowed."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.polling.manners import Allowance, Departures
from bench.polling.measure import Learnt, Sample, Summary, Trade, happened, missed, samples
from bench.polling.venue import CODES, DATA, RECORDINGS, recorded_ticks
from trio_ticks.sim import Tape
from trio_ticks.sim.rules import PLANS, HttpPace

TRADES = [Trade(0, 100.0), Trade(1_000, 101.0), Trade(4_000, 101.0), Trade(4_000, 99.0)]

trades_of_a_symbol = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from([90.0, 100.0, 101.0])), min_size=1, max_size=12
).map(
    lambda steps: [
        Trade(time_us, price)
        for time_us, price in zip(
            itertools.accumulate(wait for wait, _ in steps), [price for _, price in steps], strict=True
        )
    ]
)
"""Their prices and the time between them, often none."""


def instants(trades: Sequence[Trade]) -> range:
    return range(trades[0].time_us, trades[-1].time_us + 100)


def delayed(trades: Sequence[Trade], delay_us: int) -> list[Learnt]:
    return [Learnt(trade.time_us + delay_us, number) for number, trade in enumerate(trades)]


@pytest.mark.parametrize(
    ("now_us", "expected"),
    [
        (500, Sample(0, 500, 0.0)),
        (1_000, Sample(0, 1_000, 100 / 101 * 100)),
        (3_000, Sample(2_000, 3_000, 100 / 101 * 100)),
        (3_500, Sample(0, 2_500, 0.0)),
        (4_500, Sample(500, 3_500, 2 / 99 * 1e4)),
        (9_000, Sample(0, 5_000, 0.0)),
    ],
)
def test_a_price_is_as_old_as_the_trade_that_superseded_it(now_us: int, expected: Sample) -> None:
    """Behind counts from the first newer trade, the error is against the newest, and a quiet market makes none."""
    learnt = [Learnt(3_500, 1), Learnt(8_000, 3)]
    (sample,) = samples(TRADES, learnt, [now_us])
    assert (sample.behind_us, sample.since_event_us) == (expected.behind_us, expected.since_event_us)
    assert sample.error_bp == pytest.approx(expected.error_bp)


@given(trades_of_a_symbol)
def test_who_learns_at_once_is_never_behind(trades: Sequence[Trade]) -> None:
    """The venue itself holds the last price, without error, at every instant."""
    held = list(samples(trades, delayed(trades, 0), instants(trades)))
    assert {sample.behind_us for sample in held} == {0}
    assert {sample.error_bp for sample in held} == {0.0}


@given(trades_of_a_symbol, st.integers(1, 30))
def test_a_delay_is_the_most_that_a_stream_is_behind(trades: Sequence[Trade], delay_us: int) -> None:
    """Whoever is told of each trade after the same time is behind for less than that, and misses nothing."""
    learnt = delayed(trades, delay_us)
    assert all(sample.behind_us < delay_us for sample in samples(trades, learnt, instants(trades)))
    assert missed(range(len(trades)), learnt) == 0


@given(trades_of_a_symbol, st.data())
def test_to_learn_more_never_makes_a_price_older(trades: Sequence[Trade], data: st.DataObject) -> None:
    """At no instant is anyone behind for longer because of something that he learnt, in whichever order."""
    some = st.builds(
        Learnt,
        st.integers(0, trades[-1].time_us + 100),
        st.integers(0, len(trades) - 1),
    ).filter(lambda each: each.time_us >= trades[each.trade].time_us)
    learnt = sorted(data.draw(st.lists(some, max_size=8)), key=lambda each: each.time_us)
    fewer = [each for each in learnt if data.draw(st.booleans())]
    pairs = zip(samples(trades, learnt, instants(trades)), samples(trades, fewer, instants(trades)), strict=True)
    assert all(more.behind_us <= less.behind_us for more, less in pairs)


@given(trades_of_a_symbol, st.integers(0, 300), st.integers(0, 300), st.lists(st.integers(0, 11)))
def test_each_trade_of_a_span_is_seen_or_missed(
    trades: Sequence[Trade], start_us: int, length_us: int, seen: Sequence[int]
) -> None:
    """What happened after the start and up to the end, and nothing else, is counted, once."""
    numbers = happened(trades, start_us, start_us + length_us)
    assert list(numbers) == [
        number for number, trade in enumerate(trades) if start_us < trade.time_us <= start_us + length_us
    ]
    assert missed(numbers, [Learnt(0, number) for number in seen]) + len(set(numbers) & set(seen)) == len(numbers)


def test_percentiles_are_of_the_values_themselves() -> None:
    """By nearest rank: of a hundred values the 95th, of one value that one."""
    assert Summary.of(range(1, 101)) == Summary(mean=50.5, median=50, p95=95, max=100)
    assert Summary.of([7.0]) == Summary(mean=7.0, median=7.0, p95=7.0, max=7.0)


def arrivals(allowance: Allowance, one_way_s: float, extra_s: Callable[[], float], count: int) -> list[float]:
    """Let all lanes poll through a network that takes its least time and some more; return when requests arrive."""
    departures = Departures(allowance, one_way_s=one_way_s)
    answered = [(0.0, lane, -1.0) for lane in range(allowance.requests)]
    heapq.heapify(answered)
    arrived: list[float] = []
    while len(arrived) < count:
        now_s, lane, answered_s = heapq.heappop(answered)
        leaves_s = departures.next_s(now_s) if answered_s < 0 else departures.next_s(now_s, answered_s)
        arrived.append(leaves_s + extra_s() + one_way_s + extra_s())
        answered_s = arrived[-1] + extra_s() + one_way_s + extra_s()
        # It is looked at when the client comes to it.
        heapq.heappush(answered, (answered_s + extra_s(), lane, answered_s))
    return sorted(arrived)


@pytest.mark.parametrize("plan", PLANS)
@given(
    one_way_s=st.sampled_from([0.0, 0.04, 0.3, 2.0]),
    stalls_s=st.lists(st.sampled_from([1e-6, 0.02, 0.5, 3.0]), min_size=1, max_size=40),
)
def test_whatever_stalls_the_vendors_rate_is_kept(plan: str, one_way_s: float, stalls_s: Sequence[float]) -> None:
    """At the server no request is one too many, whichever of them, or of their answers, is late by how much."""
    pace = HttpPace(PLANS[plan])
    arrived = arrivals(Allowance.of(PLANS[plan]), one_way_s, itertools.cycle(stalls_s).__next__, 100)
    assert all(pace.note("trade-tick", now_s) for now_s in arrived)


@pytest.mark.parametrize("plan", PLANS)
def test_on_a_steady_network_the_whole_rate_is_used_evenly(plan: str) -> None:
    """Polling is not held back: requests arrive as far apart as the plan demands, and no further."""
    allowance = Allowance.of(PLANS[plan])
    arrived = arrivals(allowance, 0.04, lambda: 1e-6, 100)
    apart_s = {round(late - early, 3) for early, late in itertools.pairwise(arrived)}
    assert apart_s == {round(allowance.seconds / allowance.requests, 3)}


def test_a_cycle_asks_for_each_code_once() -> None:
    """Five codes at a time every ten seconds, or all of them at once."""
    free, basic = Allowance.of(PLANS["free"]), Allowance.of(PLANS["basic"])
    assert [code for query in free.queries(CODES) for code in query] == list(CODES)
    assert max(map(len, free.queries(CODES))) == 5
    assert (free.cycle_s(CODES), basic.cycle_s(CODES)) == (30.0, 1.0)


def test_fifteen_symbols_are_played_from_the_recordings() -> None:
    """Each has an opening at 0; all are in order, on the wire's milliseconds, numbered as the vendor counts."""
    ticks = recorded_ticks(100.0)
    assert [tick.sequence for tick in ticks] == list(range(1, len(ticks) + 1))
    assert ticks == sorted(ticks, key=lambda tick: tick.time_us)
    assert {tick.symbol for tick in ticks if tick.time_us == 0} == {tick.symbol for tick in ticks} == set(CODES)
    assert all(tick.time_us % 1000 == 0 for tick in ticks)
    assert max(tick.time_us for tick in ticks) <= 100_000_000


def test_a_recording_goes_on_from_its_beginning_without_a_jump() -> None:
    """Played for longer than it lasts, it repeats its moves, not its price: none is larger than the recorded."""
    for name, codes in RECORDINGS.items():
        recorded = [trade.price for trade in Tape.from_csv(DATA / f"{name}.csv", name).trades]
        largest = max(abs(two / one - 1) for one, two in itertools.pairwise(recorded))
        prices = [tick.price for tick in recorded_ticks(150.0) if tick.symbol == codes[-1]]
        assert max(abs(two / one - 1) for one, two in itertools.pairwise(prices)) <= largest + 1e-6
