"""Bars of one minute out of the ticks, and whether each of them was covered from end to end."""

from trio_ticks import Coinbase, Ticks, run


async def candles(ticks: Ticks) -> None:
    async for bar in ticks.bars("1m"):
        print(bar.symbol, bar.open, bar.high, bar.low, bar.close, bar.volume, "" if bar.complete else "incomplete")


run(Coinbase("BTC-USD"), strategies=[candles])
