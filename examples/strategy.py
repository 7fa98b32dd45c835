"""A strategy with state and a parameter. It never sees a price older than a second."""

from trio_ticks import Coinbase, Strategy, Ticks, run


async def momentum(ticks: Ticks, fast: int) -> None:
    average = 0.0
    async for tick in ticks:
        average += (tick.price - average) / fast if average else tick.price
        print(tick.symbol, "up" if tick.price > average else "down", tick.price)


run(Coinbase("BTC-USD"), strategies=[Strategy(momentum, params={"fast": 20}, max_age_s=1.0)])
