"""The machine: Python, the packages that a configuration needs, its speed, and how many files may be open."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version

import msgspec

from trio_ticks.app.doctor.finding import Finding, bad, doubtful, good, unchecked
from trio_ticks.app.measuring import this_machine
from trio_ticks.config import EngineConfig, InfluxDB, Redis, RedisFeed
from trio_ticks.core.sequencer import Sequencer
from trio_ticks.feeds.alltick import AllTick

NEWEST_TESTED = (3, 13)

BUSY_RATE = 10_000.0
"""All of Nasdaq in a busy second; a list of a trader's own is far below it."""

SPARE = 5.0
"""So much faster than `BUSY_RATE` decoding and ordering are to be: they are about half of what a tick costs, and a
strategy and the system want the rest."""

TICKS, ROUNDS = 5_000, 3
"""Fifty milliseconds where all is well. The best round counts: whatever else the machine does only slows it down."""

SYMBOLS = 100
BASE_FILES = 64
"""Python's own, the journal's six, epoll, threads, logs; with room for a strategy's."""

FILES_PER_SINK = 8
"""Connections to the database, and two to the journal with three files each."""

_BASE_MS = 1_700_000_000_000


def check_python() -> Finding:
    """Say which Python this is, and whether it is one that is tested."""
    found = f"{sys.version.split()[0]} on {sys.platform}; {this_machine().cpu}"
    if sys.platform != "linux":
        return doubtful("python", found, "only Linux is tested")
    if sys.version_info[:2] > NEWEST_TESTED:
        newest = ".".join(map(str, NEWEST_TESTED))
        return doubtful("python", found, f"tested are 3.11 to {newest}")
    return good("python", found)


def packages_of(config: EngineConfig) -> dict[str, str]:
    """Return the modules that a configuration needs besides ours, and the extra that each comes with."""
    needed: dict[str, str] = {}
    if any(isinstance(sink, InfluxDB) for sink in config.sinks.values()):
        needed["influxdb_client"] = "influxdb"
    ends = [*config.sinks.values(), *config.feeds.values()]
    if any(isinstance(end, Redis | RedisFeed) for end in ends):
        needed["coredis"] = "redis"
    if config.archive is not None:
        needed["pyarrow"] = "arrow"
    return needed


def check_packages(needed: Mapping[str, str]) -> Finding:
    """Say whether the packages are there.

    Args:
        needed: Modules, and the extra that each comes with.
    """
    missing = [extra for module, extra in needed.items() if importlib.util.find_spec(module) is None]
    if missing:
        names = ", ".join(module for module, extra in needed.items() if extra in missing)
        return bad("packages", f"missing: {names}", f"pip install 'trio-ticks[{','.join(missing)}]'")
    found = [f"{name} {_version(name)}" for name in ("trio", *(module.replace("_", "-") for module in needed))]
    return good("packages", ", ".join(found))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "of unknown version"


def measured_ticks_per_s(clock: Callable[[], float] = time.perf_counter) -> float:
    """Return how many ticks a second this machine decodes and orders, on one core. Blocks for a moment."""
    return max(_round(clock) for _ in range(ROUNDS))


def _round(clock: Callable[[], float]) -> float:
    feed = AllTick("S0.US", token="calibration", plan="professional")  # noqa: S106 - it connects to nothing
    messages, sequencer = [_push(number) for number in range(TICKS)], Sequencer()
    began = clock()
    for first in range(0, TICKS, SYMBOLS):
        ticks = feed.decode(messages[first : first + SYMBOLS]).ticks
        sequencer.push(ticks, session="calibration", now_us=ticks[-1].time_us)
    return TICKS / max(clock() - began, 1e-9)


def _push(number: int) -> str:
    """Return a trade as AllTick sends it."""
    data = {
        "code": f"S{number % SYMBOLS}.US",
        "seq": number + 1,
        "tick_time": _BASE_MS + number,
        "price": f"{100 + number % 7}.25",
        "volume": "10",
        "turnover": "1002.5",
        "trade_direction": 1,
    }
    return msgspec.json.encode({"cmd_id": 22998, "data": data}).decode()


def check_speed(ticks_per_s: float) -> Finding:
    """Judge how fast ticks are decoded and ordered."""
    found = f"{ticks_per_s:,.0f} ticks/s decoded and ordered on one core"
    if ticks_per_s >= SPARE * BUSY_RATE:
        return good("cpu", f"{found}, {ticks_per_s / BUSY_RATE:,.0f} times all of Nasdaq in a busy second")
    if ticks_per_s >= BUSY_RATE:
        return doubtful("cpu", found, "enough for some hundred symbols; `trio-ticks bench` measures all of it")
    return bad(
        "cpu", found, "end what else runs here, or take a faster machine; `trio-ticks bench` measures all of it"
    )


def check_files(*, connections: int, sinks: int) -> Finding:
    """Say whether the process may open as many files as the configuration needs."""
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return unchecked("open files", f"{sys.platform} sets no limit that could be asked for")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = sys.maxsize if soft == resource.RLIM_INFINITY else soft
    return judge_files(connections + FILES_PER_SINK * sinks + BASE_FILES, limit=limit, hard=hard)


def judge_files(needed: int, *, limit: int, hard: int) -> Finding:
    """Judge a limit of open files by how many are needed."""
    allowed = "any number" if limit == sys.maxsize else f"{limit:,}"
    if limit >= needed:
        return good("open files", f"{allowed} allowed, about {needed:,} needed")
    raised = f"ulimit -n {needed}" if not 0 <= hard < needed else f"raise the limit to {needed} (LimitNOFILE=)"
    return bad("open files", f"{allowed} allowed, about {needed:,} needed", raised)
