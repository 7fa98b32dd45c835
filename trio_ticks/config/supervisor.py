"""What systemd tells a service through the environment: where it listens, and how often it wants to hear."""

from __future__ import annotations

import os
from collections.abc import Mapping

import attrs


@attrs.frozen(kw_only=True)
class Supervisor:
    """The process that started this one and wants to be told how it is.

    Attributes:
        socket: A Unix datagram socket; one that begins with ``@`` is in the abstract namespace. "": nobody listens.
        watchdog_s: It restarts a service of which it has not heard for so long; None: it does not.
    """

    socket: str = ""
    watchdog_s: float | None = None


def supervisor_from_env(environ: Mapping[str, str] | None = None, *, pid: int | None = None) -> Supervisor:
    """Return what ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` say, as sd_notify(3) describes them.

    Args:
        environ: The variables. None: those of the process.
        pid: Of the process. None: this one's. A watchdog that waits for another one is not ours to feed.
    """
    environ = os.environ if environ is None else environ
    us, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    is_ours = whose in {"", str(os.getpid() if pid is None else pid)}
    watchdog_s = int(us) / 1e6 if us.isascii() and us.isdigit() and int(us) > 0 and is_ours else None
    return Supervisor(socket=environ.get("NOTIFY_SOCKET", ""), watchdog_s=watchdog_s)
