"""The same for whoever would rather be called: `run` blocks until Ctrl-C."""

from trio_ticks import Coinbase, Tick, run


def show(tick: Tick) -> None:
    print(tick.symbol, tick.price_exact, tick.side)


run(Coinbase("BTC-USD", "ETH-USD"), on_tick=show)
