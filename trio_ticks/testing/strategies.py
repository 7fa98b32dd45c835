"""Hypothesis strategies for ticks, and for the ways in which connections show them.

The alphabets are small on purpose: few stamps, prices and volumes make shared stamps and equal twins
frequent, and those are what goes wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from hypothesis import strategies as st

from trio_ticks.model import Side, Tick
from trio_ticks.testing.script import START_US

if TYPE_CHECKING:
    from collections.abc import Sequence

Step: TypeAlias = tuple[str, list[Tick]]
"""What one session shows in one go: its name, and ticks in the order they come."""

PRICES = (100.0, 100.5)
_VOLUMES = (1.0, 2.0)
_SIDES: tuple[Side | None, ...] = ("buy", "sell", None)
# How often a session shows a tick. The plain case comes first: Hypothesis shrinks towards it.
_ONCE, _NEVER, _TWICE, _AGAIN_AT_THE_END = range(4)


@st.composite
def ticks(
    draw: st.DrawFn,
    *,
    symbols: Sequence[str] = ("TEST",),
    feed: str = "test",
    start_us: int = START_US,
    stamps: int = 4,
    step_us: int = 1,
    prices: Sequence[float] = PRICES,
    volumes: Sequence[float] = _VOLUMES,
    sides: Sequence[Side | None] = _SIDES,
) -> Tick:
    """Return a strategy for one tick, without a trade id or a sequence.

    Args:
        draw: Given by Hypothesis.
        symbols: To choose from.
        feed: The feed's name.
        start_us: The first possible stamp, UTC microseconds.
        stamps: How many different stamps there are.
        step_us: Between two stamps, microseconds.
        prices: To choose from.
        volumes: To choose from.
        sides: To choose from.

    Example:
        >>> from hypothesis import find
        >>> find(ticks(symbols=["TSLA.US"]), lambda tick: tick.side == "sell").symbol
        'TSLA.US'
    """
    time_us = start_us + step_us * draw(st.integers(0, stamps - 1))
    price, volume = draw(st.sampled_from(prices)), draw(st.sampled_from(volumes))
    return Tick(
        draw(st.sampled_from(symbols)),
        time_us,
        price,
        volume,
        price_text=repr(price),
        volume_text=repr(volume),
        side=draw(st.sampled_from(sides)),
        feed=feed,
        received_us=time_us,
    )


@st.composite
def streams(
    draw: st.DrawFn,
    *,
    symbols: Sequence[str] = ("TEST",),
    feed: str = "test",
    start_us: int = START_US,
    stamps: int = 4,
    step_us: int = 1,
    prices: Sequence[float] = PRICES,
    volumes: Sequence[float] = _VOLUMES,
    sides: Sequence[Side | None] = (None,),
    min_size: int = 1,
    max_size: int = 12,
    ordered: bool = True,
) -> list[Tick]:
    """Return a strategy for what a vendor publishes: every tick once, in its order.

    Many share a stamp, and many are twins: equal in stamp, price, volume and side, yet different trades.
    Trade ids count up from 1 through the whole stream, so they tell the truth whatever identity you test. Two
    neighbours share a sequence, as trades of one message do.

    Args:
        draw: Given by Hypothesis.
        symbols: As in `ticks`, like the others not named here.
        feed: The feed's name.
        start_us: The first possible stamp, UTC microseconds.
        stamps: How many different stamps there are.
        step_us: Between two stamps, microseconds.
        prices: To choose from.
        volumes: To choose from.
        sides: To choose from; one by default, for more twins.
        min_size: The fewest ticks.
        max_size: The most ticks.
        ordered: Whether stamps never go back. Vendors do not always keep to it.

    Example:
        >>> from hypothesis import find
        >>> twins = find(streams(min_size=2), lambda s: s[0].time_us == s[1].time_us)
        >>> [tick.trade_id for tick in twins][:2]
        [1, 2]
    """
    one = ticks(
        symbols=symbols,
        feed=feed,
        start_us=start_us,
        stamps=stamps,
        step_us=step_us,
        prices=prices,
        volumes=volumes,
        sides=sides,
    )
    source = draw(st.lists(one, min_size=min_size, max_size=max_size))
    if ordered:
        source.sort(key=lambda tick: tick.time_us)
    return [_published(tick, index) for index, tick in enumerate(source)]


def _published(tick: Tick, index: int) -> Tick:
    return Tick(
        tick.symbol,
        tick.time_us,
        tick.price,
        tick.volume,
        tick.price_text,
        tick.volume_text,
        tick.side,
        trade_id=index + 1,
        sequence=index // 2,
        feed=tick.feed,
        received_us=tick.received_us,
    )


@st.composite
def deliveries(
    draw: st.DrawFn,
    source: Sequence[Tick],
    *,
    max_sessions: int = 3,
    drops: bool = True,
    repeats: bool = True,
    max_chunk: int = 4,
) -> list[Step]:
    """Return a strategy for how several sessions show one stream.

    Each session shows the stream in its order, but may miss ticks and show some again, at once or at its end;
    the sessions run at any speeds, cut into chunks.

    Args:
        draw: Given by Hypothesis.
        source: What the vendor published, such as from `streams`.
        max_sessions: The most sessions; named ``A``, ``B``, …
        drops: Whether a session may miss ticks.
        repeats: Whether a session may show a tick twice. Without ids nothing can tell that from a twin.
        max_chunk: The most ticks in one step.

    Returns:
        Steps of (session, ticks), in the order in which they arrive. A session that shows nothing has none.

    Example:
        >>> from hypothesis import find
        >>> source = [Tick("X", 1, 9.5), Tick("X", 2, 9.5)]
        >>> steps = find(deliveries(source, drops=False, repeats=False), lambda steps: len(steps) > 2)
        >>> [tick for session, shown in steps if session == "A" for tick in shown] == source
        True
    """
    ways = [_ONCE] + [_NEVER] * drops + [_TWICE, _AGAIN_AT_THE_END] * repeats
    names = [chr(ord("A") + index) for index in range(draw(st.integers(1, max_sessions)))]
    left = {name: draw(_shown(source, ways)) for name in names}
    steps: list[Step] = []
    while names := [name for name in names if left[name]]:
        name = draw(st.sampled_from(names))
        size = draw(st.integers(1, max_chunk))
        steps.append((name, left[name][:size]))
        left[name] = left[name][size:]
    return steps


@st.composite
def disordered(
    draw: st.DrawFn, source: Sequence[Tick], *, max_places: int = 3, drops: bool = False, repeats: bool = True
) -> list[Tick]:
    """Return a strategy for how one connection shows a stream when it is not what it should be.

    Args:
        draw: Given by Hypothesis.
        source: What the vendor published, such as from `streams`.
        max_places: How many ticks may overtake one.
        drops: Whether ticks may be missing.
        repeats: Whether ticks may come twice, at once or at the end.

    Example:
        >>> from hypothesis import find
        >>> source = [Tick("X", 1, 9.5), Tick("X", 2, 9.5), Tick("X", 3, 9.5)]
        >>> shown = find(disordered(source, repeats=False), lambda shown: shown != source)
        >>> sorted(tick.time_us for tick in shown)
        [1, 2, 3]
    """
    ways = [_ONCE] + [_NEVER] * drops + [_TWICE, _AGAIN_AT_THE_END] * repeats
    shown = draw(_shown(source, ways))
    # Whoever is put so many places later lets those pass that stand there, and nobody else.
    places = [(index + draw(st.integers(0, max_places)), -index) for index in range(len(shown))]
    return [shown[-index] for _, index in sorted(places)]


@st.composite
def _shown(draw: st.DrawFn, source: Sequence[Tick], ways: Sequence[int]) -> list[Tick]:
    """Draw what one session shows of a stream."""
    shown: list[Tick] = []
    at_the_end: list[Tick] = []
    for tick in source:
        way = draw(st.sampled_from(ways))
        shown += [tick] * {_ONCE: 1, _NEVER: 0, _TWICE: 2, _AGAIN_AT_THE_END: 1}[way]
        if way == _AGAIN_AT_THE_END:
            at_the_end.append(tick)
    return shown + at_the_end
