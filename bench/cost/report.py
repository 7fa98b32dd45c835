"""The tables, for the terminal and for a page, and the same for JSON."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from rich import box
from rich.table import Table

from bench.cost.dimensions import MINUTE, Dimension
from bench.cost.job import Setting
from bench.cost.running import Result, cpu_us

NONE = "-"


@attrs.define
class Runs:
    """All runs of one row.

    Attributes:
        results: Those that passed their check.
        faults: Of those that did not.
    """

    results: list[Result] = attrs.field(factory=list)
    faults: list[str] = attrs.field(factory=list)

    def add(self, result: Result) -> None:
        """Count a run, or only what is wrong with it."""
        if result.faults:
            self.faults += result.faults
        else:
            self.results.append(result)

    @property
    def cost(self) -> Cost | None:
        """The medians; None where no run passed its check."""
        if not self.results:
            return None
        return Cost(
            cpu_us=statistics.median(result.cpu_us for result in self.results),
            least_us=min(result.cpu_us for result in self.results),
            most_us=max(result.cpu_us for result in self.results),
            ticks_per_s=statistics.median(result.rate for result in self.results),
            held_bytes=statistics.median(result.held_bytes for result in self.results),
        )


@attrs.frozen
class Cost:
    """What a row costs: medians over its runs, and how far the runs were apart."""

    cpu_us: float
    least_us: float
    most_us: float
    ticks_per_s: float
    held_bytes: float


@attrs.frozen
class Memory:
    """What a process held, minute after minute of the market, once it was warm.

    Attributes:
        first_bytes, least_bytes, most_bytes, last_bytes: Of the minutes.
        first_us, last_us: CPU time per tick in the first and in the last tenth of them.
    """

    first_bytes: int
    least_bytes: int
    most_bytes: int
    last_bytes: int
    first_us: float
    last_us: float

    @property
    def drift(self) -> float:
        """How far it ever went from where it began, as a share."""
        return max(self.most_bytes - self.first_bytes, self.first_bytes - self.least_bytes) / self.first_bytes

    @classmethod
    def of(cls, result: Result) -> Memory:
        """Return what a run has shown."""
        marks, sessions = result.marks, result.job.setting.sessions
        held = [mark.held_bytes for mark in marks]
        tenth = max(1, len(marks) // 10)
        return cls(
            first_bytes=held[0],
            least_bytes=min(held),
            most_bytes=max(held),
            last_bytes=held[-1],
            first_us=cpu_us(marks[0], marks[tenth], sessions),
            last_us=cpu_us(marks[-1 - tenth], marks[-1], sessions),
        )


def growth_table(dimension: Dimension, runs: Mapping[Setting, Runs]) -> Table:
    """Return a dimension's table."""
    table = _table(
        dimension.title, dimension.column, "CPU per tick", "of the runs", "against the first", "ticks/s", "MB"
    )
    first = next(iter(dimension.rows.values()))
    for name, setting in dimension.rows.items():
        cost, base = runs[setting].cost, runs[first].cost
        if cost is None:
            table.add_row(name, *[NONE] * 5)
            continue
        table.add_row(
            name,
            f"{cost.cpu_us:.2f} µs",
            f"{cost.least_us:.2f} … {cost.most_us:.2f}",
            f"{cost.cpu_us / base.cpu_us:.2f}x" if base else NONE,
            f"{cost.ticks_per_s:,.0f}",
            f"{cost.held_bytes / 1e6:.0f}",
        )
    return table


def memory_table(results: Sequence[Result]) -> Table:
    """Return the table of what was held over the minutes of the market."""
    job = results[0].job
    whole, warm = _minutes(job.ticks), _minutes(job.marks_at[0])
    title = f"Memory over {job.ticks:,} ticks: {whole} of the market, {warm} of warm-up"
    columns = ("sessions", "first MB", "least", "most", "last", "farthest from the first", "CPU first", "CPU last")
    table = _table(title, *columns)
    for result in results:
        memory = Memory.of(result)
        held = (memory.first_bytes, memory.least_bytes, memory.most_bytes, memory.last_bytes)
        table.add_row(
            f"{result.job.setting.sessions}",
            *(f"{count / 1e6:.1f}" for count in held),
            f"{memory.drift:.1%}",
            f"{memory.first_us:.2f} µs",
            f"{memory.last_us:.2f} µs",
        )
    return table


def as_dict(dimension: Dimension, runs: Mapping[Setting, Runs]) -> dict[str, Any]:
    """Return a dimension for JSON."""
    first = runs[next(iter(dimension.rows.values()))].cost
    told = {}
    for name, setting in dimension.rows.items():
        cost = runs[setting].cost
        times = cost.cpu_us / first.cpu_us if cost and first else None
        told[name] = {"cost": cost and attrs.asdict(cost), "times": times, "faults": runs[setting].faults}
    return {"title": dimension.title, "rows": told}


def memory_dict(result: Result) -> dict[str, Any]:
    """Return a run of memory for JSON, with what was held at each minute."""
    told = Memory.of(result)
    minutes = [mark.held_bytes for mark in result.marks]
    return {**attrs.asdict(told), "drift": told.drift, "ticks": result.job.ticks, "minutes_bytes": minutes}


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _minutes(ticks: int) -> str:
    minutes = ticks / MINUTE
    return "1 minute" if minutes == 1 else f"{minutes:g} minutes"
