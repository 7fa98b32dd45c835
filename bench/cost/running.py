"""One run: the sender in one process, the engine in another, the check of what came out, and what it cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import attrs

from bench.cost.job import START_S, Job, Mark, Outcome
from bench.cost.tape import last_prices
from bench.runner import answer_of, serving


@attrs.frozen
class Result:
    """One run.

    Attributes:
        job: What was asked for.
        marks: What is measured lies between the first and the last.
        faults: What is wrong with it; empty where the check was passed.
    """

    job: Job
    marks: Sequence[Mark]
    faults: tuple[str, ...]

    @property
    def cpu_us(self) -> float:
        """Of the process, for each tick of the market: with two sessions, for both its copies."""
        return cpu_us(self.marks[0], self.marks[-1], self.job.setting.sessions)

    @property
    def rate(self) -> float:
        """Ticks of the market a second."""
        first, last = self.marks[0], self.marks[-1]
        return (last.settled - first.settled) / self.job.setting.sessions / (last.at_ns - first.at_ns) * 1e9

    @property
    def held_bytes(self) -> int:
        """Memory at the last mark."""
        return self.marks[-1].held_bytes


def cpu_us(first: Mark, last: Mark, sessions: int) -> float:
    """Return the CPU time between two marks for each tick of the market.

    It goes by what has left the sequencer, because at a mark the second session may be ahead of the first, or behind.
    """
    return (last.cpu_ns - first.cpu_ns) / 1e3 / ((last.settled - first.settled) / sessions)


def perform(job: Job) -> Result:
    """Carry out a job.

    Raises:
        RunError: One of the processes failed.
    """
    with serving("bench.cost.sender", job.to_json()) as sender:
        asked = dataclasses.replace(job, url=f"ws://127.0.0.1:{sender.port}/quote-b-ws-api")
        told = answer_of("bench.cost.receiver", asked.to_json(), timeout_s=job.deadline_s + START_S)
    outcome = Outcome.from_json(told)
    return Result(job, outcome.marks, tuple(check(job, outcome)))


def check(job: Job, outcome: Outcome) -> Iterator[str]:
    """Yield what is wrong: each strategy must have seen every tick, and every copy must be accounted for."""
    prices = last_prices(job.setting.symbols, job.rounds)
    for number, taken in enumerate(outcome.taken):
        if taken != job.ticks:
            yield f"strategy {number} saw {taken:,} of {job.ticks:,} ticks"
        if outcome.prices[number] != prices:
            yield f"strategy {number} has wrong last prices"
    ledger = outcome.ledger
    expected = {"received": job.ticks * job.setting.sessions, "accepted": job.ticks}
    for name, count in expected.items():
        if ledger[name] != count:
            yield f"{name} {ledger[name]:,} instead of {count:,}"
    copies = ledger["duplicates"] + ledger["expired"]  # expired: a copy that came when its tick was forgotten
    if copies != job.ticks * (job.setting.sessions - 1):
        yield f"{copies:,} copies"
    yield from outcome.imbalances
    if outcome.gaps:
        yield f"gaps: {outcome.gaps}"
