"""Drainers: one task for each sink, which reads the journal at the sink's own pace and moves the sink's cursor.

A round is: read what lies behind the cursor → hand it over → get the receipt → move the cursor. Whatever ends a round
before its last step leaves the cursor where it is, and the same batch is sent again. So a sink is never ahead of its
cursor by more than the batches that it takes at once, one for most, and never behind it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

import attrs
import trio

from trio_ticks.core.ages import Ages
from trio_ticks.core.backoff import Backoff
from trio_ticks.core.ledger import SinkLedger
from trio_ticks.errors import JournalError, SinkRejectedError
from trio_ticks.model import ticks_in
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.groups import words_of
from trio_ticks.runtime.journaling import JournalWriter, RunSync
from trio_ticks.runtime.portions import Portion, portions_of, readable
from trio_ticks.runtime.sinks import AnySink, Delivery, Refused, SinkBatch
from trio_ticks.storage import payload
from trio_ticks.storage.journal import Cursors, CursorState, DeadLetter, JournalReader, NewDeadLetter

T = TypeVar("T")

log = logging.getLogger("trio_ticks.sink")

FIRST_S = 0.5
MOST_S = 30.0
"""Between attempts at a sink that does not take anything: it doubles from the first to the most. Longer would let a
database that is back wait for the data; shorter adds to the load of one that is not."""

ROWS = 64
"""Of the journal in one reading: with full batches as much as a sink takes in a second, in a few megabytes."""


@attrs.frozen
class SinkStatistics:
    """A sink at one instant.

    Attributes:
        name: Its name.
        state: ``draining``, ``waiting`` for something to send, ``holding`` because the sink takes nothing or the
            journal cannot be read or its cursor not moved, or ``ended``.
        position: Everything up to this batch of the journal is settled.
        ledger: Where the journal's ticks are, as far as this sink goes.
        lag_s: The age, since receipt, of the oldest tick that it has not; 0.0 where it has all.
        attempts: Batches handed over, again or for the first time.
        failures: How many of these came to nothing.
        last_error: The reason of the latest.
    """

    name: str
    state: str
    position: int
    ledger: SinkLedger
    lag_s: float
    attempts: int
    failures: int
    last_error: str


@attrs.define(eq=False)
class Drainer:
    """The drainer of one sink; `run` is its task.

    Args:
        sink: Where to.
        cursors: A connection of its own.
        reader: A connection of its own.
        writer: Tells when there is more.
        state: Where the sink's cursor stands, before anything is written.
        now_us: The clock.
        run_sync: Where it waits for the disk.
        chance: Returns a number in [0, 1) to spread retries with.
    """

    sink: AnySink
    cursors: Cursors
    reader: JournalReader
    writer: JournalWriter
    state: CursorState
    now_us: NowUs
    run_sync: RunSync
    chance: Callable[[], float]
    ages: Ages = attrs.field(factory=Ages)
    _base: int = 0
    _oldest_us: int | None = None
    _doing: str = "waiting"
    _attempts: int = 0
    _failures: int = 0
    _last_error: str = ""
    _backoff: Backoff = attrs.field(factory=lambda: Backoff(first_s=FIRST_S, max_s=MOST_S, healthy_s=0.0))

    def __attrs_post_init__(self) -> None:
        self._base = self.writer.total_ticks - self.state.appended

    async def run(self) -> None:
        """Drain until the journal is over and all of it was handed over; a sink that takes nothing is not waited for.

        Cancellation:
            At any await; the cursor stands where the last receipt left it.
        """
        try:
            async with self.sink.open() as delivery:
                while await self._round(delivery):
                    pass
        finally:
            self._doing = "ended"

    def statistics(self) -> SinkStatistics:
        """Return how the sink is doing."""
        ledger, state, now_us = self.ledger(), self.state, self.now_us()
        since_us = self._oldest_us or state.oldest_pending_us or now_us
        return SinkStatistics(
            name=self.sink.name,
            state=self._doing,
            position=state.position,
            ledger=ledger,
            lag_s=max(0.0, (now_us - since_us) / 1e6) if ledger.pending else 0.0,
            attempts=self._attempts,
            failures=self._failures,
            last_error=self._last_error,
        )

    def ledger(self) -> SinkLedger:
        """Return where the journal's ticks are, as far as this sink goes."""
        state = self.state
        appended = self.writer.total_ticks - self._base
        settled = state.stored + state.dead_lettered + state.discarded
        return SinkLedger(appended, state.stored, state.dead_lettered, state.discarded, appended - settled)

    async def _round(self, delivery: Delivery) -> bool:
        """Hand over what there is; return whether there may be more."""
        if self.state.letters and not await self._retry(delivery):
            return False
        portions = await self._with_journal(self._read)
        if portions is None:
            return False
        if not await self._hand_over(delivery, portions):
            return False
        if not portions:
            if self.writer.is_over and self.writer.position <= self.state.position:
                return False
            self._doing = "waiting"
            await self.writer.wait_committed(self.state.position)
        return True

    def _read(self) -> list[tuple[Portion, SinkBatch]]:
        state = self.state
        # What the writer does not know of yet is not counted as appended either.
        batches = readable(self.reader, after=state.position, last=self.writer.position, limit=ROWS)
        portions = portions_of(
            batches,
            after=state.position,
            passed_ticks=self._base + state.stored + state.dead_lettered + state.discarded + state.retrying,
            kinds=self.sink.kinds,
            batch_ticks=self.sink.batch_ticks,
        )
        found = [(portion, SinkBatch(portion.position, portion.parts, portion.kinds)) for portion in portions]
        if not self.sink.reads_payloads:
            for _, batch in found:
                batch.decode()
        return found

    async def _hand_over(self, delivery: Delivery, portions: Iterable[tuple[Portion, SinkBatch]]) -> bool:
        """Hand portions over, as many at once as the sink takes, and move the cursor over each in their order.

        Return whether all are settled; they are not where the engine stops meanwhile.
        """
        slots = trio.Semaphore(self.sink.in_flight)
        before = trio.Event()
        before.set()
        async with trio.open_nursery() as nursery:
            for portion, batch in portions:
                await slots.acquire()
                turn = _Turn(before, slots, nursery.cancel_scope)
                nursery.start_soon(self._drain, delivery, portion, batch, turn)
                before = turn.after
        return not nursery.cancel_scope.cancel_called

    async def _drain(self, delivery: Delivery, portion: Portion, batch: SinkBatch, turn: _Turn) -> None:
        if turn.before.is_set():
            self._oldest_us = portion.received_us
        refused = await self._deliver(delivery, batch, turn.before) if batch.parts else []
        await turn.before.wait()
        if refused is None or not await self._settle_portion(portion, batch, refused):
            turn.scope.cancel("the journal is over")
            return
        turn.after.set()
        turn.slots.release()

    async def _settle_portion(self, portion: Portion, batch: SinkBatch, refused: Sequence[Refused]) -> bool:
        dead = [*portion.lost, *(_dead_letter(batch, item) for item in refused)]
        stored = portion.ticks - portion.discarded - sum(letter.ticks for letter in dead)
        settle = partial(
            self.cursors.settle,
            self.sink.name,
            portion.position,
            now_us=self.now_us(),  # here: a simulation's clock knows no threads
            stored=stored,
            dead=dead,
            discarded=portion.discarded,
        )
        if not await self._settle(settle):
            return False
        if stored:
            self.ages.note(self.now_us() - portion.received_us, stored)
        return True

    async def _retry(self, delivery: Delivery) -> bool:
        """Send dead letters again that somebody has asked for."""
        letters = await self._with_journal(lambda: self.cursors.retrying(self.sink.name))
        for letter in letters or ():
            batch = SinkBatch(letter.position, [(letter.position, letter.payload)], self.sink.kinds, letter.place)
            try:
                batch.decode()
            except JournalError:
                refused: Sequence[Refused] | None = [Refused(0, letter.reason)]
            else:
                refused = await self._deliver(delivery, batch, None)
            if refused is None:
                return False
            reasons = [item.reason for item in refused]
            if not await self._settle(partial(self._settle_retry, letter, reasons)):
                return False
        return letters is not None

    def _settle_retry(self, letter: DeadLetter, reasons: Sequence[str]) -> CursorState:
        if reasons:
            return self.cursors.settle_retries(self.sink.name, dead={letter.id: reasons[0]})
        return self.cursors.settle_retries(self.sink.name, stored=(letter.id,))

    async def _settle(self, settle: Callable[[], CursorState]) -> bool:
        """Move the cursor; return whether it did. Where it did not, what was handed over is once more, later."""
        state = await self._with_journal(settle)
        if state is None:
            return False
        self.state, self._oldest_us = state, state.oldest_pending_us
        return True

    async def _with_journal(self, deed: Callable[[], T]) -> T | None:
        """Do something with the journal until it succeeds; None where the engine stops meanwhile."""
        while True:
            try:
                return await self.run_sync(deed)
            except JournalError as error:
                if not await self._hold(error):
                    return None

    async def _deliver(
        self, delivery: Delivery, batch: SinkBatch, before: trio.Event | None
    ) -> Sequence[Refused] | None:
        """Hand a batch over until it is taken or refused; None where the engine stops meanwhile.

        What fails while an earlier one is under way waits for that one, so that a sink that is down is asked once.
        """
        while True:
            self._attempts += 1
            if self._doing == "waiting":  # a sink that is down stays so until it takes something
                self._doing = "draining"
            try:
                refused = await delivery.deliver(batch)
            except SinkRejectedError as error:
                refused = [Refused(index, str(error)) for index in range(len(batch.records))]
            except Exception as error:  # noqa: BLE001 - user's code: what it did not take is kept and sent again
                if before is not None and not before.is_set():
                    await before.wait()
                elif not await self._hold(error):
                    return None
                continue
            self._took(refused)
            return refused

    async def _hold(self, error: Exception) -> bool:
        """Wait before the next attempt; return whether there is to be one."""
        words = words_of(error)
        if self._doing != "holding" or words != self._last_error:
            named = {"event": "sink held up", "sink": self.sink.name, "reason": words}
            text = "sink %s is held up, its ticks wait in the journal: %s"
            log.warning(text, self.sink.name, words, extra={"fields": named})
        self._doing, self._last_error = "holding", words
        self._failures += 1
        if self.writer.is_over:
            return False
        pause_s = self._backoff.after(None, self.chance())
        with trio.move_on_after(max(pause_s, getattr(error, "after_s", 0.0))):
            await self.writer.wait_over()
            return False
        return True

    def _took(self, refused: Sequence[Refused]) -> None:
        if self._doing == "holding":
            named = {"event": "sink takes ticks", "sink": self.sink.name}
            log.warning("sink %s takes ticks again", self.sink.name, extra={"fields": named})
        self._doing = "draining"
        self._backoff.after(0.0, 0.0)
        if refused:
            count, reason = len(refused), refused[0].reason
            named = {"event": "sink refuses", "sink": self.sink.name, "records": str(count), "reason": reason}
            log.error(
                "sink %s refuses %d records for good: %s", self.sink.name, count, reason, extra={"fields": named}
            )


@attrs.frozen(eq=False)
class _Turn:
    """A portion's place among those that are under way.

    Attributes:
        before: Set once the one before it is settled.
        slots: For so many at once.
        scope: Of all of them.
        after: Set once it is settled.
    """

    before: trio.Event
    slots: trio.Semaphore
    scope: trio.CancelScope
    after: trio.Event = attrs.field(factory=trio.Event)


def _dead_letter(batch: SinkBatch, refused: Refused) -> NewDeadLetter:
    position, place = batch.places[refused.index]
    record = batch.records[refused.index]
    return NewDeadLetter(position, place, refused.reason, payload.encode([record]), ticks_in([record]))
