"""A real InfluxDB in processes of its own, and what can befall it: for `bench.storage` and `bench.outage`.

It is influxd 1.6.7, as Debian packages it, behind the tests' proxy that gives it ``/api/v2``. The proxy is not in the
measured process, whose interpreter it would hold up.
"""

from __future__ import annotations

import multiprocessing
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import attrs

from bench.plan import pin
from tests.support.influx_proxy import HANG, RESET, Proxy, answering
from tests.support.influxd import ADMIN, PASSWORD, Influxd
from trio_ticks import InfluxDB

BUCKET = "bench"

READ_S = 5.0
"""For an answer. The default, 30 s, is for servers that compact; here hanging has to be noticed within a phase."""

SLOW_S = 1.0
"""For each write, of some 5,000 ticks: half of what 10,000 ticks a second need."""

STATES = {
    "healthy": "healthy",
    "dead": "killed, connections reset",
    "hanging": "hanging, no answer",
    "unavailable": "503",
    "full": "disk full (500)",
    "slow": f"slow, {SLOW_S:g} s for a write",
}
"""What the database can be, in words."""

_FAULTS = {
    "dead": RESET,
    "hanging": HANG,
    "unavailable": answering(503),
    "full": answering(500, b'{"code":"internal error","message":"engine: no space left on device"}'),
}


@attrs.frozen
class Database:
    """The processes, seen from here.

    Attributes:
        settings: Where ticks are to be written.
    """

    settings: InfluxDB
    _pipe: Connection

    def become(self, state: str) -> None:
        """Be one of `STATES` from now on; return when it is."""
        self._pipe.send(state)
        self._pipe.recv()


def is_there() -> bool:
    """Tell whether there is an influxd to measure with."""
    return shutil.which("influxd") is not None


@contextmanager
def open_database(*, core: int | None = None) -> Iterator[Database]:
    """Run one for as long as the block lasts, with an empty bucket.

    Args:
        core: Where it has to stay, so that the other one is free for what is measured. None: on any.
    """
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, core))
    process.start()
    theirs.close()
    try:
        token = f"{ADMIN}:{PASSWORD}"
        yield Database(InfluxDB(url=ours.recv(), org="bench", bucket=BUCKET, token=token, read_s=READ_S), ours)
    finally:
        ours.close()
        process.join()


def _serve(pipe: Connection, core: int | None) -> None:
    """Run until the other end of the pipe is gone."""
    if core is not None:
        pin(core)
    with tempfile.TemporaryDirectory() as home:
        influxd = Influxd(Path(home))
        try:
            influxd.start()
            influxd.command(f"CREATE USER {ADMIN} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES", first=True)
            influxd.command(f"CREATE DATABASE {BUCKET}")
            with Proxy(influxd.port) as proxy:
                proxy.keeps_bodies = False
                pipe.send(proxy.url)
                _obey(pipe, lambda state: _become(state, influxd, proxy))
        finally:
            influxd.stop(signal.SIGKILL)


def _obey(pipe: Connection, become: Callable[[str], None]) -> None:
    while True:
        try:
            state = pipe.recv()
        except EOFError:
            return
        become(state)
        pipe.send(state)


def _become(state: str, influxd: Influxd, proxy: Proxy) -> None:
    proxy.standing, proxy.delay_s = _FAULTS.get(state), SLOW_S if state == "slow" else 0.0
    if state == "dead":
        influxd.stop(signal.SIGKILL)
    elif state == "healthy" and not influxd.is_running:
        influxd.start()
        proxy.upstream = influxd.port
