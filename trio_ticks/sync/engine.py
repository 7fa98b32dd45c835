"""The engine as plain code sees it."""

from __future__ import annotations

import weakref
from types import TracebackType
from typing import Any, Self

from trio_ticks.config import Overflow
from trio_ticks.errors import EngineError
from trio_ticks.hosting.facade import EngineFacade
from trio_ticks.hosting.host import Host
from trio_ticks.sync.stream import Ticks, open_stream


class Engine(EngineFacade):
    """A running engine, as `trio_ticks.sync.open_engine` returns it; `trio_ticks.Engine`, for any thread.

    Leave it by ``with`` or `close`. One that is collected, or left open when the interpreter ends, stops softly, too.
    """

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        weakref.finalize(self, host.leave).atexit = False

    def add_symbols(self, *symbols: str, feed: str | None = None) -> None:
        """Carry these, too; as `trio_ticks.Engine.add_symbols`.

        Raises:
            ConfigError: as there.
            EngineError: the engine has been closed.
        """
        self._ask("add_symbols", *symbols, feed=feed)

    def remove_symbols(self, *symbols: str, feed: str | None = None) -> None:
        """Carry these no longer; as `trio_ticks.Engine.remove_symbols`.

        Raises:
            ConfigError: as there.
            EngineError: the engine has been closed.
        """
        self._ask("remove_symbols", *symbols, feed=feed)

    def wait_stopped(self) -> None:
        """Block until the engine has stopped.

        Raises:
            EngineError: it did not stop cleanly.
        """
        if not self._host.over.done():
            self._ask("wait_stopped")
        elif (failure := self.failure()) is not None:
            raise failure

    def subscribe(
        self,
        *symbols: str,
        feed: str | None = None,
        overflow: Overflow = "drop_oldest",
        capacity: int = 10_000,
        max_age_s: float | None = None,
    ) -> Ticks:
        """Open a stream of these symbols, or of all; as `trio_ticks.Engine.subscribe`. It ends when it is closed.

        Raises:
            ConfigError: as there.
            EngineError: the engine has been closed.
        """
        options = {"feed": feed, "overflow": overflow, "capacity": capacity, "max_age_s": max_age_s}
        return open_stream(self._host, symbols, options, leave=self._let_go)

    def _let_go(self, _: BaseException | None) -> None:
        """Nothing: a stream that has this method to call keeps its engine from being collected."""

    def close(self) -> None:
        """Stop softly and wait for the end; the second Ctrl-C makes it a hard stop. May be repeated.

        Raises:
            EngineError: the engine failed.
        """
        self.leave(None)

    def leave(self, error: BaseException | None) -> None:
        """Close it after a block that ended with this error, which then goes first; a note says of the other one."""
        failure = self._end()
        if failure is None:
            return
        if error is None:
            raise failure
        if not isinstance(error, EngineError):
            error.add_note(f"Besides, the engine failed: {failure}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave(error)

    def _end(self) -> BaseException | None:
        self._host.leave()
        try:
            return self._host.over.result()
        except KeyboardInterrupt:
            self._host.abort()
            raise
        finally:
            self._host.thread.join()

    def _ask(self, name: str, *args: Any, **options: Any) -> None:
        method = getattr(self._host.engine, name)
        self._host.spawn(lambda: method(*args, **options)).result()
