"""Journals to publish, a sink to publish them with, and what lies in a stream in the end."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import coredis
import trio

from tests.support.journal import NOW_US
from trio_ticks.config import Redis, RedisServer
from trio_ticks.errors import SinkUnavailableError
from trio_ticks.model import Gap, Record, Signal, Status, Tick
from trio_ticks.runtime.redis_sink import RedisSink
from trio_ticks.runtime.sinks import Delivery, SinkBatch
from trio_ticks.storage.journal import Journal, JournalReader
from trio_ticks.storage.redis_entry import Entry

GUARD_S = 120.0
"""Nothing waits this long where all is well."""


def batch_of(number: int, *, ticks: int = 10, ballast: int = 0) -> list[Record]:
    """Return a batch in which every field of a tick counts, twins and late ones included, and not only ticks."""
    at_us = NOW_US + number * 1_000
    made: list[Record] = [
        Tick(
            f"S{n % 3}",
            at_us,
            100.0 + n % 2,
            price_text="100.10",
            side="buy",
            feed="alltick",
            received_us=at_us + 40,
            ordinal=n // 3,
            late=n % 5 == 4,
        )
        for n in range(ticks)
    ]
    others: list[Record] = [
        Gap(at_us - 500, at_us, "silent", symbol="S1", feed="alltick", missed=2),
        Status("resumed", at_us, "ticks again", feed="alltick", symbol="S2"),
        Signal("buy", "S0", at_us, {"size": 3}, strategy="momentum"),
    ]
    if ballast:  # that does not compress
        made.append(Status("noted", at_us, random.Random(number).randbytes(ballast // 2).hex()))
    return [*made[: ticks // 2], others[number % 3], *made[ticks // 2 :]]


def records_in(path: Path) -> list[Record]:
    """Return all that a journal holds."""
    with JournalReader(path) as reader:
        return [item for records in reader.records() for item in records]


def relayed_in(path: Path) -> list[Record]:
    """Return what a journal holds of what came from another one, as that has it.

    Without what its own engine said of the way there, and decisions under the names that they had.
    """
    return [
        attrs.evolve(item, strategy=item.strategy.removeprefix("redis/")) if type(item) is Signal else item
        for item in records_in(path)
        if not (isinstance(item, Status) and item.feed.startswith("redis"))
    ]


def ticks_in_journal(path: Path) -> list[Tick]:
    return [item for item in records_in(path) if type(item) is Tick]


@attrs.define
class Writing:
    """A journal and the way it is published.

    Attributes:
        path: The journal's file.
        refusals: Why the sink took nothing, each time.
    """

    path: Path
    journal: Journal
    delivery: Delivery
    refusals: list[str] = attrs.field(factory=list)
    _sent: int = 0

    def write(self, count: int, **options: Any) -> None:
        """Write so many batches down."""
        for _ in range(count):
            self.journal.commit([batch_of(self.journal.last_position + 1, **options)], now_us=NOW_US)

    async def send(self, position: int) -> None:
        """Hand one batch over, once."""
        with JournalReader(self.path) as reader:
            [stored] = reader.batches(after=position - 1, limit=1)
        await self.delivery.deliver(SinkBatch(stored.position, [(stored.position, stored.payload)], ()))
        self._sent = max(self._sent, position)

    async def send_all(self) -> None:
        """Hand over what was not, each batch until it is taken, as a drainer does."""
        while self._sent < self.journal.last_position:
            try:
                await self.send(self._sent + 1)
            except SinkUnavailableError as error:
                self.refusals.append(str(error))
                await trio.sleep(0.01)

    async def refusal(self) -> str:
        """Hand over batch after batch until one is refused; return why."""
        while True:
            try:
                if self._sent == self.journal.last_position:
                    self.write(1)
                await self.send(self._sent + 1)
            except SinkUnavailableError as error:
                return str(error)


@asynccontextmanager
async def open_writing(path: Path, settings: Redis, *, made_us: int = NOW_US) -> AsyncIterator[Writing]:
    """Open a journal, made at some instant, and the way to a stream."""
    with Journal.open(path, now_us=made_us, free_floor_bytes=0) as journal:
        sink = RedisSink(name="redis", settings=settings, journal=str(path))
        async with sink.open() as delivery:
            yield Writing(path, journal, delivery)


async def stream_of(settings: RedisServer) -> list[Entry | None]:
    """Return what lies in a stream, read by nothing of ours but the entry's own layout."""
    password = settings.password.reveal() if settings.password is not None else None
    async with coredis.Redis.from_url(settings.url, password=password) as client:
        found = await client.xrange(settings.stream)
        return [Entry.of(bytes_of(item.identifier), _fields(item.field_values)) for item in found]


def bytes_of(value: str | bytes) -> bytes:
    """Return what a client that decodes nothing returns as what it is."""
    assert isinstance(value, bytes)
    return value


def _fields(values: Mapping[str | bytes, str | bytes]) -> dict[bytes, bytes]:
    return {bytes_of(name): bytes_of(value) for name, value in values.items()}


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    with trio.fail_after(GUARD_S):
        while not holds():  # noqa: ASYNC110 - another process changes it, which sets no event
            await trio.sleep(0.005)
