"""`backtest`: a strategy on recorded ticks, in market time, as one plain call."""

from __future__ import annotations

import os
import warnings
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from typing import Any, TypeAlias

import attrs
import trio

from trio_ticks.core.instants import Instant
from trio_ticks.errors import ConfigError
from trio_ticks.model import Record, Signal
from trio_ticks.replay.backtest_result import Backtest
from trio_ticks.replay.market import Market, MarketClock
from trio_ticks.replay.market_ticks import MarketTicks
from trio_ticks.replay.recorded import Range, range_of, spelled
from trio_ticks.replay.supply import Supply
from trio_ticks.runtime.calling import NOT_ASYNC, check_call
from trio_ticks.runtime.scheduler import seeded

Journal: TypeAlias = "str | os.PathLike[str] | Iterable[Sequence[Record]]"
Function: TypeAlias = Callable[..., Awaitable[Any]]
OnProgress: TypeAlias = Callable[[int, int], None]


def backtest(
    fn: Function,
    journal: Journal,
    *symbols: str,
    start: Instant | None = None,
    end: Instant | None = None,
    params: Mapping[str, Any] | None = None,
    tz: str | tzinfo = "UTC",
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Backtest:
    """Run a strategy on recorded ticks, in market time. Blocks; works in a notebook cell.

    Inside the strategy Trio's clock is the market's: ``trio.sleep``, ``move_on_after`` and every other timeout take
    market time, and ``trio.current_time()`` is it, in seconds since the epoch. A timer ends between exactly those two
    ticks between which its instant lies, to the microsecond; a tick at that very instant comes before it. The same
    call gives the same result each time.

    Time stands still while the strategy computes, also in a thread of ``trio.to_thread.run_sync``. It does not wait
    for sockets, processes, or threads of a limiter of your own.

    A timer at or before the end fires. Then the stream ends, and what still waits is cancelled.

    Args:
        fn: Called as ``fn(ticks, **params)`` with a `Ticks`; an async function.
        journal: The path of a journal or of an archive's directory; or lists of records in order of time.
        symbols: As the vendor spells them. None: all.
        start: From this instant on, as `read` takes it. None: from the first record on.
        end: Before this one; time goes on up to it. None: up to the last record.
        params: Passed by keyword.
        tz: In which zone times without an offset stand.
        seed: Decides the order of tasks that can run at the same instant.
        on_progress: Is told how far it is, and how far it goes, in microseconds of market time.

    Raises:
        ConfigError: an argument cannot be used, there is nothing in the range, or this thread runs Trio already.
        JournalError: the journal cannot be read; everything before the damage was played.
        Exception: whatever the strategy raises, as it is, with a note that says at which market time.
    """
    if trio.lowlevel.in_trio_run():
        raise ConfigError(
            "backtest: this thread already runs Trio, which the call would block; "
            "accepted is await trio.to_thread.run_sync(backtest, …), or a call from outside"
        )
    _check_call(fn, params or {})
    return _Run(fn, params or {}, range_of(journal, symbols, start=start, end=end, tz=tz), seed, on_progress).result()


@attrs.define
class _Run:
    """One backtest."""

    function: Function
    params: Mapping[str, Any]
    range: Range
    seed: int
    on_progress: OnProgress | None

    def result(self) -> Backtest:
        supply = Supply(
            name=name_of(self.function),
            batches=self.range.batches,
            end_us=self.range.end_us,
            on_progress=self.on_progress,
        )
        try:
            return self._played(supply)
        finally:
            self.range.close()

    def _played(self, supply: Supply) -> Backtest:
        first_us = supply.first_us()
        if first_us is None:
            raise ConfigError(f"{self.range.title}: there is no record {self.range.words}")
        clock = MarketClock(start_us=first_us if self.range.start_us is None else self.range.start_us)
        play = _Play(self.function, self.params, supply, clock)
        try:
            with seeded(self.seed), _quiet_beside_another_loop():
                trio.run(play.run, clock=clock, instruments=[clock])
        except Exception as error:
            error.add_note(f"at market time {spelled(clock.now_us)}, in the backtest of {supply.name}")
            raise
        return play.result()


class _Play:
    """What happens inside of Trio."""

    def __init__(self, function: Function, params: Mapping[str, Any], supply: Supply, clock: MarketClock) -> None:
        self.has_returned = False
        self._function = function
        self._params = params
        self._supply = supply
        self._clock = clock
        self._start_us = clock.now_us
        self._desk = _Desk()
        self._value: Any = None
        self._ticks: MarketTicks | None = None

    async def run(self) -> None:
        with trio.CancelScope() as scope:
            market = Market(clock=self._clock, horizon=self._supply, scope=scope)
            self._ticks = MarketTicks(supply=self._supply, market=market, desk=self._desk)
            # Of the system's tasks: so what the strategy raises comes out bare, and Ctrl-C goes to the strategy.
            trio.lowlevel.spawn_system_task(market.drive, name="market time")
            running = self._function(self._ticks, **self._params)
            if not isinstance(running, Awaitable):
                raise ConfigError(f"strategy {self._supply.name}: {NOT_ASYNC}")
            self._value = await running
            self.has_returned = True
        if self._supply.failure is not None and not self.has_returned:
            raise self._supply.failure  # it ended the recording, and the strategy has not asked

    def result(self) -> Backtest:
        assert self._ticks is not None
        return Backtest(
            value=self._value,
            signals=self._desk.signals,
            gaps=self._supply.gaps,
            ledger=self._ticks.ledger(),
            strategy=self._supply.name,
            has_returned=self.has_returned,
            start_us=self._start_us,
            end_us=self._clock.now_us,
        )


class _Desk:
    """Keeps signals; timers are the market's own and need no waking."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []

    def keep(self, signal: Signal) -> None:
        self.signals.append(signal)

    def wake_at(self, due_us: int) -> None:
        """Nothing to do."""


def name_of(function: Callable[..., Any]) -> str:
    """Return what a strategy is called."""
    return getattr(function, "__name__", type(function).__name__)


def _check_call(function: Function, params: Mapping[str, Any]) -> None:
    """Raise `ConfigError` where the strategy cannot be called so, before anything is read."""
    if not callable(function):
        raise ConfigError(f"backtest: {function!r} is not a function; accepted is an async function of Ticks")
    check_call(name_of(function), function, params)


@contextmanager
def _quiet_beside_another_loop() -> Iterator[None]:
    """Let Trio not warn where asyncio, as under a notebook, wakes for signals in its own way; it gets that back."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "It looks like Trio's signal handling code", RuntimeWarning)
        yield
