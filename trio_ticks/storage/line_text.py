"""How a text is written in line protocol, and which texts cannot be.

A tag value stands bare: commas, equals signs and spaces are preceded by a backslash. A backslash itself cannot be
escaped there, so one that stands before such a character, before another backslash or at the end would swallow
what follows; servers and parsers differ on what it then means, and all of them read a broken line at the end. An
empty value is no value: the tag is left out. A string field stands in quotes, and quotes and backslashes in it are
preceded by a backslash.

"Line protocol does not support the newline character in tag or field values" (InfluxData's reference). A null
character ends the text for parsers written in C, and the other control characters are space to some, so none is
written.
"""

from __future__ import annotations

import re

MAX_INTEGER = 2**63 - 1

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TAG_SPECIAL = re.compile(r"([,= ])")
_SWALLOWING = re.compile(r"\\(?=[\\,= ]|\Z)")
_FIELD_SPECIAL = re.compile(r'(["\\])')


class UnencodableError(ValueError):
    """A value that line protocol has no way to write; the text is the reason, for a dead letter."""


def tag_text(name: str, value: str) -> str:
    """Return a tag value that is not empty, escaped.

    Raises:
        UnencodableError: It is empty, or no line could carry it unchanged.
    """
    if not value:
        raise UnencodableError(f"{name} is empty")
    _check(name, value)
    if _SWALLOWING.search(value):
        raise UnencodableError(f"{name} has a backslash that would swallow what follows it: {value!r:.60}")
    return _TAG_SPECIAL.sub(r"\\\1", value)


def field_text(name: str, value: str) -> str:
    """Return a string field's value, escaped, in its quotes.

    Raises:
        UnencodableError: No line could carry it unchanged.
    """
    _check(name, value)
    return '"' + _FIELD_SPECIAL.sub(r"\\\1", value) + '"'


def field_integer(name: str, value: int) -> str:
    """Return an integer field's value.

    Raises:
        UnencodableError: It is beyond 64 bits.
    """
    if not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        raise UnencodableError(f"{name} is beyond 64 bits")
    return f"{value:d}i"


def _check(name: str, value: str) -> None:
    if _CONTROL.search(value):
        raise UnencodableError(f"{name} has a control character: {value!r:.60}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnencodableError(f"{name} is no Unicode text: {value!r:.60}") from None
