"""From what the lines report to the one order of records that everybody sees.

Lines send events through one channel: a session went live, it brought ticks, it ended, symbols are not wanted any
longer, notices for people, and clocks while nothing else moves the time that timers follow. A feed that another
engine fills sends batches that are sequenced already. `Intake` is the pure half of the task that takes them: it asks
each feed's `Sequencer` what may be delivered, the feed's `Coverage` which gaps are now known, and keeps the counts.
The driver calls, in this order and without an await between a call and the use of what it returns:

* `handle(event, now_us)` for every event;
* `advance(now_us)` when `next_release_us` is reached;
* `finish(now_us)` once, after the last event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import attrs

from trio_ticks.core.coverage import Coverage
from trio_ticks.core.ledger import Inbox, Ledger
from trio_ticks.core.relaying import PLACE, Place, Relayed
from trio_ticks.core.sequencer import Sequencer
from trio_ticks.model import Clock, Record, Status, Tick


@attrs.frozen(cache_hash=True)  # looked up for every arrival
class Session:
    """One subscribed lifetime of one connection.

    Attributes:
        feed: The feed's name.
        source: The line it runs on, such as ``alltick/stock 0A``.
        number: 1, 2, … over the life of the engine.
    """

    feed: str
    source: str
    number: int


@attrs.frozen
class Live:
    """A session's first frame after the vendor acknowledged these symbols: from now on it covers them, too."""

    session: Session
    symbols: tuple[str, ...]
    at_us: int


@attrs.define  # not frozen, which triples the constructor: one is built for every read of a socket
class Arrival:
    """What one read of a socket brought: ticks in their order, and a reason for each one that is unusable."""

    session: Session
    ticks: Sequence[Tick]
    rejected: Sequence[str] = ()

    @property
    def size(self) -> int:
        """How many ticks arrived, usable or not."""
        return len(self.ticks) + len(self.rejected)


@attrs.frozen
class Ended:
    """A session is over. It covered its symbols until ``until_us``, if it ever was live."""

    session: Session
    until_us: int
    cause: str


@attrs.frozen
class Dropped:
    """These symbols are not wanted any longer."""

    feed: str
    symbols: tuple[str, ...]


@attrs.frozen
class Notice:
    """Something that consumers should be told."""

    status: Status


Event: TypeAlias = Live | Arrival | Relayed | Ended | Dropped | Notice | Clock


