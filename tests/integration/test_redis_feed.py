"""Against a real Redis: a second engine's journal is the first one's, tick for tick, whatever happens in between."""

from __future__ import annotations

import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.support.journal import NOW_US
from tests.support.redis_server import RedisProcess
from tests.support.redis_stage import (
    GUARD_S,
    batch_of,
    open_writing,
    records_in,
    relayed_in,
    stream_of,
    ticks_in_journal,
    until,
)
from trio_ticks.config import JournalConfig, Redis, RedisFeed
from trio_ticks.errors import ConfigError, EngineError
from trio_ticks.model import Gap, Status
from trio_ticks.runtime import redis_run
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.opening import open_engine
from trio_ticks.runtime.redis_run import RelayStatistics
from trio_ticks.storage import payload, redis_entry


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for half a minute here."""
    monkeypatch.setattr(redis_run, "POLL_S", 0.05)
    monkeypatch.setattr(redis_run, "FIRST_S", 0.02)
    monkeypatch.setattr(redis_run, "MOST_S", 0.1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisProcess]:
    home = tmp_path / "redis"
    home.mkdir()
    server = RedisProcess(home)
    server.start()
    yield server
    server.stop(signal.SIGKILL)


@pytest.fixture
def settings(server: RedisProcess) -> Redis:
    return Redis(url=server.url)


@pytest.fixture
def feed(server: RedisProcess) -> RedisFeed:
    return RedisFeed(url=server.url)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return tmp_path / "first.journal"


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return tmp_path / "second.journal"


def relay(engine: Engine) -> RelayStatistics:
    return engine.statistics().relays[0]


@asynccontextmanager
async def reading(*feeds: RedisFeed, journal: Path | JournalConfig | None, **options: Any) -> AsyncIterator[Engine]:
    """Run the second engine."""
    kept = JournalConfig(path=str(journal), min_free=0) if isinstance(journal, Path) else journal
    async with open_engine(*feeds, journal=kept, **options) as engine:
        yield engine


def told_in(path: Path) -> list[tuple[str, str]]:
    """Return what an engine said of its way to Redis."""
    return [(item.status, item.reason) for item in records_in(path) if type(item) is Status and item.feed == "redis"]


def has_read(engine: Engine, position: int) -> bool:
    return relay(engine).position >= position


async def read_up_to(engine: Engine, position: int) -> None:
    await until(lambda: relay(engine).settled >= position)


async def test_the_second_journal_is_the_first(
    server: RedisProcess, settings: Redis, feed: RedisFeed, first: Path, second: Path
) -> None:
    """Every record of every kind, with its ordinal, its flag and the feed it came from, in order; and Redis knows."""
    async with open_writing(first, settings) as writing:
        writing.write(40)
        await writing.send_all()
        async with reading(feed, journal=second) as engine:
            await read_up_to(engine, 40)
            await until(lambda: server.position_of("redis") == 40)
            assert engine.statistics().ledger.imbalances() == []
    assert relayed_in(second) == records_in(first)


async def test_strategies_see_what_the_first_engine_saw(settings: Redis, feed: RedisFeed, first: Path) -> None:
    """Ticks, gaps, statuses and signals between them, under the name of the feed they came from."""
    async with open_writing(first, settings) as writing, reading(feed, journal=None) as engine:
        async with engine.subscribe(feed="alltick") as ticks:
            writing.write(6)
            await writing.send_all()
            seen = []
            async for item in ticks.records():
                seen.append(item)
                if sum(item.kind == "tick" for item in seen) == 60:
                    break
        assert [item for item in records_in(first) if item.feed == "alltick"] == seen
        assert engine.latest("S0", "alltick") is not None


async def test_a_reader_that_is_restarted_goes_on(
    settings: Redis, feed: RedisFeed, first: Path, second: Path
) -> None:
    """Again and again, softly and hard, while the first engine writes: nothing comes twice and nothing is missing."""
    chance = random.Random(20)
    async with open_writing(first, settings) as writing:
        for _ in range(8):
            writing.write(chance.randrange(1, 12))
            async with reading(feed, journal=second) as engine, trio.open_nursery() as nursery:
                nursery.start_soon(writing.send_all)
                wanted = chance.randrange(relay(engine).position, writing.journal.last_position + 1)
                await until(partial(has_read, engine, wanted))
                if chance.random() < 0.5:
                    engine.abort()
        await writing.send_all()
        async with reading(feed, journal=second) as engine:
            await read_up_to(engine, writing.journal.last_position)
    assert relayed_in(second) == records_in(first)


async def test_a_killed_server_is_waited_for(
    server: RedisProcess, settings: Redis, feed: RedisFeed, first: Path, second: Path
) -> None:
    """Both sides say so, and go on when it is back."""
    async with open_writing(first, settings) as writing, reading(feed, journal=second) as engine:
        for _ in range(3):
            writing.write(10)
            await writing.send_all()
            await until(lambda: relay(engine).state == "reading")
            server.stop(signal.SIGKILL)
            await until(lambda: relay(engine).state == "held")
            server.start()
        writing.write(1)
        await writing.send_all()
        await read_up_to(engine, 31)
        assert "no connection" in relay(engine).last_error
    assert relayed_in(second) == records_in(first)
    statuses = [status for status, _ in told_in(second)]
    assert statuses[0] == "connected"
    assert statuses.count("disconnected") >= 3


async def test_a_stream_that_lost_its_end_does_not_come_twice(
    server: RedisProcess, settings: Redis, feed: RedisFeed, first: Path, second: Path
) -> None:
    """The writer publishes it again; the reader was ahead, and stays there until there is more."""
    async with open_writing(first, settings) as writing, reading(feed, journal=second) as engine:
        writing.write(9)
        await writing.send_all()
        await read_up_to(engine, 9)
        server.command("FLUSHALL")
        writing.write(3)
        await writing.send_all()
        await read_up_to(engine, 12)
        await until(lambda: server.position_of("redis") == 12)
    assert relayed_in(second) == records_in(first)


async def test_two_readers_hold_the_stream_for_each_other(
    server: RedisProcess, settings: Redis, feed: RedisFeed, first: Path, second: Path, tmp_path: Path
) -> None:
    """What one has and the other lacks stays; when both have it, it goes; each has everything."""
    third = tmp_path / "third.journal"
    other = RedisFeed(url=server.url, reader="other")
    async with open_writing(first, settings) as writing:
        writing.write(2)
        await writing.send_all()
        async with reading(other, journal=third) as engine:
            await read_up_to(engine, 2)
            await until(lambda: server.position_of("other") == 2)
        async with reading(feed, journal=second) as engine:
            writing.write(200)
            await writing.send_all()
            await read_up_to(engine, 202)
        kept = [entry.position for entry in await stream_of(settings) if entry is not None]
        assert kept == list(range(kept[0], 203))
        assert kept[0] <= 3
        async with reading(other, journal=third) as engine:
            await read_up_to(engine, 202)
            await until(lambda: server.position_of("other") == 202)
        writing.write(70)
        await writing.send_all()
        assert (await stream_of(settings))[0].position > 100  # type: ignore[union-attr]  # nobody else wrote there
    assert relayed_in(third)[: len(relayed_in(second))] == relayed_in(second)
    assert relayed_in(third) == records_in(first)[: len(relayed_in(third))]


async def test_no_two_read_under_one_name(
    server: RedisProcess, settings: Redis, feed: RedisFeed, first: Path, second: Path, tmp_path: Path
) -> None:
    """The one that was there first stops and says why: what it lacks might be trimmed on behalf of the other."""
    async with open_writing(first, settings) as writing, reading(feed, journal=second) as older:
        writing.write(5)
        await writing.send_all()
        await read_up_to(older, 5)
        await until(lambda: server.position_of("redis") == 5)
        async with reading(feed, journal=tmp_path / "third.journal") as newer:
            await read_up_to(newer, 5)
            await until(lambda: server.position_of("redis") == 5)
            with trio.fail_after(GUARD_S):
                while "no two may read under one name" not in relay(older).last_error + relay(newer).last_error:
                    writing.write(1)
                    await writing.send_all()
                    await trio.sleep(0.01)


async def test_what_a_newer_version_wrote_is_waited_for(
    server: RedisProcess, settings: Redis, feed: RedisFeed, first: Path, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing behind it is read, it is said, and whoever is brought up to date goes on in the same place."""
    async with open_writing(first, settings) as writing:
        writing.write(2)
        await writing.send_all()
        entry = (await stream_of(settings))[-1]
        assert entry is not None
        server.command("XADD", "ticks", "3-0", "trio_ticks", "2", "writer", entry.writer, "payload", entry.payload)
        async with reading(feed, journal=second) as engine:
            await until(lambda: relay(engine).attempts > 3)
            assert (relay(engine).position, relay(engine).state) == (2, "held")
            monkeypatch.setattr(redis_entry, "VERSION", b"2")
            monkeypatch.setattr(redis_entry.Entry, "records", lambda entry: payload.decode(entry.payload))
            await read_up_to(engine, 3)
    [told] = [reason for status, reason in told_in(second) if status == "disconnected"]
    assert "has layout '2'; this trio_ticks knows 1" in told
    assert len(ticks_in_journal(second)) == 30


