"""The referee is exact: what it allows and what it counts is what a naive reading of the rules says."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.model import Tick
from trio_ticks.sim.catalogue import Catalogue
from trio_ticks.sim.market import Market
from trio_ticks.sim.rules import ACROSS_S, PLANS, HttpPace, TokenPace, Window
from trio_ticks.sim.switches import Switches

# Quarters are exact in floating point, so that "exactly one second later" means what it says.
pauses = st.lists(st.integers(0, 16).map(lambda quarters: quarters / 4), max_size=40)


@given(pauses=pauses, limit=st.integers(1, 5), seconds=st.integers(1, 4))
def test_a_window_allows_so_many_in_any_so_many_seconds(pauses: list[float], limit: int, seconds: int) -> None:
    """A request is allowed exactly if fewer than the limit came within the seconds before it."""
    window, times = Window(limit, seconds), list(itertools.accumulate(pauses))
    for place, now_s in enumerate(times):
        recent = sum(now_s - earlier_s < seconds for earlier_s in times[:place])
        assert window.note(now_s) == (recent < limit)


@given(pauses=pauses, endpoints=st.lists(st.sampled_from(["trade-tick", "kline", "batch-kline"]), min_size=40))
def test_every_rate_of_a_plan_is_held_against_every_request(pauses: list[float], endpoints: list[str]) -> None:
    """One broken rate spares no other from taking note."""
    for plan in PLANS.values():
        pace = HttpPace(plan)
        seen: list[tuple[float, str]] = []
        for now_s, endpoint in zip(itertools.accumulate(pauses), endpoints, strict=False):
            same = [at_s for at_s, name in seen if plan.http_in_total or name == endpoint]
            allowed = sum(now_s - at_s < plan.http_s for at_s in same) < plan.http_requests
            allowed &= sum(now_s - at_s < 60 for at_s, _ in seen) < plan.http_minute
            if endpoint == "batch-kline":
                allowed &= all(now_s - at_s >= plan.batch_s for at_s, name in seen if name == endpoint)
            assert pace.note(endpoint, now_s) == allowed
            seen.append((now_s, endpoint))


@given(pauses=pauses, connections=st.lists(st.sampled_from("abc"), min_size=40))
def test_requests_keep_their_distance_from_the_last_on_another_connection(
    pauses: list[float], connections: list[str]
) -> None:
    """Only the last request matters, and only if another connection sent it."""
    pace, last = TokenPace(connect_s=3), None
    for now_s, connection in zip(itertools.accumulate(pauses), connections, strict=False):
        kept = last is None or last[0] == connection or now_s - last[1] >= ACROSS_S
        assert pace.request(connection, now_s) == kept
        last = connection, now_s


codes = st.lists(st.sampled_from(["A", "B", "C", "A.US", "Z"]), min_size=1, max_size=6)


@given(codes=codes, limit=st.integers(1, 6), skip=st.booleans(), strict=st.booleans())
def test_a_list_is_served_whole_in_part_or_not_as_the_switches_say(
    codes: list[str], limit: int, skip: bool, strict: bool
) -> None:
    """Against a reading in words: cut to the plan or refused; bad ones spoil the rest or only themselves."""
    switches = Switches(bad_code="skip" if skip else "fail", too_many_codes="603" if strict else "truncate")
    catalogue = Catalogue(known={"A", "B", "C", "A.US"}, entitled={"A", "B", "A.US"}, switches=switches)
    choice = catalogue.choose(codes, "other", limit=limit)
    kept = codes[:limit]
    good = tuple(code for code in kept if code in ("A", "B"))
    assert choice.violation == ("too many codes" if len(codes) > limit else "")
    if strict and len(codes) > limit:
        assert (choice.ret, choice.codes) == (603, ())
    elif len(good) == len(kept) or (skip and good):
        assert (choice.ret, choice.codes) == (200, good)
    else:
        bad = next(code for code in kept if code not in ("A", "B"))
        assert (choice.ret, choice.codes) == (604 if bad == "C" else 600, ())


@given(trades=st.lists(st.tuples(st.integers(0, 900), st.integers(1, 99)), max_size=30), span=st.sampled_from([1, 5]))
def test_bars_agree_with_a_naive_grouping(trades: list[tuple[int, int]], span: int) -> None:
    """High, low and volume of any grouping into spans, in whatever order the trades came."""
    market = Market()
    market.add(
        Tick("A", at_s * 1_000_000, float(price), price_text=str(price), volume_text="2") for at_s, price in trades
    )
    groups: dict[int, list[int]] = {}
    for at_s, price in trades:
        groups.setdefault(at_s - at_s % (60 * span), []).append(price)
    bars = market.bars("A", span_s=60 * span, count=500)
    assert [(bar.time_s, int(bar.high.price), int(bar.low.price), int(bar.volume)) for bar in bars] == [
        (time_s, max(prices), min(prices), 2 * len(prices)) for time_s, prices in sorted(groups.items())
    ]
