"""Many runs made few numbers: medians for each contestant, and ratios to ours."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from bench.clients import CONTESTANTS, OURS
from bench.runner import Result
from trio_ticks.app.measuring import percentile


@attrs.define
class Runs:
    """All runs of one contestant, in the order in which they were made."""

    plain: list[Result] = attrs.field(factory=list)
    tls: list[Result] = attrs.field(factory=list)
    timed: list[Result] = attrs.field(factory=list)
    faults: list[str] = attrs.field(factory=list)


@attrs.frozen
class Speed:
    """Medians of runs at full speed."""

    ticks_per_s: float
    cpu_us: float


@attrs.frozen
class Age:
    """How old a tick is when the strategy gets it, in µs: medians over the runs of each run's percentile."""

    p50_us: float
    p99_us: float


@attrs.frozen
class Standing:
    """What is shown of one contestant.

    Attributes:
        contestant: Its key.
        plain, tls: At full speed; None where that was not run, or failed.
        ages: By phase, in the order of the phases.
        peak_bytes: The most memory of a run at full speed; None where there was none.
        faults: Why it is to be taken for failed; empty where it passed every check.
    """

    contestant: str
    plain: Speed | None
    tls: Speed | None
    ages: Mapping[str, Age]
    peak_bytes: float | None
    faults: tuple[str, ...]

    @property
    def title(self) -> str:
        """For people."""
        return CONTESTANTS[self.contestant].title


def standing_of(contestant: str, runs: Runs) -> Standing:
    """Return the medians of a contestant's runs. A run that failed its check counts for nothing but its fault."""
    faults = [*runs.faults, *(fault for result in _all(runs) for fault in result.faults)]
    plain = [result for result in runs.plain if not result.faults]
    timed = [result for result in runs.timed if not result.faults]
    return Standing(
        contestant=contestant,
        plain=_speed(plain),
        tls=_speed([result for result in runs.tls if not result.faults]),
        ages=_ages(timed),
        peak_bytes=statistics.median(result.outcome.peak_bytes for result in plain) if plain else None,
        faults=tuple(dict.fromkeys(faults)),
    )


def lead(ours: Speed | None, theirs: Speed | None) -> float | None:
    """Return how many times as fast ours is, None where one of them is missing."""
    return ours.ticks_per_s / theirs.ticks_per_s if ours and theirs else None


def lag(ours: Standing, theirs: Standing, phase: str) -> float | None:
    """Return our median age in a phase as a multiple of theirs: below one, ours is fresher."""
    if phase not in ours.ages or phase not in theirs.ages:
        return None
    return ours.ages[phase].p50_us / theirs.ages[phase].p50_us


def as_dict(standing: Standing, ours: Standing | None) -> dict[str, Any]:
    """Return a standing for JSON, with our ratios to it."""
    ratios = None
    if ours is not None and standing.contestant != OURS:
        ratios = {
            "plain": lead(ours.plain, standing.plain),
            "tls": lead(ours.tls, standing.tls),
            "p50": {phase: lag(ours, standing, phase) for phase in standing.ages},
        }
    return {"title": standing.title, **attrs.asdict(standing), "ours_against_it": ratios}


def _all(runs: Runs) -> Sequence[Result]:
    return [*runs.plain, *runs.tls, *runs.timed]


def _speed(results: Sequence[Result]) -> Speed | None:
    if not results:
        return None
    phases = [result.phases[-1] for result in results]
    return Speed(
        ticks_per_s=statistics.median(phase.rate for phase in phases),
        cpu_us=statistics.median(phase.cpu_us for phase in phases),
    )


def _ages(results: Sequence[Result]) -> dict[str, Age]:
    ages: dict[str, list[Age]] = {}
    for result in results:
        for phase in result.phases:
            age = Age(percentile(phase.ages_us, 0.5), percentile(phase.ages_us, 0.99))
            ages.setdefault(phase.name, []).append(age)
    return {
        name: Age(statistics.median(age.p50_us for age in some), statistics.median(age.p99_us for age in some))
        for name, some in ages.items()
    }
