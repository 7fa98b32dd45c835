"""`replay` for asyncio: the strategy is a task of this loop, the recording is read in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import trio

from trio_ticks.aio.calling import Caller
from trio_ticks.aio.loop import Loop
from trio_ticks.errors import StrategyError
from trio_ticks.hosting.soon import caller_into
from trio_ticks.replay.replaying import Replayed
from trio_ticks.replay.replaying import replay as replay_native
from trio_ticks.replay.sources import Recorded
from trio_ticks.runtime.strategy import Strategy


async def replay(strategy: Strategy | Callable[..., Any], source: Recorded, **options: Any) -> Replayed:
    """Run a strategy of this loop on what was recorded, as it would run live; as `trio_ticks.replay`.

    Args:
        strategy: An async function of a `Ticks`, or a `Strategy`, as `open_engine` takes it here.
        source: As for `trio_ticks.replay`.
        **options: All others that `trio_ticks.replay` takes. ``on_signal`` and ``on_progress`` are called in the
            thread that reads the recording.

    Raises:
        ConfigError: as there; or no asyncio loop runs here.
        JournalError, SinkError, StrategyError: as there.

    Cancellation:
        Cancels the strategy, and waits for the thread.
    """
    loop = Loop()
    running = _Running(lambda: replay_native(chosen, source, **options))
    chosen = Caller(loop, running.cancel).strategy(strategy)
    return await running.result(loop)


class _Running:
    """One run of Trio in a thread of its own."""

    def __init__(self, function: Callable[[], Awaitable[Replayed]]) -> None:
        self._function = function
        self._over: Future[Replayed] = Future()
        self._scope = trio.CancelScope()
        self._soon: Callable[..., None] | None = None
        self._is_cancelled = False
        self._thread = threading.Thread(target=self._run, name="trio_ticks replay")

    async def result(self, loop: Loop) -> Replayed:
        """Run it, and return what it returns."""
        self._thread.start()
        cancel: asyncio.CancelledError | None = None
        while not self._over.done():
            try:
                with suppress(Exception):  # raised below, when the thread is gone
                    await loop.result(self._over)
            except asyncio.CancelledError as error:  # noqa: ASYNC103 - likewise
                self.cancel()
                cancel = error
        self._thread.join()
        if cancel is not None:
            raise cancel
        return self._over.result()

    def cancel(self) -> None:
        """Cancel it, from any thread."""
        self._is_cancelled = True  # before it is looked at whether it has begun; it looks the other way round
        if self._soon is not None:
            self._soon(self._scope.cancel)

    def _run(self) -> None:
        try:
            self._over.set_result(trio.run(self._main))
        except BaseException as error:  # noqa: BLE001, ASYNC103 - whoever waits for it gets it
            self._over.set_exception(error)

    async def _main(self) -> Replayed:
        self._soon = caller_into(trio.lowlevel.current_trio_token())
        with self._scope:
            if self._is_cancelled:
                self._scope.cancel()
            return await self._function()
        raise StrategyError("nobody waits for this replay any more")
