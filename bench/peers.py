"""Ours beside the peers: ``python -m bench.peers [--quick] [--wss] [--only NAME…] [--json FILE] [--chart FILE]``.

Each round runs every contestant once, so that whatever the machine does to one round it does to all of them. The
machine must be quiet, and have two cores: one sends, the other is measured. With ``--markdown FILE`` the tables go
into a page, with a link to the chart if one was drawn, unless somebody failed the check.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import attrs
from rich.console import Console
from rich.table import Table

from bench import page
from bench.clients import CEILING, CONTESTANTS, OURS
from bench.plan import Phase, Run
from bench.runner import Result, RunError, perform
from bench.summary import Runs, as_dict, standing_of
from bench.table import tables
from bench.tls import Certificates, issue
from trio_ticks.app.measuring import this_machine

SYMBOLS = 500
CHARTED = "10,000/s"
BURST = 500
WIDTH = 110
"""Of what is printed: the tables are as wide as that wherever they are printed to."""

LEAST_TICKS = 10_000
WARM_ROUNDS = 4


@attrs.frozen
class Effort:
    """How long it may take.

    Attributes:
        rounds: At full speed.
        tls_rounds: The same over TLS.
        timed_rounds: At given rates.
        seconds: For each phase of each.
    """

    rounds: int
    tls_rounds: int
    timed_rounds: int
    seconds: float


QUICK = Effort(rounds=3, tls_rounds=1, timed_rounds=1, seconds=0.8)
FULL = Effort(rounds=7, tls_rounds=5, timed_rounds=3, seconds=3.0)


def full_speed(contestant: str, about: float, effort: Effort) -> Run:
    """Return a run without a pace that lasts about as long as it may, whole rounds of all symbols."""
    ticks = max(LEAST_TICKS, round(about * effort.seconds)) // SYMBOLS * SYMBOLS
    warm = max(ticks // 10 // SYMBOLS, WARM_ROUNDS) * SYMBOLS
    return Run(contestant, (Phase("warm-up", warm), Phase("full speed", ticks)), symbols=SYMBOLS)


def paced(contestant: str, effort: Effort) -> Run:
    """Return a timed run: three rates, and bursts as a market that opens brings them."""
    seconds = effort.seconds
    bursts = max(round(10 * seconds), 1)
    phases = (
        Phase("warm-up", 1_000, rate=2_000),
        Phase("2,000/s", round(2_000 * seconds), rate=2_000),
        Phase(CHARTED, round(10_000 * seconds), rate=10_000),
        Phase(f"bursts of {BURST}", BURST * bursts, rate=10 * BURST, burst=BURST),
        Phase("50,000/s", round(50_000 * seconds), rate=50_000),
    )
    return Run(contestant, phases, timed=True, symbols=SYMBOLS)


class Contest:
    """Rounds of runs.

    Args:
        contestants: Their keys.
        effort: How long it may take.
        console: Where progress is told.
    """

    def __init__(self, contestants: Sequence[str], effort: Effort, console: Console) -> None:
        self.runs = {name: Runs() for name in contestants}
        self._about: dict[str, float] = {name: CONTESTANTS[name].about for name in contestants}
        self._effort = effort
        self._console = console

    def race(self, certificates: Certificates | None = None) -> None:
        """Run every contestant at full speed, round after round."""
        rounds = self._effort.tls_rounds if certificates else self._effort.rounds
        for number in range(rounds):
            for name, runs in self.runs.items():
                run = full_speed(name, self._about[name] * (0.6 if certificates else 1.0), self._effort)
                result = self._perform(name, _secured(run, certificates), f"full speed, {number + 1} of {rounds}")
                if result is not None:
                    (runs.tls if certificates else runs.plain).append(result)
                    if not certificates and result.phases:
                        self._about[name] = result.phases[-1].rate

    def time(self) -> None:
        """Run every contestant at given rates, round after round."""
        rounds = self._effort.timed_rounds
        for number in range(rounds):
            for name, runs in self.runs.items():
                result = self._perform(name, paced(name, self._effort), f"given rates, {number + 1} of {rounds}")
                if result is not None:
                    runs.timed.append(result)

    def _perform(self, name: str, run: Run, what: str) -> Result | None:
        with self._console.status(f"{what}, {run.scheme}: {CONTESTANTS[name].title}"):
            try:
                return perform(run)
            except RunError as error:
                self.runs[name].faults.append(f"{what}, {run.scheme}: {error}")
                return None


def ceiling(effort: Effort, certificates: Certificates | None = None) -> float:
    """Return how many ticks a second the server sends to somebody who only counts bytes."""
    run = full_speed("ceiling", CEILING.about * (0.2 if certificates else 1.0), effort)
    return perform(_secured(run, certificates)).phases[-1].rate


def _secured(run: Run, certificates: Certificates | None) -> Run:
    return certificates.secure(run) if certificates else run


@contextmanager
def _certificates(wanted: bool) -> Iterator[Certificates | None]:  # noqa: FBT001 - an option as it was given
    with tempfile.TemporaryDirectory() as folder:
        yield issue(Path(folder)) if wanted else None


def main() -> None:
    """Compare, and show."""
    options = _options()
    console = Console(stderr=True)
    effort = QUICK if options.quick else FULL
    contest = Contest([name for name in CONTESTANTS if not options.only or name in options.only], effort, console)
    ceilings = {"ws": ceiling(effort)}
    contest.race()
    with _certificates(options.wss) as certificates:
        if certificates:
            ceilings["wss"] = ceiling(effort, certificates)
            contest.race(certificates)
    contest.time()
    _show(options, contest, ceilings)
    if any(standing_of(name, runs).faults for name, runs in contest.runs.items()):
        sys.exit(1)


def _show(options: argparse.Namespace, contest: Contest, ceilings: dict[str, float]) -> None:
    standings = [standing_of(name, runs) for name, runs in contest.runs.items()]
    ours = next((standing for standing in standings if standing.contestant == OURS), None)
    machine = this_machine()
    packages = sorted({name for key in contest.runs for name in CONTESTANTS[key].packages})
    versions = {name: version(name) for name in packages}
    console = Console(width=WIDTH)
    console.print(tables(standings))
    sent = ", ".join(f"{rate:,.0f} over {kind}" for kind, rate in ceilings.items())
    console.print(f"\nThe server alone sends, in ticks/s: {sent}")
    console.print(f"{machine}; " + ", ".join(f"{name} {number}" for name, number in versions.items()))
    if options.json:
        told = {
            "machine": attrs.asdict(machine),
            "versions": versions,
            "effort": attrs.asdict(QUICK if options.quick else FULL),
            "server_ticks_per_s": ceilings,
            "contestants": {standing.contestant: as_dict(standing, ours) for standing in standings},
        }
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    if options.chart:
        from bench.chart import draw  # noqa: PLC0415 - matplotlib takes a second, and is not needed without

        draw(options.chart, standings, phase=CHARTED, machine=machine)
    if options.markdown and not any(standing.faults for standing in standings):
        drawn = [part for part in tables(standings).renderables if isinstance(part, Table)]
        note = f"the server alone sends, in ticks/s: {sent}"
        text = page.markdown(drawn, note, ", ".join(f"{name} {number}" for name, number in versions.items()))
        picture = f"![Ours beside the others]({_link(options.chart, options.markdown)})\n\n" if options.chart else ""
        page.fill(options.markdown, "peers", picture + text)


def _link(target: Path, source: Path) -> str:
    return Path(os.path.relpath(target, source.parent)).as_posix()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("--quick", action="store_true", help="in less than three minutes")
    parser.add_argument("--wss", action="store_true", help="over TLS as well")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=CONTESTANTS, help=", ".join(CONTESTANTS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw them: .png or .svg")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables into this page")
    return parser.parse_args()


if __name__ == "__main__":
    main()
