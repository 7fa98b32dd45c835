"""Run a strategy on what a journal holds, in market time: the ten seconds are ten seconds of the market."""

import trio

from trio_ticks import Ticks, backtest


async def jumps(ticks: Ticks) -> None:
    async for first in ticks:
        with trio.move_on_after(10):
            async for tick in ticks:
                if tick.price > first.price * 1.0005:
                    await ticks.signal("buy", tick.symbol, price=tick.price)
                    break


print(backtest(jumps, "ticks.journal"))
