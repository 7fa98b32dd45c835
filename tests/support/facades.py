"""One law, three facades: the native API, asyncio's and the blocking one, on one simulated vendor on a real socket.

A law is an async function of a `World`. It awaits what the facade waits for; for the blocking facade all of that
blocks, so the law runs to its end in one step.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

import attrs
import pytest
import trio

import trio_ticks
from trio_ticks import AllTick, ConnectionConfig, PacingConfig, Secret, Tick, aio, sync
from trio_ticks.sim import Sim, open_sim

X, Y = "BTCUSDT", "ETHUSDT"
TOKEN = "demo"
GUARD_S = 120
"""A hang guard, for machines that stand still: no law takes a second."""

CONNECTION = ConnectionConfig(
    proxy=Secret(""), backoff_first_s=0.01, pacing=PacingConfig(request_s=0.0, connect_s=0.0)
)

Law = Callable[["World"], Coroutine[Any, Any, None]]


class Stage:
    """A vendor in a thread of its own, which anybody may direct."""

    def __init__(self, sim: Sim, token: trio.lowlevel.TrioToken) -> None:
        self.sim = sim
        self._token = token

    def direct(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Future[Any]:
        """Run an async function in the vendor's thread."""
        done: Future[Any] = Future()

        async def run() -> None:
            try:
                done.set_result(await function(*args))
            except Exception as error:  # noqa: BLE001 - raised in the law
                done.set_exception(error)

        self._token.run_sync_soon(trio.lowlevel.spawn_system_task, run)
        return done

    async def trade(self, *prices: float, symbol: str = X, ago_s: float = 0.0, time_us: int | None = None) -> None:
        """Let a symbol trade at these prices, once somebody has subscribed to it."""
        await self.sim.wait_subscribed(symbol)
        now_us = time.time_ns() // 1000 - round(ago_s * 1e6) if time_us is None else time_us
        await self.sim.send([Tick(symbol, now_us, price, price_text=str(price), volume_text="1") for price in prices])

    async def keep_trading(self, price: float) -> None:
        """Let a symbol trade again and again: whoever opens a stream beside an engine that runs meets one."""
        while True:
            await self.trade(price)
            await trio.sleep(0.05)


@contextmanager
def open_stage() -> Iterator[Stage]:
    """Run the vendor for as long as the block lasts."""
    ready: Future[tuple[Sim, trio.lowlevel.TrioToken, trio.Event]] = Future()

    async def main() -> None:
        async with open_sim([], symbols=[X, Y], token=TOKEN) as sim:
            over = trio.Event()
            ready.set_result((sim, trio.lowlevel.current_trio_token(), over))
            await over.wait()

    thread = threading.Thread(target=trio.run, args=(main,), name="vendor")
    thread.start()
    sim, token, over = ready.result()
    try:
        yield Stage(sim, token)
    finally:
        token.run_sync_soon(over.set)
        thread.join()


