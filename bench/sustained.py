"""50,000 ticks a second for a minute: ours, and beside it the recipe of the blogs.

``python -m bench.sustained [--seconds N] [--rate N] [--only NAME…] [--json FILE]``. The sender never waits for the
client: what a client does not take grows old with the sender, as it would with a vendor (who would hang up).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import attrs
from rich import box
from rich.console import Console
from rich.table import Table

from bench.clients import CONTESTANTS, OURS
from bench.plan import Phase, Run
from bench.runner import Result, RunError, perform
from trio_ticks.app.measuring import duration_text, percentile, this_machine

START_S = 5.0
"""To start, connect and warm up, before the clock of the run itself."""

LATE_S = 2.0
"""A client may take so long to work off what came last; whoever needs longer has fallen behind."""


@attrs.frozen
class Endurance:
    """How a contestant stood it.

    Attributes:
        title: The contestant.
        sent, taken: Ticks, without the warm-up.
        p50_us, p99_us, worst_us: Ages of those that were taken.
        backlog: The most ticks that were under way at once: the worst age times the rate.
        faults: Of the check: ticks that did not come, wrong last prices, a ledger that does not balance.
    """

    title: str
    sent: int
    taken: int
    p50_us: float
    p99_us: float
    worst_us: float
    backlog: int
    faults: tuple[str, ...]


def endure(contestant: str, *, rate: float, seconds: float) -> Endurance:
    """Run it.

    Raises:
        RunError: The contestant failed, or took not a single tick.
    """
    phases = (Phase("warm-up", 2_000, rate=2_000), Phase("sustained", round(rate * seconds), rate=rate))
    run = Run(contestant, phases, timed=True, deadline_s=START_S + seconds + LATE_S)
    return _read(perform(run))


def _read(result: Result) -> Endurance:
    phase = result.run.phases[-1]
    ages = result.ages_us(1)
    if not ages:
        raise RunError("it took nothing in time")
    worst_us = max(ages)
    return Endurance(
        title=CONTESTANTS[result.run.contestant].title,
        sent=phase.ticks,
        taken=len(ages),
        p50_us=percentile(ages, 0.5),
        p99_us=percentile(ages, 0.99),
        worst_us=worst_us,
        backlog=max(round(worst_us * phase.rate / 1e6), phase.ticks - len(ages)),
        faults=result.faults,
    )


def main() -> None:
    """Run each, and show."""
    parser = argparse.ArgumentParser(prog="python -m bench.sustained", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=50_000.0)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=CONTESTANTS, default=[OURS, "blog"])
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    table = Table(title=f"{options.rate:,.0f} ticks/s for {options.seconds:g} s", box=box.SIMPLE_HEAD)
    for name in ("", "taken", "missing", "median age", "p99", "oldest", "most under way", "check"):
        table.add_column(name, justify="right" if name else "left", no_wrap=not name)
    told: dict[str, Any] = {}
    for name in options.only:
        with Console(stderr=True).status(CONTESTANTS[name].title):
            row = endure(name, rate=options.rate, seconds=options.seconds)
        told[name] = attrs.asdict(row)
        table.add_row(*_cells(row))
    console = Console()
    console.print(table)
    console.print(str(this_machine()))
    if options.json:
        machine = attrs.asdict(this_machine())
        options.json.write_text(json.dumps({"machine": machine, "contestants": told}, indent=2) + "\n")


def _cells(row: Endurance) -> tuple[str, ...]:
    ages = (duration_text(age) for age in (row.p50_us, row.p99_us, row.worst_us))
    passed = "passed" if not row.faults else "FELL BEHIND" if row.taken < row.sent else row.faults[0]
    return row.title, f"{row.taken:,}", f"{row.sent - row.taken:,}", *ages, f"{row.backlog:,}", passed


if __name__ == "__main__":
    main()
