"""The process that is measured: ``python -m bench.cost.receiver``, a `Job` on standard input, an `Outcome` back.

The engine as a user has it: ledger, pacing, watchdog, sequencer, fan-out, and strategies that read batches. Only the
vendor's plan has no limits here, and the clock of receipt is the market's, which runs as fast as the ticks come.
"""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Sequence

import attrs
import trio

from bench.cost.job import Job, Mark, Outcome
from bench.cost.tape import codes
from bench.memory import held_bytes
from bench.plan import CLIENT_CORE, pin
from trio_ticks import (
    AllTick,
    ConnectionConfig,
    Decoded,
    Engine,
    Limits,
    PacingConfig,
    Question,
    Secret,
    SequencerConfig,
    Strategy,
    Ticks,
    open_engine,
)
from trio_ticks.feeds.base import Message

CAPACITY = 200_000
"""Of each strategy's queue. What does not fit would be dropped, counted, and fail the check."""

LOOK_S = 0.01
"""Between two looks whether the copies of the second session have come as well."""


class Market(AllTick):
    """AllTick with a plan that allows anything, and with the time of its market.

    Attributes:
        now_us: The newest stamp so far.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(*codes(job.setting.symbols), token="bench", plan="professional", url=job.url)  # noqa: S106
        self.now_us = job.base_us
        self._links = job.setting.links

    @property
    def limits(self) -> Limits:
        """As many connections as the job has, and any number of symbols on each."""
        return attrs.evolve(super().limits, connections=self._links, symbols_per_connection=None)

    def question(self, symbols: object) -> Question | None:  # noqa: ARG002 - of any symbols
        """Return none: there is nobody to ask."""
        return None

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Decode, and let the market's time go on."""
        decoded = super().decode(messages)
        if decoded.ticks:
            self.now_us = max(self.now_us, decoded.ticks[-1].time_us)
        return decoded


class Meter:
    """Reads clock, CPU time and memory when so many ticks were taken.

    Attributes:
        engine: Set before the first tick comes.
        marks: So far.
    """

    def __init__(self, marks_at: Sequence[int]) -> None:
        self.engine: Engine | None = None
        self.marks: list[Mark] = []
        self._due = deque(marks_at)

    def pass_by(self, taken: int) -> None:
        """Note the marks that are due."""
        while self._due and taken >= self._due[0]:
            self._due.popleft()
            assert self.engine is not None
            settled = _settled(self.engine)
            self.marks.append(Mark(taken, settled, time.monotonic_ns(), time.process_time_ns(), held_bytes()))


class Desk:
    """A strategy that looks at every tick and keeps each symbol's last price.

    Attributes:
        taken: Ticks so far.
        prices: The last one by symbol.
        done: Set when all have come.
    """

    def __init__(self, ticks: int, meter: Meter | None) -> None:
        self.taken = 0
        self.prices: dict[str, float] = {}
        self.done = trio.Event()
        self._ticks = ticks
        self._meter = meter

    async def run(self, ticks: Ticks) -> None:
        """Be the strategy."""
        prices = self.prices
        async for batch in ticks.batches():
            for tick in batch.ticks:
                prices[tick.symbol] = tick.price
            self.taken += len(batch.ticks)
            if self._meter is not None:
                self._meter.pass_by(self.taken)
            if self.taken >= self._ticks:
                self.done.set()


async def measure(job: Job) -> Outcome:
    """Run the engine until all has come, or the deadline has."""
    setting, meter, feed = job.setting, Meter(job.marks_at), Market(job)
    desks = [Desk(job.ticks, None if number else meter) for number in range(setting.strategies)]
    async with open_engine(
        feed,
        connection=ConnectionConfig(
            lines=setting.sessions,
            symbols_per_connection=math.ceil(setting.symbols / setting.connections),
            proxy=Secret(""),
            pacing=PacingConfig(request_s=0.0, across_s=0.0, connect_s=0.0),
        ),
        sequencer=SequencerConfig(window_s=setting.window_s),
        strategies=[Strategy(desk.run, name=f"desk {n}", capacity=CAPACITY) for n, desk in enumerate(desks)],
        now_us=lambda: feed.now_us,
    ) as engine:
        meter.engine = engine
        with trio.move_on_after(job.deadline_s):
            await _all_taken(job, engine, desks)
        return _outcome(engine, meter, desks)


async def _all_taken(job: Job, engine: Engine, desks: list[Desk]) -> None:
    for desk in desks:
        await desk.done.wait()
    while _settled(engine) < job.ticks * job.setting.sessions:  # noqa: ASYNC110 - nobody tells of copies
        await trio.sleep(LOOK_S)


def _settled(engine: Engine) -> int:
    """Return how many ticks have left the sequencer."""
    ledger = engine.statistics().ledger
    return ledger.received - ledger.inbox


def _outcome(engine: Engine, meter: Meter, desks: list[Desk]) -> Outcome:
    statistics = engine.statistics()
    ledger = {name: count for name, count in attrs.asdict(statistics.ledger).items() if name != "consumers"}
    return Outcome(
        marks=tuple(meter.marks),
        taken=[desk.taken for desk in desks],
        prices=[desk.prices for desk in desks],
        ledger=ledger,
        imbalances=statistics.ledger.imbalances(),
        gaps=dict(statistics.gaps),
    )


def main() -> None:
    """Carry out the job that is on standard input."""
    pin(CLIENT_CORE)
    job = Job.from_json(sys.stdin.readline())
    sys.stdout.write(trio.run(measure, job).to_json() + "\n")


if __name__ == "__main__":
    main()
