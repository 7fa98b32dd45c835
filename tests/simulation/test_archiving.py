"""The engine's archivist: days are rolled while the engine runs, and what fails is told and tried again."""

from __future__ import annotations

import logging
from pathlib import Path
from unittest import mock

import pytest
import trio
from trio.testing import MockClock

import trio_ticks
from trio_ticks import Tick
from trio_ticks.config import ArchiveConfig, JournalConfig
from trio_ticks.errors import ConfigError, JournalError
from trio_ticks.runtime import archiving
from trio_ticks.testing.simulation import on_the_spot
from trio_ticks.testing.venue import Venue

DAY_US = 86_400_000_000


async def test_days_that_are_over_are_rolled_while_the_engine_runs(
    autojump_clock: MockClock, venue: Venue, tmp_path: Path
) -> None:
    """What was traded three days ago lies in the archive within the hour, what is of today does not."""
    config = ArchiveConfig(path=str(tmp_path / "archive"), after_days=1)
    journal = JournalConfig(path=str(tmp_path / "ticks.journal"), min_free=0)
    async with venue.open_engine("X", journal=journal, archive=config, run_sync=on_the_spot):
        await venue.wait_subscribed()
        await venue.send(Tick("X", venue.now_us() - 3 * DAY_US, 100.0))
        await trio.sleep(1.0)
        await venue.send(Tick("X", venue.now_us(), 101.0))
        await trio.sleep(archiving.LOOK_S)
    assert [tick.price for tick in trio_ticks.read(config.path, "X")] == [100.0]
    assert [tick.price for tick in trio_ticks.read(journal.path, "X")] == [100.0, 101.0]


async def test_an_archive_that_fails_is_told_and_tried_again(
    autojump_clock: MockClock, venue: Venue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A directory that cannot be written stops neither ticks nor the journal."""
    with mock.patch.object(archiving, "archive_days", side_effect=JournalError("read-only")) as roll:
        async with venue.open_engine(
            "X",
            journal=JournalConfig(path=str(tmp_path / "ticks.journal"), min_free=0),
            archive=str(tmp_path / "archive"),
            run_sync=on_the_spot,
        ) as engine:
            await venue.wait_subscribed()
            await trio.sleep(2.5 * archiving.LOOK_S)
            assert not engine.is_stopping
    assert roll.call_count == 3
    assert [record.levelno for record in caplog.records if record.name == archiving.log.name] == [
        logging.CRITICAL
    ] * 3


async def test_an_archive_without_a_journal_is_refused(venue: Venue, tmp_path: Path) -> None:
    """There would be nothing to roll."""
    with pytest.raises(ConfigError, match="rolls the days of a journal"):
        async with venue.open_engine("X", archive=str(tmp_path)):
            pass
