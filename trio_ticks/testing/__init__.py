"""A kit for your own tests: a strategy over a few written prices, an engine on a vendor in memory, generated streams.

The shortest test of a strategy is a plain function for a plain pytest:

    >>> from trio_ticks.testing import simulate, ticks_from
    >>> async def momentum(ticks):
    ...     rises, last = 0, None
    ...     async for tick in ticks:
    ...         rises = rises + 1 if last is not None and tick.price > last else 0
    ...         last = tick.price
    ...         if rises == 2:
    ...             await ticks.signal("buy", tick.symbol, price=tick.price)
    >>> def test_buys_after_two_rises():
    ...     result = simulate(momentum, ticks_from("TSLA.US", [100, 101]).then_gap("silent", seconds=5).then([102]))
    ...     assert [signal.name for signal in result.signals] == ["buy"]
    >>> test_buys_after_two_rises()

What there is:

* `ticks_from`, `merge`, `Script`: what a strategy is to see, written down. `simulate` runs it over that,
  `check_deterministic` twice and more.
* `Venue`: a vendor in memory for a whole engine; its faults read as sentences (``with venue.muting():``). `Fault` and
  `run_faults` are the same as data. `MemorySink`: a sink that fails when it is told to.
* `check_order`, `check_identity`, `check_never_twice`, `check_count`, `check_loss_bound`, `check_ledger`,
  `check_same_signals`: the laws, as functions that raise `AssertionError` with one clear line.
* `run_seeded`, `on_the_spot`: Trio code in simulated time, the same way each time for the same seed.
* `trio_ticks.testing.world`: the whole engine with vendor, disk and database in one simulation, crashes included,
  judged by its laws: ``python -m trio_ticks.testing simulate --seeds 0:300``.
* `trio_ticks.testing.fixtures`: pytest fixtures, for whoever asks for them.
* With Hypothesis (``pip install 'trio-ticks[testing]'``), strategies: `ticks`, `streams` and `scripts` for what is
  published, `deliveries` and `disordered` for how connections show it, `fault_scripts` for what goes wrong.

Nothing else in the package imports this.
"""

import importlib
from typing import TYPE_CHECKING, Any

from trio_ticks.testing.checkers import (
    check_count,
    check_identity,
    check_ledger,
    check_loss_bound,
    check_never_twice,
    check_order,
    check_same_signals,
)
from trio_ticks.testing.faults import Fault, run_faults
from trio_ticks.testing.memory_sink import MemorySink
from trio_ticks.testing.running import Simulated
from trio_ticks.testing.script import START_US, Script, merge, ticks_from
from trio_ticks.testing.simulating import check_deterministic, simulate
from trio_ticks.testing.simulation import on_the_spot, run_seeded
from trio_ticks.testing.venue import Venue

if TYPE_CHECKING:
    from trio_ticks.testing.scenarios import fault_scripts, scripts
    from trio_ticks.testing.strategies import Step, deliveries, disordered, streams, ticks

__all__ = [
    "START_US",
    "Fault",
    "MemorySink",
    "Script",
    "Simulated",
    "Step",
    "Venue",
    "check_count",
    "check_deterministic",
    "check_identity",
    "check_ledger",
    "check_loss_bound",
    "check_never_twice",
    "check_order",
    "check_same_signals",
    "deliveries",
    "disordered",
    "fault_scripts",
    "merge",
    "on_the_spot",
    "run_faults",
    "run_seeded",
    "scripts",
    "simulate",
    "streams",
    "ticks",
    "ticks_from",
]

_DRAWN = {
    "Step": "strategies",
    "deliveries": "strategies",
    "disordered": "strategies",
    "fault_scripts": "scenarios",
    "scripts": "scenarios",
    "streams": "strategies",
    "ticks": "strategies",
}
"""What needs Hypothesis, and where it is: loaded when it is asked for."""


def __getattr__(name: str) -> Any:
    if name not in _DRAWN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_DRAWN[name]}")
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        words = f"{__name__}.{name} needs Hypothesis: pip install 'trio-ticks[testing]'"
        raise ModuleNotFoundError(words, name=error.name) from None
    return getattr(module, name)
