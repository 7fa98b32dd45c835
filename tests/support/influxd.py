"""A real InfluxDB 1.6.7 as Debian packages it, for tests on loopback, and the tests' reason when there is none.

The server has no ``/api/v2``; `tests.support.influx_proxy` gives it one.
"""

from __future__ import annotations

import base64
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

from tests.support.installed import installed

ADMIN, PASSWORD = "admin", "secret-word"

# Generous: a loaded machine may start it slowly, and nothing waits this long where all is well.
READY_S = 120.0

_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{home}/meta"
  logging-enabled = false
[data]
  dir = "{home}/data"
  wal-dir = "{home}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[continuous_queries]
  enabled = false
[http]
  bind-address = "127.0.0.1:{http}"
  auth-enabled = true
  log-enabled = false
  max-body-size = 0
[logging]
  level = "error"
  suppress-logo = true
"""


def influxd_path() -> str:
    """Return where influxd is; skip the test, or fail it where the servers are required."""
    return installed("InfluxDB IS", "influxd", package="influxdb")


def free_ports(count: int) -> list[int]:
    """Return ports that are free now, all different."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Influxd:
    """One server with its own directories; it can be killed and started again on what it kept.

    Args:
        home: An empty directory.
    """

    def __init__(self, home: Path) -> None:
        self._program = influxd_path()
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._process is not None

    def start(self) -> None:
        """Start it and wait until it answers. A port that was taken meanwhile is given up for another."""
        for _ in range(5):
            rpc, self.port = free_ports(2)
            config = self._home / "influxdb.conf"
            config.write_text(_CONFIG.format(rpc=rpc, http=self.port, home=self._home))
            log = (self._home / "influxd.log").open("ab")
            with log:
                self._process = subprocess.Popen([self._program, "-config", str(config)], stdout=log, stderr=log)
            if self._is_ready(self._process):
                return
        raise RuntimeError(f"influxd does not start:\n{(self._home / 'influxd.log').read_text()[-2000:]}")

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        give_up = time.monotonic() + READY_S
        while process.poll() is None and time.monotonic() < give_up:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=5):
                    return True
            except OSError:
                time.sleep(0.05)
        return False

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal and wait until it is gone."""
        if self._process is None:
            return
        self._process.send_signal(number)
        self._process.wait()
        self._process = None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal and do not wait for what comes of it."""
        assert self._process is not None
        self._process.send_signal(number)

    def command(self, influxql: str, *, first: bool = False) -> None:
        """Run a command as the administrator; the first one, that creates the administrator, as nobody."""
        data = urllib.parse.urlencode({"q": influxql}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/query", data=data)
        if not first:
            word = base64.b64encode(f"{ADMIN}:{PASSWORD}".encode()).decode()
            request.add_header("Authorization", f"Basic {word}")
        with urllib.request.urlopen(request, timeout=READY_S) as answer:
            text = answer.read().decode()
        assert "error" not in text, text
