"""What strategies of a running engine decide: it is kept, in its place, and timers fall while nothing trades."""

from __future__ import annotations

from pathlib import Path

import trio
from trio.testing import MockClock

from tests.support.storing import kept
from trio_ticks.errors import StrategyError
from trio_ticks.model import Clock, Record, Signal, Status, Tick
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks
from trio_ticks.storage.line_protocol import LineEncoder
from trio_ticks.testing.simulation import on_the_spot
from trio_ticks.testing.venue import Venue

S = 1_000_000


async def send(venue: Venue, price: float) -> None:
    await venue.send(Tick("X", venue.now_us(), price, received_us=venue.now_us()))


def check_account(engine: Engine) -> None:
    assert engine.statistics().ledger.imbalances() == []


def word(item: Record) -> str:
    """Return a word for what belongs to the story of the strategy called echo."""
    if isinstance(item, Status):
        return item.status if item.source == "strategy echo" else ""
    return item.name if isinstance(item, Signal) else item.kind if isinstance(item, Tick) else ""


async def echo(ticks: Ticks) -> None:
    """Decide something at each tick, and once more when the stream is over."""
    async for tick in ticks:
        await ticks.signal("seen", tick.symbol, price=tick.price)
    await ticks.signal("last", "X")


async def test_signals_stand_behind_what_led_to_them(autojump_clock: MockClock, venue: Venue, tmp_path: Path) -> None:
    """In the journal, with in-band time; those after a soft stop, too; between the marks of the run."""
    path = tmp_path / "ticks.journal"
    strategy = Strategy(echo, symbols=("X",))
    async with venue.open_engine("X", journal=path, run_sync=on_the_spot, strategies=[strategy]) as engine:
        await venue.wait_subscribed()
        for price in (1.0, 2.0):
            await send(venue, price)
            await trio.sleep(1.0)
    check_account(engine)
    told = list(filter(None, map(word, kept(path))))
    assert told == ["started", "tick", "seen", "tick", "seen", "last", "stopped"]
    ticks = [item for item in kept(path) if isinstance(item, Tick)]
    signals = [item for item in kept(path) if isinstance(item, Signal)]
    assert [signal.time_us for signal in signals[:2]] == [tick.time_us for tick in ticks]
    assert {signal.strategy for signal in signals} == {"echo"}
    assert engine.statistics().strategies[0].signals == 3


async def test_why_a_strategy_failed_is_kept_in_one_line_that_the_database_takes(
    autojump_clock: MockClock, venue: Venue, tmp_path: Path
) -> None:
    """Line protocol has no line breaks: an error of several lines, or with colours, is told in one plain line."""

    async def fails(ticks: Ticks) -> None:
        async for _ in ticks:
            raise StrategyError("no price\n\tof \x1b[31mX\x1b[0m\r\nat all")

    path = tmp_path / "ticks.journal"
    async with venue.open_engine("X", journal=path, run_sync=on_the_spot, strategies=[fails]):
        await venue.wait_subscribed()
        await send(venue, 1.0)
        await trio.sleep(1.0)
    failed = [item for item in kept(path) if isinstance(item, Status) and item.status == "failed"]
    assert [status.reason for status in failed] == ["StrategyError: no price of [31mX [0m at all"]
    encoded = LineEncoder().encode(failed, [1])
    assert (len(encoded.lines), encoded.refused) == (1, ())


async def test_signals_are_counted_without_a_journal(autojump_clock: MockClock, venue: Venue) -> None:
    """There is nowhere to keep them, and nothing breaks."""
    async with venue.open_engine("X", strategies=[echo]) as engine:
        await venue.wait_subscribed()
        await send(venue, 1.0)
    assert engine.statistics().strategies[0].signals == 2


async def test_a_text_among_the_parameters_is_not_written_down(
    autojump_clock: MockClock, venue: Venue, tmp_path: Path
) -> None:
    """It may be a secret of the environment; numbers are of use to whoever repeats the run."""

    async def trade(ticks: Ticks, *, size: int, key: str) -> None:
        async for _ in ticks:
            assert (size, key) == (3, "hush")

    path = tmp_path / "ticks.journal"
    strategy = Strategy(trade, params={"size": 3, "key": "hush"})
    async with venue.open_engine("X", journal=path, run_sync=on_the_spot, strategies=[strategy]):
        await venue.wait_subscribed()
    (started,) = [item for item in kept(path) if isinstance(item, Status) and item.status == "started"]
    assert '"size": 3' in started.reason
    assert "hush" not in started.reason


async def test_a_timer_falls_while_nothing_trades(autojump_clock: MockClock, venue: Venue, tmp_path: Path) -> None:
    """By a clock in the one order, which the journal has, too; beyond the instant, and within a second of it."""
    path = tmp_path / "ticks.journal"
    woken: list[tuple[int, int]] = []

    async def nap(ticks: Ticks) -> None:
        await anext(ticks)
        begun_us = ticks.now_us
        await ticks.sleep(20.0)
        woken.append((ticks.now_us - begun_us, venue.now_us() - ticks.now_us))

    async with venue.open_engine("X", journal=path, run_sync=on_the_spot, strategies=[nap]) as engine:
        await venue.wait_subscribed()
        await send(venue, 1.0)
        await trio.sleep(30.0)
    check_account(engine)
    ((slept_us, late_us),) = woken
    assert slept_us == 20 * S
    assert 0 < late_us < S
    clocks = [item for item in kept(path) if isinstance(item, Clock)]
    (tick,) = [item for item in kept(path) if isinstance(item, Tick)]
    assert [clock.time_us for clock in clocks] == [tick.time_us + 20 * S + 1]


async def test_while_ticks_flow_no_clock_is_written(autojump_clock: MockClock, venue: Venue, tmp_path: Path) -> None:
    """They move the time themselves."""
    path = tmp_path / "ticks.journal"
    rung = 0

    async def beat(ticks: Ticks) -> None:
        nonlocal rung
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_drain, ticks)
            async for _ in ticks.every(0.5):
                rung += 1

    async with venue.open_engine("X", journal=path, run_sync=on_the_spot, strategies=[beat]):
        await venue.wait_subscribed()
        for price in range(100):
            await send(venue, price)
            await trio.sleep(0.1)
    assert rung >= 18
    assert not [item for item in kept(path) if isinstance(item, Clock)]


async def _drain(ticks: Ticks) -> None:
    async for _ in ticks:
        pass


async def test_a_strategy_that_only_sleeps_ends_with_its_stream(autojump_clock: MockClock, venue: Venue) -> None:
    """It is no failure that there is no more time, and a soft stop does not wait for it."""

    async def nap(ticks: Ticks) -> None:
        while True:
            await ticks.sleep(60.0)

    async with venue.open_engine("X", strategies=[nap], grace_s=1000.0) as engine:
        await venue.wait_subscribed()
        await send(venue, 1.0)
        begun = trio.current_time()
        engine.stop()
        await engine.wait_stopped()
        assert trio.current_time() - begun < 10.0
    (state,) = engine.statistics().strategies
    assert (state.state, state.failures) == ("finished", 0)
