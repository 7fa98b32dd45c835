"""Lists of records as a recording: what is refused, by `replay` and by `backtest`, in the same words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

import trio_ticks
from tests.support.reading import write_journal
from tests.support.replaying import keep_all
from trio_ticks import ConfigError, Gap, Tick
from trio_ticks.model import Record

ONE, TWO = Tick("A", 1_000_000, 1.0), Tick("A", 2_000_000, 2.0)
WAYS: dict[str, Callable[..., Any]] = {
    "replay": lambda source, **options: trio.run(partial(trio_ticks.replay, keep_all, source, **options)),
    "backtest": lambda source, **options: trio_ticks.backtest(keep_all, source, **options),
}

way_of = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@way_of
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([[TWO, ONE]], "the given recording: record 2: A goes back in time, to 1970-01-01T00:00:01.000000Z after"),
        ([[TWO], [ONE]], "the given recording: record 2: A goes back in time"),
        (
            [ONE, TWO],
            r"the given recording holds a Tick; accepted are lists of records: \[\[tick, tick\], \[tick\]\]",
        ),
        (
            [[{"symbol": "A"}]],
            "the given recording holds a dict; accepted are lists of records, such as Tick and Gap",
        ),
        ([[ONE, None]], "the given recording holds a NoneType; accepted are lists of records"),
        (["A"], "the given recording holds a str; accepted are lists of records"),
        ([5], "the given recording holds a int; accepted are lists of records"),
    ],
)
def test_what_is_no_list_of_records_in_order_is_one_line(way: Callable[..., Any], given: Any, words: str) -> None:
    """It says what it found there, and what is accepted, and is not taken for a failure of the strategy."""
    with pytest.raises(ConfigError, match=words) as caught:
        way(given)
    assert "\n" not in str(caught.value)


@way_of
def test_late_ticks_and_other_symbols_may_go_back(way: Callable[..., Any]) -> None:
    """As a journal has them: a tick that says it is late, and each symbol by itself."""
    late, other = Tick("A", 500_000, 1.0, late=True), Tick("B", 400_000, 1.0)
    assert way([(ONE, late), (TWO,), (other,)]).ledger.delivered == 4


@way_of
def test_an_error_of_whoever_gives_the_lists_is_the_recordings(
    way: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The strategy is not started again behind it, as if nothing were missing."""

    def giving() -> Iterator[Sequence[Record]]:
        yield [ONE]
        raise ValueError("the file is cut off")

    with pytest.raises(ConfigError, match="the given recording fails: ValueError: the file is cut off"):
        way(giving())
    assert "is restarted" not in caplog.text


@way_of
def test_what_was_read_for_too_little_says_what_there_is(way: Callable[..., Any], tmp_path: Path) -> None:
    """Not that there is nothing: what was read asks for something, and the journal holds more than that."""
    path = write_journal(tmp_path / "some.journal", [[ONE, Gap(1_000_000, 1_500_000, "closed", "A")]])
    with pytest.raises(ConfigError, match=r"has no tick of B; it begins at 1970-01-01T00:00:01.000000Z with A"):
        way(trio_ticks.read(path, "B"))
    with pytest.raises(ConfigError, match=r"has no tick among its statuses; it begins at .* with A"):
        way(trio_ticks.read(path, kind="statuses"))


def test_an_error_of_on_progress_does_not_cut_the_recording_short(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever is told of it raises, and what is left cannot be read: no replay ends well with half of the ticks."""

    def tell(_done: int, _all: int) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ConfigError, match="the recording cannot be read further: ZeroDivisionError: mine"):
        WAYS["replay"]([[ONE], [TWO]], on_progress=tell)
    assert "is restarted" not in caplog.text


def test_a_replay_in_another_loop_names_the_door() -> None:
    """As an engine that is opened there."""
    with pytest.raises(ConfigError, match=r"this runs in Trio only: use trio_ticks.aio from asyncio"):
        asyncio.run(trio_ticks.replay(keep_all, [[ONE]]))


@pytest.mark.parametrize("tz", [None, 1, "Mars", ""])
def test_what_is_no_zone_is_one_line(tz: Any) -> None:
    """Whatever it is."""
    with pytest.raises(ConfigError, match=r"tz = .*: accepted: UTC, or a zone such as Europe/Berlin"):
        WAYS["backtest"]([[ONE]], tz=tz)
