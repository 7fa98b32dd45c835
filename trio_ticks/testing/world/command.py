"""``python -m trio_ticks.testing simulate``: many seeds, or one with its trace."""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from trio_ticks.testing.world.world import Outcome, simulate_seed

SHOWN_S = 5.0
"""Between two lines of progress."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0 where every law held, 1 where one was broken."""
    options = _options(arguments)
    if options.trace:
        outcomes: Iterable[Outcome] = (simulate_seed(seed, show=print, keep=options.keep) for seed in options.seeds)
        return _report(outcomes, options)
    with _outcomes(options.seeds, options.jobs, options.keep) as outcomes:
        return _report(outcomes, options)


def seeds_of(text: str) -> range:
    """Return the seeds of ``7`` or ``0:300``.

    Raises:
        argparse.ArgumentTypeError: It is neither, or there is none between the two.
    """
    first, colon, end = text.partition(":")
    if first.isdecimal() and (not colon or end.isdecimal()):
        seeds = range(int(first), int(end) if colon else int(first) + 1)
        if seeds:
            return seeds
    raise argparse.ArgumentTypeError(f"{text!r}: accepted is one seed such as 7, or FIRST:END such as 0:300")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m trio_ticks.testing", description="The engine in a world of seeds."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    simulate = commands.add_parser("simulate", help="run worlds, and judge them by the engine's laws")
    simulate.add_argument("--seeds", type=seeds_of, default=range(300), help="one, or FIRST:END (default 0:300)")
    simulate.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    simulate.add_argument("--trace", action="store_true", help="print what happens, instant by instant")
    simulate.add_argument("--first", action="store_true", help="stop at the first seed that breaks a law")
    simulate.add_argument("--keep", type=Path, help="leave the journals behind in this directory")
    return parser.parse_args(arguments)


@contextmanager
def _outcomes(seeds: range, jobs: int, keep: Path | None) -> Iterator[Iterable[Outcome]]:
    run = partial(simulate_seed, keep=keep)
    if jobs == 1:
        yield map(run, seeds)
        return
    # Spawned, so that a world's process is the same whichever process asks for it.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool.map(run, seeds, chunksize=5)


def _report(outcomes: Iterable[Outcome], options: argparse.Namespace) -> int:
    began = told = time.monotonic()
    done = broken = trades = 0
    simulated_s, digest = 0.0, hashlib.sha256()
    for outcome in outcomes:
        done, trades, simulated_s = done + 1, trades + outcome.trades, simulated_s + outcome.simulated_s
        digest.update(outcome.digest.encode())
        if outcome.broken is not None:
            broken += 1
            _say(f"seed {outcome.seed}: {outcome.broken}")
            _say(f"  replay: python -m trio_ticks.testing simulate --seeds {outcome.seed} --trace")
        if broken and options.first:
            break
        if time.monotonic() > told + SHOWN_S:
            told = time.monotonic()
            print(f"{done:,} of {len(options.seeds):,} seeds, {broken} broken", file=sys.stderr, flush=True)
    took_s = max(time.monotonic() - began, 1e-9)
    _say(
        f"{done:,} seeds, {broken} broken; {trades:,} trades in {simulated_s / 3600:,.1f} simulated hours, "
        f"{took_s:,.1f} s: {done / took_s:,.1f} seeds/s, {simulated_s / 60 / took_s:,.1f} simulated hours a minute"
        f"\ntrace digest {digest.hexdigest()[:16]}"
    )
    return 1 if broken else 0


def _say(words: str) -> None:
    print(words, flush=True)
