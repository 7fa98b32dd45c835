"""A recording plays what a journal holds: all of it, in its order, at its pace, without having it in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.reading import write_journal
from trio_ticks.app.simulate import Recorded, parse_source
from trio_ticks.errors import ConfigError
from trio_ticks.model import Gap, Tick
from trio_ticks.sim import Recording
from trio_ticks.sim.player import BATCH, Due
from trio_ticks.storage.reading import Reading, read
from trio_ticks.storage.reading.query import Query

START_US = 1_700_000_000_123_456
START_MS = START_US // 1000
T0_US = 1_600_000_000_000_000

# Out of order as well: the journal keeps late ticks where they came.
stamps = st.lists(st.integers(0, 10_000_000), min_size=1, max_size=30)
speeds = st.floats(0.01, 1000)


@attrs.frozen
class Batches:
    """A source of ticks that counts how many batches were taken from it."""

    held: Sequence[Sequence[Tick]]
    path: Path = Path("x.journal")
    taken: list[int] = attrs.field(factory=list)

    def batches(self, query: Query, *, on_progress: object = None) -> Iterator[Sequence[Tick]]:
        for number, batch in enumerate(self.held):
            self.taken.append(number)
            yield batch


def ticks_at(times_us: Sequence[int], symbol: str = "A") -> list[Tick]:
    return [Tick(symbol, T0_US + at, float(n), volume_text=str(n)) for n, at in enumerate(times_us)]


def recording_of(source: Batches, **options: Any) -> Recording:
    return Recording.of(Reading(source=cast("Any", source), query=Query()), **options)


def played(recording: Recording, *, speed: float = 1.0, count: int | None = None) -> list[Due]:
    portions = recording.portions(start_us=START_US, speed=speed, loop=count is not None)
    return list(itertools.islice(itertools.chain.from_iterable(portions), count))


@given(times_us=stamps, speed=speeds, cut=st.integers(0, 30))
def test_the_order_is_the_recorded_one_and_the_pace_too(times_us: list[int], speed: float, cut: int) -> None:
    """However it lies in batches; a late tick comes with the one before it, and keeps its distance in time."""
    ticks = ticks_at(times_us)
    dues = played(recording_of(Batches([ticks[:cut], ticks[cut:]])), speed=speed)
    assert [attrs.evolve(tick, time_us=0) for _, tick in dues] == [attrs.evolve(tick, time_us=0) for tick in ticks]
    for (due_us, tick), at, high in zip(dues, times_us, itertools.accumulate(times_us, max), strict=True):
        assert tick.time_us % 1000 == 0
        assert abs(tick.time_us - START_MS * 1000 - (at - times_us[0]) / speed) <= 1001
        assert abs(due_us - START_MS * 1000 - (high - times_us[0]) / speed) <= 1001
    assert all(one[0] <= two[0] for one, two in itertools.pairwise(dues))


@given(times_ms=stamps)
def test_what_the_wire_can_tell_apart_stays_exact(times_ms: list[int]) -> None:
    """At its own speed, a recording of whole milliseconds is moved and nothing else."""
    dues = played(recording_of(Batches([ticks_at([1000 * at for at in times_ms])])))
    assert [tick.time_us // 1000 - START_MS for _, tick in dues] == [at - times_ms[0] for at in times_ms]


@given(times_us=stamps, speed=speeds)
def test_stamps_as_recorded_are_left_alone(times_us: list[int], speed: float) -> None:
    """Only when each is due depends on when and how fast it is played."""
    source = Batches([ticks_at(times_us)])
    as_recorded = played(recording_of(source, as_recorded=True), speed=speed)
    assert [tick for _, tick in as_recorded] == ticks_at(times_us)
    assert [due_us for due_us, _ in as_recorded] == [due for due, _ in played(recording_of(source), speed=speed)]


@given(times_us=stamps, speed=speeds, rounds=st.integers(1, 3))
def test_rounds_are_complete_and_apart(times_us: list[int], speed: float, rounds: int) -> None:
    """Each begins behind the last instant of the one before, so that no two share a stamp."""
    count = len(times_us)
    dues = played(recording_of(Batches([ticks_at(times_us)])), speed=speed, count=rounds * count)
    assert [tick.price for _, tick in dues] == [*map(float, range(count))] * rounds
    starts = dues[::count]
    assert all(dues[count * n - 1][0] < start for n, (start, _) in enumerate(starts) if n)


def test_no_more_is_read_than_is_played_next() -> None:
    """A journal of any size is a portion in memory."""
    source = Batches([ticks_at([n], "A") for n in range(10 * BATCH)])
    recording = recording_of(source)
    source.taken.clear()
    portions = recording.portions(start_us=START_US, speed=1.0, loop=True)
    assert len(next(portions)) == BATCH
    assert len(source.taken) == BATCH


def test_a_journal_that_was_emptied_ends_the_rounds() -> None:
    """Rounds without a tick would spin for ever."""
    source = Batches([ticks_at([0])])
    recording = recording_of(source)
    assert (
        played(attrs.evolve(recording, reading=Reading(source=cast("Any", Batches([])), query=Query())), count=1)
        == []
    )


def test_a_part_of_a_journal_is_chosen_by_symbol_and_time(tmp_path: Path) -> None:
    """And only the ticks of it are played."""
    path = write_journal(
        tmp_path / "x.journal",
        [ticks_at([0, 1_000, 2_000]), [Gap(T0_US, T0_US + 9_000, "closed")], ticks_at([1_000, 9_000], "B")],
    )
    recording = Recording.of(read(path, "A", start=T0_US + 1_000, end=T0_US + 9_000), as_recorded=True)
    assert (set(recording.symbols), recording.count) == ({"A"}, 2)
    assert [tick for _, tick in played(recording)] == ticks_at([0, 1_000, 2_000])[1:]
    assert Recording.of(read(path)).symbols == {"A", "B"}


@pytest.mark.parametrize(
    ("symbols", "start", "words"),
    [((), T0_US + 10_000, "no tick in"), (("A", "C", "D"), None, "no tick of C, D"), (("B",), T0_US, "of B")],
)
def test_what_is_not_there_is_named(tmp_path: Path, symbols: Sequence[str], start: int | None, words: str) -> None:
    """In one line, before anything is served."""
    path = write_journal(tmp_path / "x.journal", [ticks_at([0]), [Gap(T0_US, T0_US + 99_000, "closed")]])
    with pytest.raises(ConfigError, match=rf"x\.journal has .*{words}"):
        Recording.of(read(path, *symbols, start=start))


@pytest.mark.parametrize(
    ("options", "csv", "words"),
    [
        ({"as_recorded": True}, [], "--as-recorded.*--once"),
        ({}, ["x=A"], "--csv and --journal"),
        ({"journal": None, "end": "-1h"}, [], "--end.*--journal"),
        ({"journal": None, "symbols": ["A"]}, [], "--symbol.*--journal"),
    ],
)
def test_options_that_do_not_go_together_are_named(options: dict[str, Any], csv: list[str], words: str) -> None:
    """An option that would have no effect is an error, not ignored."""
    given: dict[str, Any] = {"journal": Path("x"), "symbols": (), "start": None, "end": None, "tz": "UTC"}
    with pytest.raises(ConfigError, match=words):
        parse_source(csv, Recorded(**{**given, "as_recorded": False, **options}), once=False)