async def test_what_cannot_be_read_is_not_passed_by(
    server: RedisProcess, settings: Redis, feed: RedisFeed, first: Path, second: Path
) -> None:
    """A payload that is none has the mark of ours: something is wrong, and somebody has to look."""
    async with open_writing(first, settings) as writing:
        writing.write(1)
        await writing.send_all()
        [entry] = await stream_of(settings)
        assert entry is not None
        server.command("XADD", "ticks", "2-0", "trio_ticks", "1", "writer", entry.writer, "payload", "rubbish")
        async with reading(feed, journal=second) as engine:
            await until(lambda: "unreadable payload" in relay(engine).last_error)
            assert relay(engine).position == 1


async def test_a_strangers_entries_are_counted_and_passed_by(
    server: RedisProcess, settings: Redis, feed: RedisFeed, first: Path, second: Path
) -> None:
    """Also one whose id is beyond all of ours: when it is removed, what comes then is read."""
    async with open_writing(first, settings) as writing, reading(feed, journal=second) as engine:
        writing.write(3)
        await writing.send_all()
        await read_up_to(engine, 3)
        stranger = server.command("XADD", "ticks", "*", "who", "me").split(b"\r\n")[1]
        await until(lambda: relay(engine).foreign == 1)
        server.command("XDEL", "ticks", stranger)
        server.command("XSETID", "ticks", "3-0")
        writing.write(3)
        await writing.send_all()
        await read_up_to(engine, 6)
    assert relayed_in(second) == records_in(first)


