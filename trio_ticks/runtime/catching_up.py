"""From the journal over to the live queue, without a seam.

A strategy with ``since`` reads the journal by position, also what is written there while it reads, and lets nothing
queue up: however slow it is, nothing overflows. Once it has read all that is committed, it goes live, in one step
without an await: what the journal's writer was given and has not committed yet lies in memory in that order, and is
taken over; what comes from then on goes into its mailbox. The sequencer gives each record to the consumers and to the
writer in one such step, too, so each record is on exactly one side.

Nobody waits for the disk at the seam. A journal that takes nothing, or is being left out of, holds nobody up: what is
left out stands in what was taken over as a gap, as far as it goes by then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import attrs
import trio

from trio_ticks.core.ages import Ages
from trio_ticks.core.inband import greatest_us
from trio_ticks.core.ledger import ConsumerLedger
from trio_ticks.errors import TrioTicksError
from trio_ticks.model import Record, Signal, ticks_in
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.desk import Desk
from trio_ticks.runtime.history import History
from trio_ticks.runtime.journaling import JournalWriter, RunSync
from trio_ticks.runtime.mailbox import Mailbox
from trio_ticks.runtime.stream import Ticks


class CatchUp:
    """The `Source` of a strategy's stream that begins before its start.

    Args:
        mailbox: Its live queue, still empty.
        history: What the journal holds for it.
        writer: The journal's.
        run_sync: Where it waits for the disk.
    """

    def __init__(self, *, mailbox: Mailbox, history: History, writer: JournalWriter, run_sync: RunSync) -> None:
        self._mailbox = mailbox
        self._history = history
        self._writer = writer
        self._run_sync = run_sync
        self._position = 0  # of the journal: read up to here
        self._looked = 0  # and looked at
        self._ahead: deque[Sequence[Record]] = deque()  # taken over from the writer
        self._offered = 0
        self._newest_us = 0
        self._asked: list[int] = []
        self._desk: Desk | None = None
        self._is_live = self._is_given_up = self._is_over = False
        self._turn = trio.Lock()
        self._news = trio.Event()

    # ---- what a stream asks of its source

    @property
    def name(self) -> str:
        """The strategy's name."""
        return self._mailbox.name

    @property
    def offered(self) -> int:
        """Ticks that were read for it, and those that came live."""
        return self._offered + self._mailbox.offered

    @property
    def dropped(self) -> int:
        """Ticks that did not fit, live."""
        return self._mailbox.dropped

    @property
    def queued(self) -> int:
        """Ticks that can be taken without reading the journal."""
        return self._mailbox.queued + sum(map(ticks_in, self._ahead))

    async def take(self) -> Sequence[Record]:
        """Return the next records, from the journal, or live once all of it was read.

        Raises:
            TrioTicksError: the failure that ended the stream, after everything before it was taken; or the journal
                cannot be read.

        Cancellation:
            At any await; records are either returned or still to be taken.
        """
        if not self._is_live or self._ahead:
            await trio.lowlevel.checkpoint()
            async with self._turn:
                while not self._is_live and not self._is_given_up:
                    if records := await self._read_on():
                        return records
            if self._ahead:
                return self._ahead.popleft()
        return await self._mailbox.take()

    async def look_beyond(self, due_us: int) -> bool:
        """Return whether a record beyond an instant has come; if not, only after something else has. Takes nothing.

        Raises:
            trio.EndOfChannel: none has, and nothing more will come.
            JournalError: the journal cannot be read.
        """
        if self.newest_us > due_us:
            await trio.lowlevel.cancel_shielded_checkpoint()
        elif self._is_live:
            return await self._mailbox.look_beyond(due_us)
        elif not self._is_known:
            await self._look_on()
        elif self._is_over or self._is_given_up:
            await trio.lowlevel.cancel_shielded_checkpoint()
            raise trio.EndOfChannel
        else:
            self._news = trio.Event() if self._news.is_set() else self._news
            await self._news.wait()
        return self.newest_us > due_us

    def end(self) -> None:
        """Give up: the strategy takes no more."""
        self._is_given_up = True
        self._mailbox.end()
        self._news.set()

    # ---- what the engine does with it

    def offer(self, records: Sequence[Record]) -> None:
        """Take note of what came, which the journal will have; once live, put it into the queue. Never waits."""
        if self._is_live:
            self._mailbox.offer(records)
        elif wanted := self._history.wanted.of(records):
            self._newest_us = max(self._newest_us, greatest_us(wanted))
            self._news.set()

    def finish(self, failure: TrioTicksError | None) -> None:
        """Say that nothing more will come. What the journal has can still be read."""
        self._is_over = True
        self._mailbox.end(failure)
        self._news.set()

    @property
    def newest_us(self) -> int:
        """How far what has come, and of the past what was looked at, moves in-band time."""
        return max(self._newest_us, self._mailbox.newest_us) if self._is_live else self._newest_us

    def fronting(self, desk: Desk) -> Desk:
        """Return a desk that asks this one for no clock while what the past holds may still pass the instant."""
        self._desk = desk
        return _LateDesk(desk, self)

    def wake_at(self, due_us: int) -> None:
        """Ask the desk for a clock, or keep the question until the past is known."""
        if self._is_known and self._desk is not None:
            self._desk.wake_at(due_us)
        else:
            self._asked.append(due_us)

    def judging(self, now_us: NowUs) -> NowUs:
        """Return the clock by which the age of prices is judged: nothing of the past is too old to be shown."""
        return lambda: now_us() if self._is_live and not self._ahead else 0

    # ---- inside

    @property
    def _is_known(self) -> bool:
        """Whether all of the past was read, or looked at. What came since was noted as it came."""
        return self._is_live or max(self._position, self._looked) >= self._history.before

    async def _read_on(self) -> Sequence[Record]:
        """Return the next page of the journal, perhaps an empty one; behind the last one go live."""
        if self._position >= self._writer.position:
            self._go_live()
            return ()
        page = await self._run_sync(self._history.page, self._position, self._writer.position)
        if self._is_given_up:  # what was queued has been counted as dropped, and this was not queued
            return ()
        self._position = page.position
        self._offered += ticks_in(page.records)
        self._note(page.records)
        return page.records

    async def _look_on(self) -> None:
        page = await self._run_sync(self._history.page, max(self._position, self._looked), self._history.before)
        self._looked = max(self._looked, page.position)
        self._note(page.records)

    def _go_live(self) -> None:
        """Take over what the writer holds; from here on the queue fills. No await in here."""
        self._is_live = True
        for records in self._writer.recorder.pending():
            if shown := self._history.shown(list(records)):
                self._ahead.append(shown)
                self._offered += ticks_in(shown)
        self._note(())
        self._news.set()

    def _note(self, records: Sequence[Record]) -> None:
        """Note how far time has got; ask for the clocks that were not passed by the past, once it is known."""
        self._newest_us = max(self._newest_us, greatest_us(records))
        self._asked = [due_us for due_us in self._asked if due_us >= self._newest_us]
        if self._is_known and self._desk is not None:
            asked, self._asked = self._asked, []
            for due_us in asked:
                self._desk.wake_at(due_us)


@attrs.frozen
class CatchUpConsumer:
    """Such a stream as the fan-out sees it."""

    source: CatchUp
    ticks: Ticks
    ages: Ages

    @property
    def name(self) -> str:
        """The strategy's name."""
        return self.source.name

    def offer(self, records: Sequence[Record]) -> None:
        """Let the source take note of the records."""
        self.source.offer(records)

    def end(self, failure: TrioTicksError | None) -> None:
        """End the stream, after what is queued and what the journal has."""
        self.source.finish(failure)

    def ledger(self) -> ConsumerLedger:
        """Return the stream's counts."""
        return self.ticks.ledger()


@attrs.frozen
class _LateDesk:
    """The desk of a stream that may still be in the past."""

    desk: Desk
    source: CatchUp

    def keep(self, signal: Signal) -> None:
        """Keep a decision. Never waits."""
        self.desk.keep(signal)

    def wake_at(self, due_us: int) -> None:
        """Ask for a clock."""
        self.source.wake_at(due_us)
