"""Each fault of docs/faults.md that no other file shows, against vendors in memory."""

from __future__ import annotations

import itertools
import json
from contextlib import AbstractContextManager, nullcontext

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.alltick_venue import AllTickVenue
from trio_ticks import AllTick
from trio_ticks.config import ConnectionConfig
from trio_ticks.errors import AuthenticationError, CertificateError, ConnectError, EngineError, SubscriptionError
from trio_ticks.model import Gap, Status, Tick
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.transport import refusal
from trio_ticks.runtime.vitals import LineStatistics
from trio_ticks.testing.venue import Venue, encode

HEALTHY = ConnectionConfig(backoff_first_s=0.5)


@pytest.fixture
def alltick() -> AllTickVenue:
    """AllTick in memory."""
    return AllTickVenue()


def line_of(engine: Engine) -> LineStatistics:
    return engine.statistics().shards[0].lines[0]


def codes(count: int) -> AllTick:
    return AllTick(*(f"S{number}.US" for number in range(count)), token="s3cret", plan="basic")


def tick(venue: Venue, price: float, **fields: str) -> Tick:
    return Tick("X", venue.now_us(), price, **fields)  # type: ignore[arg-type] # texts only


def ended(*, fatally: bool) -> AbstractContextManager[object]:
    """Expect that the engine fails, or that it does not."""
    return pytest.raises(EngineError) if fatally else nullcontext()


# ---- what the vendor says


@pytest.mark.parametrize(
    ("ret", "msg"),
    [(401, "token invalid"), (401, "token is required"), (403, "forbidden"), (200_401, "token invalid")],
)
async def test_a_token_that_is_not_accepted_ends_the_engine_at_once(
    autojump_clock: MockClock, alltick: AllTickVenue, ret: int, msg: str
) -> None:
    """In an answer, whichever number it has: trying again cannot help, and might get the token banned."""
    with pytest.raises(EngineError, match=msg) as caught, alltick.saying(ret, msg, closing=True):
        async with alltick.open_engine(codes(2)):
            await trio.sleep(60.0)
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert caught.value.__cause__.subgroup(AuthenticationError)
    assert len(alltick.attempts) == 1


@pytest.mark.parametrize(("status", "attempts"), [(401, 1), (403, 1), (404, 5), (429, 5), (502, 5)])
async def test_a_refused_handshake_is_fatal_for_a_token_and_else_retried(
    autojump_clock: MockClock, venue: Venue, status: int, attempts: int
) -> None:
    """HTTP 401 and 403 are about the token; of a path, a limit or a gateway nobody knows whether it will pass."""
    with venue.refusing(refusal("wss://venue", status)), ended(fatally=attempts == 1):
        async with venue.open_engine("X", connection=ConnectionConfig(backoff_first_s=1.0)) as engine:
            await trio.sleep(12.0)
            assert line_of(engine).reconnects == {"refused": attempts}
            assert f"HTTP {status}" in line_of(engine).last_error
    assert len(venue.attempts) == attempts


@pytest.mark.parametrize("closing", [False, True])
@pytest.mark.parametrize(
    ("ret", "msg", "cause"),
    [
        (605, "too many requests", "refused"),
        (606, "too many requests and connection will be closed", "refused"),
        (429, "rate limit", "refused"),
        (400, "request header param invalid", "error"),
        (201, "request header param invalid", "error"),
        (202, "request data param invalid", "error"),
        (999, "", "error"),
    ],
)
@pytest.mark.parametrize("bare", [False, True])
async def test_an_error_in_an_answer_backs_off_and_names_itself(
    autojump_clock: MockClock, alltick: AllTickVenue, ret: int, msg: str, cause: str, closing: bool, bare: bool
) -> None:
    """Whether it repeats what it answers or has cmd_id 0, and whether a close follows: the reason is what counts."""
    async with alltick.open_engine(codes(2), connection=HEALTHY) as engine:
        with alltick.saying(ret, msg, bare=bare, closing=closing):
            await trio.sleep(60.0)
        failures = len(alltick.attempts)
        assert line_of(engine).reconnects == {cause: failures}
        assert f"ret {ret}" in line_of(engine).last_error
        assert failures <= 10
        await trio.sleep(60.0)
        assert line_of(engine).state == "live"
    pauses = [after - before for before, after in itertools.pairwise(alltick.attempts)]
    assert min(pauses) >= 3.0
    assert max(pauses) >= 8 * 0.5
    assert alltick.too_soon == 0