async def test_what_nobody_has_any_more_is_a_gap(
    server: RedisProcess, settings: Redis, feed: RedisFeed, first: Path, second: Path
) -> None:
    """Entries that somebody has deleted under the reader: named, for all symbols, and nothing else is missing."""
    async with open_writing(first, settings) as writing:
        writing.write(2)
        await writing.send_all()
        async with reading(feed, journal=second) as engine:
            await read_up_to(engine, 2)
        writing.write(4)
        await writing.send_all()
        server.command("XDEL", "ticks", "3-0", "4-0")
        async with reading(feed, journal=second) as engine:
            await read_up_to(engine, 6)
            assert engine.statistics().gaps["lost"] == 1
    lost = [item for item in records_in(second) if isinstance(item, Gap) and item.cause == "lost"]
    assert [(gap.start_us, gap.end_us, gap.symbol, gap.feed) for gap in lost] == [
        (NOW_US + 2_040, NOW_US + 5_040, None, "redis")
    ]
    there = [item for number in (1, 2, 5, 6) for item in batch_of(number)]
    assert [item for item in relayed_in(second) if item not in lost] == there


async def test_another_writers_stream_is_not_taken_for_the_old_one(
    server: RedisProcess, settings: Redis, feed: RedisFeed, first: Path, second: Path, tmp_path: Path
) -> None:
    """Its positions mean something else: the reader says so and stays where it is."""
    async with open_writing(first, settings) as writing, reading(feed, journal=second) as engine:
        writing.write(3)
        await writing.send_all()
        await read_up_to(engine, 3)
        server.command("DEL", "ticks")
        async with open_writing(tmp_path / "new.journal", settings, made_us=NOW_US + 1) as other:
            other.write(1)
            await other.send_all()
            await until(lambda: "is that of journal" in relay(engine).last_error)
    assert relayed_in(second) == records_in(first)


