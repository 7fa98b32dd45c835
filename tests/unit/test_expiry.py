"""Prices that are too old to act on."""

from __future__ import annotations

from trio_ticks.core.expiry import Expiry
from trio_ticks.model import Gap, Record, Status, Tick


def dropped(expiry: Expiry, records: list[Record], now_us: int) -> list[Record]:
    return [item for item in records if expiry.drops(item, lambda: now_us)]


def test_a_price_is_dropped_once_it_is_older_than_the_limit() -> None:
    """By its event, to the microsecond; of the limit's own age it is not; what is no price has no age."""
    expiry = Expiry(2.5)
    ticks = [Tick("X", time_us, 1.0, received_us=9_000_000) for time_us in (7_499_999, 7_500_000, 7_500_001)]
    assert dropped(expiry, [*ticks, Status("stale", 1)], 10_000_000) == ticks[:1]
    assert expiry.dropped == 1


def test_a_stretch_of_dropped_prices_is_one_gap() -> None:
    """From the earliest to the latest of them, with their number; the next stretch is another one."""
    expiry = Expiry(1.0)
    dropped(expiry, [Tick("X", 50, 1.0), Tick("Y", 20, 1.0), Tick("X", 40, 1.0)], 10_000_000)
    assert expiry.take_gap() == Gap(start_us=20, end_us=50, cause="stale", missed=3)
    assert expiry.gap is None
    dropped(expiry, [Tick("X", 60, 1.0)], 10_000_000)
    assert expiry.take_gap() == Gap(start_us=60, end_us=60, cause="stale", missed=1)
    assert expiry.dropped == 4


def test_without_a_limit_no_price_is_too_old() -> None:
    """However old; and nobody looks at the clock."""
    expiry = Expiry(None)
    assert dropped(expiry, [Tick("X", 1, 1.0)], 10**15) == []
    assert (expiry.dropped, expiry.gap) == (0, None)
