"""Feeds: a vendor's wire turned into records. Pure: no socket, no clock, no task.

``base`` says what a feed is, ``registry`` finds one by its name, ``wire`` and ``arguments`` hold what all of
them share, and each other module speaks to one vendor.
"""

from __future__ import annotations

from trio_ticks.feeds.alltick import AllTick
from trio_ticks.feeds.alltick_simple import AllTickSimple
from trio_ticks.feeds.coinbase import Coinbase

__all__ = ["AllTick", "AllTickSimple", "Coinbase"]
