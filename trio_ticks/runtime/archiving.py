"""The archivist: rolls days that are over to Parquet, once an hour, beside everything else."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

import attrs
import trio

from trio_ticks.config import ArchiveConfig
from trio_ticks.errors import JournalError
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.journaling import JournalWriter, RunSync
from trio_ticks.storage.archive import archive_days
from trio_ticks.storage.journal import Cursors

log = logging.getLogger("trio_ticks.archive")

LOOK_S = 3600.0
"""Between two looks for days to roll. A day ends once a day; sooner would find nothing, much later would put the work
of a night into the hours of trade."""


@attrs.frozen(eq=False)
class Archivist:
    """The archive's task.

    Args:
        config: Where to, and how late.
        cursors: A connection of its own.
        writer: Tells when the journal is over.
        now_us: The clock.
        run_sync: Where it waits for the disk.
    """

    config: ArchiveConfig
    cursors: Cursors
    writer: JournalWriter
    now_us: NowUs
    run_sync: RunSync

    async def run(self) -> None:
        """Roll what is due, now and every hour, until the journal is over.

        Cancellation:
            At any await; what was begun is finished, or begun anew the next time.
        """
        while not self.writer.is_over:
            await self._roll()
            with trio.move_on_after(LOOK_S):
                await self.writer.wait_over()

    async def _roll(self) -> None:
        roll = partial(
            archive_days,
            self.cursors,
            Path(self.config.path),
            after_days=self.config.after_days,
            now_us=self.now_us(),
        )
        try:
            done = await self.run_sync(roll)
        except JournalError as error:
            # Nothing is deleted on account of a day that is not in the archive, so there is time to mend it.
            log.critical("%s", error)
            return
        for damage in done.damage:
            log.critical("not in the archive, because it cannot be read: %s", damage.reason)
        if done.files:
            log.info("archived %d records in %d files below %s", done.records, len(done.files), self.config.path)
