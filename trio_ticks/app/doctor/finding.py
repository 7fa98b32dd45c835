"""A finding: one line for people, one object for programs."""

from __future__ import annotations

import enum

import attrs

from trio_ticks.errors import one_line


class Mark(enum.StrEnum):
    """How it stands with what was looked at."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"
    UNCHECKED = "unchecked"


SIGNS = {Mark.GOOD: "✓", Mark.DOUBTFUL: "!", Mark.BAD: "✗", Mark.UNCHECKED: "-"}

PLAIN_SIGNS = {**SIGNS, Mark.GOOD: "+", Mark.BAD: "x"}
"""For a terminal whose encoding has none of the others."""

WIDTH = 16
"""Of the first column: ``symbols coinbase`` fits."""


@attrs.frozen
class Finding:
    """What was looked at, and what was found.

    Attributes:
        what: A few words.
        mark: How it stands.
        found: What was found. One line.
        cure: What to do about it; "" where there is nothing to do.
    """

    what: str
    mark: Mark
    found: str
    cure: str = ""

    def line(self, signs: dict[Mark, str] = SIGNS) -> str:
        """Return it for people, on one line whatever a server has put into its words."""
        told = f"{self.found}; {self.cure}" if self.cure else self.found
        return f"{signs[self.mark]} {self.what:<{WIDTH}} {one_line(told)}"


def good(what: str, found: str) -> Finding:
    """Return a finding that nothing has to be done about."""
    return Finding(what, Mark.GOOD, found)


def doubtful(what: str, found: str, cure: str) -> Finding:
    """Return a finding that works, and may not be what is wanted."""
    return Finding(what, Mark.DOUBTFUL, found, cure)


def bad(what: str, found: str, cure: str = "") -> Finding:
    """Return a finding with which it does not work. Without a cure, the words of ``found`` name it."""
    return Finding(what, Mark.BAD, found, cure)


def unchecked(what: str, why: str) -> Finding:
    """Return that nothing was looked at, and why."""
    return Finding(what, Mark.UNCHECKED, f"not checked: {why}")
