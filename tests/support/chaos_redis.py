"""The same chaos with a Redis in between: one program fills it, a second one reads it and feeds the database.

The vendor, the database and what can happen to them are those of `tests.support.chaos`; the program there is the
first one here.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import attrs
import trio

from tests.support.chaos import Chaos, Found, check, cursor_of, until
from tests.support.redis_server import RedisProcess
from trio_ticks.core.marks import is_of_journal
from trio_ticks.model import Record, Status
from trio_ticks.storage.journal import JournalReader

READER = "store"
_WRITES = """
[sinks.redis]
url = "{url}"
readers = ["store"]
connect_s = 2.0
answer_s = 2.0
"""
_READS = """
[feeds.redis]
url = "{url}"
reader = "store"
connect_s = 2.0
answer_s = 2.0
"""


@attrs.define(eq=False)
class RedisChaos(Chaos):
    """The stage with a Redis, and a second program behind it."""

    redis: RedisProcess = attrs.field(init=False)

    @redis.default
    def _redis(self) -> RedisProcess:
        home = self.home / "redis"
        home.mkdir()
        return RedisProcess(home)

    @property
    def last_journal(self) -> Path:
        """The second program's."""
        return self.home / "store.journal"

    async def open(self) -> None:
        """Start all three."""
        await trio.to_thread.run_sync(self.redis.start)
        self.configure("chaos", self.journal, self.vendor(), _WRITES.format(url=self.redis.url))
        self.configure("store", self.last_journal, _READS.format(url=self.redis.url), self.database())
        await self.do(self.start_program)
        await self.start("store")

    async def close(self) -> None:
        """Leave nothing behind."""
        try:
            await super().close()
        finally:
            self.redis.stop(signal.SIGKILL)

    # Deeds.

    async def kill_reader(self) -> None:
        """Kill -9 the second program, and start it anew."""
        await self.end("store", signal.SIGKILL)
        await trio.sleep(self.rng.uniform(0.0, 0.5))
        await self.start("store")
        await self.wait_relayed()

    async def kill_redis(self) -> None:
        """Kill it, and start it anew on what it kept."""
        await trio.to_thread.run_sync(self.redis.stop, signal.SIGKILL)
        await trio.sleep(self.rng.uniform(0.0, 1.0))
        await trio.to_thread.run_sync(self.redis.start)
        await self.wait_relayed()

    async def stall_redis(self) -> None:
        """Let it hang, sometimes for longer than an answer is waited for."""
        self.redis.signal(signal.SIGSTOP)
        await trio.sleep(self.rng.uniform(0.2, 4.0))
        self.redis.signal(signal.SIGCONT)
        await self.wait_relayed()

    async def wait_relayed(self) -> None:
        """Wait until ticks come through again."""
        before = self.relayed()
        await until(lambda: self.relayed() > before)

    def relayed(self) -> int:
        """Return how many ticks the second journal has."""
        cursor = cursor_of(self.last_journal)
        return 0 if cursor is None else cursor.appended

    # The end.

    async def finish(self) -> None:
        """End the first program as ever; the second one when it has all that the first one wrote."""
        await super().finish()
        with JournalReader(self.journal) as reader:
            last = reader.last_position
        await self.do(self.wait_read, last)
        await self.do(self.wait_drained)
        await self.stop("store")
        assert self.pending() == 0

    async def wait_read(self, position: int) -> None:
        """Wait until the second journal has the first one up to a position."""
        await until(lambda: self.redis.position_of(READER) >= position)

    def pending(self) -> int:
        """Return how many ticks are missing anywhere on the way to the database."""
        first, last = cursor_of(self.journal), cursor_of(self.last_journal)
        if first is None or last is None:
            return 1
        # Should the second one have more than the first one, the check says which.
        return first.pending + max(first.appended - last.appended, 0) + last.pending


def check_with_redis(chaos: RedisChaos) -> Found:
    """Check what is checked without Redis, and that the second journal is the first one."""
    with JournalReader(chaos.journal) as first, JournalReader(chaos.last_journal) as second:
        pairs = zip_longest(came_in(first), came_in(second))
        for number, (here, there) in enumerate(pairs, 1):
            assert here == there, f"record {number} of the journals: {here} and {there}"
    return check(chaos)


def came_in(reader: JournalReader) -> Iterator[Record]:
    """Yield what a journal has, in its order, without what the second program says of its own way to Redis.

    What strategies leave there is each program's own.
    """
    for records in reader.records():
        for item in records:
            if not (is_of_journal(item) or (isinstance(item, Status) and item.feed == "redis")):
                yield item
