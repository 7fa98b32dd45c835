"""The engine as asyncio code sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from trio_ticks.aio.hop import LoopHop
from trio_ticks.aio.loop import Loop
from trio_ticks.config import Overflow
from trio_ticks.hosting.facade import EngineFacade
from trio_ticks.hosting.host import Host
from trio_ticks.runtime.stream import Ticks


class Engine(EngineFacade):
    """A running engine, as `trio_ticks.aio.open_engine` yields it; `trio_ticks.Engine`, for one asyncio loop."""

    def __init__(self, host: Host, loop: Loop) -> None:
        super().__init__(host)
        self._loop = loop

    async def add_symbols(self, *symbols: str, feed: str | None = None) -> None:
        """Carry these, too; as `trio_ticks.Engine.add_symbols`.

        Raises:
            ConfigError: as there; or this is another loop.
            EngineError: the engine has been left.
        """
        await self._ask("add_symbols", *symbols, feed=feed)

    async def remove_symbols(self, *symbols: str, feed: str | None = None) -> None:
        """Carry these no longer; as `trio_ticks.Engine.remove_symbols`.

        Raises:
            ConfigError: as there; or this is another loop.
            EngineError: the engine has been left.
        """
        await self._ask("remove_symbols", *symbols, feed=feed)

    async def wait_stopped(self) -> None:
        """Wait until the engine has stopped.

        Raises:
            EngineError: it did not stop cleanly.

        Cancellation:
            At any await; the engine runs on.
        """
        self._loop.check()
        if not self._host.over.done():
            await self._ask("wait_stopped")
        elif (failure := self.failure()) is not None:
            raise failure

    @asynccontextmanager
    async def subscribe(
        self,
        *symbols: str,
        feed: str | None = None,
        overflow: Overflow = "drop_oldest",
        capacity: int = 10_000,
        max_age_s: float | None = None,
    ) -> AsyncIterator[Ticks]:
        """Open a stream of these symbols, or of all, that ends with the block; as `trio_ticks.Engine.subscribe`.

        The stream is a `Ticks`, read by tasks of this loop.

        Raises:
            ConfigError: as there; or this is another loop.
            EngineError: the engine has been left.
        """
        self._loop.check()
        hop = LoopHop(self._loop, self._host.soon, self._host.leave)
        opened = self._host.open_stream(
            hop, *symbols, feed=feed, overflow=overflow, capacity=capacity, max_age_s=max_age_s
        )
        try:
            yield await self._loop.result(opened)
        finally:
            self._host.close_stream(hop)

    async def _ask(self, name: str, *args: Any, **options: Any) -> None:
        self._loop.check()
        method = getattr(self._host.engine, name)
        await self._loop.result(self._host.spawn(lambda: method(*args, **options)))
