"""The ledger: every tick that was received is somewhere, and the sums say where.

Counted in ticks, exact whenever no task is in the middle of a step (which, between two awaits, is always)::

    received = accepted + duplicates + rejected + expired + late_dropped + held + inbox
    offered  = delivered + dropped + queued                        for each consumer
    accepted = journaled + gapped + queued                         the journal; gapped: each inside a recorded gap
    appended = stored + dead_lettered + discarded + pending        for each sink, over the journal's life

The left and the right sides are counted in different places, so that an equation that holds says something.
Messages that are no ticks (unreadable, unknown) are counted apart, in messages, by the lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs


class Inbox:
    """What lines have decoded and the sequencer has not yet taken. Shared by all lines of an engine."""

    def __init__(self) -> None:
        self.received = 0
        self.waiting = 0

    def put(self, ticks: int) -> None:
        """Count ticks that a line has decoded, usable or not."""
        self.received += ticks
        self.waiting += ticks

    def take(self, ticks: int) -> None:
        """Count ticks that the sequencer has taken over."""
        self.waiting -= ticks


@attrs.frozen
class ConsumerLedger:
    """What became of the ticks that one consumer was offered."""

    offered: int = 0
    delivered: int = 0
    dropped: int = 0
    queued: int = 0

    def __add__(self, other: ConsumerLedger) -> ConsumerLedger:
        return ConsumerLedger(
            offered=self.offered + other.offered,
            delivered=self.delivered + other.delivered,
            dropped=self.dropped + other.dropped,
            queued=self.queued + other.queued,
        )


@attrs.frozen
class JournalLedger:
    """What became of the accepted ticks: written down, left out inside a gap, or not yet written."""

    journaled: int = 0
    gapped: int = 0
    queued: int = 0


@attrs.frozen
class SinkLedger:
    """What became of the ticks that the journal has taken since a sink's start; the engine's restarts included."""

    appended: int = 0
    stored: int = 0
    dead_lettered: int = 0
    discarded: int = 0
    pending: int = 0


@attrs.frozen
class Ledger:
    """A snapshot of all counts. ``consumers`` and ``sinks`` are keyed by name; without a journal it is None."""

    received: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    expired: int = 0
    late_dropped: int = 0
    held: int = 0
    inbox: int = 0
    consumers: Mapping[str, ConsumerLedger] = attrs.field(factory=dict)
    journal: JournalLedger | None = None
    sinks: Mapping[str, SinkLedger] = attrs.field(factory=dict)

    def imbalances(self) -> list[str]:
        """Return the equations that do not hold, with their figures; empty when all is accounted for."""
        wrong = []
        placed = (
            self.accepted
            + self.duplicates
            + self.rejected
            + self.expired
            + self.late_dropped
            + self.held
            + self.inbox
        )
        if self.received != placed:
            wrong.append(f"received {self.received:,} but {placed:,} are accounted for")
        for name, consumer in self.consumers.items():
            known = consumer.delivered + consumer.dropped + consumer.queued
            if consumer.offered != known:
                wrong.append(f"{name} was offered {consumer.offered:,} but {known:,} are accounted for")
        if self.journal is not None:
            known = self.journal.journaled + self.journal.gapped + self.journal.queued
            if self.accepted != known:
                wrong.append(f"accepted {self.accepted:,} but the journal accounts for {known:,}")
        for name, sink in self.sinks.items():
            known = sink.stored + sink.dead_lettered + sink.discarded + sink.pending
            if sink.appended != known:
                wrong.append(f"{sink.appended:,} were appended for {name} but {known:,} are accounted for")
        return wrong

    def as_dict(self) -> dict[str, Any]:
        """Return the ledger as plain values for JSON."""
        return attrs.asdict(self)
