"""A strategy over a script, as a plain call for a plain test."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from trio_ticks.testing.checkers import check_same_signals
from trio_ticks.testing.running import Simulated, run_over
from trio_ticks.testing.script import Script
from trio_ticks.testing.trades import arrived_us


def simulate(
    strategy: Callable[..., Awaitable[Any]],
    script: Script,
    *,
    params: Mapping[str, Any] | None = None,
    symbols: Sequence[str] | None = None,
    seed: int = 0,
) -> Simulated:
    """Run a strategy over a script and return what it did. A plain call, for a plain test: no marker, no plugin.

    The strategy runs as it does live, on a stream of its own, and the script's time is its time: plain ``trio.sleep``
    and timeouts last as long as the script says, and no test waits for them. Records that arrive at the same instant
    are one batch. When the script is over, the stream ends; whatever still waits for anything else is cancelled.
    Nothing is dropped; what a strategy does after an overflow is tested by
    ``then_gap("overflow", seconds=0, missed=3)``.

    Args:
        strategy: An async function of a `Ticks`, as a live engine takes it.
        script: What it is to see.
        params: Passed to it by keyword.
        symbols: What it wants to see, as in `Strategy`; None: everything.
        seed: Of Trio's scheduler, where it has several tasks.

    Raises:
        ConfigError: it is not an async function.
        Exception: what the strategy raises, as it is.

    Example:
        >>> from trio_ticks.testing import simulate, ticks_from
        >>> async def dearest(ticks, above=0.0):
        ...     return max([tick.price async for tick in ticks if tick.price > above], default=None)
        >>> result = simulate(dearest, ticks_from("TSLA.US", [100, 103, 102]), params={"above": 101})
        >>> result.value, result.ledger.delivered
        (103.0, 3)
    """
    batches = [list(records) for _, records in itertools.groupby(script, key=arrived_us)]
    return run_over(strategy, batches, params=params, symbols=symbols, seed=seed)


def check_deterministic(
    strategy: Callable[..., Awaitable[Any]],
    script: Script,
    *,
    params: Mapping[str, Any] | None = None,
    symbols: Sequence[str] | None = None,
    seeds: Sequence[int] = (0, 0, 1),
) -> None:
    """Check that a strategy decides the same each time it sees the same.

    One that does not cannot be backtested. Usual reasons: ``time.time()`` instead of the ticks' own time, a random
    number without a seed, state that outlives a run, or two of its tasks that race.

    Args:
        strategy: As in `simulate`, like the others not named here.
        script: What it is to see.
        params: Passed to it by keyword.
        symbols: What it wants to see.
        seeds: Of Trio's scheduler, one for each run. Twice the same tells apart what the scheduler has to do with it.

    Raises:
        AssertionError: two runs differ; it names the first signal that does.

    Example:
        >>> import itertools
        >>> from trio_ticks.testing import check_deterministic, ticks_from
        >>> ids = itertools.count()
        >>> async def numbering(ticks):
        ...     async for tick in ticks:
        ...         await ticks.signal("buy", tick.symbol, id=next(ids))
        >>> check_deterministic(numbering, ticks_from("X", [9.5], start=1))
        Traceback (most recent call last):
        AssertionError: signal 1 differs: buy X at 1 {'id': 0} by numbering, and buy X at 1 {'id': 1} by numbering
    """
    first, *others = (simulate(strategy, script, params=params, symbols=symbols, seed=seed) for seed in seeds)
    for other in others:
        check_same_signals(first.signals, other.signals)
