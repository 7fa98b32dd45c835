"""The ledger: every tick that was received is somewhere, and the sums say where.

Counted in ticks, exact whenever no task is in the middle of a step (which, between two awaits, is always)::

    received = accepted + duplicates + rejected + expired + late_dropped + held + inbox
    offered  = delivered + dropped + queued                        for each consumer

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
class Ledger:
    """A snapshot of all counts. ``consumers`` is keyed by the consumer's name."""

    received: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    expired: int = 0
    late_dropped: int = 0
    held: int = 0
    inbox: int = 0
    consumers: Mapping[str, ConsumerLedger] = attrs.field(factory=dict)

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
        return wrong

    def as_dict(self) -> dict[str, Any]:
        """Return the ledger as plain values for JSON.

        ``journal`` is None and ``sinks`` is empty while the engine has none of either.
        """
        return {**attrs.asdict(self), "journal": None, "sinks": {}}
