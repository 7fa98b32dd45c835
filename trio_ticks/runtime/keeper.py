"""Whoever keeps an engine's ticks: the journal's writer and the drainers behind it, as one service."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import trio

from trio_ticks.core.ages import AgeCounts
from trio_ticks.core.ledger import Ledger
from trio_ticks.core.recording import Recorder
from trio_ticks.core.saving import Saving
from trio_ticks.errors import TrioTicksError
from trio_ticks.model import Status
from trio_ticks.runtime.archiving import Archivist
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.draining import Drainer, SinkStatistics
from trio_ticks.runtime.journaling import JournalWriter, Recording, RunSync
from trio_ticks.runtime.keeping import Kept


class Keeper:
    """The journal's tasks. `run` is the service; the rest is what the engine asks of them.

    Args:
        kept: The open journal, and its sinks.
        tell: Lets consumers know, without waiting.
        fail: Stops the engine.
        settled: Is told of the marks that are in the journal now.
        now_us: The clock.
        run_sync: Where it is waited for the disk.
        chance: Returns a number in [0, 1) to spread retries with.
    """

    def __init__(
        self,
        kept: Kept,
        tell: Callable[[Status], None],
        fail: Callable[[TrioTicksError], None],
        settled: Callable[[Mapping[str, bytes]], None],
        now_us: NowUs,
        run_sync: RunSync,
        chance: Callable[[], float],
    ) -> None:
        config, recovered = kept.config, kept.recovered
        self.writer = JournalWriter(
            journal=kept.journal,
            recorder=Recorder(capacity=config.queue_ticks, keeps_all=config.when_full == "block"),
            linger_s=config.linger_s,
            when_full=config.when_full,
            now_us=now_us,
            run_sync=run_sync,
            tell=tell,
            fail=fail,
            settled=settled,
        )
        saving = Saving(
            recovered.sequencers, recovered.coverage, rounds_s=config.checkpoint_s, rounds=recovered.rounds
        )
        self.recording = Recording(self.writer, saving)
        self._archivist: Archivist | None = None
        if kept.archive is not None and kept.archive_cursors is not None:
            self._archivist = Archivist(kept.archive, kept.archive_cursors, self.writer, now_us, run_sync)
        self._drainers = [
            Drainer(
                sink=drain.sink,
                cursors=drain.cursors,
                reader=drain.reader,
                writer=self.writer,
                state=drain.state,
                now_us=now_us,
                run_sync=run_sync,
                chance=chance,
            )
            for drain in kept.drains
        ]

    async def run(self) -> None:
        """Write, and drain, until the sequencer has ended, all is written, and the sinks that take ticks have them.

        Cancellation:
            At any await; what is on its way to the disk is finished, and every cursor stands at its last receipt.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.writer.run, name="journal writer")
            if self._archivist is not None:
                nursery.start_soon(self._archivist.run, name="archive")
            for drainer in self._drainers:
                nursery.start_soon(drainer.run, name=f"sink {drainer.sink.name}")

    def complete(self, ledger: Ledger) -> Ledger:
        """Return a ledger with the accounts of the journal and the sinks."""
        sinks = {drainer.sink.name: drainer.ledger() for drainer in self._drainers}
        return attrs.evolve(ledger, journal=self.writer.ledger(), sinks=sinks)

    def ages(self) -> tuple[AgeCounts, dict[str, AgeCounts]]:
        """Return how old ticks were when they were committed, and by sink when it had taken them."""
        sinks = {drainer.sink.name: drainer.ages.counts() for drainer in self._drainers}
        return self.writer.ages.counts(), sinks

    def sink_statistics(self) -> tuple[SinkStatistics, ...]:
        """Return how each sink is doing."""
        return tuple(drainer.statistics() for drainer in self._drainers)
