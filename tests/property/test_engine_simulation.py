"""The whole engine against a venue that misbehaves as Hypothesis wills, in simulated time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeAlias

import attrs
import trio
from hypothesis import event, given, settings
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from trio_ticks.config import ConnectionConfig, SequencerConfig
from trio_ticks.feeds.base import Limits, Verdict
from trio_ticks.model import Gap, Record, Status, Tick
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks
from trio_ticks.testing.simulation import run_seeded
from trio_ticks.testing.venue import EPOCH_US, Venue

SYMBOLS = ("X", "Y")

Action: TypeAlias = tuple[str, float]

actions: st.SearchStrategy[Action] = st.one_of(
    st.tuples(st.just("trade"), st.integers(1, 6).map(float)),
    st.tuples(st.just("trade late"), st.floats(0.0, 3.0)),
    st.tuples(st.just("wait"), st.floats(0.0, 20.0)),
    st.tuples(st.sampled_from(["drop all", "drop one", "greet"]), st.just(0.0)),
    st.tuples(st.sampled_from(["mute", "refuse", "ignore", "hang up", "throttle"]), st.floats(0.0, 15.0)),
)


@attrs.frozen
class Script:
    """A story of one run; the same script gives the same run."""

    seed: int
    lines: int
    lateness_s: float
    grace_s: float
    actions: list[Action]


scripts = st.builds(
    Script,
    seed=st.integers(0, 2**16),
    lines=st.sampled_from([1, 2]),
    lateness_s=st.sampled_from([0.0, 0.7]),
    grace_s=st.sampled_from([0.0, 10.0]),
    actions=st.lists(actions, max_size=12),
)


class World:
    """One run of a script: a venue, an engine with three strategies, and what was seen of them."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.venue = Venue()
        self.records: list[Record] = []
        self.sent: list[Tick] = []
        self.muted: list[Tick] = []
        self.made_us: dict[float, int] = {}
        self.engine: Engine | None = None

    async def __call__(self) -> None:
        script, venue = self.script, self.venue
        feed = venue.feed(*SYMBOLS, limits=Limits(connections=2, connect_s=0.0, heartbeat_s=2.0))
        async with venue.open_engine(
            feed,
            strategies=[self.read, Strategy(self.dawdle, capacity=3), Strategy(self.fail, overflow="conflate")],
            connection=ConnectionConfig(
                lines=script.lines, silent_after_s=5.0, mute_after_s=8.0, ack_s=3.0, backoff_first_s=0.25
            ),
            sequencer=SequencerConfig(lateness_s=script.lateness_s),
            grace_s=script.grace_s,
        ) as engine:
            self.engine = engine
            for name, amount in script.actions:
                await self.act(name, amount)
                await wait_all_tasks_blocked()
                assert engine.statistics().ledger.imbalances() == []
        self.statistics = engine.statistics()

    async def act(self, name: str, amount: float) -> None:
        venue = self.venue
        if name == "trade":
            await self.send([self.trade(0.0) for _ in range(int(amount))])
        elif name == "trade late":
            await self.send([self.trade(amount)])
        elif name == "wait":
            await trio.sleep(amount)
        elif name == "drop all":
            venue.drop()
        elif name == "drop one":
            venue.drop(oldest=1)
        elif name == "greet":
            venue.greeting = self.sent[-1:]
        else:
            faults: dict[str, Callable[[], AbstractContextManager[None]]] = {
                "mute": venue.muting,
                "refuse": venue.refusing,
                "ignore": venue.ignoring,
                "hang up": venue.hanging_up,
                "throttle": lambda: venue.denying(Verdict.TOO_FAST),
            }
            with faults[name]():
                await trio.sleep(amount / 2)
                trades = [self.trade(0.0), self.trade(0.0)]
                self.muted += trades if name == "mute" else []
                await self.send(trades)
                await trio.sleep(amount / 2)

    def trade(self, ago_s: float) -> Tick:
        """Return a trade that differs from all others by its price."""
        number = len(self.sent)
        tick = Tick(SYMBOLS[number % 2], self.venue.now_us() - round(ago_s * 1e6), float(number))
        self.sent.append(tick)
        self.made_us[tick.price] = self.venue.now_us()
        return tick

    async def send(self, ticks: Sequence[Tick]) -> None:
        await self.venue.send(*ticks)

    async def read(self, ticks: Ticks) -> None:
        async for record in ticks.records():
            self.records.append(record)

    async def dawdle(self, ticks: Ticks) -> None:
        async for _ in ticks:
            await trio.sleep(0.4)

    async def fail(self, ticks: Ticks) -> None:
        async for tick in ticks:
            if int(tick.price) % 3 == 0:
                raise ValueError("my bug")

    @property
    def seen(self) -> list[Tick]:
        return [item for item in self.records if isinstance(item, Tick)]

    @property
    def gaps(self) -> list[Gap]:
        return [item for item in self.records if isinstance(item, Gap)]


