"""Against a real Redis: what is published is the journal, whatever becomes of the server in between."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio
import trustme

from tests.support.journal import NOW_US
from tests.support.redis_server import RedisProcess
from tests.support.redis_stage import GUARD_S, Writing, open_writing, records_in, stream_of, until
from trio_ticks.config import Redis
from trio_ticks.errors import SinkUnavailableError
from trio_ticks.storage.redis import open_stream


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
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.journal"


async def assert_published(settings: Redis, writing: Writing) -> None:
    """The stream is the journal: every record of every kind, in order, no position missing and none twice."""
    entries = [entry for entry in await stream_of(settings) if entry is not None]
    assert [entry.position for entry in entries] == list(range(1, writing.journal.last_position + 1))
    assert [item for entry in entries for item in entry.records()] == records_in(writing.path)


async def test_each_batch_is_one_entry_under_its_own_position(settings: Redis, path: Path) -> None:
    """Read back, the stream is the journal."""
    async with open_writing(path, settings) as writing:
        writing.write(30)
        await writing.send_all()
        await assert_published(settings, writing)


async def test_a_batch_that_is_sent_again_is_there_once(settings: Redis, path: Path) -> None:
    """On the same connection, and by the next engine on the same journal."""
    async with open_writing(path, settings) as writing:
        writing.write(3)
        await writing.send_all()
        await writing.send(3)
        await writing.send(2)
    async with open_writing(path, settings) as writing:
        await writing.send(3)
        await assert_published(settings, writing)


async def test_a_killed_server_is_waited_for(server: RedisProcess, settings: Redis, path: Path) -> None:
    """While it is away the sink says so; when it is back nothing is missing and nothing is there twice."""
    async with open_writing(path, settings) as writing:
        writing.write(5)
        await writing.send_all()
        server.stop(signal.SIGKILL)
        assert "no connection" in await writing.refusal()
        writing.write(5)
        server.start()
        with trio.fail_after(GUARD_S):
            await writing.send_all()
        await assert_published(settings, writing)


@pytest.mark.parametrize("lost", [3, 8], ids=["its end", "everything"])
async def test_what_the_server_lost_is_published_again(
    server: RedisProcess, settings: Redis, path: Path, lost: int
) -> None:
    """A failover or a restart takes the end of a stream, or all of it; the journal has it."""
    async with open_writing(path, settings) as writing:
        writing.write(8)
        await writing.send_all()
        if lost == 8:
            server.command("FLUSHALL")
        else:
            server.command("XDEL", "ticks", *(f"{position}-0" for position in range(6, 9)))
            server.command("XSETID", "ticks", "5-0")
        writing.write(2)
        with trio.fail_after(GUARD_S):
            await writing.send_all()
        await assert_published(settings, writing)


async def test_a_full_server_takes_more_once_the_reader_has_read(
    server: RedisProcess, settings: Redis, path: Path
) -> None:
    """Out of memory, nothing is written and nothing is lost; what the reader has makes room, and only that."""
    settings = attrs.evolve(settings, readers=("store",))
    seen = [0]
    server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    async with open_writing(path, settings) as writing, open_stream(settings) as stream:
        writing.write(1)
        await writing.send_all()
        used = int(server.command("INFO", "memory").split(b"used_memory:")[1].split(b"\r\n")[0])
        server.command("CONFIG", "SET", "maxmemory", str(used + 4 * 2**20))
        writing.write(60, ballast=200_000)
        with trio.fail_after(GUARD_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(writing.send_all)
                await until(lambda: any("out of memory" in told for told in writing.refusals))
                while seen[-1] < 61:
                    before = seen[-1]
                    found = await stream.read(after=f"{before}-0", count=8, wait_s=0.05)
                    seen += [entry.position for _, entry in found if entry is not None]
                    assert await stream.move("store", expected=before, position=seen[-1]) is None
        assert seen == list(range(62))


async def test_a_wrong_password_is_said_and_not_shown(server: RedisProcess, settings: Redis, path: Path) -> None:
    """Whoever mends it gets everything."""
    server.command("CONFIG", "SET", "requirepass", "s3cret-word")
    wrong = attrs.evolve(settings, password="wr0ng-word")
    async with open_writing(path, wrong) as writing:
        told = await writing.refusal()
        assert "refuses the user or the password" in told
        assert "wr0ng" not in told
        assert "wr0ng" not in repr(wrong)
    async with open_writing(path, settings) as writing:
        assert "refuses the user or the password" in await writing.refusal()
    right = attrs.evolve(settings, password="s3cret-word")
    async with open_writing(path, right) as writing:
        await writing.send_all()
        await assert_published(right, writing)


async def test_a_replica_is_not_written_to(server: RedisProcess, settings: Redis, path: Path) -> None:
    """After a failover the old primary refuses; when it may be written to again it gets all."""
    async with open_writing(path, settings) as writing:
        writing.write(2)
        await writing.send_all()
        server.command("REPLICAOF", "127.0.0.1", "1")
        assert "is a replica now" in await writing.refusal()
        server.command("REPLICAOF", "NO", "ONE")
        with trio.fail_after(GUARD_S):
            await writing.send_all()
        await assert_published(settings, writing)


async def test_a_server_that_loads_is_waited_for(path: Path) -> None:
    """It accepts connections, greets, and answers everything else with LOADING."""

    async def loading(link: trio.SocketStream) -> None:
        async for text in link:
            if b"HELLO" in text:
                await link.send_all(b"%3\r\n+version\r\n+7.0.0\r\n+proto\r\n:3\r\n+id\r\n:1\r\n")
            else:
                await link.send_all(b"-LOADING Redis is loading the dataset in memory\r\n")

    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(partial(trio.serve_tcp, loading, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        async with open_writing(path, Redis(url=f"redis://127.0.0.1:{port}")) as writing:
            assert "is loading its data" in await writing.refusal()
        nursery.cancel_scope.cancel()


async def test_a_server_that_hangs_is_not_waited_for_for_ever(
    server: RedisProcess, settings: Redis, path: Path
) -> None:
    """Whether the batch arrived is unknown, so it is sent again, and is there once."""
    async with open_writing(path, attrs.evolve(settings, connect_s=0.1, answer_s=0.1)) as writing:
        writing.write(1)
        with trio.fail_after(GUARD_S):
            await writing.send_all()
            server.signal(signal.SIGSTOP)
            try:
                assert await writing.refusal()
            finally:
                server.signal(signal.SIGCONT)
            await writing.send_all()
        await assert_published(settings, writing)


async def test_a_stream_has_one_writer(settings: Redis, path: Path, tmp_path: Path) -> None:
    """Another journal's stream is not written to, and the message names both and what to do."""
    async with open_writing(path, settings) as writing:
        writing.write(2)
        await writing.send_all()
    async with open_writing(tmp_path / "b.journal", settings, made_us=NOW_US + 1) as other:
        assert "is of another journal" in await other.refusal()
    assert len(await stream_of(settings)) == 2


