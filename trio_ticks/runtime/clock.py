"""Where the runtime gets the time of day from."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

NowUs: TypeAlias = Callable[[], int]
"""A clock: the present in UTC microseconds. Injected everywhere, so that a simulation can bring its own."""


def utc_now_us() -> int:
    """Return the wall clock in UTC microseconds."""
    return time.time_ns() // 1000
