"""The facades beside the native API: ``python -m bench.facades [--quick] [--json FILE]``.

One process sends, another runs one strategy of batches by way of one of the three; each round runs all three, and the
figures of a round are divided by the native ones of the same round. Printed are the medians of these ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from bench.clients import FACADES
from bench.plan import Phase, Run
from bench.runner import Result, RunError, perform
from trio_ticks.app.measuring import percentile, this_machine

NATIVE = "native"
ROUNDS, QUICK_ROUNDS = 7, 2
TICKS, QUICK_TICKS = 150_000, 60_000
PACED = 10_000
"""Ticks a second at which ages are taken: a busy market."""


@attrs.frozen
class Round:
    """What one facade showed in one round.

    Attributes:
        ticks_per_s: At full speed.
        cpu_us: Per tick, there.
        p50_us, p99_us: Of the age of a tick at the strategy, at `PACED`.
    """

    ticks_per_s: float
    cpu_us: float
    p50_us: float
    p99_us: float


def measure(facade: str, ticks: int) -> Round:
    """Run one facade at full speed and at a pace.

    Raises:
        RunError: it failed, or lost a tick.
    """
    # Paced: what a thread has piled up by the end of the warm-up would be counted as done at full speed.
    warm_up = Phase("warm-up", 2_500, rate=PACED / 2)
    fast = _checked(Run(facade, (warm_up, Phase("full speed", ticks))))
    ages = _checked(Run(facade, (warm_up, Phase("paced", ticks // 3, rate=PACED)), timed=True)).ages_us(1)
    speed = fast.phases[-1]
    return Round(speed.rate, speed.cpu_us, percentile(ages, 0.5), percentile(ages, 0.99))


def _checked(run: Run) -> Result:
    result = perform(run)
    if result.faults:
        raise RunError(f"{run.contestant}: {'; '.join(result.faults)}")
    return result


def ratios(rounds: Mapping[str, Sequence[Round]]) -> dict[str, dict[str, float]]:
    """Return, for each facade and figure, the median over the rounds of its ratio to the native one."""
    names = [field.name for field in attrs.fields(Round)]
    return {
        facade: {
            name: statistics.median(
                getattr(mine, name) / getattr(native, name) for mine, native in zip(some, rounds[NATIVE], strict=True)
            )
            for name in names
        }
        for facade, some in rounds.items()
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.facades", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("--quick", action="store_true", help="in a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args()
    rounds: dict[str, list[Round]] = {facade: [] for facade in FACADES}
    for _ in range(QUICK_ROUNDS if options.quick else ROUNDS):
        for facade, some in rounds.items():
            some.append(measure(facade, QUICK_TICKS if options.quick else TICKS))
    found = ratios(rounds)
    print(f"{'':8}{'ticks/s':>16}{'CPU µs/tick':>18}{'median age µs':>18}{'99th, µs':>18}")
    for facade, some in rounds.items():
        cells = (
            f"{statistics.median(getattr(one, name) for one in some):,.1f} ({ratio:.2f})"
            for name, ratio in found[facade].items()
        )
        print(f"{facade:8}" + "".join(f"{cell:>18}" for cell in cells))
    print(this_machine())
    if options.json:
        figures = {facade: [attrs.asdict(one) for one in some] for facade, some in rounds.items()}
        told = {"machine": attrs.asdict(this_machine()), "ratios": found, "rounds": figures}
        options.json.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
