"""How much memory this process holds, and how much it ever held."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def held_bytes() -> int:
    """Return what the process holds now; its peak where the system does not tell."""
    return _status("VmRSS") if _STATUS.exists() else peak_bytes()


def peak_bytes() -> int:
    """Return the most memory that this process held, without what its parent held before it."""
    if _STATUS.exists():
        return _status("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _status(field: str) -> int:
    found = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(found.split()[1]) * 1024
