"""trio_ticks for plain code: the same names, for threads, scripts and notebooks.

::

    from trio_ticks import sync

    with sync.open_ticks(sync.Coinbase("BTC-USD")) as ticks:
        for tick in ticks:
            print(tick.time, tick.symbol, tick.price)

Everything of `trio_ticks` is here. `open_engine`, `open_ticks`, `replay`, `Engine` and `Ticks` are of this package;
records, settings and errors are the very same. So is `backtest`, in which the strategy is Trio's. The engine runs in
a thread of its own, and whole batches cross to the reader; see `trio_ticks.hosting`. What `open` opens can be left by
``with`` or by ``close()``, as a file can.
"""

from trio_ticks.app.blocking import run
from trio_ticks.hosting import names
from trio_ticks.hosting.names import *  # noqa: F403 - the one list of them is there
from trio_ticks.sync.engine import Engine
from trio_ticks.sync.opening import open_engine, open_ticks
from trio_ticks.sync.replaying import replay
from trio_ticks.sync.stream import Ticks

__all__ = ["Engine", "Ticks", "open_engine", "open_ticks", "replay", "run"]
__all__ += names.__all__
