"""The demo's witness accounts for every tick that it saw published."""

from __future__ import annotations

from trio_ticks.app.demo_witness import ON_ITS_WAY_US, Witness
from trio_ticks.model import Gap, Tick


def published(*, at_us: int = 1_000, count: int = 3, symbol: str = "A") -> tuple[Witness, list[Tick]]:
    witness = Witness()
    return witness, witness.publish([Tick(symbol, at_us, 1.0) for _ in range(count)], at_us)


def gap(start_us: int, end_us: int, symbol: str | None = "A") -> Gap:
    return Gap(start_us, end_us, "closed", symbol=symbol)


def test_what_is_delivered_is_struck_off_once() -> None:
    """A copy does not count again."""
    witness, ticks = published()
    for tick in [*ticks, *ticks]:
        witness.strike(tick)
    assert (witness.published, witness.delivered, witness.unaccounted) == (3, 3, 0)


def test_a_gap_names_what_was_published_in_it_and_nothing_else() -> None:
    """Of its symbol, between its ends, both included, and not delivered."""
    witness, ticks = published(at_us=1_000)
    witness.publish([Tick("B", 1_000, 1.0)], 1_000)
    witness.publish([Tick("A", 2_000, 1.0)], 2_001)
    witness.strike(ticks[0])
    witness.name(gap(1_000, 2_000))
    assert witness.named == {"closed": 2}
    assert witness.unaccounted == 2


def test_what_comes_after_it_was_named_is_delivered_after_all() -> None:
    """A gap ends with the first frame received; ticks sent just before arrive with that frame."""
    witness, ticks = published()
    witness.name(gap(0, 2_000, symbol=None))
    witness.strike(ticks[2])
    assert (witness.delivered, witness.named.total(), witness.unaccounted) == (1, 2, 0)


def test_a_tick_on_its_way_is_not_yet_overdue() -> None:
    """It is counted as missing once it should have come."""
    witness, ticks = published(at_us=1_000)
    witness.strike(ticks[0])
    assert witness.overdue(1_000 + ON_ITS_WAY_US - 1) == witness.due(1_000 + ON_ITS_WAY_US - 1) == 0
    assert witness.overdue(1_000 + ON_ITS_WAY_US) == 2
    assert witness.due(1_000 + ON_ITS_WAY_US) == 3
