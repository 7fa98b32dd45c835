"""A vendor that is not built in: a feed is an object with a name, an address, and two functions of text."""

from collections.abc import Sequence
from json import dumps, loads

from trio_ticks import Decoded, Tick, run, to_us


class Binance:
    name, url, identity, symbols = "binance", "wss://fstream.binance.com/ws", "content", ("BTCUSDT", "ETHUSDT")

    def subscribe(self, symbols: Sequence[str]) -> list[str]:
        return [dumps({"method": "SUBSCRIBE", "params": [f"{name.lower()}@aggTrade" for name in symbols], "id": 1})]

    def decode(self, messages: Sequence[str | bytes]) -> Decoded:
        return Decoded([Tick(t["s"], to_us(t["T"]), float(t["p"])) for t in map(loads, messages) if "p" in t])


run(Binance(), on_tick=print)
