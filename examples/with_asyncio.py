"""The same names for asyncio, beside whatever else lives in its loop."""

import asyncio

from trio_ticks import aio


async def main() -> None:
    async with aio.open_ticks(aio.Coinbase("BTC-USD")) as ticks:
        async for tick in ticks:
            print(tick.time, tick.symbol, tick.price)


asyncio.run(main())
