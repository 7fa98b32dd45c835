"""What keeping a tick costs: the parts do the work that they are timed for. No clock is looked at."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from bench import outage, storage
from trio_ticks.storage import payload
from trio_ticks.storage.journal import JournalReader
from trio_ticks.storage.line_protocol import LineEncoder

GIVEN = list(islice(storage.batches(), 9))
MEDIANS = outage.Medians(100, 200)


def test_the_recording_goes_on_for_ever_and_no_tick_is_there_twice() -> None:
    """Beyond the end of the recording as well, in order of time; and each is one point of a database."""
    ticks = [tick for batch in GIVEN for tick in batch]
    assert len({(tick.time_us, tick.ordinal) for tick in ticks}) == len(ticks) == 9 * storage.BATCH
    assert [tick.time_us for tick in ticks] == sorted(tick.time_us for tick in ticks)
    assert all(tick.received_us >= tick.time_us for tick in ticks)


def test_the_plain_line_is_ours_for_plain_ticks() -> None:
    """So that what is compared is the same bytes."""
    ours = LineEncoder().encode_stored([(7, payload.encode(GIVEN[0]))]).lines
    assert [storage.plain_line(tick, 7).encode() for tick in GIVEN[0]] == ours


def test_what_is_appended_is_there_and_read_back(tmp_path: Path) -> None:
    """One position for each batch, and all of its ticks; as a frame as well."""
    pytest.importorskip("pandas")
    path = tmp_path / "j"
    assert storage.append(path, GIVEN, "checkpoint") > 0
    with JournalReader(path) as reader:
        assert list(reader.records()) == GIVEN
    assert storage.read_back(path) > 0
    assert storage.frame_s(path) > 0
    assert min(storage.encode(GIVEN), storage.format_plainly(GIVEN)) > 0


def test_a_figure_that_could_not_be_measured_says_why() -> None:
    """And is neither met nor missed."""
    rows = [storage.Row("a", 2.0, "µs", "≤ 1 µs", is_met=False), storage.drain_row([], None)]
    columns = [list(column.cells) for column in storage.table(rows).columns]
    assert columns[1] == ["2.00 µs", "not measured"]
    assert columns[3] == ["MISSED", ""]
    assert columns[4][1] == storage.NO_SERVER


def test_ages_have_the_median_of_what_was_added() -> None:
    """The lower one of two; what is beyond the limit counts as just so old, and what is before now as new."""
    ages = outage.Ages()
    assert ages.percentile(0.5) == 0
    for age_us in (-5, 7, 9, 10**9):
        ages.add(age_us)
    assert [ages.percentile(share) for share in (0.25, 0.5, 0.75, 1.0)] == [0, 7, 9, outage.Ages.LIMIT_US]


def test_a_failure_is_judged_by_the_strategy_that_it_hit_worse() -> None:
    """Beside the healthy stretch before it; and a tick that is missing anywhere is no equality."""
    phase = outage.Phase("dead", MEDIANS, outage.Medians(110, 300), MEDIANS, 50_000, 60_000.0, 10**8)
    assert phase.ratio == 1.5
    whole, short = outage.Counts(5, 5, 5, 5), outage.Counts(5, 5, 5, 4)
    assert (whole.is_whole, short.is_whole) == (True, False)
    verdicts = list(outage.sum_table(outage.Outage(1, [phase], short), 10_000.0).columns[3].cells)
    assert verdicts == ["MISSED", "MISSED", "met", ""]
    assert outage.phase_table(outage.Outage(1, [phase], whole), 10_000.0).row_count == 1
