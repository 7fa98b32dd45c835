"""CPU per tick of the whole engine as a multiple of a fixed piece of pure Python: ``python -m bench.drift``.

It prints one line. Microseconds say as much about the machine as about the code; the multiple stays where it is when
only the machine changes. The piece and the engine are measured by turns, and the best of each counts: noise only
ever adds.
"""

from __future__ import annotations

import sys
import time

from bench.clients import OURS
from bench.plan import Phase, Run
from bench.runner import RunError, perform

ROUNDS = 3
TICKS = 60_000
WARM = 4_000
STEPS = 200_000


def calibrate() -> float:
    """Return the CPU time of one step, in µs: some attributes, a dictionary, a text, a small object."""
    began_ns = time.process_time_ns()
    kept: dict[str, tuple[int, float]] = {}
    for step in range(STEPS):
        number, rest = divmod(step, 500)
        kept[f"S{rest:03}"] = (number, number * 0.25)
    assert len(kept) <= STEPS
    return (time.process_time_ns() - began_ns) / 1e3 / STEPS


def measure() -> float:
    """Return the engine's CPU time per tick, in µs.

    Raises:
        RunError: It failed, or not every tick was counted.
    """
    result = perform(Run(OURS, (Phase("warm-up", WARM), Phase("full speed", TICKS))))
    if result.faults:
        raise RunError("; ".join(result.faults))
    return result.phases[-1].cpu_us


def main() -> None:
    """Measure, and print the line; exit with 1 where the engine lost a tick."""
    try:
        pairs = [(measure(), calibrate()) for _ in range(ROUNDS)]
    except RunError as error:
        sys.exit(f"drift: the engine failed its check: {error}")
    engine_us, step_us = (min(column) for column in zip(*pairs, strict=True))
    print(
        f"drift: {engine_us / step_us:.1f} calibration steps of CPU per tick"
        f" ({engine_us:.2f} µs per tick, {step_us:.3f} µs per step, {TICKS:,} ticks, every one checked)"
    )


if __name__ == "__main__":
    main()
