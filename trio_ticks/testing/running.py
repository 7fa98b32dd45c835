"""One strategy over batches of records, in market time: the seam between a script and what runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import attrs

from trio_ticks.core.ledger import ConsumerLedger
from trio_ticks.model import Clock, Gap, Record, Signal
from trio_ticks.replay.backtest import backtest
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.testing.script import START_US


@attrs.frozen
class Simulated:
    """What became of a strategy.

    Attributes:
        value: What it returned; None where it still waited for something when the records were over.
        signals: Its decisions, in order.
        gaps: Those that its stream held.
        ledger: What became of the ticks.
    """

    value: Any
    signals: Sequence[Signal]
    gaps: Sequence[Gap]
    ledger: ConsumerLedger


def run_over(
    function: Callable[..., Awaitable[Any]],
    batches: Sequence[Sequence[Record]],
    *,
    params: Mapping[str, Any] | None = None,
    symbols: Sequence[str] | None = None,
    seed: int = 0,
) -> Simulated:
    """Run a strategy over batches, each at the time at which its first record arrived.

    Args:
        function: An async function of a `Ticks`.
        batches: In order; none is empty.
        params: Passed to it by keyword.
        symbols: What it wants to see; None: everything.
        seed: Of Trio's scheduler.

    Raises:
        ConfigError: it is not an async function.
        Exception: what the strategy raises, as it is.
    """
    # Market time has to begin somewhere, also where nothing happens.
    played = batches or [[Clock(START_US)]]
    chosen = function if symbols is None else Strategy(function, symbols=symbols)
    done = backtest(chosen, played, params=params, seed=seed)
    return Simulated(done.value, done.signals, done.gaps, done.ledger)
