"""50,000 ticks a second for a minute: ours, and beside it the recipe of the blogs.

``python -m bench.sustained [--seconds N] [--rate N] [--only NAME…] [--json FILE] [--markdown FILE]``. The sender
never waits for the client: what a client does not take grows old with the sender, as it would with a vendor (who
would hang up).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import attrs
from rich import box
from rich.console import Console
from rich.table import Table

from bench.clients import CONTESTANTS, OURS
from bench.page import fill, markdown
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
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table into this page")
    options = parser.parse_args()
    rows = {}
    for name in options.only:
        with Console(stderr=True).status(CONTESTANTS[name].title):
            rows[name] = endure(name, rate=options.rate, seconds=options.seconds)
    console = Console()
    table = _table(list(rows.values()), f"{options.rate:,.0f} ticks/s for {options.seconds:g} s")
    console.print(table)
    console.print(str(this_machine()))
    if options.json:
        told = {
            "machine": attrs.asdict(this_machine()),
            "contestants": {key: attrs.asdict(rows[key]) for key in rows},
        }
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    if options.markdown:
        fill(options.markdown, "sustained", markdown([table]))


def _table(rows: Sequence[Endurance], title: str) -> Table:
    """Return one column for each contestant."""
    table = Table(title=title, box=box.SIMPLE_HEAD)
    table.add_column("")
    for row in rows:
        table.add_column(row.title, justify="right")
    cells = {
        "ticks taken": [f"{row.taken:,}" for row in rows],
        "not taken in time": [f"{row.sent - row.taken:,}" for row in rows],
        "median age": [duration_text(row.p50_us) for row in rows],
        "99th percentile": [duration_text(row.p99_us) for row in rows],
        "oldest": [duration_text(row.worst_us) for row in rows],
        "most ticks under way": [f"{row.backlog:,}" for row in rows],
        "check": [_verdict(row) for row in rows],
    }
    for name, texts in cells.items():
        table.add_row(name, *texts)
    return table


def _verdict(row: Endurance) -> str:
    if row.faults:
        return "fell behind" if row.taken < row.sent else "; ".join(row.faults)
    return "every tick, every price"


if __name__ == "__main__":
    main()
