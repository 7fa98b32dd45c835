"""Wrong set-ups that people run into: each is told in one line that says what is wrong and how it is mended."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest

from tests.support.influx_proxy import Proxy
from tests.support.influxd import ADMIN, PASSWORD, Influxd
from tests.support.processes import on_disk
from tests.support.program import open_program, run_program
from trio_ticks.app.doctor.examining import Examination
from trio_ticks.app.doctor.finding import Finding, Mark
from trio_ticks.config import EngineConfig
from trio_ticks.runtime.clock import utc_now_us
from trio_ticks.sim import open_sim
from trio_ticks.storage.journal import Journal

HAS_HTTP = "http" in attrs.fields_dict(EngineConfig)
HOUR_US = 3_600_000_000
SIX = ", ".join(f'"{name}.US"' for name in "ABCDEF")
TOKEN = "demo"
ENV = {"ALLTICK_TOKEN": TOKEN}


def toml(*, url: str, symbols: str = '"BTCUSDT"', extra: str = "", token: str = "${ALLTICK_TOKEN}") -> str:
    # Any free port, where something listens: two runs of these tests on one machine are no business of each other's.
    http = '[http]\nbind = "127.0.0.1:0"\n' if HAS_HTTP and "[http]" not in extra else ""
    return f'[feeds.alltick]\nsymbols = [{symbols}]\ntoken = "{token}"\nurl = "{url}"\n{http}{extra}'


@attrs.frozen
class Wrong:
    """A set-up, and what is said of it.

    Attributes:
        what: Words of the line that say what is wrong.
        cure: Those that say how it is mended.
        text: The configuration, from the simulator's URL.
        prepare: Does what is needed besides, in the directory of the start.
        shift_us: How far the vendor's clock is ahead of this machine's.
        disk: Of tmpfs: what kind of disk the directory ``disk`` is.
        has_token: Whether the environment has one.
        goes_on: Whether `run` starts all the same, and says it in its log.
    """

    what: str
    cure: str
    text: Callable[[str], str]
    prepare: Callable[[Path], None] = lambda _: None
    shift_us: int = 0
    disk: str = ""
    has_token: bool = True
    goes_on: bool = False


def of(**fields: str) -> Callable[[str], str]:
    return lambda url: toml(url=url, **fields)


def newer_journal(cwd: Path) -> None:
    path = cwd / "ticks.journal"
    Journal.open(path, now_us=1).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()


def misspelt(cwd: Path) -> None:
    (cwd / "misspelt.py").write_text("async def momentum(ticks): ...\n")


ON_DISK = '[journal]\npath = "disk/ticks.journal"\n'

WRONG = {
    "no token": Wrong(
        "feeds.alltick.token: the environment has no variable 'ALLTICK_TOKEN'",
        "set it: export ALLTICK_TOKEN=",
        of(),
        has_token=False,
    ),
    "a symbol on the wrong service": Wrong(
        "BTCUSDT belongs to /quote-b-ws-api",
        "leave the path out of url",
        lambda url: toml(url=f"{url}/quote-stock-b-ws-api"),
    ),
    "a plan exceeded": Wrong(
        "symbols: 6 for alltick/stock, but plan 'free' carries 5 there",
        "plan 'basic' would fit",
        of(symbols=SIX),
    ),
    "a directory that cannot be written": Wrong(
        "Read-only file system", "directory that exists and can be written", of(extra=ON_DISK), disk="ro"
    ),
    "a journal of a newer version": Wrong(
        "has journal format 2, and this trio_ticks knows none after 1",
        "install a newer one, or give the journal another path",
        of(),
        prepare=newer_journal,
    ),
    "a clock an hour slow": Wrong("ahead of its receipt", "clock slow? set it", of(), shift_us=HOUR_US, goes_on=True),
    "a clock an hour fast": Wrong(
        "all prices are stamped 3", "clock fast? set it (timedatectl", of(), shift_us=-HOUR_US, goes_on=True
    ),
    "no disk": Wrong(
        "bytes free, of which 67,108,864 are to stay free",
        "make room on it, or give the journal a path on another",
        of(extra=ON_DISK),
        disk="size=1m",
        goes_on=True,
    ),
    "a strategy of another name": Wrong(
        "strategies.mine.use: 'misspelt:momentun': module 'misspelt' has no 'momentun'",
        "did you mean 'momentum'?",
        of(extra='[strategies.mine]\nuse = "misspelt:momentun"\n'),
        prepare=misspelt,
    ),
    "a strategy that cannot be imported": Wrong(
        "strategies.mine.use: 'mymodule:momentum': there is no module 'mymodule'",
        "it has to be installed, or to lie in the directory where the program is started",
        of(extra='[strategies.mine]\nuse = "mymodule:momentum"\n'),
    ),
}


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the start, also of what runs in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # as the program does itself
    (tmp_path / "disk").mkdir()
    return tmp_path


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_run_says_what_is_wrong_and_how_it_is_mended(
    wrong: Wrong, cwd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, as the program prints it: in its log where it goes on, else as its last word."""
    within = on_disk(cwd / "disk", wrong.disk) if wrong.disk else ()
    env = ENV if wrong.has_token else {}
    async with open_setup(wrong, cwd, monkeypatch):
        if wrong.goes_on:
            stderr = await log_of(wrong.cure, cwd=cwd, env=env, within=within)
            told = next(line for line in stderr.splitlines() if wrong.what in line and wrong.cure in line)
        else:
            code, _, stderr = await run_program("run", cwd=cwd, env=env, within=within)
            assert code in {1, 2}
            (told,) = [line for line in stderr.splitlines() if line.startswith("trio-ticks: ")]
            assert stderr.endswith(f"{told}\n")
            assert stderr.count(wrong.what) == 1  # what ends it is not said twice
    assert wrong.what in told
    assert wrong.cure in told
    assert "Traceback" not in stderr


