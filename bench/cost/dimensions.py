"""What is varied, one thing at a time, and how often it is measured."""

from __future__ import annotations

import attrs

from bench.cost.job import MARKET_RATE, ROUNDED, Job, Setting

MINUTE = 60 * MARKET_RATE
"""Ticks in a minute of the market."""


@attrs.frozen
class Dimension:
    """One thing that grows.

    Attributes:
        name: For the command line.
        title: Above its table.
        column: Above its values.
        rows: The settings, by what they are called; the first is what the others are compared with.
    """

    name: str
    title: str
    column: str
    rows: dict[str, Setting]


DIMENSIONS = (
    Dimension(
        "symbols",
        "Symbols, on one connection",
        "symbols",
        {f"{n:,}": Setting(symbols=n) for n in (10, 100, 1_000, 10_000)},
    ),
    Dimension(
        "connections",
        "Connections that 1,000 symbols are spread over",
        "connections",
        {f"{n}": Setting(connections=n) for n in (1, 2, 4, 8, 16)},
    ),
    Dimension(
        "strategies",
        "Strategies that look at every tick",
        "strategies",
        {f"{n}": Setting(strategies=n) for n in (1, 2, 4, 8, 16)},
    ),
    Dimension(
        "sessions",
        "Sessions for each symbol: of two, every tick comes twice",
        "sessions",
        {f"{n}": Setting(sessions=n) for n in (1, 2)},
    ),
    Dimension(
        "windows",
        "Window in which copies are recognised, with two sessions",
        "window",
        {f"{s:g} s": Setting(window_s=s, sessions=2) for s in (1.0, 10.0, 60.0)},
    ),
)


@attrs.frozen
class Effort:
    """How long it may take.

    Attributes:
        rounds: Each row is measured so often.
        warm: Ticks before that, at least; the window must be full.
        ticks: That are measured.
        minutes: Of the market, for memory.
        warm_minutes: Of these, before memory is compared.
    """

    rounds: int
    warm: int
    ticks: int
    minutes: int
    warm_minutes: int


QUICK = Effort(rounds=3, warm=120_000, ticks=100_000, minutes=3, warm_minutes=1)
FULL = Effort(rounds=7, warm=150_000, ticks=500_000, minutes=60, warm_minutes=5)


TAIL = 100_000
"""Ticks that come after the last that is measured. The engine reads ahead of what it has sequenced, 65,536 ticks at
most; with something left to read at both ends of the measurement, that is the same work at both."""


def growth_job(setting: Setting, effort: Effort) -> Job:
    """Return a run that fills the window one and a half times, and is then measured."""
    warm = max(effort.warm, round(1.5 * setting.window_s * MARKET_RATE))
    warm += -warm % ROUNDED
    end = warm + effort.ticks
    return Job(setting, ticks=end + TAIL, marks_at=(warm, end))


def memory_job(sessions: int, effort: Effort) -> Job:
    """Return a run of so many minutes of the market, with a mark for each that is compared."""
    minutes = range(effort.warm_minutes, effort.minutes + 1)
    return Job(Setting(sessions=sessions), ticks=effort.minutes * MINUTE, marks_at=tuple(n * MINUTE for n in minutes))
