"""Exception groups, taken apart."""

from __future__ import annotations

from typing import TypeVar

from trio_ticks.errors import TrioTicksError, in_one_line, one_line

E = TypeVar("E", bound=BaseException)


def leaves(group: BaseExceptionGroup[E]) -> list[E]:
    """Return the errors of a group, however deep, in order."""
    found: list[E] = []
    for error in group.exceptions:
        found += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def words_of(error: Exception) -> str:
    """Return an error of ours in its own words, a foreign one with its type, in one line."""
    return one_line(str(error)) if isinstance(error, TrioTicksError) else in_one_line(error)
