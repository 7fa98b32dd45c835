"""`run`: an engine for people who write callbacks, or simply want to wait until it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import trio

from trio_ticks.app.supervising import run_supervised
from trio_ticks.errors import ConfigError
from trio_ticks.model import Tick
from trio_ticks.runtime.calling import check_call, is_async
from trio_ticks.runtime.opening import Source
from trio_ticks.runtime.statistics import EngineStatistics
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks


def run(
    *sources: Source,
    on_tick: Callable[[Tick], object] | None = None,
    strategies: Iterable[Strategy | Callable[..., Any]] = (),
    seconds: float | None = None,
    **options: Any,
) -> EngineStatistics:
    """Run an engine and block until it stops: at Ctrl-C, SIGTERM, after ``seconds``, or because it failed.

    Args:
        sources: Feeds, or one configuration, or the path of one.
        on_tick: Called with every tick. An exception in it stops the engine.
        strategies: As for `open_engine`.
        seconds: Stop softly after so long; None: never.
        **options: All others that `open_engine` takes.

    Returns:
        The statistics at the end.

    Raises:
        ConfigError: before anything is started; or this thread runs Trio already, which the call would block.
        EngineError: the engine failed, after everything received was handed on.
    """
    chosen = list(strategies)
    if on_tick is not None and (is_async(on_tick) or not callable(on_tick)):
        raise ConfigError(
            "on_tick: accepted is a plain function of a Tick; an async one of Ticks goes into strategies"
        )
    if on_tick is not None:
        check_call("on_tick", on_tick, {}, inline=True)
        chosen.append(Strategy(_calling(on_tick), name="on_tick", on_error="stop"))
    if trio.lowlevel.in_trio_run():
        raise ConfigError("run: this thread already runs Trio; accepted there is async with open_engine(…)")
    return trio.run(partial(run_supervised, *sources, strategies=chosen, seconds=seconds, **options))


def _calling(on_tick: Callable[[Tick], object]) -> Callable[[Ticks], Any]:
    async def call(ticks: Ticks) -> None:
        async for tick in ticks:
            on_tick(tick)

    return call
