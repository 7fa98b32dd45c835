"""The ways in: an engine that lives as long as a block, and one stream with an engine of its own behind it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import trio

from trio_ticks.config import (
    ArchiveConfig,
    ConnectionConfig,
    EngineConfig,
    JournalConfig,
    Overflow,
    RedisFeed,
    SequencerConfig,
)
from trio_ticks.errors import EngineError
from trio_ticks.feeds.base import Feed
from trio_ticks.runtime.asking import fetch
from trio_ticks.runtime.assembly import Sinkable, assemble
from trio_ticks.runtime.calling import check_in_trio
from trio_ticks.runtime.clock import NowUs, utc_now_us
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.holding import Held
from trio_ticks.runtime.inquiry import Fetch
from trio_ticks.runtime.journaling import RunSync, in_thread
from trio_ticks.runtime.keeping import open_kept
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks
from trio_ticks.runtime.transport import OpenLink

Source: TypeAlias = Feed | RedisFeed | EngineConfig | str | Path
"""A feed object, a configuration, or the path of one."""


@asynccontextmanager
async def open_engine(
    *sources: Source,
    strategies: Iterable[Strategy | Callable[..., Any]] = (),
    connection: ConnectionConfig | None = None,
    sequencer: SequencerConfig | None = None,
    journal: JournalConfig | str | Path | None = None,
    sinks: Iterable[Sinkable] = (),
    archive: ArchiveConfig | str | Path | None = None,
    grace_s: float | None = None,
    open_link: OpenLink | None = None,
    fetch: Fetch = fetch,
    now_us: NowUs = utc_now_us,
    chance: Callable[[], float] = random.random,
    retry_first: bool = True,
    run_sync: RunSync = in_thread,
) -> AsyncIterator[Engine]:
    """Run an engine for as long as the block lasts; then stop it softly.

    Args:
        sources: Feeds, or one configuration, or the path of one.
        strategies: Functions or `Strategy` objects that live in the engine; beside those of the configuration.
        connection: For the feeds that were given as objects.
        sequencer: Identity, lateness and windows.
        journal: Where everything that is delivered is kept: a path, or all settings. The engine goes on from what is
            in it, and names the time since then as gaps.
        sinks: Where the journal is drained to, each at its own pace: settings such as `InfluxDB`, a `Sink`, or an
            async function of a batch.
        archive: Where days of the journal that are over are rolled to Parquet: a directory, or all settings.
        grace_s: How long a soft stop may take before it becomes a hard one.
        open_link: The transport of all feeds. None: what the ``connection`` of each feed says.
        fetch: One question over HTTP, to tell a mute link from a quiet market.
        now_us: The clock for receipt, in UTC microseconds.
        chance: Randomness for spreading retries.
        retry_first: Off: a feed whose very first connect fails is given up.
        run_sync: Where the engine waits for the journal's disk: in a thread, or in a simulation on the spot.

    Yields:
        The running `Engine`. Lines connect in the background: do not wait for them, iterate.

    Raises:
        ConfigError: before anything is started.
        JournalError: likewise; another engine writes the journal, or it cannot be used.
        EngineError: the engine failed for good, after everything received was handed on. The block is cancelled,
            unless it reads a stream: then the stream raises at its end. The cause is the exception group.
        Exception: what the block itself raised comes out bare, after the soft stop. If the engine failed as well,
            a note says of what.

    Cancellation:
        A hard stop: every task ends and every socket is closed, and the ledger stays exact.
    """
    check_in_trio()
    plan = assemble(
        sources,
        strategies=strategies,
        connection=connection,
        sequencer=sequencer,
        journal=journal,
        sinks=sinks,
        archive=archive,
        grace_s=grace_s,
    )
    body = Held()
    async with open_kept(plan, now_us=now_us, run_sync=run_sync) as kept:
        engine = Engine(
            plan,
            open_link=open_link,
            fetch=fetch,
            now_us=now_us,
            chance=chance,
            retry_first=retry_first,
            kept=kept,
            run_sync=run_sync,
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(engine.run, name="engine")
            with body, engine.body:
                yield engine
            engine.stop()
    failure = engine.failure()
    if failure is not None and body.error is not None and not body.holds(EngineError):
        body.error.add_note(f"Besides, the engine failed: {failure}")
    body.release()
    if failure is not None:
        raise failure


@asynccontextmanager
async def open_ticks(
    *sources: Source,
    overflow: Overflow = "drop_oldest",
    capacity: int = 10_000,
    max_age_s: float | None = None,
    **options: Any,
) -> AsyncIterator[Ticks]:
    """Open one stream of everything these feeds bring, with an engine of its own behind it.

    Args:
        sources: As for `open_engine`.
        overflow: As for `Engine.subscribe`.
        capacity: As for `Engine.subscribe`.
        max_age_s: As for `Engine.subscribe`.
        **options: All others that `open_engine` takes.
    """
    async with (
        open_engine(*sources, **options) as engine,
        engine.subscribe(overflow=overflow, capacity=capacity, max_age_s=max_age_s) as ticks,
    ):
        yield ticks
