"""A line that is open, answers, and brings no prices: a mute link, or a quiet market?"""

from __future__ import annotations

import itertools

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.simulation.test_line import running_line
from trio_ticks.config import ConnectionConfig
from trio_ticks.core.freshness import LEAST_S, MOST_S, SETTLE_S
from trio_ticks.feeds.base import Limits
from trio_ticks.model import Gap, Status, Tick
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.vitals import LineStatistics
from trio_ticks.testing.venue import EPOCH_US, Venue

SLACK_S = 0.1
"""What a deadline is noticed late by, and the pauses of the scheduler."""

QUICK = ConnectionConfig(backoff_first_s=0.01, healthy_s=1.0)


async def trade(venue: Venue, *symbols: str, every_s: float, for_s: float) -> None:
    """Let these symbols trade evenly for a while, the last time at its end."""
    for _ in range(round(for_s / every_s)):
        await trio.sleep(every_s)
        await venue.send(*(Tick(symbol, venue.now_us(), 1.0) for symbol in symbols))


def line_of(engine: Engine) -> LineStatistics:
    return engine.statistics().shards[0].lines[0]


def subscriptions(venue: Venue) -> list[float]:
    return [at for at, text in venue.requests if text.startswith("subscribe")]


async def test_a_mute_link_in_an_open_market_is_asked_about_and_replaced(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """In this order, within its bound and the pause that proves it; the gap is from the last tick to the new link."""
    feed = venue.askable_feed("X", "Y", heartbeat_s=5.0)
    async with venue.open_engine(feed, connection=QUICK) as engine, engine.subscribe() as ticks:
        await trade(venue, "X", "Y", every_s=0.5, for_s=300.0)
        last = trio.current_time()
        assert line_of(engine).bound_s == LEAST_S
        venue.mute()
        await trade(venue, "X", "Y", every_s=0.5, for_s=20.0)
        assert [round(at - last) for at in venue.questions] == [LEAST_S]
        found_s = venue.attempts[1] - last
        assert found_s == pytest.approx(LEAST_S + SETTLE_S, abs=SLACK_S)
        assert line_of(engine).reconnects == {"mute": 1}
        engine.stop()
        records = [item async for item in ticks.records()]
    gap = next(item for item in records if isinstance(item, Gap))
    assert (gap.cause, gap.start_us) == ("mute", EPOCH_US + round(last * 1e6))
    assert gap.end_us - gap.start_us <= (found_s + 1.0) * 1e6
    assert [item.status for item in records if isinstance(item, Status)] == ["connected", "mute", "connected"]


async def test_what_a_vendor_that_forgot_the_subscription_did_not_send_is_a_gap(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """Each trade was delivered or lies in a gap that is named."""
    feed = venue.askable_feed("X", heartbeat_s=5.0)
    async with venue.open_engine(feed, connection=QUICK) as engine, engine.subscribe() as ticks:
        await trade(venue, "X", every_s=0.5, for_s=300.0)
        last_us = venue.now_us()
        venue.forget()
        await trade(venue, "X", every_s=0.5, for_s=60.0)
        assert line_of(engine).reconnects == {"mute": 1}
        engine.stop()
        records = [item async for item in ticks.records()]
    (gap,) = [item for item in records if isinstance(item, Gap)]
    delivered = {item.time_us for item in records if isinstance(item, Tick)}
    traded = {EPOCH_US + number * 500_000 for number in range(1, 721)}
    assert (gap.cause, gap.start_us) == ("mute", last_us)
    assert all(gap.start_us < time_us <= gap.end_us for time_us in traded - delivered)
    assert traded - delivered


async def test_in_a_quiet_market_nothing_is_done_but_to_ask_ever_less_often(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """The vendor knows of no newer trade: a night of asking, with doubling pauses, and not one reconnect."""
    async with venue.open_engine(venue.askable_feed("X", heartbeat_s=5.0), connection=QUICK) as engine:
        await trade(venue, "X", every_s=0.5, for_s=300.0)
        await trio.sleep(8 * 3600.0)
        assert line_of(engine).reconnects == {}
        assert line_of(engine).questions == len(venue.questions)
    assert (len(venue.attempts), len(subscriptions(venue))) == (1, 1)
    pauses = [round(after - before) for before, after in itertools.pairwise(venue.questions)]
    assert pauses[:8] == [10, 20, 40, 80, 160, 320, 640, 900]
    assert set(pauses[8:]) == {MOST_S}


async def test_questions_that_nobody_answers_lead_to_reconnects_that_double(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """After three in a row the line is one that cannot ask, until a tick comes."""
    async with venue.open_engine(venue.askable_feed("X", heartbeat_s=5.0), connection=QUICK) as engine:
        await trade(venue, "X", every_s=0.5, for_s=300.0)
        venue.is_answering = False
        await trio.sleep(3 * 3600.0)
        assert len(venue.questions) == 3
        assert line_of(engine).reconnects == {"mute": len(venue.attempts) - 1}
        pauses = [round(after - before) for before, after in itertools.pairwise(venue.attempts[1:])]
        assert pauses == [900] * len(pauses)  # 60 s, doubled by each question and by the first reconnect
        venue.is_answering = True
        await trade(venue, "X", every_s=0.5, for_s=1.0)
        await trio.sleep(1800.0)
        assert len(venue.questions) > 3


async def test_a_service_without_a_question_is_reconnected_like_a_feed_that_cannot_be_asked(
    autojump_clock: MockClock, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At an address of the user's own there may be no other road: no time is spent on finding that out."""
    feed = venue.askable_feed("X", heartbeat_s=5.0)
    monkeypatch.setattr(feed, "question", lambda _symbols: None)
    async with venue.open_engine(feed, connection=QUICK) as engine:
        await trade(venue, "X", every_s=0.5, for_s=30.0)
        await trio.sleep(ConnectionConfig().mute_after_s + 1.0)
        assert line_of(engine).reconnects == {"mute": 1}
        assert line_of(engine).questions == 0


async def test_a_question_that_the_feed_cannot_put_is_one_without_an_answer(
    autojump_clock: MockClock, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in a user's feed costs no more than the certainty that an answer would have brought."""
    feed = venue.askable_feed("X", heartbeat_s=5.0)

    def raises(*_: object) -> dict[str, int]:
        raise KeyError("X")

    monkeypatch.setattr(feed, "last_trades", raises)
    async with venue.open_engine(feed, connection=QUICK) as engine:
        await trade(venue, "X", every_s=0.5, for_s=30.0)
        await trio.sleep(60.0)
        assert line_of(engine).questions > 0
        assert engine.statistics().state == "running"


async def test_questions_of_several_lines_keep_the_vendors_distance(autojump_clock: MockClock, venue: Venue) -> None:
    """Four lines that fall quiet at once ask one after the other."""
    feed = venue.askable_feed(*"ABCDEFGH", heartbeat_s=5.0, connections=4, symbols_per_connection=2, question_s=7.0)
    async with venue.open_engine(feed, connection=QUICK) as engine:
        await trade(venue, *"ABCDEFGH", every_s=0.5, for_s=300.0)
        await trio.sleep(3600.0)
        asked = [line.questions for shard in engine.statistics().shards for line in shard.lines]
        assert min(asked) >= 5
        assert all(not line.reconnects for shard in engine.statistics().shards for line in shard.lines)
    assert all(after - before >= 7.0 - 1e-9 for before, after in itertools.pairwise(venue.questions))


async def test_the_busiest_symbols_are_asked_about(autojump_clock: MockClock, venue: Venue) -> None:
    """One question names as many as the plan allows: those that would most likely have traded."""
    symbols = [f"S{number}" for number in range(20)]
    async with venue.open_engine(venue.askable_feed(*symbols, heartbeat_s=5.0, question_symbols=2), connection=QUICK):
        for _ in range(100):
            await trade(venue, "S11", every_s=1.0, for_s=2.0)
            await trade(venue, "S7", every_s=1.0, for_s=1.0)
        venue.mute()
        await trade(venue, "S7", every_s=1.0, for_s=30.0)
        assert venue.asked_about[0] == ["S11", "S7"]
    assert len(venue.attempts) == 2


async def test_what_our_own_backpressure_holds_up_is_not_silence(autojump_clock: MockClock, venue: Venue) -> None:
    """A sequencer that takes nothing for ten minutes causes no question and no reconnect; real quiet then counts."""
    feed = venue.askable_feed("X", heartbeat_s=5.0)
    async with running_line(venue, feed, reading=False, silent_after_s=20.0, mute_after_s=6.0) as bench:
        await venue.wait_subscribed()
        await trade(venue, "X", every_s=1.0, for_s=5.0)
        await trio.sleep(600.0)
        assert (venue.questions, bench.line.statistics().reconnects) == ([], {})
        venue.traded["X"] = 0  # nothing that the line has not been sent
        with trio.move_on_after(15.0):
            await bench.read()
        assert bench.line.statistics().reconnects == {}
        assert len(venue.questions) == 1


async def test_a_feed_that_cannot_be_asked_reconnects_ever_less_often(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """60 s, doubled to a quarter of an hour; the first tick makes it 60 s again."""
    async with venue.open_engine(venue.feed("X", heartbeat_s=5.0), connection=QUICK) as engine:
        await trio.sleep(3 * 3600.0)
        pauses = [round(after - before) for before, after in itertools.pairwise(venue.attempts)]
        assert pauses[:6] == [60, 120, 240, 480, 900, 900]
        assert max(pauses) <= MOST_S
        await trade(venue, "X", every_s=1.0, for_s=1.0)
        last, count = trio.current_time(), len(venue.attempts)
        await trio.sleep(100.0)
        assert venue.attempts[count] - last == pytest.approx(60.0, abs=SLACK_S)
        assert line_of(engine).reconnects == {"mute": count}


async def test_a_line_that_waits_for_its_turn_to_subscribe_is_not_quiet(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """Before the vendor has taken a subscription there is nothing that could bring ticks."""
    limits = Limits(connections=3, symbols_per_connection=1, connect_s=0.0, across_s=50.0, heartbeat_s=5.0)
    async with venue.open_engine(venue.feed("A", "B", "C", limits=limits), connection=QUICK):
        for _ in range(110):
            await trade(venue, "A", "B", "C", every_s=1.0, for_s=1.0)
        assert subscriptions(venue) == [0.0, 50.0, 100.0]
    assert len(venue.attempts) == 3


async def test_liveness_freshness_and_lag_are_three_figures(autojump_clock: MockClock, venue: Venue) -> None:
    """The last message, the last tick, and how old that was: each stands for itself."""
    async with venue.open_engine(venue.askable_feed("X", heartbeat_s=5.0)) as engine:
        assert (line_of(engine).frame_us, line_of(engine).tick_us, line_of(engine).lag_us) == (None, None, None)
        await trio.sleep(7.0)
        await venue.send(Tick("X", venue.now_us() - 250_000, 1.0))
        await trio.sleep(5.0)
        await wait_all_tasks_blocked()
        line = line_of(engine)
        assert (line.frame_us, line.tick_us, line.lag_us) == (EPOCH_US + 10_000_000, EPOCH_US + 7_000_000, 250_000)
