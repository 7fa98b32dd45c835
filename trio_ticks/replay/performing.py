"""Running a strategy on a recording: as live, but that nothing waits for the wall clock.

One that raises is started again on the same stream, without the pauses it would have live; how long a run lasted is
measured in market time. A strategy that asks for nothing, though there is something for it, would never come to an
end: after a while it is given up, and named.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio

from trio_ticks.errors import StrategyError, TrioTicksError, in_one_line
from trio_ticks.model import Signal
from trio_ticks.replay.playback import Playback
from trio_ticks.runtime.calling import NOT_ASYNC
from trio_ticks.runtime.strategy import FAILURES_IN_A_ROW, HEALTHY_S, Strategy
from trio_ticks.runtime.stream import Ticks

log = logging.getLogger("trio_ticks.replay")


@attrs.frozen
class Performed:
    """How it ended.

    Attributes:
        value: What the function returned.
        failures: How often it raised.
        error: What ended it before its time: the recording's failure, or the strategy's.
    """

    value: Any = None
    failures: int = 0
    error: TrioTicksError | None = None


@attrs.frozen
class SignalDesk:
    """The `Desk` of a replay: decisions go to a function, and the recording holds the clocks that were asked for."""

    on_signal: Callable[[Signal], object]

    def keep(self, signal: Signal) -> None:
        """Hand it on."""
        self.on_signal(signal)

    def wake_at(self, due_us: int) -> None:
        """Nothing to do."""


async def perform(
    strategy: Strategy, playback: Playback, *, on_signal: Callable[[Signal], object], patience_s: float | None
) -> tuple[Performed, Ticks]:
    """Run a strategy to its end, and return how it ended, with its stream, which is closed.

    Args:
        strategy: What to run.
        playback: What it runs on.
        on_signal: Called with each of its decisions.
        patience_s: It is given up after so long without asking for anything; None: never.

    Cancellation:
        Cancels the strategy.
    """
    ticks = Ticks(source=playback, now_us=lambda: playback.reached_us, desk=SignalDesk(on_signal))
    stuck: list[TrioTicksError] = []
    performed = Performed()
    try:
        async with trio.open_nursery() as nursery:

            async def watch(patience_s: float) -> None:
                stuck.append(await _until_stuck(playback, ticks, patience_s))
                nursery.cancel_scope.cancel("the strategy asks for nothing")

            if patience_s is not None:
                nursery.start_soon(watch, patience_s, name="watch over a strategy that reads nothing")
            performed = await _run(strategy, playback, ticks)
            nursery.cancel_scope.cancel("the strategy has ended")
    finally:
        ticks.close()
    return (Performed(error=stuck[0]) if stuck else performed), ticks


async def _run(strategy: Strategy, playback: Playback, ticks: Ticks) -> Performed:
    """Run the function until it returns, or has failed for good."""
    failures = in_a_row = 0
    told: set[type[Exception]] = set()
    while True:
        began_us, read = playback.reached_us, ticks.ledger().delivered
        try:
            return Performed(await _call(strategy, ticks), failures, playback.failure)
        except Exception as error:  # noqa: BLE001 - the user's code may raise anything
            failed: Exception = error
        if playback.failure is not None or (playback.is_over and _is_end(failed)):
            return Performed(None, failures, playback.failure)
        failures += 1
        in_a_row = 1 if _was_healthy(strategy, playback, ticks, began_us, read) else in_a_row + 1
        if strategy.on_error == "stop" or in_a_row >= FAILURES_IN_A_ROW or isinstance(failed, StrategyError):
            return Performed(None, failures, _named(strategy, failed))
        words = f"strategy {strategy.title} failed and is restarted: {in_one_line(failed)}"
        # Restarts follow at once: with a traceback each, one mistake would fill the screen ten times.
        log.error("%s", words, exc_info=None if type(failed) in told else failed)
        told.add(type(failed))


async def _call(strategy: Strategy, ticks: Ticks) -> Any:
    if strategy.inline:
        async for tick in ticks:
            strategy.function(tick, **strategy.params)
        return None
    running = strategy.function(ticks, **strategy.params)
    if not isinstance(running, Awaitable):
        raise StrategyError(NOT_ASYNC)
    return await running


def _is_end(error: Exception) -> bool:
    """Tell whether an error, or a nursery's group, says nothing but that the stream's time has ended."""
    if isinstance(error, ExceptionGroup):
        return all(map(_is_end, error.exceptions))
    return isinstance(error, trio.EndOfChannel)


def _was_healthy(strategy: Strategy, playback: Playback, ticks: Ticks, began_us: int, read: int) -> bool:
    """Tell whether a run that failed had gone well before; a plain function has with every tick but the last."""
    if strategy.inline:
        return ticks.ledger().delivered > read + 1
    return playback.reached_us - began_us >= HEALTHY_S * 1e6


def _named(strategy: Strategy, error: Exception) -> StrategyError:
    failure = StrategyError(f"strategy {strategy.title} failed: {in_one_line(error)}")
    failure.__cause__ = error
    return failure


async def _until_stuck(playback: Playback, ticks: Ticks, patience_s: float) -> StrategyError:
    """Wait until the strategy has asked for nothing for so long."""
    while True:
        before = playback.takes, ticks.ledger().delivered
        await trio.sleep(patience_s)
        if not playback.is_asked and before == (playback.takes, ticks.ledger().delivered):
            where = (
                "though the recording has ended" if playback.is_over and not playback.queued else "though it waits"
            )
            return StrategyError(
                f"strategy {playback.name} has asked for no record for {patience_s:g} s, {where}; accepted is one "
                "that reads its ticks, waits with ticks.sleep, or returns"
            )
