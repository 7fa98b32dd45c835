"""The recent prices of a symbol: bounded, in order, and no high or low is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.app.http.trace import FINE, MOST, WAITING, Trace, outline

PRICES = st.lists(st.integers(0, 50).map(float), max_size=40)


def price_at(index: int) -> float:
    """Return a price that looks random and is not."""
    return float(index * 7_919 % 10_007)


@given(PRICES)
def test_an_outline_has_both_ends_and_both_extremes_in_order(prices: list[float]) -> None:
    """With four points at the most; of four or fewer it has all."""
    places = outline(prices)
    kept = [prices[place] for place in places]
    assert places == sorted(set(places))
    assert len(places) == min(len(prices), len(places)) <= 4
    if prices:
        assert (kept[0], kept[-1]) == (prices[0], prices[-1])
        assert (min(kept), max(kept)) == (min(prices), max(prices))
    if len(prices) <= 4:
        assert kept == prices


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 59))
def test_whoever_asks_on_gets_every_kept_point_once(turns: list[int], since: int) -> None:
    """What was told and what is new are what there is."""
    trace, told, seen, index = Trace(), 0, list[int](), 0
    for number, count in enumerate(turns):
        for _ in range(count):
            trace.add(index, price_at(index))
            index += 1
        trace.turn()
        if number >= since:
            points = trace.since(told)
            assert not points.reset
            seen += points.times_us
            told = trace.told
    whole = list(trace.since(None).times_us)
    assert whole == list(range(index))
    assert seen == (whole if since < len(turns) else [])


def test_a_trace_never_grows_beyond_its_bound_and_keeps_the_extremes() -> None:
    """After a hundred times as many points as it holds; the newest thousand are all there."""
    trace, count = Trace(), 100 * MOST
    lengths = set()
    for index in range(count):
        trace.add(index, price_at(index))
        trace.turn()
        lengths.add(len(trace))
    points = trace.since(None)
    assert max(lengths) <= MOST
    assert points.reset
    assert list(points.times_us) == sorted(points.times_us)
    assert list(points.times_us[-FINE:]) == list(range(count - FINE, count))
    assert (min(points.prices), max(points.prices)) == (0.0, 10_006.0)
    assert all(price == price_at(at) for at, price in zip(points.times_us, points.prices, strict=True))


def test_whoever_has_missed_too_much_gets_it_all_anew() -> None:
    """A page that slept does not get half of a chart."""
    trace = Trace()
    trace.add(0, 1.0)
    trace.turn()
    for index in range(1, FINE + 2):
        trace.add(index, 1.0)
        trace.turn()
    assert trace.since(1).reset
    assert len(trace.since(1).times_us) == len(trace)
    assert not trace.since(2).reset
    assert len(trace.since(2).times_us) == FINE


def test_one_turn_holds_no_more_than_its_bound() -> None:
    """A turn that does not come makes nothing grow."""
    trace = Trace()
    for index in range(3 * WAITING):
        trace.add(index, price_at(index))
    assert 3 <= len(trace) <= 3 * 4
