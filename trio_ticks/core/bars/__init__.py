"""Bars from ticks: `BarMaker`, and below it the rules for time, tick and volume bars.

=============  =====================================================================
``maker``      the rules, and the one door: records in, bars out
``timed``      bars of time
``counted``    bars of so many ticks, or so much volume
``intervals``  what an interval is called, and where it begins and ends
``sessions``   the hours of a venue, by the clocks of its zone
``drafts``     a bar while it is made: its prices, and sums that lose no digit
``trail``      the bars that were given out, as long as late ticks may correct them
``holes``      the gaps that touch them
=============  =====================================================================
"""

from trio_ticks.core.bars.maker import HISTORY, BarMaker

__all__ = ["HISTORY", "BarMaker"]
