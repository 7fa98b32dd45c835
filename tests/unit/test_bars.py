"""Bars by example: what is complete, what is corrected, and what each kind of bar does at its edges."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.support.reading import write_journal
from trio_ticks import Bar, Clock, ConfigError, Gap, Record, Status, Tick, read
from trio_ticks.core.bars import BarMaker
from trio_ticks.core.bars.holes import Holes

S = 1_000_000
MINUTE = 60 * S


def tick(second: float, price: float = 1.0, volume: float = 1.0, symbol: str = "A", feed: str = "x") -> Tick:
    return Tick(symbol, round(second * S), price, volume, feed=feed)


def test_a_bar_has_all_that_is_known_of_its_ticks() -> None:
    """Open time, half-open interval, prices, volume, count and the mean price by size."""
    maker = BarMaker("1m")
    bars = maker.push_many([tick(0, 3.0, 1.0), tick(10, 5.0, 2.0), tick(59.999999, 2.0, 1.0), tick(60, 9.0)])
    assert bars == [Bar("A", 0, MINUTE, 3.0, 5.0, 2.0, 2.0, 4.0, 3, complete=True, feed="x", vwap=3.75)]
    assert maker.next_due_us == 2 * MINUTE


def test_the_first_bar_is_complete_only_if_the_stream_began_before_it() -> None:
    """With the first record of the symbol's feed, whatever it is; at the very start is early enough."""
    for first, complete in [(Status("connected", 0, feed="x"), True), (Status("connected", 1, feed="x"), False)]:
        (bar,) = BarMaker("1m").push_many([first, tick(30), tick(60)])
        assert bar.complete == complete
    (bar,) = BarMaker("1m").push_many([Status("connected", 0, feed="y"), tick(30), tick(60)])
    assert not bar.complete
    (bar,) = BarMaker("1m", since_us=0).push_many([tick(30), tick(60)])
    assert bar.complete


def test_a_late_tick_gives_the_bar_out_again_corrected() -> None:
    """Open and close are by time; of one stamp, the first opens and the last closes."""
    maker = BarMaker("1m")
    maker.push_many([tick(10, 2.0), tick(50, 3.0), tick(60)])
    found = [
        maker.push(late)[0] for late in (tick(10, 4.0), tick(50, 5.0), tick(5, 6.0), tick(55, 7.0), tick(30, 1.0))
    ]
    assert all(bar.revised for bar in found)
    assert [(bar.open, bar.close) for bar in found] == [(2.0, 3.0), (2.0, 5.0), (6.0, 5.0), (6.0, 7.0), (6.0, 7.0)]
    assert (found[-1].high, found[-1].low, found[-1].count) == (7.0, 1.0, 7)


def test_what_lies_behind_the_history_is_counted() -> None:
    """So much memory and no more; a bar that is forgotten is not given out anew."""
    maker = BarMaker("1m", history=2)
    maker.push_many([tick(60 * minute) for minute in range(5)])
    assert [len(maker.push(tick(60 * minute + 1))) for minute in range(4)] == [0, 0, 1, 1]
    assert maker.too_late == 2
    forgetful = BarMaker("1m", history=0)
    assert [len(forgetful.push(tick(at))) for at in (0, 60, 1, 120)] == [0, 1, 0, 1]
    assert forgetful.too_late == 1