@pytest.mark.parametrize(
    ("ret", "msg"), [(600, "code invalid"), (604, "code unauthorized"), (603, "token level not enough")]
)
@pytest.mark.parametrize("bare", [False, True])
async def test_a_refusal_of_every_list_names_the_symbols_and_fails_the_feed(
    autojump_clock: MockClock, alltick: AllTickVenue, ret: int, msg: str, bare: bool
) -> None:
    """Alone, too, each symbol was refused, with cmd_id 0 or with the request's own: nothing is left to carry."""
    words = rf"refuses every symbol: S0\.US, S1\.US: .*ret {ret}: {msg}"
    with pytest.raises(EngineError, match=words) as caught, alltick.saying(ret, msg, bare=bare):
        async with alltick.open_engine(codes(2)):
            await trio.sleep(60.0)
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert caught.value.__cause__.subgroup(SubscriptionError)


async def test_of_a_list_over_the_limit_as_many_as_fit_are_carried(
    autojump_clock: MockClock, alltick: AllTickVenue
) -> None:
    """The plan has room for five of eight: five flow, three are named with the vendor's reason."""
    alltick.room = 5
    async with alltick.open_engine(codes(8)) as engine:
        await trio.sleep(60.0)
        assert len(alltick.subscriptions[-1][1]) == 5
        assert len(line_of(engine).refused) == 3
        assert set(line_of(engine).refused.values()) == {"ret 603: token level not enough"}
        assert line_of(engine).reconnects == {}


async def test_an_answer_that_comes_late_is_an_answer(autojump_clock: MockClock, venue: Venue) -> None:
    """Within `ack_s` nothing is asked for twice, and the symbols are covered from the first frame after it."""
    with venue.delaying(4.0):
        async with venue.open_engine("X") as engine:
            await trio.sleep(3.0)
            assert line_of(engine).state == "open"
            await trio.sleep(2.0)
            await venue.send(tick(venue, 1.0))
            await trio.sleep(5.0)
            assert line_of(engine).state == "live"
            assert engine.latest("X")
    assert (len(venue.requests), len(venue.attempts)) == (1, 1)


# ---- what the road does


async def test_a_half_open_loss_is_found_and_its_slot_is_waited_for(autojump_clock: MockClock, venue: Venue) -> None:
    """Silence ends the session. The vendor counts the dead connection for a while and is not hammered meanwhile."""
    feed = venue.feed("X", heartbeat_s=10.0)
    config = ConnectionConfig(backoff_first_s=0.5, mute_after_s=600.0)
    async with venue.open_engine(feed, connection=config) as engine, engine.subscribe() as ticks:
        await venue.wait_subscribed()
        await trio.sleep(100.0)
        await venue.send(tick(venue, 1.0))
        venue.lose(slot_s=30.0)
        await trio.sleep(50.0)
        await venue.send(tick(venue, 2.0))
        await wait_all_tasks_blocked()
        assert line_of(engine).reconnects["silent"] == 1
        assert 1 <= line_of(engine).reconnects["refused"] <= 7
        engine.stop()
        gaps = [item async for item in ticks.records() if isinstance(item, Gap)]
    assert [gap.cause for gap in gaps] == ["silent"]
    assert gaps[0].end_us - gaps[0].start_us <= 50_000_000


async def test_a_slow_drip_is_not_silence(autojump_clock: MockClock, venue: Venue) -> None:
    """One message in four seconds: late, but each proves the link, and every one arrives in its order."""
    feed = venue.feed("X")
    async with venue.open_engine(feed, connection=ConnectionConfig(silent_after_s=5.0)) as engine:
        await venue.wait_subscribed()
        with venue.dripping(4.0):
            await venue.send(*(tick(venue, float(price)) for price in range(1, 31)))
            await trio.sleep(121.0)
        assert line_of(engine).reconnects == {}
        assert engine.statistics().ledger.accepted == 30
        assert line_of(engine).lag_us == pytest.approx(120e6, abs=4e6)


async def test_a_burst_is_taken_whole(autojump_clock: MockClock, venue: Venue) -> None:
    """Twenty thousand ticks in one wake-up: all are counted, and none is missing from a queue that has the room."""
    async with venue.open_engine("X") as engine, engine.subscribe(capacity=30_000) as ticks:
        await venue.wait_subscribed()
        await venue.send(*(Tick("X", venue.now_us() + number, 1.0) for number in range(20_000)))
        await trio.sleep(1.0)
        assert engine.statistics().ledger.accepted == 20_000
        engine.stop()
        assert sum([1 async for _ in ticks]) == 20_000


