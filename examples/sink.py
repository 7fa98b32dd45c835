"""Keep every tick in a store of your own: an async function of a batch, called at least once for each."""

import trio

from trio_ticks import Coinbase, SinkBatch, run


async def store(batch: SinkBatch) -> None:
    async with await trio.open_file("ticks.csv", "a") as file:
        await file.writelines(f"{batch.id},{tick.symbol},{tick.time_us},{tick.price_text}\n" for tick in batch.ticks)


run(Coinbase("BTC-USD"), journal="ticks.journal", sinks=[store])
