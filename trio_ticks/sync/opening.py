"""The ways in from plain code."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import trio

from trio_ticks.config import Overflow
from trio_ticks.errors import ConfigError
from trio_ticks.hosting.host import Host
from trio_ticks.runtime.opening import Source
from trio_ticks.runtime.opening import open_engine as open_native
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.sync.calling import sink_of, strategy_of
from trio_ticks.sync.engine import Engine
from trio_ticks.sync.stream import Ticks, open_stream


def open_engine(
    *sources: Source,
    strategies: Iterable[Strategy | Callable[..., Any]] = (),
    sinks: Iterable[Any] = (),
    **options: Any,
) -> Engine:
    """Run an engine, in a thread of its own, until it is closed.

    Args:
        sources: As for `trio_ticks.open_engine`.
        strategies: Plain functions of a `trio_ticks.sync.Ticks`, or `Strategy` objects, each in a thread of its own;
            those with ``inline`` run in the engine's. The strategies that a configuration names are Trio's, and run
            there, too.
        sinks: As for `trio_ticks.open_engine`; a plain function of a batch runs in a thread of its own.
        **options: All others that `trio_ticks.open_engine` takes.

    Returns:
        The running engine, to be left by ``with`` or `Engine.close`: a soft stop. What a block raises comes out bare
        after that. If the engine failed for good, leaving raises its `EngineError`, and so does every stream at its
        end; a block that does neither is not disturbed.

    Raises:
        ConfigError: before anything is started; or this is a Trio program.
        JournalError: likewise; another engine writes the journal, or it cannot be used.
    """
    return Engine(_started(*sources, strategies=strategies, sinks=sinks, **options))


def open_ticks(
    *sources: Source,
    overflow: Overflow = "drop_oldest",
    capacity: int = 10_000,
    max_age_s: float | None = None,
    **options: Any,
) -> Ticks:
    """Open one stream of everything these feeds bring, with an engine of its own behind it that is left with it.

    Args:
        sources: As for `open_engine`.
        overflow: As for `Engine.subscribe`.
        capacity: As for `Engine.subscribe`.
        max_age_s: As for `Engine.subscribe`.
        **options: All others that `open_engine` takes.
    """
    host = _started(*sources, **options)
    engine = Engine(host)
    try:
        room = {"overflow": overflow, "capacity": capacity, "max_age_s": max_age_s}
        return open_stream(host, (), room, leave=engine.leave)
    except BaseException:
        engine.close()
        raise


def _started(
    *sources: Source,
    strategies: Iterable[Strategy | Callable[..., Any]] = (),
    sinks: Iterable[Any] = (),
    **options: Any,
) -> Host:
    if trio.lowlevel.in_trio_run():
        raise ConfigError("trio_ticks.sync blocks: in Trio use trio_ticks itself, with the same names")
    opening = functools.partial(
        open_native,
        *sources,
        strategies=[strategy_of(given) for given in strategies],
        sinks=[sink_of(given) for given in sinks],
        **options,
    )
    host = Host(opening, on_failed=lambda: None)
    host.start()
    try:
        host.ready.result()
    except BaseException:
        host.abort()
        host.thread.join()
        raise
    return host
