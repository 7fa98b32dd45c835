"""What was missed, by name: a lost connection, a mute one, or a strategy that was too slow."""

from trio_ticks import Coinbase, Gap, Ticks, run


async def on_gap(ticks: Ticks) -> None:
    async for record in ticks.records():
        if isinstance(record, Gap):
            print(f"{record.symbol}: {(record.end_us - record.start_us) / 1e6:.3f} s not covered: {record.cause}")


run(Coinbase("BTC-USD"), strategies=[on_gap])
