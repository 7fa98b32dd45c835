"""The asyncio loop that an engine's facade belongs to, as the engine's thread may use it."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import trio

from trio_ticks.errors import ConfigError

T = TypeVar("T")

FAR_S = 1e9
"""Thirty years: a timer that never goes off, but is dropped when its loop is closed."""


class Loop:
    """The loop that runs now.

    Raises:
        ConfigError: none does.
    """

    def __init__(self) -> None:
        self._loop = _running()

    def check(self) -> None:
        """Refuse to be used elsewhere.

        Raises:
            ConfigError: this is another loop, or none.
        """
        if _running() is not self._loop:
            raise ConfigError("this belongs to the asyncio loop that opened it, and was used from another one")

    def soon(self, function: Callable[..., object], *args: object) -> bool:
        """Call a function in the loop, from any thread; tell whether the loop still takes calls."""
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:  # it is closed
            return False
        return True

    def when_closed(self, function: Callable[[], object]) -> Callable[[], object]:
        """Call a function when the loop is closed; return how to call that off.

        A closed loop discards the calls that are pending, and with this one goes the only owner of its anchor.
        """
        anchor = _Anchor()
        finalizer = weakref.finalize(anchor, function)
        finalizer.atexit = False
        timer = weakref.ref(self._loop.call_later(FAR_S, anchor.hold))

        def call_off() -> None:
            finalizer.detach()
            if (pending := timer()) is not None:
                pending.cancel()

        return call_off

    async def result(self, future: Future[T]) -> T:
        """Wait for what comes from the engine's thread.

        Cancellation:
            At any await; what was asked for goes on.
        """
        self.check()
        done = asyncio.Event()
        future.add_done_callback(lambda _: self.soon(done.set))
        await done.wait()
        return future.result()


class _Anchor:
    def hold(self) -> None:
        """Nothing: that it can be called keeps it."""


def _running() -> asyncio.AbstractEventLoop:
    if trio.lowlevel.in_trio_run():
        raise ConfigError("trio_ticks.aio runs in asyncio only: in Trio use trio_ticks itself, with the same names")
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        words = "trio_ticks.aio runs in asyncio only, and no loop runs here: in plain code use trio_ticks.sync"
        raise ConfigError(words) from None
