"""The journal's writer: takes what the sequencer delivered, a few milliseconds' worth at a time, and commits it.

Strategies do not wait for it. It is told of each step's records without a wait, lingers so that a busy moment makes
one transaction in place of hundreds, and waits for the disk in a thread of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import attrs
import trio

from trio_ticks.config import WhenFull
from trio_ticks.core.ledger import JournalLedger
from trio_ticks.core.recording import Entry, Recorder
from trio_ticks.core.saving import Saving
from trio_ticks.errors import JournalError, JournalFullError
from trio_ticks.model import Gap, Record, Status
from trio_ticks.runtime.clock import NowUs
from trio_ticks.storage.journal import Journal

T = TypeVar("T")

log = logging.getLogger("trio_ticks.journal")

AGAIN_S = 1.0
"""Between attempts while the journal takes nothing. Sooner would only ask a full disk more often; every second later
is a second of ticks more in the gap."""

BATCH_TICKS = 1_024
"""In one row of the journal, so that a reader holds little at once. Fewer would compress worse."""


class RunSync(Protocol):
    """Runs a function that blocks: in a thread, or in a simulation on the spot."""

    def __call__(self, function: Callable[..., T], *args: Any) -> Awaitable[T]:
        """Return what the function returns."""
        ...


async def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Run a function in a worker thread, which is not abandoned: what was begun on the disk is finished.

    Cancellation:
        After the function has returned.
    """
    return await trio.to_thread.run_sync(function, *args)


@attrs.frozen
class JournalStatistics:
    """The journal at one instant.

    Attributes:
        path: The file.
        state: ``writing``, ``lossy`` while ticks are left out of it, or ``ended``.
        position: Of the last batch.
        total_ticks: Taken in its life.
        last_error: Why it took nothing, the last time it did not.
    """

    path: str
    state: str
    position: int
    total_ticks: int
    last_error: str


