"""The journal's side of an engine, opened before anything runs and closed after everything has ended."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial

import attrs
import trio

from trio_ticks.config import ArchiveConfig, JournalConfig
from trio_ticks.core.saving import tail_marks
from trio_ticks.runtime.assembly import EnginePlan
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.journaling import RunSync
from trio_ticks.runtime.recovery import Recovered, fresh, recover
from trio_ticks.runtime.sinks import AnySink
from trio_ticks.storage.archive import CURSOR
from trio_ticks.storage.arrow import pyarrow_or_refuse
from trio_ticks.storage.journal import Cursors, CursorState, Journal, JournalReader

log = logging.getLogger("trio_ticks.journal")


@attrs.frozen
class Drain:
    """A sink with its own connections to the journal, and where its cursor stands."""

    sink: AnySink
    cursors: Cursors
    reader: JournalReader
    state: CursorState


@attrs.frozen
class Kept:
    """An open journal, what it knows, and its sinks."""

    config: JournalConfig
    journal: Journal
    drains: Sequence[Drain]
    recovered: Recovered
    archive: ArchiveConfig | None
    archive_cursors: Cursors | None


@asynccontextmanager
async def open_kept(plan: EnginePlan, *, now_us: NowUs, run_sync: RunSync) -> AsyncIterator[Kept | None]:
    """Open the journal of a plan, if it has one, and read what the engine goes on from.

    Raises:
        JournalError: it cannot be opened, another engine writes it, or it does not fit the feeds.

    Cancellation:
        At any await; what was opened is closed.
    """
    if plan.journal is None:
        yield None
        return
    stack = ExitStack()
    try:
        yield await run_sync(partial(_open, plan, plan.journal, stack, now_us()))
    finally:
        # The log is carried over into the file, which may take a moment. Cut short, it would leave the lock with a
        # process that goes on.
        with trio.CancelScope(shield=True):
            await run_sync(stack.close)


def _open(plan: EnginePlan, config: JournalConfig, stack: ExitStack, now_us: int) -> Kept:
    journal = stack.enter_context(
        Journal.open(
            config.path,
            now_us=now_us,
            fsync=config.fsync,
            max_size_bytes=config.max_size,
            free_floor_bytes=config.min_free,
        )
    )
    for damage in journal.damage:
        log.critical("the journal %s is damaged at its end: %s", journal.path, damage.reason)
    journal.guards = tail_marks(feed.name for feed in plan.feeds)
    drains = [_drain(sink, journal, stack, now_us) for sink in plan.sinks]
    return Kept(
        config,
        journal,
        drains,
        recover(journal, plan.feeds),
        plan.archive,
        None if plan.archive is None else _archive_cursors(journal, stack, now_us),
    )


def _archive_cursors(journal: Journal, stack: ExitStack, now_us: int) -> Cursors:
    """Return the archive's end of the journal, from whose beginning on retention waits for it."""
    pyarrow_or_refuse()
    cursors = stack.enter_context(journal.open_cursors())
    cursors.start(CURSOR, now_us=now_us)
    return cursors


def _drain(sink: AnySink, journal: Journal, stack: ExitStack, now_us: int) -> Drain:
    cursors = stack.enter_context(journal.open_cursors())
    reader = stack.enter_context(JournalReader(journal.path))
    return Drain(sink, cursors, reader, cursors.start(sink.name, now_us=now_us))


def recovered_of(plan: EnginePlan, kept: Kept | None) -> Recovered:
    """Return what an engine goes on from, with a journal or without."""
    return fresh(plan.feeds) if kept is None else kept.recovered
