"""What a suite thought of each case, and the page that says so."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import attrs

PASSED, EXPLAINABLE = frozenset({"OK", "INFORMATIONAL"}), "NON-STRICT"

EXPLAINED: dict[str, str] = {}
"""Why a case is not passed strictly, by its number."""


@attrs.frozen
class Verdict:
    """One case.

    Attributes:
        case: Its number, such as ``6.4.1``.
        behavior: Of what was said.
        closing: Of how it ended.
        expectation: What the suite wanted.
    """

    case: str
    behavior: str
    closing: str
    expectation: str

    @property
    def word(self) -> str:
        """The worse of the two, in the suite's own word."""
        return self.behavior if self.closing in PASSED else self.closing

    @property
    def is_failed(self) -> bool:
        """Whether it is anything but passed, strictly or not."""
        return self.word not in PASSED and self.word != EXPLAINABLE


def read_verdicts(reports: Path, agent: str) -> list[Verdict]:
    """Return what the reports in a directory say of this agent, in the order of the cases."""
    found = json.loads((reports / "index.json").read_text())[agent]
    return [_verdict(case, found[case], reports) for case in sorted(found, key=_order)]


def _verdict(case: str, said: dict[str, str], reports: Path) -> Verdict:
    detail = json.loads((reports / said["reportfile"]).read_text(encoding="utf-8", errors="replace"))
    words = " ".join(re.sub(r"<[^>]+>", " ", detail["expectation"]).split())
    return Verdict(case, said["behavior"], said["behaviorClose"], words)


def _order(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]


def unexplained(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the cases that are not passed strictly and that nobody has explained."""
    return [item.case for item in verdicts if item.word not in PASSED and item.case not in EXPLAINED]


def section(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the lines of a page: a table by group, then each case that is not passed strictly."""
    groups: dict[str, Counter[str]] = {}
    for item in verdicts:
        groups.setdefault(item.case.partition(".")[0], Counter())[item.word] += 1
    lines = ["| cases | about | run | passed | not strictly | informational | failed |", "|---|---|---|---|---|---|---|"]
    lines += [_row(f"{group}.*", ABOUT[group], counts) for group, counts in groups.items()]
    lines += [_row("all", "", sum(groups.values(), Counter())), ""]
    for item in verdicts:
        if item.word not in PASSED:
            why = EXPLAINED.get(item.case, "not explained")
            lines.append(f"- **{item.case}**, {item.word}: {why} The suite expects: {item.expectation}")
    return lines


def _row(cases: str, about: str, counts: Counter[str]) -> str:
    known = [counts["OK"], counts[EXPLAINABLE], counts["INFORMATIONAL"]]
    figures = [counts.total(), *known, counts.total() - sum(known)]
    return f"| {cases} | {about} | {' | '.join(map(str, figures))} |"


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
