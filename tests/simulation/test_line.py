"""One line against a venue: when it reconnects, when it does not, and how it paces itself."""

from __future__ import annotations

import gc
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_ticks.config import ConnectionConfig, PacingConfig
from trio_ticks.core.intake import Arrival, Ended, Event, Live, Notice
from trio_ticks.core.ledger import Inbox
from trio_ticks.errors import AuthenticationError, CertificateError, ConnectError, FeedError, SubscriptionError
from trio_ticks.feeds.base import Limits, Verdict
from trio_ticks.model import Tick
from trio_ticks.runtime.line import Line, _gravity
from trio_ticks.runtime.reader import STALLED_S
from trio_ticks.runtime.road import Road
from trio_ticks.runtime.shard import build_shards
from trio_ticks.runtime.transport import LinkClosed
from trio_ticks.runtime.wiring import Wiring
from trio_ticks.testing.venue import Venue, VenueFeed, encode

HOUR_S = 3600.0


@attrs.define
class Bench:
    """A running line and what it reports."""

    line: Line
    inbox: Inbox
    events: trio.MemoryReceiveChannel[Event]
    seen: list[Event]

    def kinds(self) -> list[str]:
        """Return what kinds of events were reported, notices apart."""
        return [type(event).__name__ for event in self.seen if not isinstance(event, Notice)]

    def statuses(self) -> list[str]:
        """Return what was told."""
        return [event.status.status for event in self.seen if isinstance(event, Notice)]

    async def read(self) -> None:
        """Take events as they come, as the sequencer does."""
        async for event in self.events:
            self.seen.append(event)


@asynccontextmanager
async def running_line(
    venue: Venue, feed: VenueFeed | None = None, *, reading: bool = True, chance: float = 0.5, **config: Any
) -> AsyncIterator[Bench]:
    """Run one line of a feed with a channel for one event, and take its events unless told otherwise."""
    send, receive = trio.open_memory_channel[Event](1)
    wiring = Wiring(
        events=send,
        inbox=Inbox(),
        open_link=venue.open_link,
        now_us=venue.now_us,
        chance=lambda: chance,
        numbers=itertools.count(1),
        fetch=venue.fetch,
        latest=lambda symbol, feed: None,
    )
    feed = feed or venue.feed("X")
    shards = build_shards(feed, name="venue", config=ConnectionConfig(**config), wiring=wiring, road=Road())
    bench = Bench(shards[0].lines[0], wiring.inbox, receive, [])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.line.run)
        if reading:
            nursery.start_soon(bench.read)
        yield bench
        nursery.cancel_scope.cancel("the test is over")
        receive.close()  # what the line still wants to say is not waited for


def pauses(venue: Venue) -> list[float]:
    """Return the times between the attempts to connect."""
    return [round(after - before, 6) for before, after in itertools.pairwise(venue.attempts)]


def tick(venue: Venue, price: float, symbol: str = "X") -> Tick:
    return Tick(symbol, venue.now_us(), price)


# ---- reconnecting


