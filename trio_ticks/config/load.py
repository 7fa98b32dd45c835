"""From a TOML file to an `EngineConfig`, or to one line that says what is wrong with it.

The records hold the rules, because they are built in code as well. What is left to do here is to put in
variables of the environment, to turn tables into records, and to say where a refused value stands.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

import attrs

from trio_ticks.config.records import AnyFeed, EngineConfig, feed_of_table
from trio_ticks.config.rules import Rule
from trio_ticks.config.sinks import SinkConfig, sink_of_table
from trio_ticks.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_Record = TypeVar("_Record", bound=attrs.AttrsInstance)

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def load_config(path: str | Path) -> EngineConfig:
    """Read a configuration file.

    Raises:
        ConfigError: The file cannot be read, is not UTF-8 or not TOML, or a setting in it is refused. One
            line, with the file, the key and what is accepted.
    """
    try:
        # Editors on Windows put a mark in front, which TOML does not know.
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        cure = "; trio-ticks init writes one" if isinstance(error, FileNotFoundError) else ""
        raise ConfigError(f"{path}: cannot be read: {error.strerror}{cure}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8: {error.reason} at byte {error.start}") from error
    return parse_config(text, source=str(path))


def parse_config(text: str, *, source: str, environ: Mapping[str, str] | None = None) -> EngineConfig:
    """Read a configuration from its text.

    ``${NAME}`` in any text value is replaced by that variable.

    Args:
        text: TOML.
        source: What an error calls it, usually the file's name.
        environ: The variables. None: those of the process.

    Raises:
        ConfigError: As `load_config` does.
    """
    try:
        document = _with_variables(tomllib.loads(text), "", os.environ if environ is None else environ)
        return _record(EngineConfig, document, "")
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from None
    except RecursionError:
        raise ConfigError(f"{source}: is nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError, or an integer of thousands of digits
        raise ConfigError(f"{source}: {error}") from error


def variables_of(text: str) -> list[str]:
    """Return the variables of the environment that a text of a configuration names, in order."""
    return _VARIABLE.findall(text)


def _with_variables(value: Any, key: str, environ: Mapping[str, str]) -> Any:
    """Return a value with the variables in all its texts replaced."""
    match value:
        case str():
            return _VARIABLE.sub(lambda found: _variable(found[1], key, environ), value)
        case list():
            return [_with_variables(item, key, environ) for item in value]
        case dict():
            return {name: _with_variables(item, _below(key, name), environ) for name, item in value.items()}
        case _:
            return value


def _variable(name: str, key: str, environ: Mapping[str, str]) -> str:
    try:
        return environ[name]
    except (KeyError, ValueError):  # ValueError: the locale cannot even spell the name
        # Only a plain name is one that a shell can set.
        cure = f"; set it: export {name}=…" if name.isidentifier() and name.isascii() else ""
        raise ConfigError(f"{key}: the environment has no variable {name!r}{cure}") from None


def _record(kind: type[_Record], value: object, key: str) -> _Record:
    """Build a record from its table, which stands at ``key``."""
    table = _table(value, key)
    fields = attrs.fields_dict(kind)
    for name in table:
        if name not in fields:
            raise ConfigError(f"{_below(key, name)}: is not a setting; {_instead(name, list(fields))}")
    for name, field in fields.items():
        if field.default is attrs.NOTHING and name not in table:
            raise ConfigError(f"{_below(key, name)}: is missing; {_needed(field.validator)}")
    hints = get_type_hints(kind)
    values = {name: _nested(hints[name], item, _below(key, name)) for name, item in table.items()}
    try:
        return kind(**values)
    except ConfigError as error:
        raise ConfigError(f"{key}.{error}" if key else str(error)) from None


def _nested(hint: Any, value: Any, key: str) -> Any:
    """Return a field's value: a record, a mapping of names to records, or what the file has."""
    record = next((kind for kind in (hint, *get_args(hint)[:1]) if attrs.has(kind)), None)
    if record is not None:  # itself, or the first of "a record or None"
        return _record(record, value, key)
    kind = next(iter(get_args(hint)[1:]), None)
    if isinstance(kind, type) and attrs.has(kind):
        return {name: _record(kind, item, _below(key, name)) for name, item in _table(value, key).items()}
    if kind == AnyFeed:
        return {name: _feed(name, item, _below(key, name)) for name, item in _table(value, key).items()}
    if kind == SinkConfig:
        return {name: _sink(name, item, _below(key, name)) for name, item in _table(value, key).items()}
    return value


def _feed(name: str, value: object, key: str) -> AnyFeed:
    """Build the record of the kind that a table of ``[feeds]`` names."""
    kind, settings = feed_of_table(name, _table(value, key))
    return _record(kind, settings, key)


def _sink(name: str, value: object, key: str) -> SinkConfig:
    """Build the record of the kind that a table of ``[sinks]`` names."""
    table = _table(value, key)
    try:
        kind, settings = sink_of_table(name, table)
    except ConfigError as error:
        raise ConfigError(f"{key}.{error}") from None
    return _record(kind, settings, key)


def _table(value: object, key: str) -> Mapping[str, Any]:
    # What stands there instead is not shown: a list of tables may hold tokens.
    if not isinstance(value, dict):
        raise ConfigError(f"{key}: must be a table")
    return value


def _instead(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"accepted here: {', '.join(known)}"


def _needed(rule: object) -> str:
    assert isinstance(rule, Rule), "a setting without a default has exactly one rule"
    return f"it must be {rule.accepted}"


def _below(key: str, name: str) -> str:
    """Return the path of a key in a table, as TOML writes it, on one line."""
    written = name if _BARE_KEY.fullmatch(name) else repr(name)
    return f"{key}.{written}" if key else written
