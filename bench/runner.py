"""One run: the server in one process, the contestant in another, and the check of what came out."""

from __future__ import annotations

import base64
import dataclasses
import subprocess
import sys
import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import attrs

from bench.clients import CONTESTANTS, FACADES
from bench.plan import Outcome, Run
from bench.wire import Tape

ROOT = Path(__file__).parents[1]
START_S = 60.0
"""For two processes to start and connect, besides the run's own deadline."""


class RunError(Exception):
    """A run led to nothing; the message says why."""


@attrs.frozen
class Measured:
    """What one phase of one run showed.

    Attributes:
        name: The phase's.
        ticks: That were taken.
        seconds: From its first tick, as sent, to its last line.
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

    def ages_us(self, number: int) -> Sequence[int]:
        """Return the ages of the ticks of a phase, as far as they came; 0 is the warm-up."""
        return _ages(self.outcome, number)


def perform(run: Run, *, on_phase: Callable[[int], object] | None = None) -> Result:
    """Carry out a run.

    Args:
        run: Which.
        on_phase: Called, in another thread, with the number of each phase as it begins; 0 is the warm-up.

    Raises:
        RunError: The contestant failed, or told nothing.
    """
    with serving("bench.server", run.to_json(), on_line=on_phase) as server:
        asked = dataclasses.replace(run, url=f"{run.scheme}://127.0.0.1:{server.port}/quote-b-ws-api")
        outcome = Outcome.from_json(answer_of("bench.client", asked.to_json(), timeout_s=run.deadline_s + START_S))
    phases = tuple(_phases(run, outcome, [int(line) for line in server.lines]))
    return Result(run, phases, outcome, tuple(check(run, outcome)))


def check(run: Run, outcome: Outcome) -> Iterator[str]:
    """Yield what is wrong: every tick must be counted once, each last price right, and each line written."""
    if run.contestant not in {**CONTESTANTS, **FACADES}:
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


@attrs.define
class Serving:
    """A server's port, and the lines it has written besides; all of them, once the block is over."""

    port: int
    lines: list[str] = attrs.field(factory=list)

    def listen(self, output: IO[str], on_line: Callable[[int], object] | None) -> None:
        """Keep lines until there are no more."""
        for number, line in enumerate(output):
            self.lines.append(line.rstrip("\n"))
            if on_line is not None:
                on_line(number)


@contextmanager
def serving(module: str, told: str, *, on_line: Callable[[int], object] | None = None) -> Iterator[Serving]:
    """Run a server for as long as the block lasts.

    Args:
        module: Reads a line from standard input, and writes its port to standard output.
        told: The line.
        on_line: Called, in another thread, with the number of each line behind that.

    Raises:
        RunError: It did not start.
    """
    process = _start(module, told)
    assert process.stdout is not None
    try:
        port = process.stdout.readline()
        if not port:
            raise RunError(f"the server did not start: {_last_line(process.communicate()[1])}")
        server = Serving(int(port))
        listener = threading.Thread(target=server.listen, args=(process.stdout, on_line))
        listener.start()
        try:
            yield server
        finally:
            process.kill()
            listener.join()
    finally:
        process.kill()
        process.communicate()


def answer_of(module: str, told: str, *, timeout_s: float) -> str:
    """Run a client to its end; return what it wrote to standard output.

    Args:
        module: Reads a line from standard input.
        told: The line.
        timeout_s: For all of it.

    Raises:
        RunError: It failed, or wrote nothing.
    """
    process = _start(module, told)
    try:
        stdout, stderr = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise RunError("it did not end") from None
    finally:
        process.kill()
        process.communicate()
    if not stdout:
        raise RunError(_last_line(stderr) or f"it ended with exit code {process.returncode}")
    return stdout


def _start(module: str, told: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # noqa: S603 - our own modules
        [sys.executable, "-m", module],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(told + "\n")
    process.stdin.flush()
    return process


def _phases(run: Run, outcome: Outcome, began_ns: Sequence[int]) -> Iterator[Measured]:
    """Yield the phases that came to their end, but for the warm-up."""
    for number in range(1, len(outcome.marks)):
        (ticks, at_ns, cpu_ns), before = outcome.marks[number], outcome.marks[number - 1]
        taken = ticks - before[0]
        yield Measured(
            name=run.phases[number].name,
            ticks=taken,
            # A client that was still busy with the phase before begins when it is done with that.
            seconds=(at_ns - max(began_ns[number], before[1])) / 1e9,
            cpu_us=(cpu_ns - before[2]) / 1e3 / taken,
            ages_us=_ages(outcome, number),
        )


def _ages(outcome: Outcome, number: int) -> Sequence[int]:
    return array("I", base64.b64decode(outcome.ages[number])) if outcome.ages else ()


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]
