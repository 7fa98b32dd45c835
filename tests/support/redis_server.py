"""A real Redis or Valkey for tests on loopback, and the tests' reason when there is none."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.support.installed import installed

# Generous: a loaded machine may start it slowly, and nothing waits this long where all is well.
READY_S = 120.0


def redis_path() -> str:
    """Return where the server is; skip the test, or fail it where the servers are required."""
    return installed("REDIS IS", "redis-server", "valkey-server", package="redis-server")


def _port() -> int:
    """Return a port that is free now, and that no outgoing connection is given while the server is away.

    So low that this is true of the port of a cluster's bus as well, which lies 10,000 above it.
    """
    for port in random.sample(range(12_000, 22_000), 1_000):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise RuntimeError("no free port")


class RedisProcess:
    """One server with its own directory; it can be killed and started again, on the same port, on what it kept.

    Args:
        home: An empty directory.
        options: Of the command line, without the dashes.
    """

    def __init__(self, home: Path, **options: str) -> None:
        self._program = redis_path()
        self.home = home
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers. It keeps everything it has acknowledged, also when it is killed."""
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.home),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            **self._options,
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        with (self.home / "redis.log").open("ab") as log:
            self._process = subprocess.Popen([self._program, *words], stdout=log, stderr=log)
        give_up = time.monotonic() + READY_S
        while self._process.poll() is None and time.monotonic() < give_up:
            if self._pong():
                return
            time.sleep(0.02)
        raise RuntimeError(f"redis-server does not start:\n{(self.home / 'redis.log').read_text()[-2000:]}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal that it survives."""
        assert self._process is not None
        self._process.send_signal(number)

    def command(self, *words: str | bytes, password: str = "") -> bytes:
        """Give a command on a connection of its own, and return what comes back, unread."""
        lines = [[b"AUTH", password.encode()]] if password else []
        lines.append([word.encode() if isinstance(word, str) else word for word in words])
        with socket.create_connection(("127.0.0.1", self.port), timeout=READY_S) as link:
            answers = [_asked(link, line) for line in lines]
        return answers[-1]

    def position_of(self, reader: str, *, stream: str = "ticks") -> int:
        """Return where a reader of a stream stands, as the server says; -1 where it does not know it."""
        words = self.command("XINFO", "GROUPS", stream).split(b"\r\n")
        if reader.encode() not in words:
            return -1
        return int(words[words.index(b"last-delivered-id", words.index(reader.encode())) + 2].partition(b"-")[0])

    def _pong(self) -> bool:
        try:
            answer = self.command("PING")
        except OSError:
            return False
        return answer.startswith((b"+PONG", b"-NOAUTH", b"-LOADING"))


def _asked(link: socket.socket, words: list[bytes]) -> bytes:
    link.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
    answer = link.recv(65_536)
    while answer and not answer.endswith(b"\r\n"):
        answer += link.recv(65_536)
    return answer
