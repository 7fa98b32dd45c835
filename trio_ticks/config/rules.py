"""What a setting may be: validators that say what they accept.

Every refusal is one line that begins with the name of the setting. Whoever knows more of the path (the table,
the file) puts it in front, so a record built in code and one read from a file are refused in the same words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, TypeAlias, get_args

import attrs

from trio_ticks.errors import ConfigError

# A day. Nothing here waits longer, so what lies beyond is a number in another unit.
LONGEST_S = 86_400.0

# A refusal stays readable in a terminal, whatever was written into the file.
_SHOWN_LENGTH = 60

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
# No user, query or fragment: those carry secrets, and a URL is printed in every status.
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@]+(/[^\s?#]*)?")

Validator: TypeAlias = Callable[[Any, "attrs.Attribute[Any]", Any], None]


@attrs.frozen
class Rule:
    """An attrs validator.

    Attributes:
        accepted: Completes the sentence "must be …".
        holds: Tells whether a value, of any type at all, is accepted.
        private: The value may hold a secret, so a refusal does not show it.
        then: Looks closer at a value that holds, and at None where that is accepted.
    """

    accepted: str
    holds: Callable[[Any], bool]
    private: bool = False
    then: Validator | None = None

    def __call__(self, record: object, attribute: attrs.Attribute[Any], value: object) -> None:
        """Refuse what does not hold, as attrs asks."""
        if not self.holds(value):
            given = "" if self.private else f" = {shown(value)}"
            raise ConfigError(f"{attribute.name}{given}: must be {self.accepted}")
        if self.then is not None:
            self.then(record, attribute, value)


def shown(value: object) -> str:
    """Return a value on one line, shortened where it is long."""
    try:
        text = repr(value)
    except ValueError:  # CPython does not print integers of more than 4,300 digits
        text = "a huge number"
    return text if len(text) <= _SHOWN_LENGTH else f"{text[: _SHOWN_LENGTH - 1]}…"


def optional(rule: Rule) -> Rule:
    """Accept what the rule accepts, and None."""
    return attrs.evolve(rule, holds=lambda value: value is None or rule.holds(value))


def seconds(least: float) -> Rule:
    """Accept a finite number of seconds. NaN fails both comparisons; a bool is no number."""
    return Rule(
        f"seconds from {least:g} to {LONGEST_S:g}",
        lambda value: _is_number(value, int | float) and least <= value <= LONGEST_S,
    )


def count(least: int, most: int | None = None) -> Rule:
    """Accept a whole number; a bool or a float is none."""
    return Rule(
        f"a whole number from {least} to {most}" if most is not None else f"a whole number, at least {least}",
        lambda value: _is_number(value, int) and least <= value and (most is None or value <= most),
    )


def _is_number(value: object, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


_SIZE = re.compile(r"([0-9]{1,15}) ?([KMGT]i?B|B)?")
_UNITS = {"": 1, "B": 1} | {f"{letter}B": 1000**power for power, letter in enumerate("KMGT", 1)}
_UNITS |= {f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", 1)}


def bytes_in(value: object) -> object:
    """Return how many bytes ``10 GiB`` are; what is no such text is left for the rule to refuse."""
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    return value if found is None else int(found[1]) * _UNITS[found[2] or ""]


def size(least: int) -> Rule:
    """Accept a number of bytes, as `bytes_in` makes one of a text."""
    return Rule(
        f"bytes such as '10 GiB' or '500 MB', at least {least:,}",
        lambda value: _is_number(value, int) and least <= value,
    )


_DURATION = re.compile(r"([0-9]{1,9}) ?([smhdw])")
_UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}

# A year and a day. Longer is a number in another unit, or nothing that a strategy wants to read at its start.
_LONGEST_PAST_S = 366 * 86_400


def seconds_in(value: object) -> object:
    """Return how many seconds ``30m`` are; what is no such text is left for the rule to refuse."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return value if found is None else float(int(found[1]) * _UNIT_S[found[2]])


