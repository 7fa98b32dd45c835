"""A tape plays what was recorded: complete, in order, equal stamps equal, shifted to now."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.errors import ConfigError
from trio_ticks.model import Tick
from trio_ticks.sim import Tape, sample_tapes
from trio_ticks.sim.tape import timeline

DATA = Path(__file__).parents[1] / "data"
START_US = 1_700_000_000_123_456
START_MS = START_US // 1000

stamps = st.lists(st.integers(0, 10_000_000), min_size=1, max_size=30).map(sorted)
speeds = st.floats(0.01, 1000)


def tape_of(times_us: list[int], symbol: str = "A", speed: float = 1.0) -> Tape:
    trades = [Tick(symbol=symbol, time_us=at, price=float(n)) for n, at in enumerate(times_us)]
    return Tape(symbol=symbol, trades=trades, speed=speed)


@given(times_us=stamps, speed=speeds, rounds=st.integers(1, 3))
def test_rounds_are_complete_ordered_and_apart(times_us: list[int], speed: float, rounds: int) -> None:
    count = len(times_us)
    played = list(itertools.islice(timeline([tape_of(times_us)], start_us=START_US, speed=speed), rounds * count))
    assert [tick.price for tick in played] == [*map(float, range(count))] * rounds
    assert played[0].time_us == START_MS * 1000
    for (n, one), two in zip(enumerate(played), played[1:], strict=False):
        step_us = two.time_us - one.time_us
        assert step_us > 0 if (n + 1) % count == 0 else step_us >= 0


@given(times_us=stamps, speed=speeds)
def test_equal_stamps_stay_equal_and_distant_ones_distinct(times_us: list[int], speed: float) -> None:
    played = list(timeline([tape_of(times_us)], start_us=START_US, speed=speed, loop=False))
    for (at, one), (then, two) in itertools.pairwise(zip(times_us, played, strict=True)):
        if at == then:
            assert one.time_us == two.time_us
        if (then - at) / speed >= 1001:
            assert one.time_us < two.time_us
        assert two.time_us % 1000 == 0


@given(one=stamps, two=stamps, speed=speeds)
def test_tapes_are_merged_by_when_they_are_due(one: list[int], two: list[int], speed: float) -> None:
    tapes = [tape_of(one, "A"), tape_of(two, "B", speed)]
    played = list(timeline(tapes, start_us=START_US, loop=False))
    assert [tick.time_us for tick in played] == sorted(tick.time_us for tick in played)
    assert Counter(tick.symbol for tick in played) == {"A": len(one), "B": len(two)}


def test_recorded_texts_and_repeated_stamps_are_kept() -> None:
    tape = Tape.from_csv(DATA / "btcusdt-2021-01-08.csv", "BTCUSDT")
    played = list(timeline([tape], start_us=START_US, loop=False))
    assert len(played) == 2001
    assert len({tick.time_us for tick in played}) == 2001 - 630
    assert (played[0].price_text, played[0].volume_text, played[0].side) == ("39432.48", "0.000263", "sell")


def test_an_empty_tape_is_silent() -> None:
    assert list(timeline([Tape(symbol="A", trades=())], start_us=START_US)) == []


def test_the_sample_is_what_its_readme_says() -> None:
    lengths = {tape.symbol: len(tape.trades) for tape in sample_tapes()}
    assert lengths == {"BTCUSDT": 2001, "XBTUSDT": 120, "700.HK": 350}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("time_us,price,volume,side\n1,x,1,buy", "line 2"),
        ("time_us,price,volume,side\n1,1,1,buy\n2,1,1,bought", "line 3"),
        ("time_us,price,volume,side\n1", "line 2"),
        ("price\n1", "line 2"),
        ("time_us,price,volume,side\n1,nan,1,buy", "line 2.*price 'nan' is no number"),
        ("time_us,price,volume,side\n2,1,1,buy\n1,1,1,buy", "trade 2 lies before"),
    ],
)
def test_what_is_no_recording_is_named(tmp_path: Path, text: str, names: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=names):
        Tape.from_csv(path, "A")


def test_a_mark_of_the_byte_order_is_no_part_of_the_header(tmp_path: Path) -> None:
    """Excel puts one in front."""
    path = tmp_path / "excel.csv"
    path.write_text("\ufefftime_us,price,volume,side\n1,1,1,buy")
    assert Tape.from_csv(path, "A").trades[0].time_us == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.csv"):
        Tape.from_csv(tmp_path / "nowhere.csv", "A")


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_time_must_pass(speed: float) -> None:
    with pytest.raises(ConfigError, match="speed"):
        tape_of([1], speed=speed)
