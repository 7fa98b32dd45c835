"""`replay`: one strategy on one recording, and what came of it."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import trio

from trio_ticks.core.instants import Instant
from trio_ticks.core.ledger import ConsumerLedger
from trio_ticks.model import Gap, Signal
from trio_ticks.replay.ahead import pulled_ahead, pulled_at_once
from trio_ticks.replay.keeping import Keeper, open_keeper
from trio_ticks.replay.pace import Pace
from trio_ticks.replay.performing import Performed, perform
from trio_ticks.replay.playback import Playback
from trio_ticks.replay.sources import Recorded, Recording, not_seen, nothing_recorded, recording_of
from trio_ticks.runtime.calling import check_call, check_in_trio
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.storage.reading import OnProgress
from trio_ticks.storage.reading.sightings import Sightings

log = logging.getLogger("trio_ticks.replay")

PATIENCE_S = 60.0
"""How long a strategy may ask for nothing. Less would give up one that asks a slow service about each tick; more
leaves whoever watches a replay that hangs without a word."""


@attrs.frozen(kw_only=True)
class Replayed:
    """What came of a replay.

    Attributes:
        value: What the strategy's function returned.
        signals: Its decisions, in order.
        gaps: Those that it was handed.
        ledger: What became of the ticks that were read. A strategy that returns early leaves the rest unread.
        ticks: How many it was handed.
        failures: How often it raised and was started again.
    """

    value: Any
    signals: tuple[Signal, ...]
    gaps: tuple[Gap, ...]
    ledger: ConsumerLedger
    ticks: int
    failures: int


async def replay(
    strategy: Strategy | Callable[..., Any],
    source: Recorded,
    *,
    symbols: Sequence[str] | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    speed: float | None = None,
    params: Mapping[str, Any] | None = None,
    name: str | None = None,
    output: str | os.PathLike[str] | None = None,
    patience_s: float | None = PATIENCE_S,
    on_signal: Callable[[Signal], object] | None = None,
    on_progress: OnProgress | None = None,
    now_us: int | None = None,
) -> Replayed:
    """Run a strategy on what was recorded, as it would run live.

    It is handed the same records in the same order as the engine delivered them, gaps and statuses included, and none
    is dropped: the recording waits for the strategy. Its time is `Ticks.now_us`, `Ticks.sleep` and `Ticks.every`; one
    that raises is started again as it is live, without the pause.

    Args:
        strategy: An async function of a `Ticks`, or a `Strategy`. Its ``overflow``, ``capacity`` and ``max_age_s``
            speak of live queues and have no meaning here.
        source: The path of a journal, also one that is being written, of an archive, or of a ``.csv``, ``.jsonl`` or
            ``.parquet`` file; an `InfluxDB`; what `trio_ticks.read` returns; or lists of records.
        symbols: Only these, and what concerns all symbols of a feed. None: the strategy's, or all.
        start: From this instant of event time on: ISO 8601, ``-12h`` and the like, microseconds, or a ``datetime``.
        end: Before this one.
        speed: 1.0: as recorded; 60.0: a minute in a second. None: as fast as the strategy asks.
        params: Passed to the function by keyword, in place of the strategy's own.
        name: What the strategy is called. None: as it calls itself.
        output: Where to keep what it was handed and what it decided, as a new journal. None: nowhere.
        patience_s: A strategy that asks for nothing for so long, of Trio's clock, is given up. None: never.
        on_signal: Called with each decision.
        on_progress: Is told how far it is, and how far it goes.
        now_us: What relative instants count from. None: the present.

    Raises:
        ConfigError: an argument cannot be, the strategy has no such parameter, a file holds what is no record or is
            out of order, or nothing of what is asked for was recorded.
        JournalError: the journal cannot be read, or ``output`` not be written.
        SinkError: InfluxDB does not answer.
        StrategyError: the strategy failed for good, or asked for nothing; its error is the cause.

    Cancellation:
        Cancels the strategy; ``output`` does not appear.
    """
    check_in_trio()
    now_us = utc_now_us() if now_us is None else now_us
    chosen = chosen_strategy(strategy, symbols=symbols, params=params, name=name)
    check_call(chosen.title, chosen.function, chosen.params, inline=chosen.inline)
    recording = recording_of(source, symbols=chosen.symbols, start=start, end=end, now_us=now_us)
    signals: list[Signal] = []
    heard: list[Callable[[Signal], object]] = [signals.append]
    if on_signal is not None:
        heard.append(on_signal)
    with contextlib.ExitStack() as stack:
        keeper: Keeper | None = None
        if output is not None:
            keeper = stack.enter_context(open_keeper(Path(output), chosen, now_us=now_us))
            heard.append(keeper.keep_signal)
        pace = None if speed is None else Pace(speed)
        unseen: set[str] = set()
        sightings = Sightings(recording.query.symbols, on_over=lambda: unseen.update(sightings.unseen))
        performed, playback, ledger = await _play(
            chosen,
            recording,
            sightings,
            functools.partial(
                Playback, name=chosen.title, pace=pace, on_taken=None if keeper is None else keeper.keep
            ),
            on_signal=lambda signal: [hear(signal) for hear in heard],
            on_progress=on_progress,
            patience_s=patience_s,
        )
        if playback.is_over and not playback.offered and playback.failure is None:
            everything = recording_of(source, now_us=now_us)
            raise await trio.to_thread.run_sync(nothing_recorded, recording, everything)
        if unseen:
            everything = recording_of(source, now_us=now_us)
            log.warning("%s", await trio.to_thread.run_sync(not_seen, recording, everything, unseen))
        if performed.error is not None:
            raise performed.error
    return Replayed(
        value=performed.value,
        signals=tuple(signals),
        gaps=tuple(playback.gaps),
        ledger=ledger,
        ticks=ledger.delivered,
        failures=performed.failures,
    )


def chosen_strategy(
    strategy: Strategy | Callable[..., Any],
    *,
    symbols: Sequence[str] | None = None,
    params: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> Strategy:
    """Return a strategy with what was said about it in place of its own.

    Raises:
        ConfigError: it is no function.
    """
    said: dict[str, Any] = {"symbols": symbols, "params": params, "name": name}
    chosen = strategy if isinstance(strategy, Strategy) else Strategy(strategy)
    return attrs.evolve(chosen, **{key: value for key, value in said.items() if value is not None})


async def _play(
    strategy: Strategy,
    recording: Recording,
    sightings: Sightings,
    playback_of: Callable[..., Playback],
    *,
    on_signal: Callable[[Signal], object],
    on_progress: OnProgress | None,
    patience_s: float | None,
) -> tuple[Performed, Playback, ConsumerLedger]:
    """Run the strategy on the recording, which is read here or ahead in a thread."""
    batches = sightings.of_records(recording.batches(on_progress=on_progress))
    if recording.is_remote:
        async with pulled_ahead(batches) as pull:
            playback = playback_of(pull=pull)
            performed, ticks = await perform(strategy, playback, on_signal=on_signal, patience_s=patience_s)
    else:
        with contextlib.closing(batches):  # a strategy that returns early leaves a journal open otherwise
            playback = playback_of(pull=pulled_at_once(batches))
            performed, ticks = await perform(strategy, playback, on_signal=on_signal, patience_s=patience_s)
    return performed, playback, ticks.ledger()
