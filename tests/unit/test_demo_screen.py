"""The demo's screen fits where it is shown."""

from __future__ import annotations

import pytest
from rich.console import Console

from trio_ticks.app.demo_screen import Event, Row, Side, View, line, screen


def view(events: int) -> View:
    side = Side(
        state="connecting", delivered=9_999_999, missed=9_999_999, cut=1, mute=2, thrown_away=9_999_996, told=99_999
    )
    told = Event(
        99_999.9, "engine", "noticed: open and answering, but no tick for 1.5 s; reconnects, and so on and on"
    )
    return View(
        elapsed_s=99_999.9,
        fault_in_s=9.9,
        fault_next="mute",
        rows=(Row("BTCUSDT", 1_234_567.89, 0.9994, 1_000.0), Row("XBTUSDT", None, None, 0.0)),
        engine=side,
        recipe=side,
        events=[told] * events,
    )


@pytest.mark.parametrize("events", [0, 3, 100])
def test_the_screen_fits_into_80_by_24_and_keeps_its_height(events: int) -> None:
    """Whatever the counts, however many events: no line wraps, nothing scrolls, nothing jumps."""
    console = Console(width=80, height=24)
    with console.capture() as drawn:
        console.print(screen(view(events)))
    lines = drawn.get().splitlines()
    assert len(lines) == 22
    assert all(len(one) <= 80 for one in lines)
    assert any("MISSED" in one and "9,999,999" in one for one in lines)


def test_the_plain_line_has_both_counters() -> None:
    """What a pipe gets says the same as the screen."""
    assert "engine connecting, missed 9,999,999 · recipe connecting, missed 9,999,999" in line(view(0))
