"""The strategies of a world, each with a vice, and a sink that is a function."""

from __future__ import annotations

import random

import attrs
import trio

from trio_ticks.errors import SinkUnavailableError
from trio_ticks.model import Record
from trio_ticks.runtime.sinks import Sink, SinkBatch
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks
from trio_ticks.testing.world.vendor import Faults

CAPACITY = 8
"""Of the strategies that fall behind: so little that they do in every world."""


@attrs.define(eq=False)
class Reader:
    """Reads everything at once, and remembers it: the witness of the order that consumers see."""

    records: list[Record] = attrs.field(factory=list)

    async def read(self, ticks: Ticks) -> None:
        """Take all records."""
        async for record in ticks.records():
            self.records.append(record)


@attrs.define(eq=False)
class Store:
    """A sink that is a function, and takes nothing while its fault holds."""

    dice: random.Random
    faults: Faults
    batches: dict[int, list[Record]] = attrs.field(factory=dict)
    order: list[int] = attrs.field(factory=list)

    async def store(self, batch: SinkBatch) -> None:
        """Take a batch, and perhaps fail after it was stored."""
        await trio.sleep(0.01)
        if self.faults.holds("store") and self.dice.random() < 0.5:  # noqa: PLR2004 - a coin
            raise SinkUnavailableError("not now")
        before = self.batches.setdefault(batch.id, list(batch.records))
        assert before == list(batch.records), f"batch {batch.id} was sent again with other records"
        self.order.append(batch.id)
        if self.faults.holds("store"):
            raise SinkUnavailableError("stored, but the answer was lost")

    def sink(self) -> Sink:
        """Return it as a sink."""
        return Sink(self.store, name="store")


async def dawdle(ticks: Ticks) -> None:
    """Take two seconds over each tick."""
    async for _ in ticks:
        await trio.sleep(2.0)


async def fail(ticks: Ticks) -> None:
    """Fail at every tenth trade."""
    async for tick in ticks:
        if (tick.sequence or 0) % 10 == 0:
            raise ValueError("a bug of the strategy's")


def strategies(reader: Reader) -> list[Strategy]:
    """Return all of them."""
    return [
        Strategy(reader.read, name="read"),
        Strategy(dawdle, capacity=CAPACITY),
        Strategy(fail, overflow="conflate"),
        Strategy(dawdle, name="dawdle newest", capacity=CAPACITY, overflow="drop_newest"),
    ]