class Native:
    """Trio, in the thread of the law."""

    api: Any = trio_ticks

    def run(self, law: Law, world: World) -> None:
        trio.run(law, world)

    async def result(self, future: Future[Any]) -> Any:
        return await trio.to_thread.run_sync(future.result)

    def open_engine(self, *sources: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        return trio_ticks.open_engine(*sources, **options)

    def open_ticks(self, *sources: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        return trio_ticks.open_ticks(*sources, **options)

    async def replay(self, *args: Any, **options: Any) -> Any:
        return await self.api.replay(*args, **options)

    def function(self, function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
        """Return a strategy or a sink as this facade takes it."""
        return function


class Aio(Native):
    """A loop, and the engine's thread."""

    api = aio

    def run(self, law: Law, world: World) -> None:
        asyncio.run(law(world))

    async def result(self, future: Future[Any]) -> Any:
        return await asyncio.wrap_future(future)

    def open_engine(self, *sources: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        return aio.open_engine(*sources, **options)

    def open_ticks(self, *sources: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        return aio.open_ticks(*sources, **options)


class Sync(Native):
    """Plain calls, and the engine's thread; dressed so that a law can await them."""

    api = sync

    def run(self, law: Law, world: World) -> None:
        finish(law(world))

    async def result(self, future: Future[Any]) -> Any:
        return future.result()

    @asynccontextmanager
    async def open_engine(self, *sources: Any, **options: Any) -> AsyncIterator[Any]:
        with sync.open_engine(*sources, **options) as engine:
            yield AwaitedEngine(engine)

    @asynccontextmanager
    async def open_ticks(self, *sources: Any, **options: Any) -> AsyncIterator[Any]:
        with sync.open_ticks(*sources, **options) as ticks:
            yield AwaitedTicks(ticks)

    async def replay(self, *args: Any, **options: Any) -> Any:
        return sync.replay(*args, **options)

    def function(self, function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
        def plain(given: Any, **params: Any) -> Any:
            return finish(function(AwaitedTicks(given) if isinstance(given, sync.Ticks) else given, **params))

        plain.__name__ = function.__name__
        return plain


class AwaitedEngine:
    """A blocking engine in an async dress."""

    def __init__(self, engine: sync.Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def add_symbols(self, *symbols: str) -> None:
        self._engine.add_symbols(*symbols)

    async def remove_symbols(self, *symbols: str) -> None:
        self._engine.remove_symbols(*symbols)

    async def wait_stopped(self) -> None:
        self._engine.wait_stopped()

    @asynccontextmanager
    async def subscribe(self, *symbols: str, **options: Any) -> AsyncIterator[Any]:
        with self._engine.subscribe(*symbols, **options) as ticks:
            yield AwaitedTicks(ticks)


class AwaitedTicks:
    """A blocking stream in an async dress."""

    def __init__(self, ticks: sync.Ticks) -> None:
        self._ticks = ticks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ticks, name)

    def __aiter__(self) -> AwaitedEach:
        return AwaitedEach(self._ticks)

    async def __anext__(self) -> Tick:
        return await anext(AwaitedEach(self._ticks))

    def records(self) -> AwaitedEach:
        return AwaitedEach(self._ticks.records())

    def batches(self) -> AwaitedEach:
        return AwaitedEach(self._ticks.batches())

    def bars(self, *args: Any, **options: Any) -> AwaitedEach:
        return AwaitedEach(self._ticks.bars(*args, **options))

    def every(self, seconds: float) -> AwaitedEach:
        return AwaitedEach(self._ticks.every(seconds))

    async def sleep(self, seconds: float) -> None:
        self._ticks.sleep(seconds)

    async def signal(self, name: str, symbol: str, **fields: Any) -> None:
        self._ticks.signal(name, symbol, **fields)


class AwaitedEach:
    """A plain iterator in an async dress."""

    def __init__(self, each: Iterator[Any]) -> None:
        self._each = each

    def __aiter__(self) -> AwaitedEach:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self._each)
        except StopIteration:
            raise StopAsyncIteration from None


def finish(law: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never has to wait, and return what it returns."""
    with pytest.raises(StopIteration) as done:
        law.send(None)
    return done.value.value


@attrs.frozen
class World:
    """A facade and a vendor."""

    facade: Native
    stage: Stage

    def feed(self, *symbols: str, token: str = TOKEN) -> AllTick:
        """Return a feed of the vendor's."""
        return AllTick(*(symbols or (X,)), token=token, plan="professional", url=self.stage.sim.url)

    def open_engine(self, *symbols: str, token: str = TOKEN, **options: Any) -> AbstractAsyncContextManager[Any]:
        """Open an engine at the vendor."""
        feed = self.feed(*symbols, token=token)
        return self.facade.open_engine(feed, **{"connection": CONNECTION, **options})

    async def trade(self, *prices: float, **options: Any) -> None:
        """Let a symbol trade; returns when the bytes are on their way."""
        await self.direct(lambda: self.stage.trade(*prices, **options))

    async def direct(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """Let the vendor do something."""
        return await self.facade.result(self.stage.direct(function, *args))

    async def prices(self, ticks: Any, count: int) -> list[float]:
        """Read so many ticks."""
        return [(await anext(ticks)).price for _ in range(count)]


FACADES = {"native": Native(), "aio": Aio(), "sync": Sync()}


def everywhere(law: Law) -> Callable[..., None]:
    """Make a law a test of each facade."""

    @pytest.mark.parametrize("facade", FACADES.values(), ids=FACADES)
    def test(facade: Native) -> None:
        with hang_guard(), open_stage() as stage:
            facade.run(law, World(facade, stage))
            assert engine_threads() == []

    test.__name__, test.__doc__ = law.__name__, law.__doc__
    return test


@contextmanager
def hang_guard() -> Iterator[None]:
    """End what hangs."""

    def cry(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"hung for {GUARD_S} s")

    before = signal.signal(signal.SIGALRM, cry)
    signal.alarm(GUARD_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def engine_threads() -> list[threading.Thread]:
    """Return the threads of engines that there still are."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("trio_ticks engine")]