async def test_a_strangers_entry_at_the_end_is_not_written_behind(
    server: RedisProcess, settings: Redis, path: Path
) -> None:
    """Its id is beyond every position: the batches wait until somebody has removed it."""
    async with open_writing(path, settings) as writing:
        writing.write(1)
        await writing.send_all()
        server.command("XADD", "ticks", "*", "who", "me")
        assert "another program's" in await writing.refusal()
        server.command("XTRIM", "ticks", "MAXLEN", "0")
        server.command("DEL", "ticks")
        with trio.fail_after(GUARD_S):
            await writing.send_all()
        await assert_published(settings, writing)


async def test_a_journal_that_was_restored_from_a_copy_is_not_mixed_in(settings: Redis, path: Path) -> None:
    """The stream has batches that the copy lacks; under the same positions others would come."""
    async with open_writing(path, settings) as writing:
        writing.write(3)
        await writing.send_all()
        copy = path.with_name("copy.journal")
        for end in ("", "-wal"):
            copy.with_name(copy.name + end).write_bytes(path.with_name(path.name + end).read_bytes())
        writing.write(3)
        await writing.send_all()
    async with open_writing(copy, settings) as writing:
        writing.write(1)
        with pytest.raises(SinkUnavailableError, match="lost its end or was restored"):
            await writing.send(4)


async def test_only_what_every_reader_has_is_trimmed(settings: Redis, path: Path) -> None:
    """Also for one that comes between the look at the readers and the trimming; the newest entry stays."""
    settings = attrs.evolve(settings, readers=("fast", "slow"))
    async with open_writing(path, settings) as writing, open_stream(settings) as stream:
        writing.write(10)
        await writing.send_all()
        await stream.move("fast", expected=0, position=10)
        await stream.trim(10)
        assert len(await stream_of(settings)) == 10
        await stream.move("slow", expected=0, position=4)
        await stream.trim(6)
        assert len(await stream_of(settings)) == 10
        await stream.trim(5)
        assert [entry.position for entry in await stream_of(settings) if entry] == [5, 6, 7, 8, 9, 10]
    async with open_writing(path, settings) as writing:
        async with open_stream(settings) as stream:
            await stream.move("slow", expected=4, position=10)
        await writing.send(10)
        assert [entry.position for entry in await stream_of(settings) if entry] == [10]


async def test_a_cluster_is_written_to_as_well(tmp_path: Path, path: Path) -> None:
    """One stream lies on one node; scripts and reading go there."""
    home = tmp_path / "cluster"
    home.mkdir()
    server = RedisProcess(home, **{"cluster-enabled": "yes"})
    server.start()
    try:
        server.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        settings = Redis(url=server.url, cluster=True, readers=("store",))
        async with open_writing(path, settings) as writing:
            writing.write(3)
            with trio.fail_after(GUARD_S):
                await writing.send_all()
            await assert_published(settings, writing)
    finally:
        server.stop(signal.SIGKILL)


@pytest.mark.parametrize("trusted", [True, False])
async def test_certificates_are_verified(tmp_path: Path, path: Path, trusted: bool) -> None:
    """By the authorities of ``ca_file``; without them nothing is sent, not even the password."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    home = tmp_path / "tls"
    home.mkdir()
    secured = RedisProcess(home)
    server = RedisProcess(
        home,
        **{
            "tls-port": str(secured.port),
            "tls-cert-file": str(tmp_path / "cert.pem"),
            "tls-key-file": str(tmp_path / "key.pem"),
            "tls-auth-clients": "no",
        },
    )
    server.start()
    try:
        settings = Redis(
            url=f"rediss://127.0.0.1:{secured.port}", ca_file=str(tmp_path / "ca.pem") if trusted else None
        )
        async with open_writing(path, settings) as writing:
            writing.write(2)
            if trusted:
                await writing.send_all()
                await assert_published(Redis(url=server.url), writing)
            else:
                assert "no connection" in await writing.refusal()
    finally:
        server.stop(signal.SIGKILL)
