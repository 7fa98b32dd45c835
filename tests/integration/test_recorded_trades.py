"""Recorded trades through the simulator, a real socket and the whole engine: complete, once each, in order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from trio_ticks import AllTick, ConnectionConfig, PacingConfig, Tick, Ticks, open_engine
from trio_ticks.sim import Switches, Tape, open_sim

DATA = Path(__file__).parents[1] / "data"
RECORDINGS = [
    ("BTCUSDT", "btcusdt-2021-01-08.csv", 2_001, 630),
    ("XBTUSDT", "xbtusdt-2025-11-10.csv", 1_000, 457),
    ("700.HK", "700hk-2022-01-07.csv", 1_972, 0),
]
"""Symbol, file, trades, and how many of these share a millisecond, the finest that AllTick's wire knows."""

# The simulator counts requests that come too fast; waiting 3 s for each reconnect would only make the test slow.
AT_ONCE = ConnectionConfig(
    backoff_first_s=0.001, backoff_max_s=0.01, pacing=PacingConfig(connect_s=0.0, across_s=0.0)
)

Shown = tuple[int, str, str, str | None]


def stamp_of(tick: Tick) -> int:
    """Return the stamp as the wire carries it."""
    return tick.time_us // 1000


def shown(tick: Tick) -> Shown:
    """Return what of a trade goes over the wire."""
    return (stamp_of(tick), tick.price_text, tick.volume_text or "0", tick.side)


def key(tick: Tick) -> tuple[int, float, float, str | None]:
    """Return what AllTick's trades are told apart by."""
    return (stamp_of(tick), tick.price, tick.volume, tick.side)


def is_provable(trades: Sequence[Tick], cut: int) -> bool:
    """Tell whether a reconnect before trade ``cut``, with a snapshot of the one before, can lose no twin.

    A session counts equal trades of one stamp from its own beginning. So a copy that comes after the cut is known to
    be another one only if the new session has been shown as many as were accepted: none, or the one in the snapshot.
    """
    stamp = stamp_of(trades[cut])
    before = Counter(key(trade) for trade in trades[:cut] if stamp_of(trade) == stamp)
    after = {key(trade) for trade in trades[cut:] if stamp_of(trade) == stamp}
    return all(before[copy] == 0 or (before[copy] == 1 and key(trades[cut - 1]) == copy) for copy in after)


async def received(trades: Sequence[Tick], symbol: str, cuts: Sequence[int]) -> list[Tick]:
    """Send the trades, cut the link before each of ``cuts``, and return what reached a strategy."""
    got: list[Tick] = []
    complete = trio.Event()

    async def collect(ticks: Ticks) -> None:
        async for tick in ticks:
            got.append(tick)
            if shown(tick) == shown(trades[-1]):
                complete.set()

    async with open_sim([], symbols=[symbol], switches=Switches(snapshot="last")) as sim:
        feed = AllTick(symbol, url=sim.url, token="demo", plan="professional")
        async with open_engine(feed, strategies=[collect], connection=AT_ONCE) as engine:
            for start, end in zip([0, *cuts], [*cuts, len(trades)], strict=True):
                await sim.wait_subscribed(symbol)
                await sim.send(trades[start:end])
                if end < len(trades):
                    await sim.drop()
            await complete.wait()
        assert engine.statistics().ledger.imbalances() == []
        assert engine.statistics().gaps == {"closed": len(cuts)}
    return got


@pytest.mark.parametrize(("symbol", "file", "count", "sharing"), RECORDINGS, ids=[row[0] for row in RECORDINGS])
async def test_every_recorded_trade_arrives_once_and_in_order(
    symbol: str, file: str, count: int, sharing: int
) -> None:
    """Through forced disconnects, also between trades of one stamp, none of the trades that share it is lost."""
    trades = Tape.from_csv(DATA / file, symbol).trades
    assert len(trades) == count
    assert count - len({stamp_of(trade) for trade in trades}) == sharing
    chance = random.Random(7)
    possible = [cut for cut in range(1, count) if is_provable(trades, cut)]
    inside = [cut for cut in possible if stamp_of(trades[cut - 1]) == stamp_of(trades[cut])]
    cuts = sorted({*chance.sample(possible, 8), *chance.sample(inside, min(8, len(inside)))})
    with trio.fail_after(180):
        got = await received(trades, symbol, cuts)
    assert [shown(tick) for tick in got] == [shown(trade) for trade in trades]
    assert len({(tick.time_us, tick.ordinal) for tick in got}) == count


async def test_only_twins_can_be_lost_where_a_cut_runs_through_them() -> None:
    """Where a reconnect parts equal trades of one stamp, what is missing is a twin of something that arrived."""
    trades = Tape.from_csv(DATA / "btcusdt-2021-01-08.csv", "BTCUSDT").trades
    cuts = [cut for cut in range(1, len(trades)) if not is_provable(trades, cut)]
    assert cuts, "the recording has equal trades in one millisecond"
    with trio.fail_after(180):
        got = await received(trades, "BTCUSDT", cuts)
    missing = Counter(map(key, trades)) - Counter(map(key, got))
    assert not Counter(map(key, got)) - Counter(map(key, trades))
    assert set(missing) <= set(map(key, got))
    assert missing.total() <= len(cuts)
