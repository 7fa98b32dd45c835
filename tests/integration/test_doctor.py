"""The doctor against real servers: the simulator, InfluxDB, Redis, a journal that is being written."""

from __future__ import annotations

import signal
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio

from tests.support.certificates import Authority
from tests.support.influx_proxy import HTML_200, Proxy, answering
from tests.support.influxd import ADMIN, PASSWORD, Influxd
from tests.support.redis_server import RedisProcess
from trio_ticks.app.doctor.clock import check_clock
from trio_ticks.app.doctor.dashboard import check_port
from trio_ticks.app.doctor.examining import Examination
from trio_ticks.app.doctor.finding import Finding, Mark
from trio_ticks.app.doctor.journal import check_journal
from trio_ticks.app.doctor.stores import check_influxdb, check_redis
from trio_ticks.config import ConnectionConfig, HttpConfig, InfluxDB, JournalConfig, Redis, RedisFeed
from trio_ticks.model import Tick
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.runtime.road import Road, road_of
from trio_ticks.sim import Switches, open_sim
from trio_ticks.storage.influxdb import InfluxWriter
from trio_ticks.storage.journal import Journal
from trio_ticks.storage.redis import open_stream

HOUR_US = 3_600_000_000
WORD = "password-4711"


def check(finding: Finding, mark: Mark, *words: str) -> None:
    assert finding.mark is mark, finding
    for word in words:
        assert word in finding.line(), finding


async def examine(path: Path, text: str, *, url: str | None = None, seconds: float = 0.2) -> dict[str, Finding]:
    """Return the findings by what they are about; each is about something of its own."""
    path.write_text(text)
    findings: list[Finding] = []
    await Examination(tell=findings.append, url=url, seconds=seconds).run(path)
    by_what = {finding.what: finding for finding in findings}
    assert len(by_what) == len(findings)
    return by_what


def config(tmp_path: Path, *symbols: str, extra: str = "") -> str:
    names = ", ".join(f'"{symbol}"' for symbol in symbols)
    journal = tmp_path / "ticks.journal"
    feed = f'[feeds.alltick]\nsymbols = [{names}]\ntoken = "demo"\nplan = "basic"\n'
    return f'{feed}pacing = {{ request_s = 0.0 }}\n[journal]\npath = "{journal}"\n{extra}'


async def test_a_sound_set_up_has_nothing_to_mend(tmp_path: Path) -> None:
    """Every part of it is named, none is left unlooked at, and nothing is left lying about."""
    async with open_sim() as sim:
        found = await examine(tmp_path / "ticks.toml", config(tmp_path, "BTCUSDT"), url=sim.url)
    assert {finding.mark for finding in found.values()} <= {Mark.GOOD, Mark.DOUBTFUL}
    assert list(found) == [
        "python", "packages", "configuration", "plan alltick", "clock alltick", "tls alltick", "connect alltick",
        "symbols alltick", "journal", "http", "disk room", "disk speed", "cpu", "open files",
    ]  # fmt: skip
    check(found["connect alltick"], Mark.GOOD, "the token is accepted")
    assert [path.name for path in tmp_path.iterdir()] == ["ticks.toml"]


async def test_each_refused_symbol_is_named_while_the_others_are_accepted(tmp_path: Path) -> None:
    """However long the search takes; with what the feed knows about it."""
    async with open_sim(symbols=["TSLA.US"], switches=Switches(too_fast="serve")) as sim:
        wanted = ("BTCUSDT", "TSLA", "TSLA.US", "NOPE.US")
        found = await examine(tmp_path / "ticks.toml", config(tmp_path, *wanted), url=sim.url)
    check(found["connect alltick"], Mark.GOOD)
    check(found["symbols alltick"], Mark.BAD, "2 of 4 refused", "NOPE.US: ret 600", "suffix is missing: TSLA.US")


async def test_a_wrong_token_and_an_unreachable_vendor_are_told_apart(tmp_path: Path) -> None:
    """The first connect is not retried."""
    async with open_sim(token="another") as sim:
        found = await examine(tmp_path / "ticks.toml", config(tmp_path, "BTCUSDT"), url=sim.url)
    check(found["connect alltick"], Mark.BAD, "401", "the token is not accepted")
    check(found["symbols alltick"], Mark.UNCHECKED)
    found = await examine(tmp_path / "ticks.toml", config(tmp_path, "BTCUSDT"), url=sim.url)
    check(found["connect alltick"], Mark.BAD, "Connection refused", "check the network and url")
    check(found["clock alltick"], Mark.UNCHECKED, "Connection refused")
    assert "demo" not in "".join(finding.line() for finding in found.values())