@asynccontextmanager
async def open_setup(wrong: Wrong, cwd: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Make a set-up: its files, its environment, and the vendor."""
    wrong.prepare(cwd)
    if wrong.has_token:
        monkeypatch.setenv("ALLTICK_TOKEN", TOKEN)
    else:
        monkeypatch.delenv("ALLTICK_TOKEN", raising=False)
    async with open_sim(speed=20.0, now_us=lambda: utc_now_us() + wrong.shift_us) as sim:
        (cwd / "ticks.toml").write_text(wrong.text(sim.url))
        yield


async def log_of(words: str, **options: object) -> str:
    """Return what `run` logs up to these words and a soft stop."""
    async with open_program("run", **options) as program:  # type: ignore[arg-type]  # as the caller has them
        await program.wait_for(words, "stderr")
        program.send(signal.SIGTERM)
        assert await program.wait() == 0
    return program.stderr


IN_PROCESS = {name: wrong for name, wrong in WRONG.items() if not wrong.disk}


@pytest.mark.parametrize("wrong", IN_PROCESS.values(), ids=IN_PROCESS)
async def test_the_doctor_finds_the_same(wrong: Wrong, cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One finding to mend, and it says how."""
    async with open_setup(wrong, cwd, monkeypatch):
        (finding,) = await to_mend(cwd)
    if wrong.shift_us:  # told by the vendor's date, in other words
        assert "set the clock: timedatectl" in finding.line()
    else:
        assert wrong.what in finding.line()
        assert wrong.cure in finding.line()


async def to_mend(cwd: Path) -> list[Finding]:
    """Return what the doctor finds wrong, but for the speed of this machine, which is no part of the set-up."""
    findings: list[Finding] = []
    await Examination(tell=findings.append, seconds=0.1).run(cwd / "ticks.toml")
    return [finding for finding in findings if finding.mark is Mark.BAD and finding.what != "cpu"]


async def test_the_doctor_finds_a_disk_that_cannot_be_written(cwd: Path) -> None:
    """Exit code 1, one line to mend, and the rest is looked at all the same."""
    (cwd / "ticks.toml").write_text(toml(url="ws://127.0.0.1:9", token=TOKEN, extra=ON_DISK))
    within = on_disk(cwd / "disk", "ro")
    code, stdout, stderr = await run_program("doctor", "--offline", cwd=cwd, within=within)
    (line,) = [line for line in stdout.splitlines() if line.startswith("✗")]
    assert all(word in line for word in ("disk speed", "Read-only", "set [journal] path")), line
    assert (code, stderr) == (1, "")
    # A machine that has much to do is doubted for its speed.
    assert stdout.splitlines()[-1] in {"1 to mend, 4 not checked", "1 to mend, 1 to look at, 4 not checked"}


@pytest.fixture(scope="module")
def influxdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    server = Influxd(tmp_path_factory.mktemp("influxd"))
    server.start()
    server.command(f"CREATE USER {ADMIN} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES", first=True)
    with Proxy(server.port) as proxy:
        yield proxy
    server.stop()


async def test_a_wrong_bucket_is_told(influxdb: Proxy, cwd: Path) -> None:
    """By `run`, whose ticks wait in the journal meanwhile, and by the doctor."""
    sink = f'[sinks.influxdb]\nurl = "{influxdb.url}"\norg = "o"\nbucket = "tocks"\ntoken = "{ADMIN}:{PASSWORD}"\n'
    words = "create the bucket, or name one that exists"
    async with open_sim() as sim:
        (cwd / "ticks.toml").write_text(toml(url=sim.url, token=TOKEN, extra=sink))
        stderr = await log_of(words, cwd=cwd)
        (finding,) = await to_mend(cwd)
    told = next(line for line in stderr.splitlines() if words in line)
    assert re.search(r"sink influxdb is held up.*404 Not Found: .*tocks", told)
    assert "tocks" in finding.line()
    assert words in finding.line()


@pytest.mark.skipif(not HAS_HTTP, reason="nothing listens yet")
async def test_a_port_that_is_taken_is_told(cwd: Path) -> None:
    """By `run`, which does not start, and by the doctor: the port, and the option that chooses another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with open_sim() as sim:
            extra = f'[http]\nbind = "127.0.0.1:{port}"\n'
            (cwd / "ticks.toml").write_text(toml(url=sim.url, token=TOKEN, extra=extra))
            code, _, stderr = await run_program("run", cwd=cwd)
            (finding,) = await to_mend(cwd)
    assert (code, stderr.count("\n")) == (2, 1)
    for told in (stderr, finding.line()):
        assert f"port {port} is taken" in told
        assert "choose another port with --http" in told
