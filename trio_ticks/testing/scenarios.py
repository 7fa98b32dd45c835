"""Hypothesis strategies for whole stories: what a strategy sees, and what befalls a venue."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from trio_ticks.testing.faults import MOMENTS, STRETCHES, Fault
from trio_ticks.testing.script import START_US, Script, merge, ticks_from
from trio_ticks.testing.strategies import PRICES

_PRICE, _LATE, _SILENCE, _GAP, _STATUS = range(5)
_CAUSES = ("closed", "silent", "mute")


@st.composite
def scripts(
    draw: st.DrawFn,
    *,
    symbols: Sequence[str] = ("TEST",),
    prices: Sequence[float] = PRICES,
    start_us: int = START_US,
    max_size: int = 12,
    late: bool = True,
    silences: bool = True,
    gaps: bool = True,
    statuses: bool = True,
) -> Script:
    """Return a strategy for what a strategy may see: a `Script`, to be given to `simulate`.

    It shrinks towards few records, then towards prices alone, one second apart.

    Args:
        draw: Given by Hypothesis.
        symbols: Each has a story of its own, and they are merged by time.
        prices: To choose from.
        start_us: When it begins, UTC microseconds.
        max_size: The most records of each symbol.
        late: Whether trades may come late.
        silences: Whether nothing may trade for a while.
        gaps: Whether coverage may be interrupted.
        statuses: Whether connections may say that they come and go.

    Example:
        >>> from hypothesis import given
        >>> from trio_ticks.testing import check_order, scripts, simulate
        >>> async def all_of(ticks):
        ...     return [tick async for tick in ticks]
        >>> @given(scripts(symbols=["A", "B"]))
        ... def what_goes_back_in_time_says_so(script):
        ...     check_order(simulate(all_of, script).value)
        >>> what_goes_back_in_time_says_so()
    """
    kinds = [_PRICE] + [_LATE] * late + [_SILENCE] * silences + [_GAP] * gaps + [_STATUS] * statuses
    story = [draw(_stories(symbol, prices, start_us, kinds, max_size)) for symbol in symbols]
    return merge(*story)


@st.composite
def _stories(
    draw: st.DrawFn, symbol: str, prices: Sequence[float], start_us: int, kinds: Sequence[int], max_size: int
) -> Script:
    script = ticks_from(symbol, start=start_us)
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=max_size)):
        script = draw(_gone_on(script, kind, prices))
    return script


@st.composite
def _gone_on(draw: st.DrawFn, script: Script, kind: int, prices: Sequence[float]) -> Script:
    """Draw one step of a story."""
    price, seconds = st.sampled_from(prices), st.sampled_from([0.5, 1.0, 30.0])
    if kind == _LATE and script.ticks:
        return script.late(draw(price), by_s=draw(seconds))
    if kind == _SILENCE:
        return script.then_silence(draw(seconds))
    if kind == _GAP:
        missed = draw(st.none() | st.integers(0, 3))
        return script.then_gap(draw(st.sampled_from(_CAUSES)), seconds=draw(seconds), missed=missed)
    if kind == _STATUS:
        return script.then_status(draw(st.sampled_from(["disconnected", "connected"])))
    # Every second, half a second, or at the same stamp.
    return script.then([draw(price)], every_s=draw(st.sampled_from([1.0, 0.5, 0.0])))


@st.composite
def fault_scripts(
    draw: st.DrawFn,
    *,
    within_s: float = 60.0,
    longest_s: float = 30.0,
    max_size: int = 4,
    names: Sequence[str] = (*MOMENTS, *STRETCHES),
) -> list[tuple[float, Fault]]:
    """Return a strategy for what befalls a `Venue`, to be given to `run_faults`.

    Times are multiples of a tenth of a second, which read well and make two faults at the same instant frequent. It
    shrinks towards few faults, early and short.

    Args:
        draw: Given by Hypothesis.
        within_s: By when the last one begins.
        longest_s: How long one may last.
        max_size: The most faults.
        names: To choose from.

    Returns:
        Pairs of (second, fault), by time.

    Example:
        >>> from hypothesis import find
        >>> faults = find(fault_scripts(names=["mute"]), lambda faults: len(faults) > 1)
        >>> [fault.name for _, fault in faults][:2]
        ['mute', 'mute']
    """

    def tenths(most_s: float) -> st.SearchStrategy[float]:
        return st.integers(0, round(most_s * 10)).map(lambda count: count / 10)

    def lasting(name: str) -> st.SearchStrategy[Fault]:
        return st.just(Fault(name)) if name in MOMENTS else st.builds(Fault, st.just(name), tenths(longest_s))

    one = st.tuples(tenths(within_s), st.sampled_from(names).flatmap(lasting))
    return sorted(draw(st.lists(one, max_size=max_size)), key=lambda pair: pair[0])
