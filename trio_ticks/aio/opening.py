"""The ways in from asyncio."""

from __future__ import annotations

import asyncio
import functools
import weakref
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any

from trio_ticks.aio.calling import Caller
from trio_ticks.aio.engine import Engine
from trio_ticks.aio.loop import Loop
from trio_ticks.config import Overflow
from trio_ticks.errors import EngineError
from trio_ticks.hosting.host import Host
from trio_ticks.runtime.assembly import Sinkable
from trio_ticks.runtime.opening import Source
from trio_ticks.runtime.opening import open_engine as open_native
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks


class open_engine:  # noqa: N801 - called as the native function is, and entered in the same way
    """Run an engine, in a thread of its own, for as long as the block lasts; then stop it softly.

    Args:
        sources: As for `trio_ticks.open_engine`.
        strategies: Async functions of a `Ticks`, or `Strategy` objects, that run as tasks of this loop; those with
            ``inline`` are plain functions and run in the engine's thread. The strategies that a configuration names
            are Trio's, and run there, too.
        sinks: As for `trio_ticks.open_engine`; an async function runs in this loop.
        **options: All others that `trio_ticks.open_engine` takes.

    Entering gives the running `Engine`. Lines connect in the background: do not wait for them, iterate.

    Raises:
        ConfigError: before anything is started; or no asyncio loop runs here.
        JournalError: likewise; another engine writes the journal, or it cannot be used.
        EngineError: the engine failed for good, after everything received was handed on. The block is cancelled,
            unless it reads a stream: then the stream raises at its end.
        Exception: what the block itself raised comes out bare, after the soft stop. If the engine failed as well,
            a note says of what.

    Cancellation:
        A hard stop: every task ends, every socket is closed and the thread is gone before the cancel goes on.
    """

    def __init__(
        self,
        *sources: Source,
        strategies: Iterable[Strategy | Callable[..., Any]] = (),
        sinks: Iterable[Sinkable] = (),
        **options: Any,
    ) -> None:
        self._sources = sources
        self._strategies = strategies
        self._sinks = sinks
        self._options = options
        self._is_inside = self._has_failed = self._is_interrupted = False

    async def __aenter__(self) -> Engine:
        loop = self._loop = Loop()
        self._enter_task()
        caller = Caller(loop, lambda: host.leave())  # noqa: PLW0108 - there is no host yet
        opening = functools.partial(
            open_native,
            *self._sources,
            strategies=[caller.strategy(given) for given in self._strategies],
            sinks=[caller.sink(given) for given in self._sinks],
            **self._options,
        )
        interrupt = weakref.WeakMethod(self._interrupt)  # what the thread knows must not keep this block alive
        host = self._host = Host(opening, lambda: loop.soon(_call, interrupt))

        def leave() -> None:
            host.leave()
            host.soon(caller.release)

        self._call_off = loop.when_closed(leave)
        host.start()
        try:
            await loop.result(host.ready)
        except BaseException:
            host.abort()
            await self._end()
            raise
        engine = Engine(host, loop)
        # One that nobody can reach any more, because its block was never left, ends by itself.
        weakref.finalize(engine, host.leave).atexit = False
        self._engine = engine
        self._is_inside = True
        if self._has_failed:
            self._interrupt()
        return engine

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_inside = False
        if self._is_interrupted and self._task.uncancel() <= self._cancelling and _is_cancel(error):
            error = None  # which was this engine's own way to end the block
        if _is_cancel(error):
            self._host.abort()
        else:
            self._host.leave()
        failure = await self._end()
        if failure is None:
            return
        if error is None:
            raise failure
        if not _is_engines(error) and not _is_cancel(error):
            error.add_note(f"Besides, the engine failed: {failure}")

    def _enter_task(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()

    async def _end(self) -> BaseException | None:
        """Wait for the thread's end, come what may; return what the engine raised. A cancel makes it a hard stop."""
        cancel: asyncio.CancelledError | None = None
        while not self._host.over.done():
            try:
                await self._loop.result(self._host.over)
            except asyncio.CancelledError as again:  # noqa: ASYNC103 - raised when the thread is gone
                if self._task.cancelling() > self._cancelling:  # else it is the engine's own, and came too late
                    self._host.abort()
                    cancel = again
        self._host.thread.join()
        self._call_off()
        if cancel is not None:
            raise cancel
        return self._host.over.result()

    def _interrupt(self) -> None:
        """End the block, because the engine has failed and nobody reads a stream that would say so.

        A block that is still being entered is ended at its first wait: a cancel before that would be nobody's.
        """
        self._has_failed = True
        if self._is_inside:
            self._is_interrupted = True
            self._task.cancel("the engine has failed")


@asynccontextmanager
async def open_ticks(
    *sources: Source,
    overflow: Overflow = "drop_oldest",
    capacity: int = 10_000,
    max_age_s: float | None = None,
    **options: Any,
) -> AsyncIterator[Ticks]:
    """Open one stream of everything these feeds bring, with an engine of its own behind it.

    Args:
        sources: As for `open_engine`.
        overflow: As for `Engine.subscribe`.
        capacity: As for `Engine.subscribe`.
        max_age_s: As for `Engine.subscribe`.
        **options: All others that `open_engine` takes.
    """
    async with (
        open_engine(*sources, **options) as engine,
        engine.subscribe(overflow=overflow, capacity=capacity, max_age_s=max_age_s) as ticks,
    ):
        yield ticks


def _call(reference: weakref.WeakMethod[Callable[[], None]]) -> None:
    if (function := reference()) is not None:
        function()


def _is_cancel(error: BaseException | None) -> bool:
    return isinstance(error, asyncio.CancelledError)


def _is_engines(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(EngineError) is not None
    return isinstance(error, EngineError)
