"""A property test of your own: whatever the connections do, your numbers stay right.

Run it with ``pytest examples/property_test.py`` (needs the ``testing`` extra). The code under test stands in
for yours; the streams, the lines that show them and the laws come from `trio_ticks.testing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.core.sequencer import Sequencer
from trio_ticks.testing import check_identity, check_order, deliveries, streams

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_ticks.model import Tick
    from trio_ticks.testing import Step


class Vwap:
    """The code under test: the volume-weighted average price so far."""

    def __init__(self) -> None:
        self.turnover = self.volume = 0.0

    def update(self, tick: Tick) -> None:
        """Take in one tick."""
        self.turnover += tick.price * tick.volume
        self.volume += tick.volume


def sequenced(steps: Iterable[Step], now_us: int) -> list[Tick]:
    """Return what a strategy would see of what the lines show."""
    sequencer = Sequencer()
    return [tick for line, shown in steps for tick in sequencer.push(shown, session=line, now_us=now_us)]


@given(st.data(), streams())
def test_a_second_line_changes_no_price(data: st.DataObject, source: list[Tick]) -> None:
    """However many lines show every trade, each is weighed once, and in order."""
    steps = data.draw(deliveries(source, drops=False, repeats=False))
    delivered = sequenced(steps, now_us=source[-1].time_us)

    check_order(delivered)
    check_identity(delivered)
    lines, truth = Vwap(), Vwap()
    for tick in delivered:
        lines.update(tick)
    for tick in source:
        truth.update(tick)
    assert (lines.turnover, lines.volume) == (truth.turnover, truth.volume)
