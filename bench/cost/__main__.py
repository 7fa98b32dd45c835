"""The command: ``python -m bench.cost``. The machine must be quiet, and have two cores."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import attrs
from rich.console import Console
from rich.table import Table

from bench.cost.dimensions import DIMENSIONS, FULL, QUICK, Dimension, Effort, growth_job, memory_job
from bench.cost.job import Job, Setting
from bench.cost.report import Runs, as_dict, growth_table, memory_dict, memory_table
from bench.cost.running import Result, perform
from bench.page import fill, markdown
from bench.runner import RunError
from trio_ticks.app.measuring import this_machine

MEMORY = "memory"
WIDTH = 110


class Survey:
    """Measures all that is asked for.

    Args:
        dimensions: What is varied.
        effort: How long it may take.
        console: Where progress is told.

    Attributes:
        runs: By setting; one that is a row of two dimensions is measured for both.
        memory: With one session, and with two.
        faults: What went wrong.
    """

    def __init__(self, dimensions: Collection[Dimension], effort: Effort, console: Console) -> None:
        self.runs: dict[Setting, Runs] = {row: Runs() for each in dimensions for row in each.rows.values()}
        self.memory: list[Result] = []
        self.faults: list[str] = []
        self._effort = effort
        self._console = console

    def grow(self) -> None:
        """Measure every row, round after round: whatever the machine does to one round it does to all rows."""
        for number in range(self._effort.rounds):
            for setting, runs in self.runs.items():
                what = f"round {number + 1} of {self._effort.rounds}: {setting}"
                result = self._perform(growth_job(setting, self._effort), what)
                if result is not None:
                    runs.add(result)

    def remember(self) -> None:
        """Send the minutes of the market, with one session and with two."""
        for sessions in (1, 2):
            job = memory_job(sessions, self._effort)
            result = self._perform(job, f"memory, {job.ticks:,} ticks, {sessions} of 2")
            if result is not None and not result.faults:
                self.memory.append(result)

    def _perform(self, job: Job, what: str) -> Result | None:
        with self._console.status(what):
            try:
                result = perform(job)
            except RunError as error:
                self.faults.append(f"{what}: {error}")
                return None
        self.faults += [f"{what}: {fault}" for fault in result.faults]
        return result


def main() -> None:
    """Measure, show, and write what is asked for; exit with 1 where a check failed."""
    options = _options()
    effort = QUICK if options.quick else FULL
    dimensions = [each for each in DIMENSIONS if not options.only or each.name in options.only]
    survey = Survey(dimensions, effort, Console(stderr=True))
    survey.grow()
    if not options.only or MEMORY in options.only:
        survey.remember()
    _show(dimensions, survey)
    if options.json:
        options.json.write_text(json.dumps(_told(dimensions, survey, effort), indent=2) + "\n", encoding="utf-8")
    if survey.faults:
        sys.exit(1)  # no page with a table that has holes
    if options.markdown:
        for name, table in _tables(dimensions, survey).items():
            fill(options.markdown, f"cost-{name}", markdown([table], _note(name, effort)))


def _tables(dimensions: Sequence[Dimension], survey: Survey) -> dict[str, Table]:
    tables = {each.name: growth_table(each, survey.runs) for each in dimensions}
    return {**tables, MEMORY: memory_table(survey.memory)} if survey.memory else tables


def _note(name: str, effort: Effort) -> str:
    return "one run" if name == MEMORY else f"medians of {effort.rounds} runs of {effort.ticks:,} ticks each"


def _show(dimensions: Sequence[Dimension], survey: Survey) -> None:
    console = Console(width=WIDTH)
    for table in _tables(dimensions, survey).values():
        console.print(table)
    for fault in survey.faults:
        console.print(f"FAILED  {fault}", style="bold red")
    console.print(str(this_machine()))


def _told(dimensions: Sequence[Dimension], survey: Survey, effort: Effort) -> dict[str, object]:
    return {
        "machine": attrs.asdict(this_machine()),
        "effort": attrs.asdict(effort),
        "dimensions": {each.name: as_dict(each, survey.runs) for each in dimensions},
        "memory": {f"{result.job.setting.sessions}": memory_dict(result) for result in survey.memory},
        "faults": survey.faults,
    }


def _options() -> argparse.Namespace:
    names = [*(each.name for each in DIMENSIONS), MEMORY]
    parser = argparse.ArgumentParser(
        prog="python -m bench.cost", description="What a tick costs as things grow, and what an hour of ticks leaves."
    )
    parser.add_argument("--quick", action="store_true", help="fewer ticks, three minutes of the market for memory")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=names, default=(), help=", ".join(names))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables into this page")
    return parser.parse_args()


if __name__ == "__main__":
    main()
