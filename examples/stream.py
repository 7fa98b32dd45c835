"""Print each trade as it happens. Coinbase needs no key."""

import trio

from trio_ticks import Coinbase, open_ticks


async def main() -> None:
    async with open_ticks(Coinbase("BTC-USD")) as ticks:
        async for tick in ticks:
            print(tick.time, tick.symbol, tick.price)


trio.run(main)
