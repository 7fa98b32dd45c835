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
from trio_ticks.core.ages import Ages
from trio_ticks.core.ledger import JournalLedger
from trio_ticks.core.recording import Entry, Recorder
from trio_ticks.core.saving import Saving
from trio_ticks.errors import JournalError, JournalFullError
from trio_ticks.model import Record, Status
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
    # A limiter of its own: threads that the user's code has filled with other things do not hold the disk up.
    return await trio.to_thread.run_sync(function, *args, limiter=trio.CapacityLimiter(1))


@attrs.frozen
class JournalStatistics:
    """The journal at one instant.

    Attributes:
        path: The file.
        state: ``writing``, ``holding`` while it takes nothing and ticks wait for it, ``lossy`` while ticks are left
            out of it, or ``ended``.
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
    ages: Ages = attrs.field(factory=Ages)
    committed: trio.Event = attrs.field(factory=trio.Event)
    _news: trio.Event = attrs.field(factory=trio.Event)
    _room: trio.Event = attrs.field(factory=trio.Event)
    _last_call: trio.Event = attrs.field(factory=trio.Event)
    _ended: bool = False
    _is_refused: bool = False

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
            self._say(logging.CRITICAL, "journal", "ticks are left out of the journal until it has caught up")
        self._news.set()

    def end(self) -> None:
        """Nothing more will come."""
        self._last_call.set()
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
        state = "lossy" if self.recorder.is_lossy else "holding" if self._is_refused else "writing"
        state = "ended" if self._ended else state
        return JournalStatistics(str(self.journal.path), state, self.position, self.total_ticks, self.last_error)

    async def run(self) -> None:
        """Write until nothing more comes and all is written, or left out inside a gap.

        Cancellation:
            At any await; a commit that has begun is finished. What was queued stays counted as such.
        """
        try:
            while await self._turn():
                pass
        finally:
            self._ended = True
            self._room.set()
            self._wake()

    async def _turn(self) -> bool:
        """Wait for something to write, and write it; return whether there may be more."""
        is_last = self._last_call.is_set()
        if not is_last:
            await self._wait_for_work()
        entries = self.recorder.take()
        if not entries:
            return not is_last
        try:
            await self._commit(entries, reserved=is_last and self.recorder.is_writing_gap)
        except JournalError as error:
            return await self._refused(error, is_last=is_last)
        self._accepted(is_last=is_last)
        return True

    async def _wait_for_work(self) -> None:
        if not self.recorder.has_work:
            await self._news.wait()
        self._news = trio.Event()
        with trio.move_on_after(self.linger_s):
            await self._last_call.wait()

    async def _commit(self, entries: Sequence[Entry], *, reserved: bool) -> None:
        marks: dict[str, bytes] = {}
        # What is kept for the last gap is no room for all that the sequencer remembers. Without any of these marks
        # the next start finds those before, which is no less true.
        for entry in () if reserved else entries:
            marks.update(entry.marks)
        batches = [entry.records for entry in entries]
        now_us = self.now_us()
        done = await self.run_sync(
            lambda: self.journal.commit(_packed(batches), now_us=now_us, marks=marks, reserved=reserved)
        )
        self.position, self.total_ticks = done.last_position, self.total_ticks + done.ticks
        self._note_ages(entries)
        self.settled(marks)
        self._wake()

    def _note_ages(self, entries: Sequence[Entry]) -> None:
        now_us = self.now_us()
        for entry in entries:
            if entry.ticks:
                self.ages.note_batch(entry.records, entry.ticks, now_us)

    def _wake(self) -> None:
        self.committed.set()
        self.committed = trio.Event()

    def _accepted(self, *, is_last: bool) -> None:
        gap = self.recorder.written()
        self._room.set()
        if self.recorder.is_lossy:
            return  # what was queued before is written; it lacks what comes behind
        if gap is not None or self._is_refused:
            lacks = f"{gap.missed:,} ticks" if gap is not None else "none"
            began = "the journal ends" if is_last else "the journal takes ticks again"
            self._say(logging.WARNING, "resumed", f"{began}; it lacks {lacks}")
        self._is_refused = False

    async def _refused(self, error: JournalError, *, is_last: bool) -> bool:
        """Hold what was taken, or leave it out; return whether there is to be another attempt."""
        was_gap, is_full = self.recorder.is_writing_gap, isinstance(error, JournalFullError)
        # What another attempt may not help against is left out at once: it would hold up all that follows.
        self.recorder.failed("full" if is_full else "journal", keep=is_full and not is_last)
        self.last_error = str(error)
        if not self._is_refused:
            self._is_refused = True
            self._say(logging.CRITICAL, "journal", f"the journal takes nothing: {error}")
            if self.when_full == "stop":
                self.fail(error)
        if not is_last:
            with trio.move_on_after(AGAIN_S):
                await self._last_call.wait()
            return True
        if self.when_full == "block":
            await trio.sleep(AGAIN_S)
            return True
        return not was_gap  # the gap has one attempt, with the room that is kept for it

    def _say(self, level: int, status: str, words: str) -> None:
        log.log(level, "%s", words)
        self.tell(Status(status, self.now_us(), words, source="journal"))


def _packed(batches: Sequence[Sequence[Record]]) -> list[list[Record]]:
    """Return the same records in fewer and fuller batches."""
    packed: list[list[Record]] = []
    for batch in batches:
        if packed and len(packed[-1]) + len(batch) <= BATCH_TICKS:
            packed[-1].extend(batch)
        elif batch:
            packed.append(list(batch))
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
        """Hand on the last records, and all marks of a clean stop. Strategies may still decide something."""
        self.writer.offer(records, self.saving.last())
