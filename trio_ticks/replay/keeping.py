"""A replay as a journal of its own: what the strategy was handed, and what it decided.

It says where the strategy was started and with what, as a live engine's journal does, so a replay of it can be
compared with it in the same way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from trio_ticks.core.marks import SOURCE
from trio_ticks.model import Record, Signal, Status
from trio_ticks.runtime.decisions import outline
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.storage.journal import Journal
from trio_ticks.storage.making import new_journal

# As many records as an import writes at once: a transaction costs more than they do.
_IN_COMMIT = 50_000


class Keeper:
    """Takes a replay's records and signals, and commits them some ten thousand at a time."""

    def __init__(self, journal: Journal, strategy: Strategy, *, now_us: int) -> None:
        self._journal = journal
        self._strategy = strategy
        self._now_us = now_us
        self._batches: list[Sequence[Record]] = []
        self._signals: list[Record] = []
        self._count = 0
        self._last_us: int | None = None

    def keep(self, records: Sequence[Record]) -> None:
        """Put down records that are handed to the strategy, behind the signals that it gave before."""
        if self._last_us is None:
            self._batches.append([self._status("started", records[0].time_us, outline(self._strategy))])
        self._settle_signals()
        self._batches.append(records)
        self._last_us = records[-1].time_us
        self._count += len(records)
        if self._count >= _IN_COMMIT:
            self._commit()

    def keep_signal(self, signal: Signal) -> None:
        """Put down a decision, behind what led to it."""
        self._signals.append(signal)

    def finish(self) -> None:
        """Say that the strategy has ended, and write what was put down.

        Raises:
            JournalError: it cannot be written.
        """
        self._settle_signals()
        if self._last_us is not None:
            self._batches.append([self._status("stopped", self._last_us)])
        self._commit()

    def _status(self, status: str, time_us: int, reason: str = "") -> Status:
        return Status(status, time_us, reason, source=SOURCE + self._strategy.title)

    def _settle_signals(self) -> None:
        if self._signals:
            self._batches.append(self._signals)
            self._count += len(self._signals)
            self._signals = []

    def _commit(self) -> None:
        self._journal.commit(self._batches, now_us=self._now_us)
        self._batches, self._count = [], 0


@contextlib.contextmanager
def open_keeper(path: Path, strategy: Strategy, *, now_us: int) -> Iterator[Keeper]:
    """Yield the keeper of a new journal, which appears when the block ends without an error.

    Args:
        path: Of the journal; nothing stands there yet.
        strategy: Whose replay it is.
        now_us: The present.

    Raises:
        ConfigError: there is such a journal.
        JournalError: it cannot be written.
    """
    with new_journal(path, now_us=now_us) as journal:
        keeper = Keeper(journal, strategy, now_us=now_us)
        yield keeper
        keeper.finish()
