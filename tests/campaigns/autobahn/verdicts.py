"""What a suite thought of each case, and the page that says so."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path

import attrs

PASSED = frozenset({"OK", "INFORMATIONAL"})
NOT_STRICTLY = "NON-STRICT"

_AT_ONCE = (
    "The suite sends a message that is in order and a broken frame at once, and would like to have the message back "
    "before the connection is failed. Whatever one read of the socket brought is judged as a whole: the message is "
    "handed on, but the connection is failed by then, and nothing can be sent any more. Which of these cases are "
    "passed strictly depends on how the bytes were cut on their way."
)
_WHOLE = (
    "The suite sends one frame in pieces and would like to see it refused with the piece that breaks the text. A "
    "frame is looked at when it is whole, so it is refused then; a text in several frames is refused with the first "
    "that breaks it."
)
EXPLAINED = {"3.[234]": _AT_ONCE, "4.[12].[345]": _AT_ONCE, "5.15": _AT_ONCE, "6.4.[34]": _WHOLE}
"""Why a case is passed, but not strictly. Nothing explains a failure."""

ABOUT = {
    "1": "framing",
    "2": "pings and pongs",
    "3": "reserved bits",
    "4": "opcodes",
    "5": "fragmentation",
    "6": "UTF-8",
    "7": "closing",
    "9": "limits and performance",
    "10": "automatic fragmentation",
    "12": "compression, by message size",
    "13": "compression, by parameters",
}


@attrs.frozen
class Verdict:
    """One case.

    Attributes:
        case: Its number, such as ``6.4.1``.
        behavior: Of what was said.
        closing: Of how it ended.
    """

    case: str
    behavior: str
    closing: str

    @property
    def word(self) -> str:
        """The worse of the two, in the suite's own word."""
        return self.behavior if self.closing in PASSED else self.closing

    @property
    def explanation(self) -> str:
        """Why it is not passed strictly, "" where nobody knows."""
        known = (why for pattern, why in EXPLAINED.items() if fnmatch(self.case, pattern))
        return next(known, "") if self.word == NOT_STRICTLY else ""


def read_verdicts(reports: Path, agent: str) -> list[Verdict]:
    """Return what the reports in a directory say of this agent, in the order of the cases."""
    found = json.loads((reports / "index.json").read_text())[agent]
    ordered = sorted(found, key=lambda case: [int(part) for part in case.split(".")])
    return [Verdict(case, found[case]["behavior"], found[case]["behaviorClose"]) for case in ordered]


def unexplained(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the cases that failed, or that are not passed strictly for no known reason."""
    return [item.case for item in verdicts if item.word not in PASSED and not item.explanation]


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """Return a table of how many cases of each section ended how."""
    counts = {
        section: Counter(item.word for item in items)
        for section, items in groupby(verdicts, key=lambda item: item.case.partition(".")[0])
    }
    return [
        "| cases | about | run | passed | not strictly | informational | failed |",
        "|---|---|---|---|---|---|---|",
        *(_row(f"{section}.*", ABOUT[section], count) for section, count in counts.items()),
        _row("all", "", sum(counts.values(), Counter())),
    ]


def _row(cases: str, about: str, count: Counter[str]) -> str:
    good = [count["OK"], count[NOT_STRICTLY], count["INFORMATIONAL"]]
    figures = [count.total(), *good, count.total() - sum(good)]
    return f"| {cases} | {about} | {' | '.join(map(str, figures))} |"


def words(verdicts: Sequence[Verdict]) -> list[str]:
    """Return a line for each reason not to be passed, with the cases it applies to."""
    reasons: dict[str, list[str]] = {}
    for item in verdicts:
        if item.word not in PASSED:
            reasons.setdefault(item.explanation or f"{item.word}: not explained.", []).append(item.case)
    return [f"- {', '.join(cases)}: {why}" for why, cases in reasons.items()]
