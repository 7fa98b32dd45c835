"""Running an engine as a process runs it: until a signal, a time limit, or a failure."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.holding import Held
from trio_ticks.runtime.opening import Source, open_engine
from trio_ticks.runtime.statistics import EngineStatistics

log = logging.getLogger("trio_ticks.app")

_SIGNALS = [signal.SIGINT, signal.SIGTERM]


@asynccontextmanager
async def open_supervised(
    *sources: Source,
    seconds: float | None = None,
    stop: Callable[[Engine], None] = Engine.stop,
    **options: Any,
) -> AsyncIterator[Engine]:
    """Open an engine that stops softly at the first SIGINT or SIGTERM, at once at the second, or after ``seconds``.

    Args:
        sources: As for `open_engine`.
        seconds: Stop softly after so long; None: never.
        stop: What to do for a soft stop; it must lead to `Engine.stop`.
        **options: As for `open_engine`.
    """
    async with open_engine(*sources, **options) as engine:
        body = Held()
        async with trio.open_nursery() as nursery:
            if threading.current_thread() is threading.main_thread():
                await nursery.start(_obey_signals, engine, stop)
            if seconds is not None:
                nursery.start_soon(_stop_after, engine, seconds, stop)
            with body:
                yield engine
            nursery.cancel_scope.cancel("the block has ended")
        body.release()


async def run_supervised(*sources: Source, seconds: float | None = None, **options: Any) -> EngineStatistics:
    """Run an engine until it stops, and return its last statistics.

    Raises:
        EngineError: it failed.
    """
    async with open_supervised(*sources, seconds=seconds, **options) as engine:
        await engine.wait_stopped()
    return engine.statistics()


async def _obey_signals(
    engine: Engine, stop: Callable[[Engine], None], *, task_status: trio.TaskStatus[None]
) -> None:
    asked = False
    with trio.open_signal_receiver(*_SIGNALS) as signals:
        task_status.started()
        async for number in signals:
            if asked or engine.is_stopping:
                log.warning("%s again: stopping at once", signal.Signals(number).name)
                engine.abort()
                engine.body.cancel("a second signal")
            else:
                log.info("%s: stopping; once more to stop at once", signal.Signals(number).name)
                asked = True
                stop(engine)


async def _stop_after(engine: Engine, seconds: float, stop: Callable[[Engine], None]) -> None:
    await trio.sleep(seconds)
    stop(engine)