def key(tick: Tick) -> tuple[str, int, float]:
    return tick.symbol, tick.time_us, tick.price


@settings(deadline=None)
@given(scripts)
def test_whatever_happens_the_laws_hold(script: Script) -> None:
    """Account, delivery, never twice, identity, order, and a gap around all that was missed; for any script."""
    world = World(script)
    run_seeded(world, seed=script.seed)
    check_the_account(world)
    check_delivery(world)
    check_order_and_identity(world)
    check_that_what_was_missed_is_named(world)
    assert world.venue.open_links == 0
    json.dumps(world.statistics.as_dict())


def check_the_account(world: World) -> None:
    """Every equation holds at the end, and nothing that was received lies anywhere."""
    ledger = world.statistics.ledger
    assert ledger.imbalances() == []
    assert ledger.received == len(world.venue.taken_ticks())
    if world.script.grace_s:
        assert (ledger.held, ledger.inbox) == (0, 0)
        assert ledger.accepted == ledger.consumers["read"].delivered == len(world.seen)
    assert world.statistics.state == "stopped"
    event(f"reconnects: {sum(sum(line.reconnects.values()) for s in world.statistics.shards for line in s.lines)}")


def check_delivery(world: World) -> None:
    """What the engine took reaches the strategy that reads, once; except copies that are too old to be told."""
    seen = [key(tick) for tick in world.seen]
    taken = {key(tick) for tick in world.venue.taken_ticks()}
    assert len(seen) == len(set(seen))
    assert set(seen) <= taken
    if world.script.grace_s:
        assert len(taken - set(seen)) <= world.statistics.ledger.expired


def check_order_and_identity(world: World) -> None:
    """A tick is flagged exactly if it goes back in time, and no two share a place."""
    newest: dict[str, int] = {}
    for tick in world.seen:
        assert tick.late == (tick.time_us < newest.get(tick.symbol, tick.time_us))
        newest[tick.symbol] = max(tick.time_us, newest.get(tick.symbol, tick.time_us))
    places = [(tick.symbol, tick.time_us, tick.ordinal) for tick in world.seen]
    assert len(places) == len(set(places))


def check_that_what_was_missed_is_named(world: World) -> None:
    """A trade that no line took, and that no mute link swallowed, was made inside a gap or before all coverage."""
    if not world.script.grace_s:
        return
    taken = {key(tick) for tick in world.venue.taken_ticks()}
    swallowed = {key(tick) for tick in world.muted}
    connected = [item.time_us for item in world.records if isinstance(item, Status) and item.status == "connected"]
    for tick in world.sent:
        made_us = world.made_us[tick.price]
        if key(tick) in taken | swallowed or made_us <= min(connected, default=made_us):
            continue
        around = [gap for gap in world.gaps if gap.symbol == tick.symbol and gap.start_us <= made_us <= gap.end_us]
        assert around, f"{tick.symbol} at {made_us - EPOCH_US} us is in none of {world.gaps}"
    counted = sum(world.statistics.gaps.values())
    assert counted == len([gap for gap in world.gaps if gap.feed])
