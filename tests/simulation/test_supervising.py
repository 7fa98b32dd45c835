"""Signals, as the process that runs an engine obeys them."""

from __future__ import annotations

import signal

import pytest
import trio
from trio.testing import MockClock

from trio_ticks.app.supervising import open_supervised
from trio_ticks.testing.venue import Venue

SIGNALS = [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)]


@pytest.mark.parametrize(("first", "second"), SIGNALS)
async def test_the_second_signal_ends_the_block_whatever_it_does(
    autojump_clock: MockClock, venue: Venue, first: signal.Signals, second: signal.Signals
) -> None:
    """Not only the engine: a block that prints, or waits for something else, must not be waited for."""
    began = trio.current_time()
    async with open_supervised(venue.feed("X"), open_link=venue.open_link, now_us=venue.now_us) as engine:
        await venue.wait_subscribed()
        signal.raise_signal(first)
        with trio.move_on_after(1.0):
            await engine.wait_stopped()
        assert engine.is_stopping
        signal.raise_signal(second)
        await trio.sleep(3600.0)
    assert trio.current_time() - began < 3600.0
    assert engine.statistics().state == "stopped"
    assert engine.statistics().ledger.imbalances() == []