async def test_a_reader_that_catches_up_does_not_overflow_its_journal(
    settings: Redis, feed: RedisFeed, first: Path, second: Path
) -> None:
    """It reads no faster than the journal takes, however little may wait for it."""
    async with open_writing(first, settings) as writing:
        writing.write(100)
        await writing.send_all()
        kept = JournalConfig(path=str(second), min_free=0, queue_ticks=15)
        async with reading(feed, journal=kept) as engine:
            await read_up_to(engine, 100)
            ledger = engine.statistics().ledger
            assert ledger.journal is not None
            assert (ledger.journal.gapped, ledger.accepted) == (0, 1_000)
    assert relayed_in(second) == records_in(first)


async def test_without_a_journal_redis_knows_the_place(
    server: RedisProcess, settings: Redis, feed: RedisFeed
) -> None:
    """What was handed on does not come again."""
    with trio.fail_after(GUARD_S):
        async with open_writing(Path(server.home) / "a.journal", settings) as writing:
            writing.write(4)
            await writing.send_all()
            async with reading(feed, journal=None) as engine:
                await until(lambda: server.position_of("redis") == 4)
            writing.write(2)
            await writing.send_all()
            async with reading(feed, journal=None) as engine:
                await read_up_to(engine, 6)
                assert relay(engine).batches == 2


async def test_engines_in_a_row(
    server: RedisProcess, settings: Redis, feed: RedisFeed, first: Path, second: Path
) -> None:
    """The second engine publishes its journal in turn: the third has the very same ticks."""
    third = second.with_name("third.journal")
    onwards = Redis(url=server.url, stream="more")
    async with open_writing(first, settings) as writing:
        writing.write(30)
        await writing.send_all()
        async with (
            reading(feed, journal=second, sinks=[onwards]) as middle,
            reading(RedisFeed(url=server.url, stream="more", name="redis2"), journal=third) as last,
        ):
            await until(lambda: relay(last).ticks == 300)
            await until(lambda: not middle.statistics().ledger.sinks["redis"].pending)
            await read_up_to(last, relay(last).position)
            assert middle.statistics().ledger.imbalances() == []
    assert ticks_in_journal(third) == ticks_in_journal(first)


async def test_a_first_attempt_may_be_the_last(tmp_path: Path) -> None:
    """Where somebody watches, a server that is not there ends the engine, in words."""
    with pytest.raises(EngineError, match="no connection"):
        async with reading(RedisFeed(url="redis://127.0.0.1:1"), journal=None, retry_first=False) as engine:
            await engine.wait_stopped()


async def test_its_symbols_are_the_writers_to_choose(settings: Redis, feed: RedisFeed, first: Path) -> None:
    """They can be listed once they were seen, and not be added or removed."""
    async with open_writing(first, settings) as writing, reading(feed, journal=None) as engine:
        writing.write(1)
        await writing.send_all()
        await read_up_to(engine, 1)
        assert engine.symbols == {"redis": ("S0", "S1", "S2")}
        with pytest.raises(ConfigError, match="the writing engine's to say"):
            await engine.add_symbols("S9")
