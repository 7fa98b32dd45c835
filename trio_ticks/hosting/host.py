"""One engine in a thread of its own.

Whoever starts a host leaves it: by the facade's block, when the facade's object is collected, when the asyncio loop
is closed, or when the interpreter ends. Leaving never waits; waiting for `Host.over` does.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any, TypeVar
from weakref import WeakSet

import trio

from trio_ticks.errors import EngineError
from trio_ticks.hosting.hop import Hop
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.stream import Ticks

T = TypeVar("T")

LEFT = "this engine has been left: its block is over, or it was closed"

_numbers = itertools.count(1)
_running: WeakSet[Host] = WeakSet()


class Host:
    """A thread that opens an engine, does what it is asked to, and ends when it is left.

    Args:
        opening: Opens the engine; entered in the thread.
        on_failed: Called in the thread when the engine has failed and cancels its block.

    Attributes:
        engine: The native engine, once `ready`. To be touched in its thread only, by way of `call` and `spawn`.
        ready: Done when the engine runs, or could not be opened.
        over: Done when Trio has ended; its result is what the engine raised on the way out, or None.
    """

    engine: Engine

    def __init__(
        self, opening: Callable[[], AbstractAsyncContextManager[Engine]], on_failed: Callable[[], object]
    ) -> None:
        self._opening = opening
        self._on_failed = on_failed
        self.ready: Future[None] = Future()
        self.over: Future[BaseException | None] = Future()
        self._token: trio.lowlevel.TrioToken | None = None
        self._is_left = False
        # Not a daemon: an interpreter that ends asks it to leave, and waits for it, so the journal is whole.
        self.thread = threading.Thread(target=self._run, name=f"trio_ticks engine {next(_numbers)}")

    def start(self) -> None:
        """Start the thread."""
        _leave_at_exit()
        _running.add(self)
        self.thread.start()

    # ---- from any thread

    def leave(self) -> None:
        """Ask for a soft stop, after which the thread ends. Never waits, and may be repeated."""
        self._is_left = True  # before the token is looked at: the thread looks at them the other way round
        if self._token is not None:
            self.soon(self._left.set)

    def abort(self) -> None:
        """Ask for a hard stop, after which the thread ends. Never waits, and may be repeated."""
        self.leave()
        self.soon(self._abort)

    def soon(self, function: Callable[..., object], *args: object) -> None:
        """Call a function in the engine's thread. Without effect once that is over."""
        if self._token is not None:
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(function, *args)

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function in the engine's thread between two steps of its tasks, and wait for what it returns.

        The engine never waits for another thread, so this is a matter of its current step.
        """
        if threading.current_thread() is self.thread or self.over.done():
            return function(*args)
        answer: Future[T] = Future()
        assert self._token is not None
        try:
            self._token.run_sync_soon(_answer, answer, function, *args)
        except trio.RunFinishedError:
            return function(*args)  # nobody is there any more whom it could disturb
        return answer.result()

    def spawn(self, function: Callable[..., Awaitable[T]], *args: Any) -> Future[T]:
        """Run an async function in the engine's thread; its result comes by the future."""
        answer: Future[T] = Future()
        assert self._token is not None
        try:
            # A system task: it is no part of the block that a failing engine cancels, and ends with the thread.
            self._token.run_sync_soon(
                partial(trio.lowlevel.spawn_system_task, _answer_later, answer, partial(function, *args))
            )
        except trio.RunFinishedError:
            answer.set_exception(EngineError(LEFT))
        return answer

    def open_stream(self, hop: Hop, *symbols: str, **options: Any) -> Future[Ticks]:
        """Open a subscription whose records come by this hop, until that is left or the engine is."""
        opened: Future[Ticks] = Future()
        self.call(self._start_stream, opened, hop, symbols, options)
        return opened

    def close_stream(self, hop: Hop) -> None:
        """Close a subscription, and wait for that: a matter of the engine's current step, as in `call`."""
        self.soon(hop.stop_serving)
        hop.closed.result()

    # ---- in the thread

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            trio.run(self._main)
        except BaseException as caught:  # noqa: BLE001, ASYNC103 - whoever waits for the engine gets it
            error = caught
        if not self.ready.done():
            self.ready.set_exception(error or EngineError(LEFT))
        self.over.set_result(error)

    async def _main(self) -> None:
        self._left = trio.Event()
        self._token = trio.lowlevel.current_trio_token()
        if self._is_left:
            return
        async with self._opening() as engine, trio.open_nursery() as block:
            self.engine = engine
            block.start_soon(self._hear_of_failure)
            await self._stay()
            block.cancel_scope.cancel("left")

    async def _stay(self) -> None:
        # Shielded: the streams of an engine that has failed can still be read, up to the failure.
        async with trio.open_nursery() as streams:
            streams.cancel_scope.shield = True
            self._streams = streams
            self.ready.set_result(None)
            await self._left.wait()
            streams.cancel_scope.cancel("left")

    async def _hear_of_failure(self) -> None:
        """Wait for the cancel with which a failed engine ends its block."""
        try:
            await trio.sleep_forever()
        finally:
            if not self._left.is_set():
                self._on_failed()

    def _start_stream(
        self, opened: Future[Ticks], hop: Hop, symbols: tuple[str, ...], options: dict[str, Any]
    ) -> None:
        if self._left.is_set():
            opened.set_exception(EngineError(LEFT))
            hop.closed.set_result(None)
        else:
            self._streams.start_soon(self._hold_stream, opened, hop, symbols, options, name="stream")

    async def _hold_stream(
        self, opened: Future[Ticks], hop: Hop, symbols: tuple[str, ...], options: dict[str, Any]
    ) -> None:
        try:
            async with self.engine.subscribe(*symbols, **options) as ticks:
                hop.host(ticks)
                opened.set_result(ticks)
                await hop.serve()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)
        finally:
            hop.closed.set_result(None)

    def _abort(self) -> None:
        if self.ready.done():
            self.engine.abort()


def _answer(answer: Future[T], function: Callable[..., T], *args: Any) -> None:
    try:
        answer.set_result(function(*args))
    except Exception as error:  # noqa: BLE001 - raised where it was asked for
        answer.set_exception(error)


async def _answer_later(answer: Future[T], function: Callable[[], Awaitable[T]]) -> None:
    try:
        answer.set_result(await function())
    except Exception as error:  # noqa: BLE001 - raised where it was asked for
        answer.set_exception(error)
    finally:
        if not answer.done():
            answer.set_exception(EngineError(LEFT))


def _leave_all() -> None:
    """Leave every engine that is still open when the interpreter ends, and wait for their ends."""
    hosts = list(_running)
    for host in hosts:
        host.leave()
    for host in hosts:
        host.thread.join()


_at_exit = itertools.chain([_leave_all], itertools.repeat(None))


def _leave_at_exit() -> None:
    """Register `_leave_all` once."""
    function = next(_at_exit)
    if function is not None:
        # The one private name, and the one that concurrent.futures uses for the same end: `atexit` comes after the
        # interpreter has waited for its threads, and from Python 3.12 on too late to start one for the journal.
        threading._register_atexit(function)  # type: ignore[attr-defined]  # noqa: SLF001