def test_a_gap_makes_bars_incomplete_also_afterwards() -> None:
    """Those it overlaps, of its symbols, given out or not; its end is covered again."""
    maker = BarMaker("1m", since_us=0)
    maker.push_many([tick(10), tick(10, symbol="B"), tick(70), tick(70, symbol="B")])
    (revised,) = maker.push(Gap(30 * S, 120 * S, "silent", symbol="A", feed="x"))[:1]
    assert (revised.time_us, revised.complete, revised.revised) == (0, False, True)
    rest = maker.push_many([tick(130), tick(130, symbol="B"), tick(190), tick(190, symbol="B")])
    assert {(bar.symbol, bar.time_us // MINUTE): bar.complete for bar in rest} == {("A", 2): True, ("B", 2): True}


def gap(start_us: int, end_us: int, missed: int | None = None, symbol: str | None = None, feed: str = "x") -> Gap:
    return Gap(start_us, end_us, "closed", symbol, feed, missed)


@pytest.mark.parametrize("is_known_before", [True, False])
@pytest.mark.parametrize(
    ("hole", "touched"),
    [
        (gap(MINUTE, MINUTE), {1}),
        (gap(MINUTE - 1, MINUTE - 1), {0}),
        (gap(30 * S, MINUTE), {0}),
        (gap(30 * S, MINUTE + 1), {0, 1}),
        (gap(30 * S, MINUTE - 1, missed=3), {0}),
        (gap(30 * S, MINUTE, missed=3), {0, 1}),
        (gap(MINUTE, 2 * MINUTE), {1}),
        (gap(2 * MINUTE, 3 * MINUTE), set()),
        (gap(0, 2 * MINUTE, symbol="A"), {0, 1}),
        (gap(0, 2 * MINUTE, symbol="A", feed=""), {0, 1}),
        (gap(0, 2 * MINUTE, symbol="B"), set()),
        (gap(0, 2 * MINUTE, symbol="A", feed="y"), set()),
        (gap(0, 2 * MINUTE, feed="y"), set()),
    ],
)
def test_a_gap_touches_the_bars_that_have_an_instant_of_it(
    hole: Gap, touched: set[int], is_known_before: bool
) -> None:
    """At its end there is a tick again, unless it counts what is missing; then the last of that is its end."""
    records: list[Record] = [tick(5, symbol="0"), tick(10), tick(70), Clock(2 * MINUTE)]
    made = BarMaker("1m", since_us=0).push_many([hole, *records] if is_known_before else [*records, hole])
    bars = [bar for bar in made if bar.symbol == "A"]
    complete = {bar.time_us // MINUTE: bar.complete for bar in bars}
    assert {number for number, is_whole in complete.items() if not is_whole} == touched
    assert len(bars) == (2 if is_known_before else 2 + len(touched))


def test_only_the_newest_gaps_are_remembered() -> None:
    """A line that comes and goes all day long fills no memory."""
    holes = Holes()
    for number in range(1_000):
        holes.add(gap(number * MINUTE, (number + 1) * MINUTE))
    known = [n for n in range(1_000) if holes.touch("x", "A", (n * MINUTE, (n + 1) * MINUTE))]
    assert known == list(range(1_000 - len(known), 1_000))
    assert len(known) <= 100


def test_a_gap_that_ends_a_bar_is_known_when_it_is_given_out() -> None:
    """One record that is both: no bar says that it is complete and takes it back."""
    maker = BarMaker("1m", since_us=0)
    (bar,) = maker.push_many([tick(10), Gap(20 * S, 61 * S, "closed", feed="x")])
    assert (bar.complete, bar.revised) == (False, False)


def test_a_bar_waits_for_its_lateness_unless_its_symbol_goes_on() -> None:
    """Others bring time forward without ending it before; a later tick of its own ends it at once."""
    maker = BarMaker("1m", lateness_s=5)
    assert maker.push_many([tick(10), tick(62, symbol="B"), tick(59, 7.0), Clock(64 * S)]) == []
    (bar,) = maker.push(Clock(65 * S))
    assert (bar.close, bar.count) == (7.0, 2)


@pytest.mark.parametrize("fill", [False, True])
def test_a_later_tick_of_its_own_begins_the_next_wait(fill: bool) -> None:
    """The bar behind is waited for as long; being woken for the one before does no harm."""
    maker = BarMaker("1m", lateness_s=5, fill=fill)
    (bar,) = maker.push_many([tick(10), tick(60)])
    assert bar.count == 1
    assert maker.push(Clock(65 * S)) == []
    assert maker.next_due_us == 125 * S


def test_bars_that_end_together_come_by_feed_and_symbol() -> None:
    """The order does not depend on who traded first."""
    maker = BarMaker("1m")
    bars = maker.push_many([tick(1, symbol="C"), tick(2, symbol="A"), tick(3, symbol="B", feed="w"), Clock(MINUTE)])
    assert [bar.symbol for bar in bars] == ["B", "A", "C"]


def test_filled_intervals_stand_at_the_last_close_and_are_corrected() -> None:
    """With no ticks and no volume; where a late tick changes the close, the empty ones behind it follow."""
    maker = BarMaker("1m", fill=True)
    bars = maker.push_many([tick(0, 3.0), Clock(3 * MINUTE)])
    assert [(bar.close, bar.count, bar.volume, bar.vwap) for bar in bars] == [(3.0, 1, 1.0, 3.0)] + 2 * [
        (3.0, 0, 0.0, 3.0)
    ]
    revised = maker.push(tick(59, 4.0))
    assert [(bar.time_us // MINUTE, bar.close, bar.revised) for bar in revised] == [
        (0, 4.0, True),
        (1, 4.0, True),
        (2, 4.0, True),
    ]
    assert maker.finish() == []
    (bar,) = maker.push(Clock(4 * MINUTE))
    assert (bar.time_us // MINUTE, bar.close, bar.count, bar.revised) == (3, 4.0, 0, False)


def test_a_late_tick_changes_no_bar_that_has_ticks_of_its_own() -> None:
    """Filled or not, however many they are, given out or not."""
    maker = BarMaker("1m", fill=True)
    maker.push_many([tick(0, 1.0), tick(60, 2.0), *(tick(120 + n / 10, 3.0) for n in range(300))])
    assert [(bar.time_us // MINUTE, bar.close) for bar in maker.push(tick(1, 9.0))] == [(0, 9.0)]
    (bar,) = maker.push(tick(180))
    assert (bar.open, bar.high, bar.low, bar.close, bar.count) == (3.0, 3.0, 3.0, 3.0, 300)


def told(bars: list[Bar]) -> list[tuple[int, float, bool]]:
    return [(bar.time_us // S, bar.close, bar.revised) for bar in bars]


def test_filling_ends_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """One record from far ahead makes no bars without end; what was filled is corrected; the next tick goes on."""
    monkeypatch.setattr("trio_ticks.core.bars.timed.FILLED", 3)
    maker = BarMaker("1s", fill=True)
    assert told(maker.push_many([tick(0), Clock(10 * S)])) == [(n, 1.0, False) for n in range(4)]
    assert maker.next_due_us is None
    assert told(maker.push(tick(0.5, 2.0))) == [(n, 2.0, True) for n in range(4)]
    assert told(maker.push_many([tick(20, 5.0), tick(21, 6.0)])) == [(20, 5.0, False)]
    assert told(maker.push(tick(12, 0.0))) == [(n, 0.0, True) for n in range(12, 16)], "also at a price of nothing"
    assert told(maker.push(tick(22))) == [(21, 6.0, False)]
    maker = BarMaker("1s", fill=True)
    maker.push_many([tick(0), Clock(10 * S), tick(20, 5.0)])
    assert told(maker.push(tick(12, 7.0))) == [(12, 7.0, False), *((n, 7.0, False) for n in range(13, 16))]


@pytest.mark.parametrize("how", [{"interval": "1m", "lateness_s": 600}, {"ticks": 5}])
def test_at_the_end_what_is_unfinished_comes_incomplete_and_in_order(how: dict) -> None:  # type: ignore[type-arg]
    """By its end, then by feed and symbol; with all that is known of it."""
    maker = BarMaker(**how, since_us=0)
    assert maker.push_many([tick(70, symbol="A"), tick(10, symbol="C"), tick(20, feed="w", symbol="B")]) == []
    bars = maker.finish()
    names = [("w", "B"), ("x", "C"), ("x", "A")] if "interval" in how else [("w", "B"), ("x", "A"), ("x", "C")]
    assert [(bar.feed, bar.symbol) for bar in bars] == names
    assert all(bar.complete is False and bar.count == 1 for bar in bars)


def test_a_bar_is_given_out_at_the_instant_itself() -> None:
    """A tick of another symbol tells the time like any record, also one that ends no bar of its own."""
    maker = BarMaker("1m", lateness_s=5)
    assert maker.push_many([tick(10), tick(62, symbol="B")]) == []
    (bar,) = maker.push(tick(65, symbol="B"))
    assert bar.symbol == "A"


def test_a_late_tick_behind_one_outside_the_session_is_not_kept_waiting() -> None:
    """A tick after the session shows that its bars are over, though it is in none itself."""
    maker = BarMaker("5m", session="00:00-00:10 UTC", lateness_s=3600)
    assert maker.push(tick(700)) == []
    (bar,) = maker.push(tick(20))
    assert (bar.time_us, bar.end_us, bar.revised, maker.outside) == (0, 5 * MINUTE, False, 1)


def test_a_tick_without_size_counts_as_one_price() -> None:
    """Where no tick of a bar has a size, the mean is the plain one; where some have, they alone weigh."""
    records: list[Record] = [
        tick(1, 1.0, 0.0),
        tick(2, 4.0, 0.0),
        tick(61, 1.0, 0.0),
        tick(62, 5.0, 2.0),
        Clock(2 * MINUTE),
    ]
    assert [bar.vwap for bar in BarMaker("1m").push_many(records)] == [2.5, 5.0]


def test_many_ticks_without_size_are_as_many_prices() -> None:
    """However many are worked in together."""
    prices = [float(n % 3) for n in range(300)]
    maker = BarMaker("1m")
    maker.push_many(tick(n / 10, price, 0.0) for n, price in enumerate(prices))
    (bar,) = maker.push(Clock(MINUTE))
    assert (bar.vwap, bar.close, bar.volume, bar.count) == (1.0, 2.0, 0.0, 300)


def test_sizes_beyond_what_numbers_hold_end_nothing() -> None:
    """A vendor's nonsense makes a nonsensical volume, and the next bar is right again."""
    maker = BarMaker("1m")
    bars = maker.push_many([*(tick(n, 1.0, 1e308) for n in range(3)), tick(60), tick(120)])
    assert [bar.volume for bar in bars] == [math.inf, 1.0]


def test_sums_do_not_lose_digits() -> None:
    """Ten thousand times a tenth is a thousand; and many ticks in disorder are one bar like few."""
    records = [tick(59 - (i * 37 % 59), 100 + i % 7, 0.1) for i in range(10_000)]
    (bar,) = BarMaker("1m").push_many([*records, Clock(MINUTE)])
    in_order = sorted(records, key=lambda item: item.time_us)
    assert (bar.open, bar.close) == (in_order[0].price, in_order[-1].price)
    assert (bar.volume, bar.count) == (math.fsum(item.volume for item in records), 10_000) == (1000.0, 10_000)


def test_a_bar_of_volume_ends_with_the_tick_that_fills_it() -> None:
    """No tick is split: a great one makes a greater bar, and the next begins at nothing. Tenths add up."""
    maker = BarMaker("1 volume")
    bars = maker.push_many([*(tick(i, volume=0.1) for i in range(10)), tick(11, volume=0.5), tick(12, volume=7.0)])
    assert [(bar.count, bar.volume) for bar in bars] == [(10, 1.0), (2, 7.5)]
    assert maker.finish() == []


def test_a_session_ends_the_bars_that_count() -> None:
    """No bar spans the night; time at the end is enough."""
    maker = BarMaker("3 ticks", session="00:00-00:10 UTC")
    assert maker.push_many([tick(1), tick(2), tick(3), tick(4)])[0].count == 3
    dues = [maker.next_due_us]
    (bar,) = maker.push(Clock(10 * MINUTE))
    assert (bar.count, bar.complete) == (1, True)
    assert maker.push(tick(700)) == []
    assert (maker.outside, [*dues, maker.next_due_us]) == (1, [10 * MINUTE, None])


def test_sessions_without_a_pause_are_two_all_the_same() -> None:
    """While one waits for its lateness the next has begun; neither takes the other's ticks."""
    hour, day = 60 * MINUTE, 1_440 * MINUTE
    maker = BarMaker("3 ticks", session="00:00-24:00 UTC", lateness_s=3_600)
    assert maker.push_many([tick(86_399), tick(86_401, symbol="B"), Clock(day + hour - 1)]) == []
    (bar,) = maker.push(Clock(day + hour))
    assert (bar.symbol, maker.next_due_us) == ("A", 2 * day + hour)
    assert maker.push(tick(86_398, symbol="B")) == []
    assert (maker.too_late, maker.outside) == (1, 0)


def test_a_bar_is_incomplete_once() -> None:
    """A second gap says nothing new of it."""
    for maker in (BarMaker(ticks=1), BarMaker("1s", since_us=0)):
        maker.push_many([tick(1), tick(2)])
        assert [len([bar for bar in maker.push(gap(0, 2 * S)) if bar.revised]) for _ in range(2)] == [1, 0]


def test_a_gap_makes_a_counted_bar_incomplete() -> None:
    """The one in the making; or else the next, and those whose time it overlaps."""
    maker = BarMaker(ticks=2)
    hole = gap(5 * S, 6 * S)
    assert [bar.complete for bar in maker.push_many([tick(1), hole, tick(7), tick(8), tick(9)])] == [False, True]
    bars = maker.push_many([Gap(8 * S, 10 * S, "closed", feed="x"), tick(11), tick(12), tick(13), tick(14)])
    assert [(bar.complete, bar.revised) for bar in bars] == [(False, True), (False, False), (True, False)]


@pytest.mark.parametrize("settings", [{"interval": "1s"}, {"ticks": 1}])
def test_a_gap_corrects_no_more_bars_than_are_remembered(settings: dict) -> None:  # type: ignore[type-arg]
    """The newest ones, in their order."""
    maker = BarMaker(**settings, history=2, since_us=0)
    given = [bar for second in range(6) for bar in maker.push(tick(second))]
    revised = [bar.time_us for bar in maker.push(gap(0, 5 * S)) if bar.revised]
    assert revised == [bar.time_us for bar in given if bar.time_us < 5 * S][-len(revised) :]
    assert len(revised) == 2 - (given[-1].time_us >= 5 * S)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "one of them"),
        ({"interval": "1m", "ticks": 5}, "one of them"),
        ({"interval": "7m"}, "divides a day"),
        ({"interval": "2d"}, "up to one day"),
        ({"interval": "0s"}, "whole number"),
        ({"interval": "often"}, "interval = 'often': accepted is a whole number"),
        ({"interval": 60}, "whole number"),
        ({"ticks": 0}, "ticks = 0"),
        ({"ticks": 2.5}, "ticks = 2.5"),
        ({"volume": math.nan}, "volume = nan"),
        ({"volume": 0.0}, "volume = 0.0"),
        ({"interval": "1m", "lateness_s": -1}, "lateness_s"),
        ({"interval": "1m", "lateness_s": math.inf}, "lateness_s"),
        ({"interval": "1m", "history": -1}, "history"),
        ({"ticks": 5, "fill": True}, "fill = True:"),
    ],
)
def test_what_is_no_bar_is_refused(settings: dict, named: str) -> None:  # type: ignore[type-arg]
    """In one line that says what is accepted."""
    with pytest.raises(ConfigError, match="accepted") as caught:
        BarMaker(**settings)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


RECORDS: list[Record] = [tick(30, 1.0), tick(70, 2.0), tick(130, 3.0), tick(65, 4.0), tick(200, 5.0)]


def test_a_journal_reads_as_the_bars_that_were_live(tmp_path: Path) -> None:
    """The same bars in the same order, from whatever batches it has; as rows, tables and a count."""
    path = tmp_path / "ticks.journal"
    write_journal(path, [RECORDS[:2], RECORDS[2:]])
    maker = BarMaker("1m")
    reading = read(path, "A", kind="bars", interval="1m")
    assert list(reading) == [*maker.push_many(RECORDS), *maker.finish()]
    assert reading.count() == reading.to_arrow().num_rows == 5
    assert [row["revised"] for row in reading.to_rows()] == [False, False, True, False, False]


def test_a_stretch_of_a_journal_has_whole_bars_at_both_ends(tmp_path: Path) -> None:
    """What is recorded before and behind it proves that they were covered; without it nothing does."""
    path = tmp_path / "ticks.journal"
    write_journal(path, [RECORDS])
    bars = list(read(path, kind="bars", interval="1m", start=MINUTE, end=2 * MINUTE))
    assert [(bar.time_us, bar.count, bar.complete) for bar in bars] == [(MINUTE, 2, True)]
    (bar,) = read(path, kind="bars", interval="1m", start=3 * MINUTE, end=4 * MINUTE)
    assert not bar.complete


@pytest.mark.parametrize(
    "how", [{"interval": "1m"}, {"kind": "bars", "fill": True}, {"kind": "bars", "interval": "?"}]
)
def test_reading_bars_is_refused_where_it_makes_no_sense(tmp_path: Path, how: dict) -> None:  # type: ignore[type-arg]
    """Before anything is read."""
    with pytest.raises(ConfigError, match="accepted"):
        read(tmp_path / "none", **how)
