"""One run: the server in one process, the contestant in another, and the check of what came out."""

from __future__ import annotations

import base64
import dataclasses
import subprocess
import sys
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from bench.clients import CONTESTANTS
from bench.plan import Outcome, Run
from bench.wire import Tape

ROOT = Path(__file__).parents[1]
START_S = 30.0
"""For two processes to start and connect, besides the run's own deadline."""


class RunError(Exception):
    """A run led to nothing; the message says why."""


@attrs.frozen
class Measured:
    """What one phase of one run showed.

    Attributes:
        name: The phase's.
        ticks: That were taken.
        seconds: From the end of the phase before to the end of this one.
        cpu_us: Of the process, per tick.
        ages_us: Of each tick when the strategy got it; empty where the run was not timed.
    """

    name: str
    ticks: int
    seconds: float
    cpu_us: float
    ages_us: Sequence[int]

    @property
    def rate(self) -> float:
        """Ticks a second."""
        return self.ticks / self.seconds


@attrs.frozen
class Result:
    """One run.

    Attributes:
        run: What was asked for.
        phases: What was measured, without the warm-up; only those that were finished.
        outcome: All that the client told.
        faults: What is wrong with it; empty where the check was passed.
    """

    run: Run
    phases: tuple[Measured, ...]
    outcome: Outcome
    faults: tuple[str, ...]


def perform(run: Run) -> Result:
    """Carry out a run.

    Raises:
        RunError: The contestant failed, or told nothing.
    """
    with _server(run) as port:
        scheme = "wss" if run.authority else "ws"
        url = f"{scheme}://127.0.0.1:{port}/quote-b-ws-api"
        outcome = _measure(dataclasses.replace(run, url=url))
    return Result(run, tuple(_phases(run, outcome)), outcome, tuple(check(run, outcome)))


def check(run: Run, outcome: Outcome) -> Iterator[str]:
    """Yield what is wrong: every tick must be counted once, each last price right, and each line written."""
    if run.contestant not in CONTESTANTS:
        return
    counts, prices = Tape(symbols=run.symbols, base_ms=run.base_ms).expected(run.ticks)
    if outcome.counts != counts:
        yield f"{sum(outcome.counts.values()):,} of {run.ticks:,} ticks"
    if outcome.prices != prices:
        wrong = sum(outcome.prices.get(symbol) != price for symbol, price in prices.items())
        yield f"{wrong} of {len(prices)} last prices are wrong"
    if outcome.written != run.ticks:
        yield f"{outcome.written:,} of {run.ticks:,} lines"
    yield from outcome.extra.get("imbalances", ())


@contextmanager
def _server(run: Run) -> Iterator[int]:
    """Run the server for as long as the block lasts; yields its port."""
    process = _start("bench.server", run)
    try:
        assert process.stdout is not None
        port = process.stdout.readline()
        if not port:
            raise RunError(f"the server did not start: {_last_line(process.communicate()[1])}")
        yield int(port)
    finally:
        process.kill()
        process.communicate()


def _measure(run: Run) -> Outcome:
    process = _start("bench.client", run)
    try:
        stdout, stderr = process.communicate(timeout=run.deadline_s + START_S)
    except subprocess.TimeoutExpired:
        raise RunError("it did not end") from None
    finally:
        process.kill()
        process.communicate()
    if not stdout:
        raise RunError(_last_line(stderr) or f"it ended with exit code {process.returncode}")
    return Outcome.from_json(stdout)


def _start(module: str, run: Run) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # noqa: S603 - our own modules
        [sys.executable, "-m", module],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(run.to_json() + "\n")
    process.stdin.flush()
    return process


def _phases(run: Run, outcome: Outcome) -> Iterator[Measured]:
    """Yield the phases that came to their end, but for the warm-up."""
    ages = outcome.ages or [""] * len(run.phases)
    for number in range(1, len(outcome.marks)):
        (ticks, at_ns, cpu_ns), before = outcome.marks[number], outcome.marks[number - 1]
        taken = ticks - before[0]
        yield Measured(
            name=run.phases[number].name,
            ticks=taken,
            seconds=(at_ns - before[1]) / 1e9,
            cpu_us=(cpu_ns - before[2]) / 1e3 / taken,
            ages_us=array("I", base64.b64decode(ages[number])),
        )


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]
