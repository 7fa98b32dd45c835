"""A live stream as the fan-out sees it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from trio_ticks.core.ages import Ages
from trio_ticks.core.ledger import ConsumerLedger
from trio_ticks.errors import TrioTicksError
from trio_ticks.model import Record
from trio_ticks.runtime.mailbox import Mailbox
from trio_ticks.runtime.stream import Ticks


@attrs.frozen
class StreamConsumer:
    """The mailbox takes, the stream knows what became of it."""

    mailbox: Mailbox
    ticks: Ticks
    ages: Ages = attrs.field(factory=Ages)

    @property
    def name(self) -> str:
        """The consumer's name."""
        return self.mailbox.name

    def offer(self, records: Sequence[Record]) -> None:
        """Put the records into the mailbox."""
        self.mailbox.offer(records)

    def end(self, failure: TrioTicksError | None) -> None:
        """End the stream after what is queued."""
        self.mailbox.end(failure)

    def ledger(self) -> ConsumerLedger:
        """Return the stream's counts."""
        return self.ticks.ledger()