@attrs.define(eq=False)
class JournalWriter:
    """The writer's task, and what the engine tells it.

    Args:
        journal: Open; closed by whoever opened it.
        recorder: The queue.
        linger_s: How long it waits for more before it commits.
        when_full: ``gap``, ``block`` or ``stop``.
        now_us: The clock.
        run_sync: Where it waits for the disk.
        tell: Tells consumers that the journal takes nothing, or takes ticks again.
        fail: Stops the engine.
        settled: Is told of the marks that are in the journal now.
    """

    journal: Journal
    recorder: Recorder
    linger_s: float
    when_full: WhenFull
    now_us: NowUs
    run_sync: RunSync
    tell: Callable[[Status], None]
    fail: Callable[[JournalError], None]
    settled: Callable[[Mapping[str, bytes]], None]
    last_error: str = ""
    position: int = 0
    total_ticks: int = 0
    committed: trio.Event = attrs.field(factory=trio.Event)
    _news: trio.Event = attrs.field(factory=trio.Event)
    _room: trio.Event = attrs.field(factory=trio.Event)
    _over: bool = False
    _ended: bool = False
    _cause: str = "journal"

    def __attrs_post_init__(self) -> None:
        self.position, self.total_ticks = self.journal.last_position, self.journal.total_ticks

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be written."""
        return self._ended

    def offer(self, records: Sequence[Record], marks: Mapping[str, bytes] | None = None) -> None:
        """Take a step's records, and the marks of the state after them. Never waits."""
        was_lossy = self.recorder.is_lossy
        self.recorder.offer(records, marks)
        if self.recorder.is_lossy and not was_lossy:
            self._cause = "overflow"
            log.critical("the journal is too slow: ticks are left out of it until it has caught up")
        self._news.set()

    def end(self) -> None:
        """Nothing more will come."""
        self._over = True
        self._news.set()

    async def wait_room(self) -> None:
        """Wait while the queue is full.

        Cancellation:
            At any await; nothing was queued.
        """
        while self.recorder.is_full and not self._ended:
            self._room = trio.Event()
            await self._room.wait()

    async def wait_committed(self, after: int) -> None:
        """Wait until there is something behind a position, or nothing more will be."""
        while self.position <= after and not self.is_over:
            await self.committed.wait()

    async def wait_over(self) -> None:
        """Wait until nothing more will be written."""
        while not self.is_over:
            await self.committed.wait()

    def ledger(self) -> JournalLedger:
        """Return what became of the accepted ticks."""
        return self.recorder.ledger()

    def statistics(self) -> JournalStatistics:
        """Return how the journal is doing."""
        state = "ended" if self._ended else "lossy" if self.recorder.is_lossy else "writing"
        return JournalStatistics(str(self.journal.path), state, self.position, self.total_ticks, self.last_error)

    async def run(self) -> None:
        """Write until nothing more comes and all is written, or left out inside a gap.

        Cancellation:
            At any await; a commit that has begun is finished. What was queued stays counted as such.
        """
        try:
            await self._write_all()
        finally:
            self._ended = True
            self._room.set()
            self._wake()

    async def _write_all(self) -> None:
        while True:
            if not self._over and self.recorder.is_empty and not self.recorder.is_lossy:
                await self._news.wait()
                self._news = trio.Event()
            if not self._over:
                await trio.sleep(self.linger_s)
            if await self._write():
                if self._over and self.recorder.is_empty and not self.recorder.is_lossy:
                    return
            elif (self._over and self.recorder.is_empty) or self.when_full == "stop":
                return
            else:
                await trio.sleep(AGAIN_S)

    async def _write(self) -> bool:
        """Commit what is queued, or the gap; return whether the journal took it."""
        entries = self.recorder.take()
        gap = None if entries else self.recorder.gap(self._cause)
        if not entries and gap is None:
            return True
        records: list[list[Record]] = [list(entry.records) for entry in entries] if gap is None else [[gap]]
        try:
            await self._commit(records, self._marks(entries, gap), reserved=gap is not None and self._over)
        except JournalError as error:
            self._refused(entries, error)
            return False
        self.recorder.written(entries)
        self._room.set()
        if gap is not None:
            self.recorder.resumed()
            self._say("resumed", f"the journal takes ticks again; it lacks {gap.missed:,}")
        return True

    def _marks(self, entries: Sequence[Entry], gap: Gap | None) -> dict[str, bytes]:
        """Return the marks that hold once these entries, or the gap in their place, are written."""
        marks = {} if gap is None else dict(self.recorder.marks_left_out)
        for entry in entries:
            marks.update(entry.marks)
        return marks

    async def _commit(self, records: list[list[Record]], marks: Mapping[str, bytes], *, reserved: bool) -> None:
        now_us = self.now_us()
        done = await self.run_sync(
            lambda: self.journal.commit(_packed(records), now_us=now_us, marks=marks, reserved=reserved)
        )
        self.position, self.total_ticks = done.last_position, self.total_ticks + done.ticks
        self.settled(marks)
        self._wake()

    def _wake(self) -> None:
        self.committed.set()
        self.committed = trio.Event()

    def _refused(self, entries: Sequence[Entry], error: JournalError) -> None:
        is_new, self.last_error = self.last_error != str(error), str(error)
        was_lossy = self.recorder.is_lossy
        self.recorder.failed(entries)
        self._cause = "full" if isinstance(error, JournalFullError) else "journal"
        if self.when_full == "stop":
            self.fail(error)
        elif is_new or not was_lossy:
            log.critical("the journal takes nothing: %s", error)
            self._say("journal", str(error))

    def _say(self, status: str, words: str) -> None:
        self.tell(Status(status, self.now_us(), words, source="journal"))


def _packed(batches: Sequence[list[Record]]) -> list[list[Record]]:
    """Return the same records in fewer and fuller batches."""
    packed: list[list[Record]] = []
    for batch in batches:
        if packed and len(packed[-1]) + len(batch) <= BATCH_TICKS:
            packed[-1].extend(batch)
        elif batch:
            packed.append(batch)
    return packed


@attrs.define(eq=False)
class Recording:
    """What the sequencer's task does for the journal in each step: hands records on, and saves itself by turns."""

    writer: JournalWriter
    saving: Saving

    async def wait_room(self) -> None:
        """Wait while the journal is full and nothing may be left out.

        Cancellation:
            At any await; nothing is in hand.
        """
        if self.writer.when_full == "block":
            await self.writer.wait_room()

    def record(
        self, records: Sequence[Record], now_us: int, *, coverage_changed: bool, places: Mapping[str, bytes]
    ) -> None:
        """Hand on what a step delivered, and the marks that are due behind it. Never waits."""
        marks = self.saving.coverage_marks() if coverage_changed else {}
        marks.update(places)
        if self.saving.due(now_us):
            marks.update(self.saving.step(now_us))
        if records or marks:
            self.writer.offer(records, marks)

    def finish(self, records: Sequence[Record]) -> None:
        """Hand on the last records, and all marks of a clean stop."""
        self.writer.offer(records, self.saving.last())
        self.writer.end()
