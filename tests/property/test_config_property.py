"""The configuration against anything at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.config import EngineConfig, FeedConfig, SequencerConfig, StrategyConfig, parse_config
from trio_ticks.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = st.sampled_from([*attrs.fields_dict(FeedConfig), "use", "params", "late", "x", "a b"])
TOML_VALUES = st.recursive(
    st.sampled_from(["1", "0", "-1", "1.5", "nan", "true", "''", "'A'", "'${V}'", "'${NONE}'", "1979-05-27"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(KEYS, inner, max_size=3).map(
            lambda table: "{" + ", ".join(f'"{key}" = {value}' for key, value in table.items()) + "}"
        ),
    ),
    max_leaves=6,
)
TABLES = st.sampled_from(["feeds.a", "feeds.b", "feeds.a.pacing", "sequencer", "strategies.m", "stop", "feeds"])
DOCUMENTS = st.dictionaries(TABLES, st.dictionaries(KEYS, TOML_VALUES, max_size=4), max_size=4).map(
    lambda tables: "\n".join(
        f"[{name}]\n" + "\n".join(f'"{key}" = {value}' for key, value in table.items())
        for name, table in tables.items()
    )
)


def refusal_of(build: Callable[..., object], *args: object, **settings: object) -> str | None:
    """Return the line with which something is refused, or None."""
    try:
        build(*args, **settings)
    except ConfigError as error:
        return str(error)
    return None


@given(st.one_of(st.text(), DOCUMENTS))
def test_any_text_gives_a_configuration_or_one_line(text: str) -> None:
    """Whatever the file holds, nothing but ConfigError comes out, on one line that names the file."""
    line = refusal_of(parse_config, text, source="ticks.toml", environ={"V": "value"})
    assert line is None or (line.startswith("ticks.toml: ") and len(line.splitlines()) == 1)


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.text() | st.integers()),
    st.tuples(st.text(), st.lists(st.integers())),
    st.dictionaries(st.text() | st.integers(), st.text()),
)
REQUIRED: dict[type[Any], dict[str, Any]] = {
    FeedConfig: {"symbols": ("A",)},
    SequencerConfig: {},
    StrategyConfig: {"use": "a:b"},
    EngineConfig: {"feeds": {"a": FeedConfig(symbols=("A",))}},
}


@given(st.sampled_from(list(REQUIRED)), st.data())
def test_any_value_in_code_is_accepted_or_refused_by_name(kind: type[Any], data: st.DataObject) -> None:
    """A rule meets any type at all with an answer, and a refusal begins with the setting it is about."""
    name = data.draw(st.sampled_from(list(attrs.fields_dict(kind))))
    line = refusal_of(kind, **{**REQUIRED[kind], name: data.draw(ANYTHING)})
    if line is not None:
        # The last two answer for the settings they are bound to.
        assert line.startswith((name, "window_s", "backoff_max_s"))
        assert len(line.splitlines()) == 1


DURATIONS = [name for name in attrs.fields_dict(FeedConfig) if name.endswith("_s")]


@given(st.sampled_from(DURATIONS), st.one_of(st.integers(), st.floats(), st.floats(0, 1)))
def test_a_duration_is_a_finite_positive_number(name: str, value: float) -> None:
    """What is accepted lies above zero and within a day; NaN and infinity never pass."""
    others = {"backoff_first_s": 0.001, "backoff_max_s": 86_400}
    line = refusal_of(FeedConfig, **{"symbols": ("A",), **others, name: value})
    assert (line is None) == (0.001 <= value <= 86_400)