def past() -> Rule:
    """Accept seconds, as `seconds_in` makes them of a text, that reach into the past."""
    return Rule(
        "a duration such as '30m', '2h' or '1d', or seconds; above 0, and at most 366d",
        lambda value: _is_number(value, int | float) and 0 < value <= _LONGEST_PAST_S,
    )


def one_of(literal: Any) -> Rule:
    """Accept the members of a ``Literal`` type."""
    members = get_args(literal)
    return Rule("one of " + ", ".join(members), lambda value: isinstance(value, str) and value in members)


def some_text() -> Rule:
    """Accept a text that is not blank."""
    return Rule("a text that is not blank", _is_text)


def different_texts() -> Rule:
    """Accept a tuple of at least one text, none blank, none twice."""
    return Rule(
        "a list of at least one text, none of them blank",
        lambda value: isinstance(value, tuple) and len(value) > 0 and all(map(_is_text, value)),
        then=_no_twins,
    )


def _no_twins(_record: object, attribute: attrs.Attribute[Any], texts: tuple[str, ...] | None) -> None:
    # Named here, because nobody finds one twin by eye among hundreds.
    seen: set[str] = set()
    for text in texts or ():
        if text in seen:
            raise ConfigError(f"{attribute.name}: {shown(text)} is listed twice; once is accepted")
        seen.add(text)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def reference() -> Rule:
    """Accept the place of a Python object."""
    return Rule("module:name, such as my_module:momentum", _is_reference)


def kind_of_feed() -> Rule:
    """Accept a feed's name, the place of a class, or "" for the name of its table."""
    return Rule(
        "the name of a feed, or module:Feed",
        lambda value: (
            isinstance(value, str) and (value == "" or _NAME.fullmatch(value) is not None or _is_reference(value))
        ),
    )


def _is_reference(value: object) -> bool:
    if not isinstance(value, str) or value.count(":") != 1:
        return False
    return all(part.isidentifier() for part in value.replace(":", ".").split("."))


def url() -> Rule:
    """Accept a URL that can be printed. A refusal does not show it: it may hold what must not be."""
    return Rule(
        "scheme://host[:port][/path], without a user, ? or #; a token goes into token",
        lambda value: isinstance(value, str) and _URL.fullmatch(value) is not None,
        private=True,
    )


def is_host(text: str) -> bool:
    """Tell whether a text can be the host of a URL: printable ASCII, in labels that a resolver takes."""
    try:
        text.encode("idna")
    except UnicodeError:
        return False
    return text.isascii() and text.isprintable() and " " not in text and bool(text)


def instance_of(kind: type) -> Rule:
    """Accept a record of one class, which holds its own rules."""
    return Rule(f"a {kind.__name__}", lambda value: isinstance(value, kind), private=True)


def arguments() -> Rule:
    """Accept a mapping that a function can take as keyword arguments."""
    return Rule(
        "a table whose keys are names of parameters",
        lambda value: (
            isinstance(value, Mapping) and all(isinstance(name, str) and name.isidentifier() for name in value)
        ),
        private=True,
    )


def tables(name: str, kind: type | UnionType, *, least: int = 0) -> Rule:
    """Accept a mapping of names to records of one class, or one of some; it is called ``name`` in the file."""
    some = "at least one table" if least else "tables"
    return Rule(
        f"{some} [{name}.NAME], each NAME of letters, digits, - and _",
        lambda value: (
            isinstance(value, Mapping)
            and len(value) >= least
            and all(isinstance(key, str) and _NAME.fullmatch(key) for key in value)
            and all(isinstance(record, kind) for record in value.values())
        ),
        private=True,
    )


def at_least(other: str) -> Validator:
    """Hold one setting at or above another of the same record, which must be defined before it."""

    def check(record: object, attribute: attrs.Attribute[Any], value: float) -> None:
        bound = getattr(record, other)
        if value < bound:
            raise ConfigError(f"{attribute.name} = {shown(value)}: must be at least {other}, which is {bound}")

    return check


def listed(value: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Turn a list into a tuple; a lone text is left for the rule to refuse, not split into letters."""
    return tuple(value) if isinstance(value, list) else value


def listed_or_none(value: list[str] | tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Do the same where the list may be left out."""
    return None if value is None else listed(value)
