"""From the one order of records to every consumer, without ever waiting for any of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol

from trio_ticks.core.ages import AgeCounts, Ages
from trio_ticks.core.ledger import ConsumerLedger
from trio_ticks.core.marks import is_of_journal
from trio_ticks.errors import TrioTicksError
from trio_ticks.model import Gap, Record, Tick


class Consumer(Protocol):
    """What the fan-out hands records to."""

    @property
    def name(self) -> str:
        """Unique among the consumers of an engine."""
        ...

    @property
    def ages(self) -> Ages:
        """How old ticks were when it had them in hand."""
        ...

    def offer(self, records: Sequence[Record]) -> None:
        """Take these records, or drop them; at once, and without raising."""
        ...

    def end(self, failure: TrioTicksError | None) -> None:
        """Nothing more will come."""
        ...

    def ledger(self) -> ConsumerLedger:
        """Return what became of what was offered."""
        ...


class Fanout:
    """Holds the consumers, the latest tick of each symbol, and the count of gaps."""

    def __init__(self) -> None:
        self._consumers: dict[str, Consumer] = {}
        self._former = ConsumerLedger()
        self._latest: defaultdict[str, dict[str, Tick]] = defaultdict(dict)
        self._ended = False
        self._failure: TrioTicksError | None = None
        self.gaps: Counter[str] = Counter()

    def add(self, consumer: Consumer) -> None:
        """Let a consumer see all records from now on."""
        self._consumers[consumer.name] = consumer
        if self._ended:
            consumer.end(self._failure)

    def remove(self, consumer: Consumer) -> None:
        """Let a consumer go; its counts are kept in one sum, so that many short subscriptions cost nothing."""
        if self._consumers.pop(consumer.name, None) is not None:
            self._former += consumer.ledger()

    def publish(self, records: Sequence[Record]) -> None:
        """Hand records to everyone. A step without an await: all consumers see it or none.

        What only a journal has is left out: another engine's journal may bring it.
        """
        latest, is_mixed = self._latest, False
        for item in records:
            if type(item) is Tick:
                if not item.late:
                    latest[item.feed][item.symbol] = item
            elif type(item) is Gap:
                self.gaps[item.cause] += 1
            elif is_of_journal(item):
                is_mixed = True
        if is_mixed:
            records = [item for item in records if not is_of_journal(item)]
        if not records:
            return
        for consumer in tuple(self._consumers.values()):
            consumer.offer(records)

    def end(self, failure: TrioTicksError | None = None) -> None:
        """End every stream, cleanly or by a failure. Only the first call counts."""
        if self._ended:
            return
        self._ended, self._failure = True, failure
        for consumer in self._consumers.values():
            consumer.end(failure)

    def latest(self, symbol: str, feed: str | None = None) -> Tick | None:
        """Return the newest tick of a symbol, from this feed or from any."""
        if feed is not None:
            return self._latest[feed].get(symbol)
        found = [ticks[symbol] for ticks in self._latest.values() if symbol in ticks]
        return max(found, key=lambda tick: tick.received_us, default=None)

    @property
    def prices(self) -> Mapping[str, Mapping[str, Tick]]:
        """The newest tick by feed and symbol."""
        return self._latest

    def last_us(self, feed: str) -> dict[str, int]:
        """Return when each symbol of a feed last ticked, by receipt."""
        return {symbol: tick.received_us for symbol, tick in self._latest[feed].items()}

    def ages(self) -> dict[str, AgeCounts]:
        """Return by consumer how old ticks were when it had them in hand."""
        return {name: consumer.ages.counts() for name, consumer in self._consumers.items()}

    def ledgers(self) -> dict[str, ConsumerLedger]:
        """Return every consumer's counts by name; those of the departed under ``former``."""
        ledgers = {name: consumer.ledger() for name, consumer in self._consumers.items()}
        if self._former != ConsumerLedger():
            ledgers["former"] = self._former
        return ledgers