async def test_refusals_are_retried_with_pauses_that_double_to_a_bound(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """Each pause is half to the whole of a bound that doubles from `backoff_first_s` to `backoff_max_s`."""
    with venue.refusing():
        async with running_line(venue, backoff_first_s=1.0, backoff_max_s=8.0):
            await trio.sleep(30.0)
    assert pauses(venue) == [0.75, 1.5, 3.0, 6.0, 6.0, 6.0, 6.0]


async def test_an_hour_of_accept_and_close_is_bounded_in_attempts_and_memory(
    autojump_clock: MockClock, venue: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    """A vendor that accepts, answers, sends a price and hangs up is not hammered, and nothing piles up."""
    caplog.set_level("CRITICAL", "trio_ticks")  # else pytest itself keeps every line that is logged
    venue.greeting = [tick(venue, 1.0)]
    sizes: list[int] = []
    with venue.hanging_up():
        async with running_line(venue, backoff_first_s=0.5, backoff_max_s=60.0) as bench:
            for _ in range(4):
                await trio.sleep(HOUR_S / 4)
                for kept in (bench.seen, venue.attempts, venue.requests, venue.taken):
                    sizes.append(len(kept))
                    kept.clear()
                gc.collect()
                sizes.append(len(gc.get_objects()))
    attempts = sizes[0::5][1:]
    assert max(attempts) <= 5 * HOUR_S / 4 / 30.0  # at most five events in each session
    assert sum(sizes[1::5]) <= 8 + 1 + HOUR_S / 30.0  # log2(60 / 0.5) + 2 + t / (max / 2)
    objects = sizes[4::5]
    assert max(objects) - min(objects[1:]) < 300


async def test_a_healthy_session_makes_the_next_failure_a_first_one(autojump_clock: MockClock, venue: Venue) -> None:
    """Pauses grow while sessions are short, and start again after one that lived for `healthy_s`."""
    feed = venue.feed("X", heartbeat_s=1.0)
    async with running_line(venue, feed, backoff_first_s=1.0, backoff_max_s=60.0, healthy_s=10.0) as bench:
        for lived_s in (0.1, 0.1, 11.0, 0.1):
            await venue.wait_subscribed()
            await venue.send(tick(venue, 1.0))
            await trio.sleep(lived_s)
            venue.drop()
            await wait_all_tasks_blocked()
        await venue.wait_subscribed()
    gaps = [round(pause - lived, 6) for pause, lived in zip(pauses(venue), (0.1, 0.1, 11.0, 0.1), strict=True)]
    assert gaps == [0.75, 1.5, 0.5, 0.75]
    assert bench.line.statistics().reconnects == {"closed": 4}


@pytest.mark.parametrize(
    ("cause", "status"),
    [("closed", "disconnected"), ("silent", "silent"), ("mute", "mute"), ("error", "disconnected")],
)
async def test_each_end_of_a_session_is_told_once_and_leads_to_the_next(
    autojump_clock: MockClock, venue: Venue, cause: str, status: str
) -> None:
    """Live, its ticks, Ended with the cause, and Live again; the status says it in a word."""
    feed = venue.feed("X", heartbeat_s=None if cause == "silent" else 2.0)
    async with running_line(venue, feed, silent_after_s=5.0, mute_after_s=7.0) as bench:
        await venue.wait_subscribed()
        await venue.send(tick(venue, 1.0))
        await wait_all_tasks_blocked()
        if cause == "closed":
            venue.drop()
        if cause == "error":
            await venue.send_raw('{"answer": "", "verdict": "refused", "reason": "what?"}')
        if cause in {"silent", "mute"}:
            await trio.sleep(7.1)
        await wait_all_tasks_blocked()
        await venue.wait_subscribed()
        await venue.send(tick(venue, 2.0))
        await wait_all_tasks_blocked()
    assert bench.kinds() == ["Live", "Arrival", "Ended", "Live", "Arrival"]
    assert [event.cause for event in bench.seen if isinstance(event, Ended)] == [cause]
    assert bench.statuses() == ["connected", status, "connected"]
    assert bench.line.statistics().reconnects == {cause: 1}


@pytest.mark.parametrize(
    ("error", "kind"),
    [(AuthenticationError("x"), AuthenticationError), (CertificateError("x"), CertificateError)],
)
async def test_what_retrying_cannot_help_ends_the_line(
    autojump_clock: MockClock, venue: Venue, error: FeedError, kind: type[FeedError]
) -> None:
    """A fatal refusal comes out of `run` after one attempt."""
    with pytest.raises(ExceptionGroup) as caught, venue.refusing(error):
        async with running_line(venue):
            await trio.sleep(60.0)
    assert caught.group_contains(kind)
    assert len(venue.attempts) == 1


async def test_refused_symbols_end_the_line(autojump_clock: MockClock, venue: Venue) -> None:
    """An answer that says that no symbol is valid is fatal, and carries the vendor's words."""
    with pytest.raises(ExceptionGroup) as caught, venue.denying(Verdict.BAD_SYMBOLS, "no such code"):
        async with running_line(venue):
            await trio.sleep(60.0)
    assert caught.group_contains(SubscriptionError, match="refuses every symbol: X: no such code")


async def test_a_session_that_brought_ticks_is_ended_even_if_it_never_was_live(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """Prices before the acknowledgement that never came: the sequencer must be told to forget that session."""
    venue.greeting = [tick(venue, 1.0)]
    with venue.ignoring():
        async with running_line(venue, ack_s=2.0) as bench:
            await trio.sleep(2.1)
    assert bench.kinds() == ["Arrival", "Ended"]
    assert bench.line.statistics().last_error == "no answer to the subscription in 2 s"


async def test_what_came_before_the_end_is_handed_on_though_a_heartbeat_meets_the_end_first(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """A request that fails because the link is closed does not keep the reader from what lies in its buffer."""
    async with running_line(venue, venue.feed("X", heartbeat_s=5.0), reading=False) as bench:
        await venue.wait_subscribed()
        for price in range(1, 9):
            await venue.send(tick(venue, float(price)))
        await trio.sleep(4.0)
        venue.drop()
        await trio.sleep(2.0)  # the heartbeat of second 5 finds the link closed; the reader is held up
        with trio.move_on_after(0.3):
            await bench.read()
    arrived = [item.price for event in bench.seen if isinstance(event, Arrival) for item in event.ticks]
    assert arrived == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    assert [event.cause for event in bench.seen if isinstance(event, Ended)] == ["closed"]


# ---- silence


async def test_the_heart_beats_from_the_moment_of_opening(autojump_clock: MockClock, venue: Venue) -> None:
    """Every `heartbeat_s` after the link was opened, whatever else is said."""
    async with running_line(venue, venue.feed("X", heartbeat_s=10.0)):
        await trio.sleep(3.0)
        await venue.send(tick(venue, 1.0))
        await trio.sleep(42.0)
    assert [at for at, text in venue.requests if text.startswith("beat")] == [10.0, 20.0, 30.0, 40.0]
    assert len(venue.attempts) == 1


async def test_beats_missed_in_a_standstill_are_not_made_up_for(autojump_clock: MockClock, venue: Venue) -> None:
    """After an event loop that stood still one beat goes out, not a volley that a vendor takes for flooding."""
    async with running_line(venue, venue.feed("X", heartbeat_s=10.0), silent_after_s=600.0, mute_after_s=600.0):
        await trio.sleep(15.0)
        autojump_clock.jump(40.0)
        await trio.sleep(6.0)
    beats = [at for at, text in venue.requests if text.startswith("beat")]
    assert beats == [10.0, 55.0, 60.0]


async def test_silence_is_measured_from_the_last_frame(autojump_clock: MockClock, venue: Venue) -> None:
    """`silent_after_s` after the last message, tick or not, and not before."""
    async with running_line(venue, silent_after_s=5.0, backoff_first_s=1.0) as bench:
        await venue.wait_subscribed()
        for _ in range(3):
            await trio.sleep(4.0)
            await venue.send_raw("what is this?")
        await trio.sleep(4.9)
        assert bench.line.statistics().reconnects == {}
        await trio.sleep(0.2)
        assert bench.line.statistics().reconnects == {"silent": 1}
        assert bench.line.statistics().unreadable == 3


async def test_the_bound_on_a_mute_link_doubles_and_a_tick_resets_it(autojump_clock: MockClock, venue: Venue) -> None:
    """10, 20, 40 s and at most 900 of frames without a tick; after the first tick 10 s again."""
    feed = venue.feed("X", heartbeat_s=2.0)
    async with running_line(venue, feed, mute_after_s=10.0, backoff_first_s=0.001, healthy_s=1.0) as bench:
        await trio.sleep(HOUR_S)
        assert [round(pause) for pause in pauses(venue)] == [10, 20, 40, 80, 160, 320, 640, 900, 900]
        assert bench.line.statistics().reconnects == {"mute": 9}
        await venue.send(tick(venue, 1.0))
        told = trio.current_time()
        await trio.sleep(15.0)
        assert venue.attempts[-1] - told == pytest.approx(10.0, abs=0.1)


async def test_backpressure_is_not_silence(autojump_clock: MockClock, venue: Venue) -> None:
    """A sequencer that takes nothing for far longer than both bounds causes no reconnect, and loses nothing."""
    feed = venue.feed("X", heartbeat_s=2.0)
    async with running_line(venue, feed, reading=False, silent_after_s=5.0, mute_after_s=6.0) as bench:
        await venue.wait_subscribed()
        for price in range(1, 6):
            await venue.send(tick(venue, float(price)))
        await trio.sleep(60.0)
        assert bench.inbox.waiting == bench.inbox.received < 5
        with trio.move_on_after(3.0):
            await bench.read()
        assert bench.line.statistics().reconnects == {}
    assert len(venue.attempts) == 1
    assert sum(event.size for event in bench.seen if isinstance(event, Arrival)) == bench.inbox.received == 5


@pytest.mark.parametrize("after_s", [5.0, 6.0])
async def test_a_tick_in_the_very_moment_of_the_deadline_counts(
    autojump_clock: MockClock, venue: Venue, after_s: float
) -> None:
    """A tick that is there when the bound is reached proves that the link is well, whichever is seen first."""
    feed = venue.feed("X", heartbeat_s=None if after_s == 5.0 else 2.0)
    async with running_line(venue, feed, silent_after_s=5.0, mute_after_s=6.0, ack_s=60.0) as bench:
        await venue.wait_subscribed()
        await wait_all_tasks_blocked()
        for price in range(1, 20):
            due = trio.current_time() + after_s
            # Wait for one scheduler pass less than it takes, so that tick and deadline meet in the same one.
            await trio.sleep_until(due - 1e-9)
            autojump_clock.jump(1e-9)
            await venue.send(tick(venue, float(price)))
            await wait_all_tasks_blocked()
        assert bench.line.statistics().reconnects == {}
    assert bench.inbox.received == 19


async def test_a_standstill_of_the_event_loop_is_not_silence(autojump_clock: MockClock, venue: Venue) -> None:
    """When a strategy that computes kept all from listening, the bound starts anew; real silence then counts."""
    async with running_line(venue, silent_after_s=5.0, mute_after_s=6.0) as bench:
        await venue.wait_subscribed()
        await trio.sleep(1.0)
        autojump_clock.jump(30.0)
        await trio.sleep(1.0)
        await venue.send(tick(venue, 1.0))
        await trio.sleep(4.9)
        assert bench.line.statistics().reconnects == {}
        await trio.sleep(STALLED_S)
        assert bench.line.statistics().reconnects == {"silent": 1}


# ---- manners


async def test_attempts_to_connect_keep_the_vendors_distance(autojump_clock: MockClock, venue: Venue) -> None:
    """`connect_s` lies between two attempts at least, however short the backoff is."""
    feed = venue.feed("X", limits=Limits(connect_s=3.0))
    with venue.refusing():
        async with running_line(venue, feed, backoff_first_s=0.001, backoff_max_s=0.001):
            await trio.sleep(10.0)
    assert pauses(venue) == [3.0, 3.0, 3.0]


async def test_requests_keep_the_vendors_distance(autojump_clock: MockClock, venue: Venue) -> None:
    """`request_s` lies between two requests on a connection, heartbeats included; the configuration may overrule."""
    feed = venue.feed("X", limits=Limits(connect_s=0.0, request_s=3.0, heartbeat_s=1.0))
    async with running_line(venue, feed, ack_s=60.0):
        await trio.sleep(10.0)
    times = [at for at, _ in venue.requests]
    assert times == [0.0, 3.0, 6.0, 9.0]
    venue.requests.clear()
    async with running_line(venue, feed, pacing=PacingConfig(request_s=2.0, heartbeat_s=4.0)):
        began = trio.current_time()
        await trio.sleep(9.0)
    assert [at - began for at, _ in venue.requests] == [0.0, 4.0, 8.0]


async def test_no_answer_in_time_is_a_failed_session(autojump_clock: MockClock, venue: Venue) -> None:
    """A subscription that is not acknowledged within `ack_s` leads to a reconnect, not to a quiet link."""
    with venue.ignoring():
        async with running_line(venue, ack_s=2.0, backoff_first_s=1.0) as bench:
            await trio.sleep(2.1)
            assert bench.line.statistics().reconnects == {"error": 1}
    assert "Live" not in bench.kinds()


async def test_a_tick_that_nobody_asked_for_is_rejected_and_counted(autojump_clock: MockClock, venue: Venue) -> None:
    """It does not reach the sequencer as a price, but it does reach the account."""
    async with running_line(venue) as bench:
        await venue.wait_subscribed()
        await venue.send_raw(encode(tick(venue, 1.0, "Z")), encode(tick(venue, 2.0)))
        await wait_all_tasks_blocked()
    arrival = next(event for event in bench.seen if isinstance(event, Arrival))
    assert [item.symbol for item in arrival.ticks] == ["X"]
    assert list(arrival.rejected) == ["a symbol that was not subscribed"]
    assert bench.inbox.received == arrival.size == 2


async def test_ticks_are_marked_with_feed_and_receipt(autojump_clock: MockClock, venue: Venue) -> None:
    """The line sets what only it knows: the feed's name in this engine and when the socket was read."""
    async with running_line(venue) as bench:
        await venue.wait_subscribed()
        await trio.sleep(1.5)
        await venue.send(tick(venue, 1.0))
        await wait_all_tasks_blocked()
        now_us = venue.now_us()
    live = next(event for event in bench.seen if isinstance(event, Live))
    arrival = next(event for event in bench.seen if isinstance(event, Arrival))
    assert live.at_us == now_us
    assert [(item.feed, item.received_us) for item in arrival.ticks] == [("venue", now_us)]


async def test_a_request_that_was_never_sent_holds_up_nobody(autojump_clock: MockClock, venue: Venue) -> None:
    """A turn that was reserved by a session that died is free again for the next one."""
    feed = venue.feed("X", limits=Limits(connections=2, connect_s=0.0, across_s=5.0))
    config = ConnectionConfig(lines=2, ack_s=60.0, backoff_first_s=1.0)
    async with venue.open_engine(feed, connection=config):
        await trio.sleep(2.0)
        assert len(venue.requests) == 1
        venue.drop(newest=1)  # the line that still waits for its turn, at second 5
        await trio.sleep(4.0)
    assert [at for at, _ in venue.requests] == [0.0, 5.0]


def test_of_two_failures_in_one_session_the_one_that_says_more_counts() -> None:
    """A wrong token is never hidden by the close that follows it, in whatever order the two are found."""
    fatal, transient, closed = AuthenticationError("token"), ConnectError("busy"), LinkClosed("closed")
    by_gravity: list[FeedError | LinkClosed] = [fatal, transient, closed]
    for failures in itertools.permutations(by_gravity):
        assert sorted(failures, key=_gravity, reverse=True) == by_gravity


async def test_a_session_that_brought_ticks_before_its_acknowledgement_is_live_with_it(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """A vendor may acknowledge last: what comes, and is then lost, must not be missing without a gap."""
    with venue.ignoring():
        async with running_line(venue) as bench:
            await venue.wait_subscribed()
            await venue.send(tick(venue, 1.0))
            await wait_all_tasks_blocked()
            await venue.send_raw('{"answer": "subscribe X", "verdict": "ok", "reason": ""}')
            await wait_all_tasks_blocked()
            assert bench.kinds() == ["Arrival", "Live"]
