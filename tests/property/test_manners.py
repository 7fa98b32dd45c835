"""Whatever happens, no vendor's rule is broken, and in the end every symbol that can be is subscribed."""

from __future__ import annotations

import itertools
from typing import TypeAlias

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from trio_ticks.config import ConnectionConfig
from trio_ticks.errors import ConfigError
from trio_ticks.model import Tick
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.opening import open_engine
from trio_ticks.testing.venue import Venue

REQUEST_S, ACROSS_S, CONNECT_S, HEARTBEAT_S = 1.0, 3.0, 3.0, 30.0
"""The vendor's rules. The client keeps a margin, as it does against the real one."""

FIRST = [f"S{number}" for number in range(6)]
SYMBOLS = [f"S{number}" for number in range(10)]
BAD = frozenset({"S4", "S9"})

Step: TypeAlias = tuple[str, object]

SOME = st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=3, unique=True)
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("add"), SOME),
    st.tuples(st.just("remove"), SOME),
    st.tuples(st.just("trade"), SOME),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.5, 2.0, 12.0, 70.0])),
    st.tuples(st.sampled_from(["drop", "mute", "refuse", "restart"]), st.just(None)),
)


async def act(step: Step, venue: Venue, engine: Engine, wanted: set[str]) -> None:
    """Do one step of a script; ``wanted`` is kept up to date."""
    name, what = step
    if name in {"add", "remove"}:
        assert isinstance(what, list)
        await change(name, what, engine, wanted)
    elif name == "trade":
        assert isinstance(what, list)
        await venue.send(*(Tick(symbol, venue.now_us(), 1.0) for symbol in what))
    elif name == "wait":
        assert isinstance(what, float)
        await trio.sleep(what)
    elif name == "drop":
        venue.drop()
    elif name == "mute":
        venue.mute()
    else:
        with venue.refusing():
            if name == "restart":
                venue.drop()
            await trio.sleep(20.0)


async def change(name: str, symbols: list[str], engine: Engine, wanted: set[str]) -> None:
    """Change what is wanted, unless the engine says that it cannot be."""
    try:
        if name == "add":
            await engine.add_symbols(*symbols)
            wanted |= set(symbols)
        else:
            await engine.remove_symbols(*symbols)
            wanted -= set(symbols)
    except ConfigError:
        return


async def live_with(script: list[Step]) -> tuple[Venue, tuple[str, ...], set[str], dict[str, str]]:
    """Run an engine through a script; return the venue, and what is carried, wanted and refused in the end."""
    venue = Venue()
    venue.bad = BAD
    wanted = set(FIRST)
    feed = venue.askable_feed(
        *FIRST,
        heartbeat_s=10.0,
        connections=3,
        symbols_per_connection=4,
        request_s=1.05,
        across_s=3.15,
        connect_s=3.15,
        question_s=1.05,
    )
    async with open_engine(
        feed,
        open_link=venue.open_link,
        fetch=venue.fetch,
        now_us=venue.now_us,
        chance=lambda: 0.5,
        connection=ConnectionConfig(backoff_max_s=10.0),
        grace_s=1.0,
    ) as engine:
        for step in script:
            await act(step, venue, engine, wanted)
        await trio.sleep(200.0)  # faults have ceased: time for every pause, bound and search there is
        lines = [line for shard in engine.statistics().shards for line in shard.lines]
        refused = {symbol: reason for line in lines for symbol, reason in line.refused.items()}
        carried = venue.subscribed()
    return venue, carried, wanted, refused


def broken_rules(venue: Venue) -> list[str]:
    """Return what a strict vendor would have counted."""
    broken = []
    for before, after in itertools.pairwise(venue.attempts):
        if after - before < CONNECT_S:
            broken.append(f"connects at {before} and {after}")
    calls = list(zip(venue.requests, venue.senders, strict=True))
    for ((earlier, first), one), ((later, second), other) in itertools.combinations(calls, 2):
        if one is other and later - earlier < REQUEST_S:
            broken.append(f"{first!r} and {second!r} on one connection at {earlier} and {later}")
        elif one is not other and later - earlier < ACROSS_S and not {"beat"} & {first.split()[0], second.split()[0]}:
            broken.append(f"{first!r} and {second!r} across connections at {earlier} and {later}")
    return broken + missed_beats(calls)


def missed_beats(calls: list[tuple[tuple[float, str], int]]) -> list[str]:
    """Return where a connection that lived on was silent for longer than the vendor allows."""
    by_link: dict[int, list[float]] = {}
    for (at, text), link in calls:
        if text.startswith("beat"):
            by_link.setdefault(link, []).append(at)
    return [
        f"no heartbeat between {before} and {after}"
        for beats in by_link.values()
        for before, after in itertools.pairwise(beats)
        if after - before > HEARTBEAT_S
    ]


@settings(max_examples=100)
@given(st.lists(STEPS, max_size=12))
def test_no_rule_is_broken_and_all_that_can_be_is_subscribed(script: list[Step]) -> None:
    """Under any sequence of changes, refusals, losses and reconnects."""
    venue, carried, wanted, refused = trio.run(live_with, script, clock=MockClock(autojump_threshold=0))
    assert broken_rules(venue) == []
    assert carried == tuple(sorted(wanted - BAD))
    assert set(refused) == wanted & BAD


def test_the_referee_sees_a_rule_broken() -> None:
    """A client that asks twice within a second, or connects twice within three, is caught."""
    venue, one, other = Venue(), 1, 2
    venue.attempts = [0.0, 2.9]
    venue.requests = [(0.0, "subscribe A"), (0.9, "beat 1"), (2.0, "subscribe B"), (40.0, "beat 2")]
    venue.senders = [one, one, other, one]
    assert len(broken_rules(venue)) == 4
