"""The result as a table for the terminal, the same in Markdown, and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import attrs
from rich.box import SIMPLE_HEAD
from rich.table import Table

from bench.polling.experiment import Result
from bench.polling.measure import happened
from bench.polling.outcome import Outcome
from bench.polling.venue import RECORDINGS
from trio_ticks.model import datetime_of

COLUMNS = ("", "every", "age", "p95", "x stream", "missed", "error", "p95", "max")
"""Of the terminal's table, which fits into 80 columns."""

HEADINGS = (
    "",
    "asks for each symbol every",
    "mean age of the price",
    "95 % below",
    "times the streamed",
    "trades missed",
    "mean error, bp",
    "95 % below",
    "worst",
)
"""The same on a page."""


@attrs.frozen
class Circumstances:
    """Where and in which company it was measured.

    Attributes:
        load: The machine's load average of the minute before.
    """

    load: float
    cores: int | None = attrs.field(factory=os.cpu_count)
    python: str = attrs.field(factory=lambda: f"{platform.python_implementation()} {platform.python_version()}")
    system: str = attrs.field(factory=platform.system)

    def __str__(self) -> str:
        return f"{self.python}, {self.system}, {self.cores} cores, load average before {self.load:.2f}"


def title(outcome: Outcome) -> str:
    """Return what an outcome is called on a page."""
    return f"polled, {outcome.plan} plan" if outcome.name == "polled" else outcome.name


def clients(result: Result) -> Sequence[Outcome]:
    """Return the outcomes of all but the venue: those that poll, the slowest first, then the one that streams."""
    return sorted(result.outcomes[1:], key=lambda outcome: (outcome.name == "streamed", -outcome.cycle_s))


def streamed(result: Result) -> Outcome:
    """Return the outcome that the others are compared with."""
    return next(outcome for outcome in result.outcomes if outcome.name == "streamed")


def rows(result: Result) -> Sequence[Sequence[str]]:
    """Return the figures of each client, without its name."""
    best = streamed(result).behind_s.mean
    return [
        (
            f"{outcome.cycle_s:g} s" if outcome.cycle_s else "never",
            duration(outcome.behind_s.mean),
            duration(outcome.behind_s.p95),
            figure(outcome.behind_s.mean / best) if best else "",
            f"{outcome.missed / max(1, outcome.happened):.1%}",
            *(f"{error:.2f}" for error in (outcome.error_bp.mean, outcome.error_bp.p95)),
            f"{outcome.error_bp.max:.1f}",
        )
        for outcome in clients(result)
    ]


def duration(seconds: float) -> str:
    """Return a duration to read, of two figures or more."""
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{figure(seconds * factor)} {unit}"
    return f"{figure(seconds * 1e6)} µs"


def figure(number: float) -> str:
    """Return a number to read, with a decimal only below ten."""
    return f"{number:,.1f}" if round(number, 1) < 10 else f"{number:,.0f}"  # noqa: PLR2004 - two figures


def table(result: Result) -> Table:
    """Return the table for the terminal."""
    drawn = Table(*COLUMNS, title=caption(result), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in drawn.columns:
        column.no_wrap = True
    for column in drawn.columns[1:]:
        column.justify = "right"
    for outcome, row in zip(clients(result), rows(result), strict=True):
        drawn.add_row(outcome.plan if outcome.name == "polled" else outcome.name, *row)
    return drawn


def caption(result: Result) -> str:
    """Return what was measured."""
    setting = result.setting
    happened = result.outcomes[0].happened
    return (
        f"{len(result.trades)} symbols, {happened:,} trades in {setting.seconds:g} s,"
        f" {setting.one_way_s * 1e3:g} ms of network each way;\n"
        "each symbol polled as often as each plan allows, and streamed; errors in basis points"
    )


def disturbance(result: Result) -> str:
    """Return how far the machine itself kept everyone waiting."""
    late_s = result.late_s
    return (
        f"The machine woke up {duration(late_s.mean)} late on average, {duration(late_s.max)} at worst; all ages"
        " contain that. Where the average is above 2 ms, something else was running: measure again."
    )


def conditions(result: Result, circumstances: Circumstances) -> str:
    """Return one line for a page: when and where it was measured."""
    day = datetime_of(result.start_us).date().isoformat()
    late_s = result.late_s
    return (
        f"*{result.outcomes[0].happened:,} trades in {result.setting.seconds:g} s; {day}, {circumstances}; the venue"
        f" woke up {duration(late_s.mean)} late for a trade on average, {duration(late_s.max)} at worst.*\n"
    )


def markdown(result: Result) -> str:
    """Return the table for a page."""
    named = [(title(outcome), *row) for outcome, row in zip(clients(result), rows(result), strict=True)]
    lines = [HEADINGS, ("---", *["---:"] * (len(HEADINGS) - 1)), *named]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def by_recording(result: Result) -> str:
    """Return a table for a page: the mean age by how busy a symbol is."""
    heading = ("mean age", *(f"`{name}`, {_rate(result, codes):.2g} trades/s" for name, codes in RECORDINGS.items()))
    named = [
        (title(outcome), *(duration(outcome.behind_by_recording_s[name]) for name in RECORDINGS))
        for outcome in clients(result)
    ]
    lines = [heading, ("---", *["---:"] * len(RECORDINGS)), *named]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _rate(result: Result, codes: Sequence[str]) -> float:
    """Return the trades a second of one of these symbols, on average."""
    counts = [len(happened(result.trades[code], result.start_us, result.end_us)) for code in codes]
    return fmean(counts) / result.setting.seconds


def as_json(result: Result, circumstances: Circumstances) -> Mapping[str, Any]:
    """Return everything but the single trades."""
    best = streamed(result).behind_s.mean
    return {
        "measured_at": datetime_of(result.start_us).isoformat(timespec="seconds"),
        "machine": attrs.asdict(circumstances),
        "setting": attrs.asdict(result.setting),
        "venue_late_s": attrs.asdict(result.late_s),
        "symbols": {name: list(codes) for name, codes in RECORDINGS.items()},
        "outcomes": [
            attrs.asdict(outcome) | {"age_ratio": outcome.behind_s.mean / best if best else None}
            for outcome in result.outcomes
        ],
    }
