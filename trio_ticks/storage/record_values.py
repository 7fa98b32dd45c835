"""The values of records in text files: what a CSV, or JSON that others wrote, may say for a field, and what not.

A value that would be taken for another one, without a word, is refused: a fraction of a microsecond, a number for a
symbol, a side that no strategy compares with.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from trio_ticks.storage.layout import Type, type_of

# Of the years 1 to 9999, as `datetime` has them.
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
# From here on a float has not every whole number.
_FLOATS_END = 2**53


def value_of(name: str, value: Any) -> Any:
    """Return the value of a field, whose name decides of which type it is.

    Raises:
        ValueError: it cannot be; the field is named.
    """
    kind = type_of(name)
    try:
        return _VALUES[kind](value) if kind in _VALUES else value
    except _WrongError as error:
        raise ValueError(f"{name} {value!r} {error}") from None
    except (ValueError, TypeError):
        raise ValueError(f"{name} {value!r} is not what {name} can be") from None


def side_of(value: Any) -> Any:
    """Return who was the aggressor of a trade.

    Raises:
        ValueError: it is neither side.
    """
    if value not in ("buy", "sell"):
        raise ValueError(f"side {value!r} is neither buy nor sell; leave it empty where it is not known")
    return value


def number_of(name: str, value: Any) -> tuple[str, float]:
    """Return a number's exact text, where it came as a text, and the number; none is 0.

    Raises:
        ValueError: it is not finite, or no number.
    """
    if value is None or value == "":
        return "", 0.0
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (ValueError, TypeError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} {value!r} is no number")
    return value if isinstance(value, str) else "", number


class _WrongError(ValueError):
    """What is wrong with a value, to be said behind it."""


def _whole(value: Any) -> int:
    """Return a whole number, also one that a table made a float of, as pandas does where a column has holes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(value) if isinstance(value, str) else _of_float(value)
    except ValueError:
        return _of_float(value)


def _of_float(value: Any) -> int:
    number = math.nan if isinstance(value, bool) else float(value)
    if not number.is_integer():
        raise _WrongError("is no whole number")
    if abs(number) >= _FLOATS_END:
        raise _WrongError("is a float that has lost its last digits")
    return int(number)


def _instant(value: Any) -> int:
    time_us = _whole(value)
    if not _FIRST_US <= time_us <= _LAST_US:
        raise _WrongError("is no instant in microseconds since 1970")
    return time_us


def _truth(value: Any) -> bool:
    if value in (True, "true", "True"):  # as JSON spells it, and as Python does
        return True
    if value in (False, "false", "False"):
        return False
    raise _WrongError("is neither true nor false")


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongError("is no text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_word, json.loads(value) if isinstance(value, str) else value))


def _levels(value: Any) -> tuple[tuple[float, float], ...]:
    pairs = json.loads(value) if isinstance(value, str) else value
    return tuple((float(price), float(volume)) for price, volume in pairs)


def _fields(value: Any) -> dict[str, Any]:
    return dict(json.loads(value) if isinstance(value, str) else value)


_VALUES: dict[Type, Callable[[Any], Any]] = {
    Type.INSTANT: _instant,
    Type.COUNT: _whole,
    Type.WHOLE: _whole,
    Type.NUMBER: float,
    Type.TRUTH: _truth,
    Type.WORD: _word,
    Type.TEXT: _word,
    Type.TEXTS: _texts,
    Type.LEVELS: _levels,
    Type.FIELDS: _fields,
}
