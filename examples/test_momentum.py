"""Tests of a strategy, for a plain pytest: no marker, no plugin, no database, and no waiting.

Run them with ``pytest examples/test_momentum.py``. Put your own strategy in the place of `momentum`.
"""

from __future__ import annotations

import pytest
import trio

from trio_ticks import Gap, Tick, Ticks
from trio_ticks.testing import check_deterministic, merge, simulate, ticks_from

START = "2026-11-20T14:30"
TWO_RISES = ticks_from("TSLA.US", [100, 101, 102], start=START)


async def momentum(ticks: Ticks, rises: int = 2) -> int:
    """Buy after so many rises in a row. A gap that may hide a trade breaks the row, and so does a late trade."""
    last: dict[str, float] = {}
    row: dict[str, int] = {}
    bought = 0
    async for record in ticks.records():
        match record:
            case Gap():
                row.clear()
            case Tick(late=False):
                rose = record.price > last.get(record.symbol, record.price)
                row[record.symbol] = row.get(record.symbol, 0) + 1 if rose else 0
                last[record.symbol] = record.price
                if row[record.symbol] == rises:
                    await ticks.signal("buy", record.symbol, price=record.price)
                    bought += 1
    return bought


def test_buys_after_two_rises() -> None:
    """The decision, its time and its price."""
    result = simulate(momentum, TWO_RISES)
    assert [(signal.name, signal.fields["price"]) for signal in result.signals] == [("buy", 102.0)]
    assert result.signals[0].time_us == TWO_RISES.now_us
    assert result.value == 1


def test_a_gap_breaks_the_row() -> None:
    """What may have happened meanwhile counts as no rise."""
    script = ticks_from("TSLA.US", [100, 101]).then_gap("silent", seconds=5).then([102])
    assert not simulate(momentum, script).signals
    assert simulate(momentum, script.then([103])).signals


def test_a_late_trade_is_not_a_fall() -> None:
    """It took place before, whenever it comes."""
    script = ticks_from("TSLA.US", [100, 101]).late(99, by_s=0.5).then([102])
    assert len(simulate(momentum, script).signals) == 1


@pytest.mark.parametrize("rises", [1, 2, 3])
def test_so_many_rises(rises: int) -> None:
    """Parameters are passed as a live engine passes them."""
    result = simulate(momentum, ticks_from("TSLA.US", [100, 101, 102]), params={"rises": rises})
    assert len(result.signals) == (rises <= 2)  # noqa: PLR2004 - as often as the price rises in the script


def test_each_symbol_has_a_row_of_its_own() -> None:
    """Rises of two symbols do not add up."""
    both = merge(ticks_from("TSLA.US", [100, 101]), ticks_from("700.HK", [300, 301]))
    assert not simulate(momentum, both).signals


def test_the_same_prices_give_the_same_decisions() -> None:
    """So a backtest says what the strategy would have done."""
    check_deterministic(momentum, TWO_RISES.then_silence(60).then([90, 91, 92]))


async def patient(ticks: Ticks) -> list[float]:
    """Return each price for which nothing came within half a minute."""
    found: list[float] = []
    price = 0.0
    while True:
        with trio.move_on_after(30) as quiet:
            try:
                price = (await anext(ticks)).price
            except StopAsyncIteration:
                return found
        if quiet.cancelled_caught:
            found.append(price)


def test_time_is_the_markets() -> None:
    """Plain time-outs last as long as the script says, and the test takes no time."""
    script = ticks_from("TSLA.US", [100, 101]).then_silence(45).then([102]).then_silence(20).then([103])
    assert simulate(patient, script).value == [101.0]