@pytest.mark.parametrize(("shift_us", "words"), [(HOUR_US, "behind"), (-HOUR_US, "ahead of")])
async def test_a_clock_an_hour_off_is_told(shift_us: int, words: str) -> None:
    """By the vendor's own clock, whose date is in any answer."""
    async with open_sim([], now_us=lambda: utc_now_us() + shift_us) as sim:
        found = await check_clock("x", f"{sim.url}/quote-b-ws-api", Road(), utc_now_us)
    check(found.clock, Mark.BAD, words, "timedatectl")


@asynccontextmanager
async def open_tls_server(context: ssl.SSLContext) -> AsyncIterator[str]:
    """Answer requests over TLS, without a date."""

    async def answer(stream: trio.SSLStream[trio.SocketStream]) -> None:
        try:
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        except trio.BrokenResourceError:
            return

    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_ssl_over_tcp, answer, 0, context, host="127.0.0.1")
        listeners = await nursery.start(serve)
        yield f"wss://127.0.0.1:{listeners[0].transport_listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def test_a_certificate_is_good_or_refused_with_the_cure(tmp_path: Path) -> None:
    """By the road that the feed itself takes; a server that tells no time leaves the clock unchecked."""
    authority = Authority()
    road = road_of(ConnectionConfig(ca_file=authority.write(tmp_path)))
    async with open_tls_server(authority.server("127.0.0.1")) as url:
        trusted = await check_clock("x", url, road, utc_now_us)
        refused = await check_clock("x", url, Road(), utc_now_us)
    check(trusted.tls, Mark.GOOD, "is good")
    check(trusted.clock, Mark.UNCHECKED, "does not tell the time")
    check(refused.tls, Mark.BAD, "certificate refused", "ca_file")
    check(refused.clock, Mark.UNCHECKED)


async def test_beside_a_running_engine_the_feeds_are_left_alone(tmp_path: Path) -> None:
    """A plan that has one connection would give it to the doctor."""
    text = config(tmp_path, "BTCUSDT")
    owner = "process 7 on here, started 2026-11-22"
    with Journal.open(tmp_path / "ticks.journal", now_us=utc_now_us(), owner=owner) as journal:
        journal.commit([[Tick("BTCUSDT", utc_now_us(), 1.0)]], now_us=utc_now_us())
        async with open_sim() as sim:
            found = await examine(tmp_path / "ticks.toml", text, url=sim.url)
            assert not sim.statistics().requests
    check(found["journal"], Mark.GOOD, "1 ticks", "being written by process 7")
    check(found["connect alltick"], Mark.UNCHECKED, "process 7")
    assert found["clock alltick"].mark is not Mark.UNCHECKED


async def test_damage_at_the_end_of_a_journal_is_told(tmp_path: Path) -> None:
    """And which batches it took; the next run goes on behind it."""
    path = tmp_path / "ticks.journal"
    with Journal.open(path, now_us=1, fsync="checkpoint") as journal:
        journal.commit([[Tick("ABCDEFGH", n, 1.0)] for n in range(1, 4)], now_us=1)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"ABCDEFGH", b"ABCDEFGX", 1))
    found = await examine(tmp_path / "ticks.toml", config(tmp_path, "BTCUSDT"), url="ws://127.0.0.1:9")
    check(found["journal"], Mark.DOUBTFUL, "damaged at its end", "journal verify")


@pytest.mark.parametrize(
    ("content", "mark", "words"),
    [(b"", Mark.GOOD, "will be made"), (b"SQLite format 3" * 100, Mark.BAD, "is no journal, or its first page")],
)
def test_a_file_that_is_no_journal_is_told(content: bytes, mark: Mark, words: str, tmp_path: Path) -> None:
    """An empty one becomes a journal; any other is left alone."""
    path = tmp_path / "ticks.journal"
    path.write_bytes(content)
    check(check_journal(JournalConfig(path=str(path))).finding, mark, words)
    assert path.read_bytes() == content


async def test_mistakes_of_a_configuration_are_told_one_by_one(tmp_path: Path) -> None:
    """Each strategy's own, and what stands between two tables; each once."""
    strategies = '[strategies.a]\nuse = "no_module:f"\n[strategies.b]\nuse = "math:none"\n'
    text = config(tmp_path, "BTCUSDT", extra=strategies)
    path, findings = tmp_path / "ticks.toml", list[Finding]()
    path.write_text(text)
    await Examination(tell=findings.append, is_offline=True).run(path)
    wrong = [finding.found for finding in findings if finding.mark is Mark.BAD]
    assert len(wrong) == 2
    assert "strategies.a.use: 'no_module:f': there is no module 'no_module'" in wrong[0]
    assert "strategies.b.use: 'math:none'" in wrong[1]
    assert [finding.what for finding in findings if finding.mark is Mark.UNCHECKED] == [
        "clock alltick", "tls alltick", "connect alltick", "symbols alltick",
    ]  # fmt: skip


