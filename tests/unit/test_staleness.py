"""Which symbols are quiet while their neighbours trade: the rule by itself, look after look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from trio_ticks.core.staleness import LIVELY_US, PATIENCE, Change, Staleness

S = 1_000_000
START_US = 1_700_000_000 * S
STEP_US = 10 * S
AFTER_S = 60.0


class Feed:
    """Two symbols and a clock; one of them trades at every look, and whoever is told to."""

    def __init__(self, symbols: Iterable[str] = ("BUSY", "THIN"), *, after_s: float = AFTER_S) -> None:
        self.staleness = Staleness(after_s=after_s)
        self.symbols = tuple(symbols)
        self.now_us = START_US
        self.last_us: dict[str, int] = {}

    def look(self, *trading: str, after_us: int = STEP_US) -> list[Change]:
        """Let time pass, then let some trade, then look."""
        self.now_us += after_us
        self.last_us |= dict.fromkeys(trading, self.now_us)
        return self.staleness.look(self.now_us, self.symbols, self.last_us)

    def quiet_for(self, seconds: float) -> list[Change]:
        """Look every ten seconds while only the busy one trades."""
        return [change for _ in range(round(seconds / 10)) for change in self.look("BUSY")]


def stale(symbol: str, quiet_s: float, *, has_ticked: bool) -> Change:
    return Change(symbol, is_stale=True, quiet_s=quiet_s, has_ticked=has_ticked)


def resumed(symbol: str, quiet_s: float) -> Change:
    return Change(symbol, is_stale=False, quiet_s=quiet_s, has_ticked=True)


@pytest.mark.parametrize("has_ticked", [True, False])
def test_a_quiet_symbol_is_told_once_and_so_is_its_return(has_ticked: bool) -> None:
    """With the first look that finds it quiet for longer than the bound; then not until it trades, then anew."""
    feed = Feed()
    assert feed.look("BUSY", *(["THIN"] if has_ticked else [])) == []
    assert feed.quiet_for(AFTER_S) == []
    assert feed.look("BUSY") == [stale("THIN", AFTER_S + 10, has_ticked=has_ticked)]
    assert feed.quiet_for(600) == []
    assert feed.look("BUSY", "THIN") == [resumed("THIN", AFTER_S + 610)]
    bound_s = PATIENCE * (AFTER_S + 610) if has_ticked else AFTER_S  # waiting for the first tick is no pause
    assert feed.quiet_for(10_000) == [stale("THIN", bound_s + 10, has_ticked=True)]


def test_the_bound_is_exact() -> None:
    """Quiet for so long is not stale yet; a microsecond more is."""
    feed = Feed()
    feed.look("BUSY", "THIN")
    assert feed.quiet_for(AFTER_S) == []
    assert feed.look("BUSY", after_us=1) == [stale("THIN", AFTER_S + 1e-6, has_ticked=True)]


def test_what_is_long_is_learned_from_the_symbol() -> None:
    """So many times the longest of its pauses, not the last one's; less than the bound it never is."""
    feed = Feed()
    for pause_s in (10, 50, 20):
        feed.look("BUSY", "THIN")
        assert feed.quiet_for(pause_s) == []
    feed.look("BUSY", "THIN")
    assert feed.quiet_for(PATIENCE * 50) == []
    assert feed.quiet_for(10) == [stale("THIN", PATIENCE * 50 + 10, has_ticked=True)]


def test_the_wait_for_the_first_tick_is_no_pause() -> None:
    """A symbol that comes an hour late is stale after the bound like any other."""
    feed = Feed(after_s=10_000.0)
    assert feed.quiet_for(3_600) == []
    feed.look("BUSY", "THIN")
    assert feed.quiet_for(10_000) == []
    assert feed.quiet_for(10) == [stale("THIN", 10_010, has_ticked=True)]


@pytest.mark.parametrize(("age_us", "counts"), [(LIVELY_US, True), (LIVELY_US + 1, False)])
def test_time_counts_while_the_feed_trades(age_us: int, counts: bool) -> None:
    """A neighbour that ticked within the last minute is proof of it; by then the silence is one of all."""
    feed = Feed(after_s=30.0)
    feed.look("BUSY", "THIN")
    told = feed.look(after_us=age_us)
    both = [stale(symbol, age_us / 1e6, has_ticked=True) for symbol in ("BUSY", "THIN")]
    assert told == (both if counts else [])


def test_nights_do_not_count_at_all() -> None:
    """However often one looks while nothing trades, the bound is as far away as before."""
    feed = Feed()
    feed.look("BUSY", "THIN")
    assert [feed.look(after_us=3_600 * S) for _ in range(5)] == [[]] * 5
    assert feed.quiet_for(AFTER_S) == []
    assert feed.quiet_for(10) == [stale("THIN", AFTER_S + 10, has_ticked=True)]


@pytest.mark.parametrize(
    ("last_us", "told"),
    [({}, 0), ({"OTHER": START_US + 100 * S}, 0), ({"BUSY": START_US + 100 * S}, 1)],
)
def test_only_symbols_that_are_asked_for_make_a_feed_lively(last_us: Mapping[str, int], told: int) -> None:
    """A feed that never ticked is closed, for all one knows, and what is not covered says nothing."""
    staleness = Staleness(after_s=30.0)
    staleness.look(START_US, ["BUSY", "THIN"], last_us)
    assert len(staleness.look(START_US + 100 * S, ["BUSY", "THIN"], last_us)) == 2 * told


def test_what_was_not_covered_begins_anew() -> None:
    """The silence of a symbol while its line was down, or while it was not wanted, is not its own."""
    feed = Feed()
    feed.look("BUSY", "THIN")
    assert feed.quiet_for(AFTER_S) == []
    feed.symbols = ("BUSY",)
    assert feed.quiet_for(AFTER_S) == []
    feed.symbols = ("BUSY", "THIN")
    assert feed.quiet_for(AFTER_S) == []
    assert len(feed.quiet_for(20)) == 1


def test_a_clock_that_is_set_back_takes_no_silence_away() -> None:
    """It counts for nothing, and the next look counts from there on."""
    feed = Feed()
    feed.look("BUSY", "THIN")
    feed.quiet_for(AFTER_S)
    assert feed.look("BUSY", after_us=-40 * S) == []
    assert feed.look("BUSY") == [stale("THIN", AFTER_S + 10, has_ticked=True)]


def test_changes_come_by_name() -> None:
    """Whatever the order in which symbols are asked for."""
    feed = Feed(("C", "BUSY", "A", "B"))
    feed.look("BUSY")
    assert [change.symbol for change in feed.quiet_for(AFTER_S + 10)] == ["A", "B", "C"]
