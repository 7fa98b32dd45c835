"""The switches are one record, and a text names each of them."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.errors import ConfigError
from trio_ticks.sim import Switches, accepted_values, parse_switches

choices = st.fixed_dictionaries({}, optional={n: st.sampled_from(v) for n, v in accepted_values().items()})


def test_the_default_of_each_switch_is_its_first_value() -> None:
    """The likelier reading comes first, and is what happens unasked."""
    assert attrs.asdict(Switches()) == {name: values[0] for name, values in accepted_values().items()}
    assert all(len(values) > 1 for values in accepted_values().values())


@given(chosen=choices)
def test_texts_set_what_they_name_and_nothing_else(chosen: dict[str, str]) -> None:
    """``name=value`` for each that differs is the whole record."""
    switches = parse_switches([f"{name}={value}" for name, value in chosen.items()])
    assert attrs.asdict(switches) == attrs.asdict(Switches()) | chosen


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["numbers=float"], "switch numbers = 'float': accepted are integer, string"),
        (["shrug=yes"], "switch 'shrug=yes': accepted are NAME=VALUE, NAME being numbers, time_unit"),
        (["numbers"], "switch numbers = ''"),
        (["seq=clock", "seq=counter"], "switch 'seq=counter': seq is set to 'clock' already"),
    ],
)
def test_what_cannot_be_chosen_is_one_line_that_names_it(texts: list[str], names: str) -> None:
    """The switch, the value and what is accepted."""
    with pytest.raises(ConfigError, match=names) as refused:
        parse_switches(texts)
    assert "\n" not in str(refused.value)


def test_the_record_refuses_what_the_texts_refuse() -> None:
    """A value that only a type checker would catch is caught."""
    with pytest.raises(ConfigError, match="switch ack = 'never': accepted are first, after"):
        Switches(ack="never")  # type: ignore[arg-type]  # on purpose
