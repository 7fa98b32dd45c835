"""trio_ticks for asyncio: the same names, beside whatever else runs in the loop.

::

    from trio_ticks import aio

    async with aio.open_ticks(aio.Coinbase("BTC-USD")) as ticks:
        async for tick in ticks:
            print(tick.time, tick.symbol, tick.price)

Everything of `trio_ticks` is here but `trio_ticks.run`, which blocks. `open_engine`, `open_ticks`, `replay` and
`Engine` are asyncio's; records, settings, errors and `Ticks` are the very same. So is `backtest`, a plain call that
blocks, in which the strategy is Trio's. The engine runs in a thread of its own, and whole batches cross to the loop;
see `trio_ticks.hosting`.
"""

from trio_ticks.aio.engine import Engine
from trio_ticks.aio.opening import open_engine, open_ticks
from trio_ticks.aio.replaying import replay
from trio_ticks.hosting import names
from trio_ticks.hosting.names import *  # noqa: F403 - the one list of them is there
from trio_ticks.runtime.stream import Ticks

__all__ = ["Engine", "Ticks", "open_engine", "open_ticks", "replay"]
__all__ += names.__all__
