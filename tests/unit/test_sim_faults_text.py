"""The short text for faults names exactly what happens when."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.errors import ConfigError
from trio_ticks.sim import FAULTS, Fault, parse_faults
from trio_ticks.sim.faults import occurrences


def first(text: str, count: int) -> list[tuple[float, str]]:
    return [(one.at_s, one.kind) for one in itertools.islice(occurrences(parse_faults(text)), count)]


@pytest.mark.parametrize(
    ("text", "happens"),
    [
        ("", []),
        ("drop@10", [(10, "drop")]),
        ("mute@20, drop@0.5", [(0.5, "drop"), (20, "mute")]),
        ("drop/10", [(10, "drop"), (20, "drop"), (30, "drop"), (40, "drop")]),
        ("drop|mute/10", [(10, "drop"), (20, "mute"), (30, "drop"), (40, "mute")]),
        ("drop/10,close@15", [(10, "drop"), (15, "close"), (20, "drop"), (30, "drop")]),
    ],
)
def test_what_a_text_names_happens_in_order(text: str, happens: list[tuple[float, str]]) -> None:
    assert first(text, 4) == happens


def test_a_fault_lasts_as_long_as_the_text_says() -> None:
    assert parse_faults("refuse+3@15") == (Fault(kinds=("refuse",), at_s=15, lasting_s=3),)


@pytest.mark.parametrize(
    "text", ["drop", "drop@", "drop@-1", "drop@1@2", "@1", "drop/0", "drop|mute@5", "x/1", "drop@nan"]
)
def test_what_cannot_be_read_is_one_error_that_names_it(text: str) -> None:
    with pytest.raises(ConfigError, match="fault"):
        parse_faults(text)


def test_an_unknown_fault_is_told_which_there_are() -> None:
    with pytest.raises(ConfigError, match=f"'explode': accepted are {', '.join(FAULTS)}"):
        parse_faults("explode@10")


@given(text=st.text(alphabet="dropmute|@/+.,0123456789 ", max_size=20) | st.text(max_size=20))
def test_any_text_is_faults_or_a_config_error(text: str) -> None:
    try:
        faults = parse_faults(text)
    except ConfigError:
        return
    times = [one.at_s for one in itertools.islice(occurrences(faults), 20)]
    assert times == sorted(times)
