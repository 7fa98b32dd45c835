"""`replay` for plain code: the strategy is a plain function in a thread of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import trio

from trio_ticks.errors import ConfigError
from trio_ticks.replay.replaying import Replayed
from trio_ticks.replay.replaying import replay as replay_native
from trio_ticks.replay.sources import Recorded
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.sync.calling import strategy_of


def replay(strategy: Strategy | Callable[..., Any], source: Recorded, **options: Any) -> Replayed:
    """Run a plain strategy on what was recorded, as it would run live; as `trio_ticks.replay`. Blocks.

    Args:
        strategy: A plain function of a `trio_ticks.sync.Ticks`, or a `Strategy`, as `open_engine` takes it here.
        source: As for `trio_ticks.replay`.
        **options: All others that `trio_ticks.replay` takes.

    Raises:
        ConfigError: as there; or this is a Trio program.
        JournalError, SinkError, StrategyError: as there.
    """
    if trio.lowlevel.in_trio_run():
        raise ConfigError("trio_ticks.sync blocks: in Trio use trio_ticks itself, with the same names")
    return trio.run(functools.partial(replay_native, strategy_of(strategy), source, **options))
