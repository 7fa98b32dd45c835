"""What the dashboard's pages share: the gaps of each symbol."""

from __future__ import annotations

from typing import Any

import attrs

from trio_ticks.app.http.collector import GAPS, Collector
from trio_ticks.model import Gap


@attrs.frozen
class Engine:
    """All that a collector looks at before anything was traded."""

    symbols: dict[str, tuple[str, ...]]


def collector_of(count: int) -> Collector:
    engine: Any = Engine({"f": tuple(f"S{number}" for number in range(count))})
    return Collector(engine)


def test_a_lost_connection_is_on_the_chart_of_every_symbol_it_carried() -> None:
    """Of a thousand as of one."""
    collector = collector_of(1_000)
    collector.offer([Gap(1, 2, "closed", f"S{number}", feed="f") for number in range(1_000)])
    for number in range(1_000):
        assert [gap.symbol for gap in collector.gaps(("f", f"S{number}"), 0)] == [f"S{number}"]


def test_of_each_symbol_so_many_gaps_are_remembered_the_newest() -> None:
    """One that is lost all the time costs the others nothing."""
    collector = collector_of(2)
    collector.offer([Gap(0, 1, "closed", "S1", feed="f")])
    collector.offer([Gap(number, number + 1, "closed", "S0", feed="f") for number in range(3 * GAPS)])
    assert [gap.start_us for gap in collector.gaps(("f", "S0"), 0)] == list(range(2 * GAPS, 3 * GAPS))
    assert len(collector.gaps(("f", "S1"), 0)) == 1


def test_gaps_that_concern_a_symbol_come_as_they_happened_and_each_is_news_once() -> None:
    """Those of all symbols of its feed, or of all feeds, concern it; those of others do not."""
    collector = collector_of(2)
    collector.offer([Gap(1, 2, "a", None, feed="f"), Gap(2, 3, "b", "S0", feed="f"), Gap(3, 4, "c", "S1", feed="f")])
    collector.offer([Gap(4, 5, "d", None), Gap(5, 6, "e", None, feed="other"), Gap(6, 7, "f", "S0", feed="f")])
    assert [gap.cause for gap in collector.gaps(("f", "S0"), 0)] == ["a", "b", "d", "f"]
    assert [gap.cause for gap in collector.gaps(("f", "S0"), 4)] == ["f"]
