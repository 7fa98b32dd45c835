"""Functions of the user's that live in his loop, called by the engine: strategies and sinks."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio

from trio_ticks.aio.hop import LoopHop
from trio_ticks.aio.loop import Loop
from trio_ticks.errors import SinkUnavailableError, StrategyError
from trio_ticks.hosting.soon import caller_into
from trio_ticks.runtime.assembly import Sinkable
from trio_ticks.runtime.calling import NOT_ASYNC, check_kind
from trio_ticks.runtime.holding import Held
from trio_ticks.runtime.sinks import Sink, SinkBatch
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks

PATIENCE_S = 5.0
"""For a task that was cancelled to end. A loop that stands still, or a task that will not, holds nobody up longer."""


class Caller:
    """Makes what lives in a loop into what an engine can call.

    Args:
        loop: Where the functions run.
        on_closed: Called in the engine's thread when the loop turns out to be closed.
    """

    def __init__(self, loop: Loop, on_closed: Callable[[], None]) -> None:
        self._loop = loop
        self._on_closed = on_closed
        self._running: set[_Remote] = set()

    def strategy(self, given: Strategy | Callable[..., Any]) -> Strategy:
        """Return a strategy whose function runs in the loop; one that is inline stays in the engine's thread.

        Raises:
            ConfigError: its function is not async.
        """
        strategy = given if isinstance(given, Strategy) else Strategy(given)
        if strategy.inline:
            return strategy
        check_kind(strategy.title, strategy.function)
        return attrs.evolve(strategy, name=strategy.title, function=self._streaming(strategy.function))

    def sink(self, given: Sinkable) -> Sinkable:
        """Return a sink whose function runs in the loop; settings of a database stay as they are."""
        if isinstance(given, Sink):
            return attrs.evolve(given, function=self._storing(given.function))
        return self._storing(given) if inspect.iscoroutinefunction(given) else given

    def release(self) -> None:
        """Wait no longer for what runs in the loop: it is closed. In the engine's thread."""
        for remote in self._running:
            remote.done.set()

    def _streaming(self, function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        hop: LoopHop | None = None

        @functools.wraps(function)
        async def run(ticks: Ticks, **params: Any) -> Any:
            nonlocal hop
            if hop is None:  # a strategy that is started again goes on with the stream it had
                soon = caller_into(trio.lowlevel.current_trio_token())
                hop = LoopHop(self._loop, soon, self._on_closed)
                hop.host(ticks)
            held, remote = Held(), None
            async with trio.open_nursery() as nursery:
                nursery.start_soon(hop.serve)
                with held:
                    remote = await self._run(functools.partial(function, ticks, **params))
                nursery.cancel_scope.cancel("the strategy is over")
            held.release()
            return None if remote is None else remote.value

        return run

    def _storing(self, function: Callable[[SinkBatch], Awaitable[Any]]) -> Callable[[SinkBatch], Awaitable[None]]:
        @functools.wraps(function)
        async def store(batch: SinkBatch) -> None:
            if not (await self._run(functools.partial(function, batch))).is_complete:
                raise SinkUnavailableError("the asyncio loop that it runs in has ended it")

        return store

    async def _run(self, function: Callable[[], Any]) -> _Remote:
        """Run an async function in the loop; return how it ended, unless it raised.

        Cancellation:
            Cancels its task, and waits for that `PATIENCE_S` at most.
        """
        remote = _Remote(function, caller_into(trio.lowlevel.current_trio_token()))
        if not self._loop.soon(remote.start):
            self._on_closed()
            return remote
        self._running.add(remote)
        try:
            await remote.done.wait()
        finally:
            if not remote.done.is_set():
                self._loop.soon(remote.cancel)
                with trio.move_on_after(PATIENCE_S, shield=True):
                    await remote.done.wait()
            self._running.discard(remote)
        if remote.error is not None:
            raise remote.error
        return remote


class _Remote:
    """A task in the loop, as the engine's thread waits for it.

    Attributes:
        is_complete: It came to its end, and was not cancelled there.
        value: What its function returned then.
    """

    def __init__(self, function: Callable[[], Any], soon: Callable[..., None]) -> None:
        self._function = function
        self._soon = soon
        self._task: asyncio.Task[Any] | None = None
        self.done = trio.Event()
        self.error: Exception | None = None
        self.is_complete = False
        self.value: Any = None

    def start(self) -> None:
        """Start it. In the loop, as those below."""
        self._task = asyncio.get_running_loop().create_task(self._main())
        self._task.add_done_callback(self._finish)

    def cancel(self) -> None:
        """Cancel it."""
        if self._task is not None:
            self._task.cancel("the engine has stopped")

    def _finish(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled():
            error = task.exception()
            self.error = error if isinstance(error, Exception) else None
            self.is_complete = error is None
            self.value = task.result() if self.is_complete else None
        self._soon(self.done.set)

    async def _main(self) -> Any:
        running = self._function()
        if not inspect.isawaitable(running):
            raise StrategyError(NOT_ASYNC)
        return await running