class Intake:
    """Turns events into records, for all feeds of an engine.

    Args:
        sequencers: One for each feed, by name.
        inbox: The count that the lines keep of what they have sent.
        coverage: One for each feed, by name. None: nothing was covered before.
    """

    def __init__(
        self,
        *,
        sequencers: Mapping[str, Sequencer],
        inbox: Inbox,
        coverage: Mapping[str, Coverage] | None = None,
    ) -> None:
        self._sequencers = sequencers
        self._coverage = coverage or {feed: Coverage(feed=feed) for feed in sequencers}
        self._covered_anew = False
        self._inbox = inbox
        self._relayed = 0
        self._places: dict[str, Place] = {}
        self._unusable = 0
        self._refused: dict[str, Mapping[str, int]] = {}
        self._told: dict[str, dict[str, int]] = {}

    @property
    def next_release_us(self) -> int | None:
        """When a held tick is due, so that `advance` must be called; None while nothing is held."""
        due = [due_us for s in self._sequencers.values() if (due_us := s.next_release_us) is not None]
        return min(due, default=None)

    @property
    def uncovered(self) -> dict[str, tuple[str, ...]]:
        """By feed, the symbols that were covered once and are not now."""
        return {feed: lost for feed, coverage in self._coverage.items() if (lost := coverage.lost)}

    def handle(self, event: Event, now_us: int) -> list[Record]:
        """Take one event; return the records that may be delivered now, in order."""
        if isinstance(event, Arrival):
            return self._arrived(event, now_us)
        if isinstance(event, Relayed):
            return self._take_over(event)
        self._covered_anew = self._covered_anew or not isinstance(event, Clock)
        if isinstance(event, Live):
            coverage = self._coverage[event.session.feed]
            return list(coverage.live(event.session, event.symbols, event.at_us))
        if isinstance(event, Ended):
            self._sequencers[event.session.feed].end_session(event.session)
            return list(self._coverage[event.session.feed].ended(event.session, event.until_us, event.cause))
        if isinstance(event, Dropped):
            self._coverage[event.feed].dropped(event.symbols)
            return []
        return [event if isinstance(event, Clock) else event.status]

    def has_new_coverage(self) -> bool:
        """Tell whether sessions came or went, or symbols were dropped, since the last call."""
        changed, self._covered_anew = self._covered_anew, False
        return changed

    def new_places(self) -> dict[str, bytes]:
        """Return the marks of the places that feeds have reached since the last call."""
        places, self._places = self._places, {}
        return {PLACE + feed: place.save() for feed, place in places.items()}

    def advance(self, now_us: int) -> list[Record]:
        """Return the held ticks that are due."""
        return [tick for s in self._sequencers.values() for tick in s.advance(now_us)]

    def finish(self, now_us: int) -> list[Record]:
        """Release what is held and end what gaps are open: no further event will come."""
        records: list[Record] = [tick for s in self._sequencers.values() for tick in s.flush()]
        for coverage in self._coverage.values():
            records += coverage.finish(now_us)
        return records

    def ledger(self) -> Ledger:
        """Return the counts of this stage; consumers are added by the fan-out."""
        counts = [s.counts for s in self._sequencers.values()]
        return Ledger(
            received=self._inbox.received,
            accepted=self._relayed + sum(c.accepted for c in counts),
            duplicates=sum(c.duplicates for c in counts),
            rejected=self._unusable + sum(c.rejected for c in counts),
            expired=sum(c.expired for c in counts),
            late_dropped=sum(c.late_dropped for c in counts),
            held=sum(c.held for c in counts),
            inbox=self._inbox.waiting,
        )

    def _take_over(self, batch: Relayed) -> list[Record]:
        self._inbox.take(batch.ticks)
        self._relayed += batch.ticks
        self._places[batch.feed] = batch.place
        return list(batch.records)

    def _arrived(self, arrival: Arrival, now_us: int) -> list[Record]:
        session, ticks, rejected = arrival.session, arrival.ticks, arrival.rejected
        self._inbox.take(len(ticks) + len(rejected))
        records: list[Record] = []
        if ticks:
            records += self._coverage[session.feed].heard(session, ticks[-1].received_us)
            self._covered_anew |= bool(records)
        sequencer = self._sequencers[session.feed]
        refused = sequencer.rejected
        records += sequencer.push(ticks, session=session, now_us=now_us)
        if rejected or sequencer.rejected != refused:
            self._unusable += len(rejected)
            records += self._complaints(session, [*rejected, *self._newly_refused(session.feed)], now_us)
        return records

    def _newly_refused(self, feed: str) -> list[str]:
        """Return the reasons for which the feed's sequencer has refused ticks since the last time."""
        before, now = self._refused.get(feed, {}), self._sequencers[feed].counts.rejected_by
        self._refused[feed] = now
        return [reason for reason, count in now.items() if count != before.get(reason)]

    def _complaints(self, session: Session, reasons: Sequence[str], now_us: int) -> list[Record]:
        """Tell of each reason once a minute, and of so many at most: a broken vendor must not drown the ticks."""
        before = self._told.get(session.feed, {})
        recent = {reason: at_us for reason, at_us in before.items() if now_us - at_us < _REPEAT_US}
        self._told[session.feed] = recent
        records: list[Record] = []
        for reason in dict.fromkeys(reasons):
            if reason not in recent and len(recent) < _REASONS:
                recent[reason] = now_us
                records.append(Status("rejected", now_us, reason, feed=session.feed, source=session.source))
        return records


_REPEAT_US = 60_000_000
_REASONS = 16
"""Told a minute, for each feed. Feeds put the offending value into their reasons, so that hardly one repeats, and
every status takes the room of a tick in a strategy's queue. All are counted; the first few say what is wrong."""
