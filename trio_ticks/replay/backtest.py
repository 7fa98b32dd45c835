"""`backtest`: a strategy on recorded ticks, in market time, as one plain call."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import tzinfo
from functools import partial
from typing import Any, TypeAlias

import attrs
import trio

from trio_ticks.core.instants import Instant
from trio_ticks.errors import ConfigError
from trio_ticks.model import Signal
from trio_ticks.replay.backtest_result import Backtest
from trio_ticks.replay.market import Market, MarketClock
from trio_ticks.replay.market_ticks import MarketTicks
from trio_ticks.replay.recorded import range_of
from trio_ticks.replay.replaying import chosen_strategy
from trio_ticks.replay.sources import Recorded, Recording, not_seen, nothing_recorded, recording_of
from trio_ticks.replay.supply import Supply
from trio_ticks.runtime.calling import NOT_ASYNC, check_call
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.scheduler import seeded
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks
from trio_ticks.storage.reading.sightings import Sightings, spelled

log = logging.getLogger("trio_ticks.replay")

Function: TypeAlias = Callable[..., Awaitable[Any]]
OnProgress: TypeAlias = Callable[[int, int], None]


def backtest(
    fn: Strategy | Function,
    journal: Recorded,
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
        fn: Called as ``fn(ticks, **params)`` with a `Ticks`; an async function, or a `Strategy`, whose ``overflow``,
            ``max_age_s``, ``on_error`` and ``since`` have no meaning here.
        journal: The path of a journal, of an archive's directory, or of a ``.csv``, ``.jsonl`` or ``.parquet`` file;
            or anything else that `replay` takes, such as lists of records in order of time.
        symbols: As the vendor spells them. None: the strategy's, or all.
        start: From this instant on, as `read` takes it. None: from the first record on.
        end: Before this one; time goes on up to it. None: up to the last record.
        params: Passed by keyword, in place of the strategy's own.
        tz: In which zone ``start`` and ``end`` stand where they have no offset.
        seed: Decides the order of tasks that can run at the same instant.
        on_progress: Is told how far it is, and how far it goes, in microseconds of market time.

    Raises:
        ConfigError: an argument cannot be used, there is nothing in the range, or this thread runs Trio already.
        JournalError: the journal cannot be read; everything before the damage was played.
        SinkError: InfluxDB does not answer.
        Exception: whatever the strategy raises, as it is, with a note that says at which market time.
    """
    if trio.lowlevel.in_trio_run():
        raise ConfigError(
            "backtest: this thread already runs Trio, which the call would block; "
            "accepted is await trio.to_thread.run_sync(backtest, …), or a call from outside"
        )
    strategy = chosen_strategy(fn, symbols=symbols or None, params=params)
    check_call(strategy.title, strategy.function, strategy.params, inline=strategy.inline)
    open_recording = partial(recording_of, journal, tz=tz, now_us=utc_now_us())
    recording = open_recording(symbols=strategy.symbols, start=start, end=end)
    return _Run(strategy, recording, open_recording, seed, on_progress).result()


@attrs.define
class _Run:
    """One backtest."""

    strategy: Strategy
    recording: Recording
    open_recording: Callable[[], Recording]
    seed: int
    on_progress: OnProgress | None

    def result(self) -> Backtest:
        sightings = Sightings(self.recording.query.symbols, on_over=lambda: self._tell(sightings.unseen))
        played = range_of(self.recording, sightings)
        supply = Supply(
            name=self.strategy.title,
            batches=played.batches,
            end_us=played.end_us,
            on_progress=self.on_progress,
        )
        try:
            return self._played(supply, played.start_us)
        finally:
            played.close()

    def _tell(self, unseen: Collection[str]) -> None:
        if unseen != self.recording.query.symbols:  # if it is all of them, there may be nothing to play
            log.warning("%s", not_seen(self.recording, self.open_recording(), unseen))

    def _played(self, supply: Supply, start_us: int | None) -> Backtest:
        first_us = supply.first_us()
        if first_us is None:
            raise nothing_recorded(self.recording, self.open_recording())
        clock = MarketClock(start_us=first_us if start_us is None else start_us)
        play = _Play(self.strategy, supply, clock)
        try:
            with seeded(self.seed), _quiet_beside_another_loop():
                trio.run(play.run, clock=clock, instruments=[clock])
        except Exception as error:
            error.add_note(f"at market time {spelled(clock.now_us)}, in the backtest of {supply.name}")
            raise
        return play.result()


class _Play:
    """What happens inside of Trio."""

    def __init__(self, strategy: Strategy, supply: Supply, clock: MarketClock) -> None:
        self.has_returned = False
        self._function = _of_a_stream(strategy.function) if strategy.inline else strategy.function
        self._params = strategy.params
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


def _of_a_stream(function: Callable[..., object]) -> Function:
    """Return what calls a plain function with each tick."""

    async def each(ticks: Ticks, **params: Any) -> None:
        async for tick in ticks:
            function(tick, **params)

    return each


@contextmanager
def _quiet_beside_another_loop() -> Iterator[None]:
    """Let Trio not warn where asyncio, as under a notebook, wakes for signals in its own way; it gets that back."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "It looks like Trio's signal handling code", RuntimeWarning)
        yield
