"""How fast market time passes: at recorded speed, or a multiple of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import trio

from trio_ticks.errors import ConfigError
from trio_ticks.model import Record


class Pace:
    """Market time that runs beside Trio's clock, from the first record on.

    Args:
        speed: How many seconds of market time pass in one second.

    Raises:
        ConfigError: it is not a positive number.
    """

    def __init__(self, speed: float) -> None:
        if not 0 < speed < math.inf:
            raise ConfigError(f"speed = {speed!r}: accepted is a positive number such as 1.0, or None: at once")
        self._speed = float(speed)
        self._first_us: int | None = None
        self._began_s = 0.0

    async def wait_until_due(self, record: Record) -> None:
        """Wait until it is time for a record; the first one sets the clock.

        Cancellation:
            At the wait. Market time goes on meanwhile.
        """
        if self._first_us is None:
            self._first_us, self._began_s = record.time_us, trio.current_time()
        await trio.sleep_until(self._began_s + (record.time_us - self._first_us) / 1e6 / self._speed)

    def count_due(self, records: Sequence[Record]) -> int:
        """Return how many of these, from the first on, are due; the first one has been waited for."""
        assert self._first_us is not None
        now_us = self._first_us + (trio.current_time() - self._began_s) * self._speed * 1e6
        later = (at for at, record in enumerate(records) if at and record.time_us > now_us)
        return next(later, len(records))
