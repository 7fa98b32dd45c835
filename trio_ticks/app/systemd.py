"""What a service of systemd tells it: that it is ready, alive, reloading or stopping (sd_notify(3)).

``READY=1`` goes out when the start-up is complete: the configuration is accepted, the journal open, the tasks run.
It does not wait for a vendor: with the network down at boot systemd would give the service up and start it again,
while the engine is already doing what can be done, which is to retry. Whether prices flow is in ``STATUS=``.

``WATCHDOG=1`` comes from a task of the event loop: a loop that hangs, in a strategy that never awaits for instance,
sends none, and systemd starts the service anew.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress

from trio_ticks.config import Supervisor

STATUS_S = 10.0
"""Between two status lines where no watchdog asks for a beat sooner: `systemctl status` is read by people."""


class Systemd:
    """The line to the supervisor. Nothing here waits or raises: a supervisor that is gone costs nothing.

    Args:
        supervisor: Who listens, if anybody does.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._socket = _open_socket() if supervisor.socket else None

    @property
    def beat_s(self) -> float:
        """Between two calls of `alive`: half of what the watchdog allows, as sd_watchdog_enabled(3) advises."""
        watchdog_s = self._supervisor.watchdog_s
        return STATUS_S if watchdog_s is None else min(STATUS_S, watchdog_s / 2)

    def ready(self) -> None:
        """The start-up, or a reload, is complete."""
        self._send("READY=1")

    def alive(self, status: str) -> None:
        """The event loop turns; ``status`` is one line for people."""
        beat = [] if self._supervisor.watchdog_s is None else ["WATCHDOG=1"]
        self._send(*beat, f"STATUS={status}")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` follows."""
        # The instant is what tells systemd from version 253 on that READY=1 is an answer to it.
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1_000}")

    def stopping(self) -> None:
        """A soft stop has begun."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Nothing more will be told."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *lines: str) -> None:
        if self._socket is None:
            return
        name = self._supervisor.socket
        address = f"\0{name[1:]}" if name.startswith("@") else name
        with suppress(OSError):
            self._socket.sendto("\n".join(lines).encode(), address)


def _open_socket() -> socket.socket | None:
    if not hasattr(socket, "AF_UNIX"):
        return None
    with suppress(OSError):
        line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        line.setblocking(False)
        return line
    return None