async def test_the_dashboards_port_is_tried() -> None:
    """By listening there: one that somebody has is told with the cure, and one that is free stays free."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        finding = await check_port(HttpConfig(bind=bind), None)
        check(finding, Mark.BAD, f"port {taken.getsockname()[1]} is taken", "choose another port with --http")
        check(
            await check_port(HttpConfig(bind=bind), "process 7 on here"), Mark.UNCHECKED, "process 7 on here, serves"
        )
    for _ in range(2):
        check(await check_port(HttpConfig(bind="127.0.0.1:0"), None), Mark.GOOD, "any free port")
    check(await check_port(HttpConfig(bind="off"), None), Mark.GOOD, "nothing is served")


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    server = Influxd(tmp_path_factory.mktemp("influxd"))
    server.start()
    server.command(f"CREATE USER {ADMIN} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES", first=True)
    server.command("CREATE DATABASE ticks")
    server.command("CREATE USER writer WITH PASSWORD 'w'")
    server.command("GRANT WRITE ON ticks TO writer")
    yield server
    server.stop()


async def test_influxdb_is_known_by_a_point_that_is_written_and_read_back(influxd: Influxd) -> None:
    """And deleted. What is wrong is told apart: the bucket, the token, reading alone, another server, none."""
    with Proxy(influxd.port) as proxy:
        right = InfluxDB(url=proxy.url, org="o", bucket="ticks", token=f"{ADMIN}:{PASSWORD}")
        check(await check_influxdb("x", right, utc_now_us), Mark.GOOD, "written and read back")
        with InfluxWriter(right) as client:
            assert list(client.query("SELECT * FROM trio_ticks_doctor")) == []
        wrong_bucket = attrs.evolve(right, bucket="tocks")
        check(await check_influxdb("x", wrong_bucket, utc_now_us), Mark.BAD, "404", "create the bucket, or name one")
        wrong_token = attrs.evolve(right, token="nobody:no")
        finding = await check_influxdb("x", wrong_token, utc_now_us)
        check(finding, Mark.BAD, "401", "a token that is valid")
        assert "nobody:no" not in finding.line()
        writes = attrs.evolve(right, token="writer:w")
        check(await check_influxdb("x", writes, utc_now_us), Mark.DOUBTFUL, "not read back: 403")
        proxy.faults.append(HTML_200)
        check(await check_influxdb("x", right, utc_now_us), Mark.BAD, "is this InfluxDB?")
        proxy.faults.append(answering(503))
        check(await check_influxdb("x", right, utc_now_us), Mark.BAD, "503")
    check(await check_influxdb("x", right, utc_now_us), Mark.BAD, "start it, or correct its url")


async def test_a_database_that_does_not_answer_is_not_waited_for(influxd: Influxd) -> None:
    """The doctor's patience is that of the sink."""
    with Proxy(influxd.port) as proxy:
        proxy.delay_s = 60.0
        slow = InfluxDB(url=proxy.url, org="o", bucket="ticks", token="a:b", connect_s=0.05, read_s=0.05)
        finding = await check_influxdb("x", slow, utc_now_us)
    assert finding.mark is Mark.BAD


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProcess]:
    home = tmp_path / "redis"
    home.mkdir()
    server = RedisProcess(home)
    server.start()
    yield server
    server.stop(signal.SIGKILL)


async def test_redis_is_asked_for_all_that_the_engine_asks_it_for(redis: RedisProcess) -> None:
    """On a stream of its own, which is gone afterwards; the configured one is left as it was."""
    settings = Redis(url=redis.url)
    check(await check_redis("sink redis", settings), Mark.GOOD, "noeviction", "'ticks'")
    async with open_stream(settings) as stream:
        assert await stream.newest() is None
    assert redis.command("DBSIZE") == b":0\r\n"
    redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    check(await check_redis("sink redis", settings), Mark.BAD, "it may delete the stream", "noeviction")
    redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    reader = attrs.evolve(settings, username="reader", password=WORD)
    redis.command("ACL", "SETUSER", "reader", "on", f">{WORD}", "~*", "+@all", "-@write", "-eval")
    check(await check_redis("x", reader), Mark.BAD, "may not", "let the ACL's user run")
    redis.command("ACL", "SETUSER", "reader", "+eval")
    check(await check_redis("x", reader), Mark.BAD, "can't run this command", "let the ACL's user run")
    feed = RedisFeed(url=redis.url, username="reader", password=WORD)
    check(await check_redis("feed redis", feed), Mark.GOOD)
    redis.command("ACL", "SETUSER", "reader", "-info")
    check(await check_redis("feed redis", feed), Mark.DOUBTFUL, "its memory is not known")
    redis.command("ACL", "SETUSER", "reader", "+@all", "-del")
    check(await check_redis("x", reader), Mark.DOUBTFUL, "only the check needs it")
    wrong = await check_redis("x", attrs.evolve(reader, password="top-secret"))
    check(wrong, Mark.BAD, "username and password")
    assert "top-secret" not in wrong.line()
    redis.stop(signal.SIGKILL)
    check(await check_redis("x", settings), Mark.BAD, "start it, or correct its url")
