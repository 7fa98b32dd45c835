"""Functions of the user's that block, called by the engine in threads of their own: strategies and sinks."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio

from trio_ticks.errors import ConfigError
from trio_ticks.hosting.soon import caller_into
from trio_ticks.runtime.calling import is_async
from trio_ticks.runtime.holding import Held
from trio_ticks.runtime.sinks import Sink, SinkBatch
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks as NativeTicks
from trio_ticks.sync.hop import ThreadHop
from trio_ticks.sync.stream import Ticks


def strategy_of(given: Strategy | Callable[..., Any]) -> Strategy:
    """Return a strategy whose function runs in a thread of its own; inline ones stay in the engine's thread.

    Raises:
        ConfigError: its function is async, or a generator.
    """
    strategy = given if isinstance(given, Strategy) else Strategy(given)
    if is_async(strategy.function) or inspect.isgeneratorfunction(strategy.function):
        kind = "yields" if inspect.isgeneratorfunction(strategy.function) else "is async"
        raise ConfigError(
            f"strategy {strategy.title} {kind}: trio_ticks.sync takes plain functions of a trio_ticks.sync.Ticks"
        )
    if strategy.inline:
        return strategy
    return attrs.evolve(strategy, name=strategy.title, function=_streaming(strategy.function))


def sink_of(given: Any) -> Any:
    """Return a sink whose plain function runs in a thread of its own; anything else as it is."""
    if isinstance(given, Sink) and not inspect.iscoroutinefunction(given.function):
        return attrs.evolve(given, function=_storing(given.function))
    if inspect.isfunction(given) and not inspect.iscoroutinefunction(given):
        return _storing(given)
    return given


def _streaming(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    limiter = trio.CapacityLimiter(1)  # its own: a stuck strategy takes no thread from the journal
    hop: ThreadHop | None = None

    @functools.wraps(function)
    async def run(ticks: NativeTicks, **params: Any) -> Any:
        nonlocal hop
        soon = caller_into(trio.lowlevel.current_trio_token())
        if hop is None:  # a strategy that is started again goes on with the stream it had
            hop = ThreadHop(soon)
            hop.host(ticks)
        held, value = Held(), None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hop.serve)
            with held:
                call = functools.partial(function, Ticks(ticks, lambda _: soon(ticks.close)), **params)
                # Abandoned at a hard stop: its stream is closed then, which ends it, unless it is stuck elsewhere.
                value = await trio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=limiter)
            nursery.cancel_scope.cancel("the strategy is over")
        held.release()
        return value

    return run


def _storing(function: Callable[[SinkBatch], Any]) -> Callable[[SinkBatch], Awaitable[None]]:
    limiter = trio.CapacityLimiter(1)

    @functools.wraps(function)
    async def store(batch: SinkBatch) -> None:
        call = functools.partial(function, batch)
        await trio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=limiter)

    return store