async def test_a_restart_of_the_whole_vendor_is_waited_for(autojump_clock: MockClock, venue: Venue) -> None:
    """Every line is cut at once and refused for a minute; each comes back, and the gap says how long it was."""
    async with venue.open_engine("X", connection=HEALTHY) as engine, engine.subscribe() as ticks:
        await venue.wait_subscribed()
        await venue.send(tick(venue, 1.0))
        await trio.sleep(1.0)
        with venue.restarting():
            await trio.sleep(60.0)
            assert len(venue.attempts) <= 10
        await venue.wait_subscribed()
        await venue.send(tick(venue, 2.0))
        await trio.sleep(1.0)
        engine.stop()
        (gap,) = [item async for item in ticks.records() if isinstance(item, Gap)]
    assert gap.cause == "closed"
    assert 60.0 <= (gap.end_us - gap.start_us) / 1e6 <= 60.0 + 60.0


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (CertificateError("the certificate is for another host"), 1),
        (ConnectError("TLS: wrong version number"), 5),
        (ConnectError("proxy: HTTP 407"), 5),
    ],
)
async def test_a_certificate_that_is_wrong_is_fatal_and_other_failures_of_the_road_are_retried(
    autojump_clock: MockClock, venue: Venue, error: Exception, attempts: int
) -> None:
    """Nobody talks to a server that is not who it says; a road that fails may work again."""
    with venue.refusing(error), ended(fatally=attempts == 1):
        async with venue.open_engine("X", connection=ConnectionConfig(backoff_first_s=1.0)):
            await trio.sleep(12.0)
    assert len(venue.attempts) == attempts


@pytest.mark.parametrize("step_s", [3_600.0, -20.0])
async def test_a_step_of_the_clock_ends_no_session(autojump_clock: MockClock, venue: Venue, step_s: float) -> None:
    """Silence is measured by a clock that cannot be set; the time of day only stamps what comes."""
    feed = venue.feed("X", heartbeat_s=5.0)
    async with venue.open_engine(feed) as engine:
        await venue.wait_subscribed()
        for price in range(1, 41):
            true_us = venue.now_us() - (round(step_s * 1e6) if price > 20 else 0)
            await venue.send(Tick("X", true_us, float(price)))
            await trio.sleep(1.0)
            if price == 20:
                venue.step_clock(step_s)
        assert engine.statistics().ledger.accepted == 40
        assert (line_of(engine).reconnects, engine.statistics().gaps) == ({}, {})


# ---- what the messages are


async def test_what_cannot_be_read_is_counted_and_harms_nobody(
    autojump_clock: MockClock, alltick: AllTickVenue
) -> None:
    """Malformed JSON, kinds that nobody knows and empty fields: counted apart, while ticks go on."""
    async with alltick.open_engine(codes(1)) as engine, engine.subscribe() as ticks:
        await trio.sleep(1.0)
        await alltick.send_raw("{", "", "[]", "nonsense", b"\xff\xfe")
        await alltick.send_raw(json.dumps({"cmd_id": 31_337, "data": {}}), json.dumps({"cmd_id": 22_999, "data": {}}))
        await alltick.push("S0.US", price="")
        await alltick.push("S0.US", tick_time="")
        await alltick.push("S0.US", volume="", turnover="", seq="")
        await trio.sleep(1.0)
        line, ledger = line_of(engine), engine.statistics().ledger
        assert (line.unreadable, line.unknown) == (5, 2)
        assert (ledger.accepted, ledger.rejected) == (1, 2)
        assert line.reconnects == {}
        engine.stop()
        statuses = [item.status async for item in ticks.records() if isinstance(item, Status)]
    assert statuses == ["connected", "rejected", "rejected"]


async def test_copies_are_dropped_and_what_comes_too_late_is_marked(autojump_clock: MockClock, venue: Venue) -> None:
    """A trade that is sent twice is delivered once; one that was overtaken is delivered with its mark."""
    feed = venue.feed("X", identity="trade_id")
    async with venue.open_engine(feed) as engine, engine.subscribe() as ticks:
        await venue.wait_subscribed()
        first = tick(venue, 1.0, trade_id="1")
        await trio.sleep(0.5)
        second = tick(venue, 2.0, trade_id="2")
        await venue.send_raw(encode(second), encode(second), encode(first), encode(second))
        await trio.sleep(0.5)
        engine.stop()
        seen = [(item.price, item.late) async for item in ticks]
    assert seen == [(2.0, False), (1.0, True)]
