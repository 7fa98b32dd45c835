"""The engine from outside: how it stops, how it fails, and what it says about itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, assert_checkpoints, wait_all_tasks_blocked

from trio_ticks.config import ConnectionConfig
from trio_ticks.errors import AuthenticationError, ConfigError, ConnectError, EngineError, FeedError
from trio_ticks.feeds.base import Decoded, Limits, Message, Request, Service, Verdict
from trio_ticks.model import Gap, Record, Status, Tick
from trio_ticks.runtime.opening import open_ticks
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.runtime.stream import Ticks
from trio_ticks.testing.simulation import run_seeded
from trio_ticks.testing.venue import EPOCH_US, Venue, VenueFeed

TWO = Limits(connections=2, connect_s=0.0)
"""A plan that allows for two lines."""


def tick(venue: Venue, price: float, symbol: str = "X", *, ago_s: float = 0.0) -> Tick:
    """Return a trade of now, or of so long ago."""
    return Tick(symbol, venue.now_us() - round(ago_s * 1e6), price)


def at_us(seconds: float) -> int:
    """Return the time of day at which Trio's clock shows so many seconds."""
    return EPOCH_US + round(seconds * 1e6)


async def prices_of(ticks: Ticks, seen: list[float]) -> None:
    """Read a stream to its end."""
    async for item in ticks:
        seen.append(item.price)  # noqa: PERF401 - one by one: the tests look at it meanwhile


def gaps_in(records: Sequence[Record]) -> list[Gap]:
    return [item for item in records if isinstance(item, Gap)]


def router(*venues: tuple[str, Venue]) -> Any:
    """Return a transport that leads each feed to the venue of its name."""
    hosts = {f"ws://{name}.invalid/": venue for name, venue in venues}

    def open_link(url: str, **options: Any) -> AbstractAsyncContextManager[Any]:
        return hosts[url].open_link(url, **options)

    return open_link


# ---- stopping


async def test_a_soft_stop_ends_loops_after_all_that_was_received(autojump_clock: MockClock, venue: Venue) -> None:
    """A clean stop is the end of the loop, not an error, and nothing that was received is missing from it."""
    seen: list[float] = []
    async with venue.open_engine("X") as engine, engine.subscribe() as ticks:
        await venue.wait_subscribed()
        await venue.send(tick(venue, 1.0), tick(venue, 2.0))
        await wait_all_tasks_blocked()
        engine.stop()
        await prices_of(ticks, seen)
        await engine.wait_stopped()
    assert seen == [1.0, 2.0]
    assert engine.statistics().state == "stopped"


async def test_an_ended_stream_still_lets_others_run(autojump_clock: MockClock, venue: Venue) -> None:
    """Each attempt to read an ended stream is a checkpoint, so that a loop around it cannot hang the program."""
    async with venue.open_engine("X") as engine, engine.subscribe() as ticks:
        engine.stop()
        await engine.wait_stopped()
        with assert_checkpoints():
            await prices_of(ticks, [])


async def test_the_error_of_the_block_comes_out_bare_after_the_drain(autojump_clock: MockClock, venue: Venue) -> None:
    """A ValueError of the block is raised as it is, and the strategies still got everything."""
    seen: list[float] = []
    with pytest.raises(ValueError, match="mine"):  # noqa: PT012 - the engine's block fails as a whole
        async with venue.open_engine("X", strategies=[Strategy(prices_of, params={"seen": seen})]):
            await venue.wait_subscribed()
            await venue.send(tick(venue, 1.0))
            await wait_all_tasks_blocked()
            await venue.send(tick(venue, 2.0))
            await wait_all_tasks_blocked()
            raise ValueError("mine")
    assert seen == [1.0, 2.0]


async def test_a_strategy_that_is_in_the_middle_at_the_soft_stop_finishes(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """What is queued for a slow strategy at a soft stop is still delivered to it."""
    seen: list[float] = []

    async def slow(ticks: Ticks) -> None:
        async for item in ticks:
            await trio.sleep(1.0)
            seen.append(item.price)

    async with venue.open_engine("X", strategies=[slow]) as engine:
        await venue.wait_subscribed()
        await venue.send(*(tick(venue, float(price)) for price in range(5)))
        await wait_all_tasks_blocked()
        engine.stop()
    assert seen == [0.0, 1.0, 2.0, 3.0, 4.0]


async def test_the_grace_bounds_a_soft_stop_and_the_rest_is_counted(autojump_clock: MockClock, venue: Venue) -> None:
    """A strategy that never finishes is cut off after `grace_s`; its queue counts as dropped."""

    async def stuck(ticks: Ticks) -> None:
        async for _ in ticks:
            await trio.sleep_forever()

    async with venue.open_engine("X", strategies=[stuck], grace_s=3.0) as engine:
        await venue.wait_subscribed()
        await venue.send(tick(venue, 1.0), tick(venue, 2.0))
        await wait_all_tasks_blocked()
        stopped = trio.current_time()
    assert trio.current_time() == stopped + 3.0
    ledger = engine.statistics().ledger
    assert ledger.imbalances() == []
    assert (ledger.consumers["stuck"].delivered, ledger.consumers["stuck"].dropped) == (1, 1)


async def test_cancelling_a_block_with_a_nursery_is_clean(autojump_clock: MockClock, venue: Venue) -> None:
    """A cancel that comes out of the block's own nursery as a group ends in the scope that asked for it."""
    with trio.move_on_after(5.0) as scope:
        async with venue.open_engine("X"), trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(trio.sleep_forever)
    assert scope.cancelled_caught
    assert venue.open_links == 0


async def test_an_error_beside_a_cancel_is_not_lost(autojump_clock: MockClock, venue: Venue) -> None:
    """What the block raises while it is being cancelled still comes out, and the cancel does not."""

    async def fails_on_the_way_out() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("on the way out")

    with pytest.raises(ExceptionGroup) as caught, trio.move_on_after(5.0):  # noqa: PT012 - the engine's block fails as a whole
        async with venue.open_engine("X"), trio.open_nursery() as nursery:
            nursery.start_soon(fails_on_the_way_out)
            nursery.start_soon(trio.sleep_forever)
    assert caught.group_contains(ValueError, match="on the way out")
    assert venue.open_links == 0


async def test_a_hard_stop_waits_for_nobody(autojump_clock: MockClock, venue: Venue) -> None:
    """`abort` ends a stuck strategy at once, during a soft stop as well; its queue counts as dropped."""

    async def stuck(ticks: Ticks) -> None:
        async for _ in ticks:
            await trio.sleep_forever()

    async with venue.open_engine("X", strategies=[stuck]) as engine:
        await venue.wait_subscribed()
        await venue.send(tick(venue, 1.0), tick(venue, 2.0))
        await trio.sleep(1.0)
        engine.stop()
        await trio.sleep(1.0)
        engine.abort()
        await engine.wait_stopped()
    assert trio.current_time() == 2.0
    assert engine.statistics().ledger.imbalances() == []
    assert engine.statistics().ledger.consumers["stuck"].dropped == 1


async def test_a_subscription_to_an_engine_that_has_stopped_ends_at_once(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """Nobody waits for what cannot come: cleanly after a clean stop, with the failure after a failure."""
    async with venue.open_engine("X") as engine:
        engine.stop()
        await engine.wait_stopped()
        async with engine.subscribe() as ticks:
            await prices_of(ticks, [])
    with pytest.raises(EngineError, match="the vendor says"), venue.denying(Verdict.UNAUTHORISED):  # noqa: PT012 - the engine's block fails as a whole
        async with venue.open_engine("X") as engine:
            with trio.CancelScope(shield=True):
                await trio.sleep(1.0)
                async with engine.subscribe() as ticks:
                    await prices_of(ticks, [])


# ---- failing


async def test_a_failure_reaches_the_stream_after_everything_queued(autojump_clock: MockClock, venue: Venue) -> None:
    """First the ticks that came before, then EngineError with the exception group as its cause."""
    seen: list[float] = []
    with pytest.raises(EngineError, match="bad token") as caught:  # noqa: PT012 - the engine's block fails as a whole
        async with venue.open_engine("X") as engine, engine.subscribe() as ticks:
            await venue.wait_subscribed()
            await venue.send(tick(venue, 1.0))
            await wait_all_tasks_blocked()
            with venue.denying(Verdict.UNAUTHORISED, "bad token"):
                venue.drop()
                await trio.sleep(1.0)
            assert engine.statistics().state == "stopped"
            await prices_of(ticks, seen)
    assert seen == [1.0]
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert [type(error) for error in caught.value.__cause__.exceptions] == [AuthenticationError]


@pytest.mark.parametrize("nested", [False, True])
def test_a_block_that_sleeps_is_cancelled_when_the_engine_fails(venue: Venue, nested: bool) -> None:
    """Nobody waits in vain for an engine that has failed, with a nursery of his own or without."""

    async def main() -> None:
        with venue.denying(Verdict.UNAUTHORISED):
            async with venue.open_engine("X"):
                if not nested:
                    await trio.sleep_forever()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.sleep_forever)
                    nursery.start_soon(trio.sleep_forever)

    # Not under pytest-trio, which forgives a Cancelled that has left its scope.
    with pytest.raises(EngineError, match="the vendor says: no"):
        run_seeded(main)


async def test_a_subscription_in_the_block_delays_that_cancel_by_the_grace_at_most(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """A block that holds a stream and does not read it is given `grace_s`, then cancelled."""
    with pytest.raises(EngineError), venue.denying(Verdict.UNAUTHORISED):
        async with venue.open_engine("X", grace_s=4.0) as engine, engine.subscribe():
            await trio.sleep_forever()
    assert trio.current_time() == pytest.approx(4.0)


async def test_wait_stopped_raises_what_the_engine_failed_of(autojump_clock: MockClock, venue: Venue) -> None:
    """`wait_stopped` tells a failure from a clean stop, to everyone who waits."""
    caught: list[EngineError] = []

    async def wait(engine: Any) -> None:
        try:
            await engine.wait_stopped()
        except EngineError as error:
            caught.append(error)

    with pytest.raises(EngineError), venue.denying(Verdict.UNAUTHORISED):  # noqa: PT012 - the engine's block fails as a whole
        async with venue.open_engine("X") as engine:
            with trio.CancelScope(shield=True):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(wait, engine)
                    nursery.start_soon(wait, engine)
            await engine.wait_stopped()
    assert len(caught) == 2


@pytest.mark.parametrize("way", ["reply", "handshake"])
async def test_a_wrong_token_ends_at_once_and_loudly(autojump_clock: MockClock, venue: Venue, way: str) -> None:
    """No second attempt: an AuthenticationError, however it shows, fails an engine that has no other feed."""
    fault = (
        venue.denying(Verdict.UNAUTHORISED, "bad token")
        if way == "reply"
        else venue.refusing(AuthenticationError("the token is not accepted"))
    )
    with pytest.raises(EngineError, match="token") as caught, fault:
        async with venue.open_engine("X"):
            await trio.sleep_forever()
    assert len(venue.attempts) == 1
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert caught.value.__cause__.subgroup(AuthenticationError) is not None


async def test_a_failed_feed_is_told_of_while_the_other_goes_on(
    autojump_clock: MockClock, venue: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    """With two lines, one refused for good and one cut off with it: the gap of both is recorded, with its cause."""
    bad = Venue()
    records: list[Record] = []

    async def keep(ticks: Ticks) -> None:
        records.extend([item async for item in ticks.records()])

    async with venue.open_engine(
        venue.feed("X", name="good", limits=TWO),
        bad.feed("X", name="bad", limits=TWO),
        open_link=router(("good", venue), ("bad", bad)),
        connection=ConnectionConfig(lines=2),
        strategies=[keep],
    ) as engine:
        await venue.wait_subscribed(2)
        await bad.wait_subscribed(2)
        await bad.send(tick(bad, 7.0))
        await trio.sleep(1.0)
        with bad.denying(Verdict.UNAUTHORISED, "bad token"):
            bad.drop(oldest=1)
            await trio.sleep(1.0)
        await venue.send(tick(venue, 8.0))
        await trio.sleep(1.0)
        statistics = engine.statistics()
        assert statistics.state == "running"
        assert list(statistics.failed_feeds) == ["bad"]
        assert statistics.uncovered == {"bad": ("X",)}
        assert engine.latest("X", "good") is not None
    failed = [item for item in records if isinstance(item, Status) and item.status == "failed"]
    assert [(item.feed, item.reason) for item in failed] == [("bad", "the vendor says: bad token")]
    assert [item.getMessage() for item in caplog.records if item.levelname == "CRITICAL"] == [
        "feed bad is given up: the vendor says: bad token"
    ]
    assert [(gap.feed, gap.start_us, gap.end_us, gap.cause) for gap in gaps_in(records)] == [
        ("bad", at_us(0.0), at_us(3.0), "refused")
    ]


async def test_when_all_feeds_fail_every_reason_is_told(autojump_clock: MockClock, venue: Venue) -> None:
    """The EngineError carries the error of each feed, not only that of the last."""
    other = Venue()
    with (
        pytest.raises(EngineError) as caught,
        venue.denying(Verdict.UNAUTHORISED, "first token"),
        other.refusing(AuthenticationError("second token")),
    ):
        async with venue.open_engine(
            venue.feed("X", name="one"),
            other.feed("X", name="two"),
            open_link=router(("one", venue), ("two", other)),
        ):
            await trio.sleep_forever()
    assert "first token" in str(caught.value)
    assert "second token" in str(caught.value)


async def test_what_nobody_foresaw_fails_the_engine_after_the_drain(autojump_clock: MockClock, venue: Venue) -> None:
    """An exception of no declared kind stops the engine, too, by the path on which received ticks are handed on."""

    class Poisoned(VenueFeed):
        def decode(self, messages: Sequence[Message]) -> Decoded:
            if "poison" in messages:
                return Decoded([], None)  # type: ignore[arg-type]  # what a careless user may do
            return super().decode(messages)

    seen: list[float] = []

    async def slow(ticks: Ticks) -> None:
        async for item in ticks:
            await trio.sleep(0.1)
            seen.append(item.price)

    feed = Poisoned(("X",), "careless", "content", venue.feed("X").limits)
    with pytest.raises(EngineError) as caught:  # noqa: PT012 - the engine's block fails as a whole
        async with venue.open_engine(feed, strategies=[slow]):
            await venue.wait_subscribed()
            await venue.send(*(tick(venue, float(price)) for price in range(5)))
            await venue.send_raw("poison")
            await trio.sleep_forever()
    assert caught.value.__cause__ is not None
    assert seen == [0.0, 1.0, 2.0, 3.0, 4.0]


async def test_an_error_of_the_block_does_not_hide_that_the_engine_failed(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """The block's own error comes out, with a note of what the engine had failed of."""
    with pytest.raises(ValueError, match="mine") as caught, venue.denying(Verdict.UNAUTHORISED, "bad token"):  # noqa: PT012 - the engine's block fails as a whole
        async with venue.open_engine("X") as engine:
            with trio.CancelScope(shield=True):
                await trio.sleep(1.0)
            assert engine.statistics().state == "stopped"
            raise ValueError("mine")
    assert any("bad token" in note for note in caught.value.__notes__)


async def test_an_error_beside_the_engines_cancel_is_not_lost(autojump_clock: MockClock, venue: Venue) -> None:
    """What the block raises because the engine's failure cancelled it comes out, and the note names that failure."""

    async def fails_on_the_way_out() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("on the way out")

    with pytest.raises(ExceptionGroup) as caught, venue.denying(Verdict.UNAUTHORISED, "bad token"):  # noqa: PT012 - the engine's block fails as a whole
        async with venue.open_engine("X"), trio.open_nursery() as nursery:
            nursery.start_soon(fails_on_the_way_out)
            nursery.start_soon(trio.sleep_forever)
    assert [type(error) for error in caught.value.exceptions] == [ValueError]
    assert any("bad token" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("fault", ["refusing", "ignoring", "denying"])
async def test_without_retry_the_first_connect_must_succeed(
    autojump_clock: MockClock, venue: Venue, fault: str
) -> None:
    """With ``retry_first=False`` whatever keeps the first attempt from going live is the end."""
    faults: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "refusing": venue.refusing,
        "ignoring": venue.ignoring,
        "denying": lambda: venue.denying(Verdict.TOO_FAST),
    }
    with pytest.raises(EngineError) as caught, faults[fault]():
        async with venue.open_engine("X", retry_first=False):
            await trio.sleep_forever()
    assert len(venue.attempts) == 1
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert caught.value.__cause__.subgroup(FeedError) is not None


async def test_without_retry_a_session_that_was_live_is_retried_all_the_same(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """``retry_first=False`` is about the first connect only: a link that falls silent later is replaced."""
    async with venue.open_engine("X", retry_first=False) as engine:
        await venue.wait_subscribed()
        await venue.send(tick(venue, 1.0))
        await trio.sleep(60.0)
        assert engine.statistics().state == "running"
    assert len(venue.attempts) > 1


# ---- feeds of the user's own


class Faulty(VenueFeed):
    """A feed with a bug in the part named ``broken``."""

    broken = ""

    def subscribe(self, symbols: Sequence[str]) -> Sequence[Request]:
        self._break("subscribe")
        return super().subscribe(symbols)

    def heartbeat(self) -> Request | None:
        self._break("heartbeat")
        return super().heartbeat()

    def decode(self, messages: Sequence[Message]) -> Decoded:
        self._break("decode")
        return super().decode(messages)

    def _break(self, part: str) -> None:
        if part == self.broken:
            raise LookupError("my bug")


@pytest.mark.parametrize("part", ["subscribe", "decode", "heartbeat"])
async def test_a_feed_that_raises_is_named_and_reconnected(
    autojump_clock: MockClock, venue: Venue, part: str
) -> None:
    """A bug in a user's feed ends the session with the cause "error" and the name of what raised, not the engine."""
    feed = Faulty(("X",), "mine", "content", venue.feed("X", heartbeat_s=1.0).limits)
    feed.broken = part
    async with venue.open_engine(feed) as engine:
        await trio.sleep(1.2)
        feed.broken = ""
        await trio.sleep(5.0)
        await venue.send(tick(venue, 1.0))
        await trio.sleep(0.1)
        line = engine.statistics().shards[0].lines[0]
        assert set(line.reconnects) == {"error"}
        assert line.last_error == f"the feed's {part}() raised LookupError: my bug"
        assert engine.latest("X") is not None


THINGS: Any = [{"symbol": "X"}]


class Careless(VenueFeed):
    """A feed that gives ``instead`` for what it has decoded."""

    instead: Any = None
    is_careless = True

    def decode(self, messages: Sequence[Message]) -> Decoded:
        decoded = super().decode(messages)
        return self.instead if self.is_careless else decoded


@pytest.mark.parametrize(
    ("instead", "words"),
    [
        (None, "the feed's decode() raised TypeError: it returned a NoneType; accepted is a Decoded"),
        ([], "the feed's decode() raised TypeError: it returned a list; accepted is a Decoded"),
        (Decoded(THINGS), "the feed's decode() raised AttributeError: 'dict' object has no attribute"),
    ],
)
async def test_a_feed_that_returns_something_else_is_named_and_reconnected(
    autojump_clock: MockClock, venue: Venue, instead: Any, words: str
) -> None:
    """A forgotten return is a bug of the feed's like any other: it ends the session and not the engine."""
    feed = Careless(("X",), "mine", "content", venue.feed("X", heartbeat_s=1.0).limits)
    feed.instead = instead
    async with venue.open_engine(feed) as engine:
        await trio.sleep(1.2)
        line = engine.statistics().shards[0].lines[0]
        assert set(line.reconnects) == {"error"}
        assert line.last_error.startswith(words)
        feed.is_careless = False
        await trio.sleep(5.0)
        await venue.send(tick(venue, 1.0))
        await trio.sleep(0.1)
        assert engine.latest("X") is not None


# ---- what it carries and says


async def test_two_feeds_may_carry_the_same_symbol(autojump_clock: MockClock, venue: Venue) -> None:
    """Ticks, latest prices and subscriptions are kept apart by feed; nothing is taken for a copy across feeds."""
    other = Venue()
    async with venue.open_engine(
        venue.feed("X", name="one"), other.feed("X", name="two"), open_link=router(("one", venue), ("two", other))
    ) as engine:
        async with engine.subscribe("X", feed="two") as ticks:
            await venue.wait_subscribed()
            await other.wait_subscribed()
            await venue.send(tick(venue, 1.0))
            await trio.sleep(0.1)
            await other.send(tick(venue, 1.0, ago_s=0.1), tick(venue, 2.0))
            seen = [await anext(ticks), await anext(ticks)]
        assert [(item.feed, item.price) for item in seen] == [("two", 1.0), ("two", 2.0)]
        assert engine.statistics().ledger.accepted == 3
        one, two, newest = engine.latest("X", "one"), engine.latest("X", "two"), engine.latest("X")
        assert one is not None
        assert two is not None
        assert (one.price, two.price, newest) == (1.0, 2.0, two)


async def test_the_latest_price_is_the_newest_not_the_last_to_come(autojump_clock: MockClock, venue: Venue) -> None:
    """A tick that comes late is delivered, flagged, but it is not the price of now."""
    async with venue.open_engine("X") as engine, engine.subscribe() as ticks:
        await venue.wait_subscribed()
        await venue.send(tick(venue, 1.0))
        await venue.send(tick(venue, 2.0, ago_s=1.0))
        assert [((await anext(ticks)).price) for _ in range(2)] == [1.0, 2.0]
        newest = engine.latest("X")
        assert newest is not None
        assert (newest.price, newest.late) == (1.0, False)


async def test_asking_for_what_is_not_carried_is_refused_with_what_is(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """An unknown symbol or feed raises at the door and names what there is."""
    async with venue.open_engine("X", "Y") as engine:
        with pytest.raises(ConfigError, match="does not carry 'Z'; it carries X, Y"):
            async with engine.subscribe("X", "Z"):
                pass
        with pytest.raises(ConfigError, match="no feed 'other'; it has venue"):
            engine.latest("X", "other")
        assert engine.latest("X") is None
        assert engine.statistics().ledger.consumers == {}


@pytest.mark.parametrize(
    ("option", "value"),
    [("overflow", "drop_latest"), ("capacity", 0), ("capacity", 1.5), ("max_age_s", -1.0), ("max_age_s", "1")],
)
async def test_an_option_that_is_not_accepted_is_refused(
    autojump_clock: MockClock, venue: Venue, option: str, value: object
) -> None:
    """Neither a subscription nor a strategy takes an unknown policy for another one; the error names the option."""
    options: dict[str, Any] = {option: value}
    async with venue.open_engine("X") as engine:
        with pytest.raises(ConfigError, match=option):
            async with engine.subscribe(**options):
                pass
    with pytest.raises(ConfigError, match=option):
        Strategy(prices_of, **options)


async def test_a_strategy_cannot_take_the_name_of_a_subscription(autojump_clock: MockClock, venue: Venue) -> None:
    """Names that the engine gives are refused: two consumers of one name would share one stream and one account."""
    for name in ("subscription 1", "former"):
        with pytest.raises(ConfigError, match=name):
            async with venue.open_engine("X", strategies=[Strategy(prices_of, name=name)]):
                pass


async def test_statistics_are_a_snapshot_that_json_can_carry(autojump_clock: MockClock, venue: Venue) -> None:
    """What was taken does not change as the engine goes on, and holds plain values only."""

    async def idle(ticks: Ticks) -> None:
        await trio.sleep_forever()

    async with venue.open_engine("X", strategies=[idle], grace_s=0.0) as engine, engine.subscribe() as ticks:
        await venue.wait_subscribed()
        await venue.send(tick(venue, 1.0))
        await anext(ticks)
        venue.drop()
        await wait_all_tasks_blocked(0.1)
        before = engine.statistics()
        text = json.dumps(before.as_dict())
        await venue.wait_subscribed()
        await venue.send(tick(venue, 2.0))
        await anext(ticks)
        venue.drop()
        await trio.sleep(1.0)
        assert json.dumps(before.as_dict()) == text
        assert engine.statistics().ledger.accepted == 2
        assert engine.statistics().gaps == {"closed": 1}
        assert json.loads(text)["ledger"]["consumers"]["idle"] == {
            "offered": 1, "delivered": 0, "dropped": 0, "queued": 1,
        }  # fmt: skip


async def test_the_shortest_way_in_yields_ticks_and_nothing_else(autojump_clock: MockClock, venue: Venue) -> None:
    """`open_ticks` needs no engine in sight, and a reconnect is invisible in its loop."""
    async with open_ticks(venue.feed("X"), open_link=venue.open_link, now_us=venue.now_us) as ticks:
        await venue.wait_subscribed()
        await venue.send(tick(venue, 1.0))
        assert (await anext(ticks)).price == 1.0
        venue.drop()
        await venue.wait_subscribed()
        await venue.send(tick(venue, 2.0))
        assert (await anext(ticks)).price == 2.0


# ---- coverage


@pytest.mark.parametrize("cause", ["closed", "silent", "mute", "refused", "error"])
async def test_each_kind_of_loss_is_a_gap_with_its_cause_and_its_exact_ends(
    autojump_clock: MockClock, venue: Venue, cause: str
) -> None:
    """From the last frame (the last tick, if mute) to the first frame after the next acknowledgement."""
    config = ConnectionConfig(silent_after_s=5.0, mute_after_s=12.0, backoff_first_s=1.0)
    feed = venue.feed("X", heartbeat_s=100.0 if cause == "silent" else 4.0)
    async with venue.open_engine(feed, connection=config) as engine, engine.subscribe() as ticks:
        await venue.wait_subscribed()
        await trio.sleep(2.0)
        await venue.send(tick(venue, 1.0))
        lost_s = await lose(venue, cause)
        await venue.wait_subscribed()
        back = trio.current_time()
        await trio.sleep(0.25)
        await venue.send(tick(venue, 2.0))
        await trio.sleep(0.25)
        assert engine.statistics().gaps == {cause: 1}
        records: list[Record] = []
        engine.stop()
        records = [item async for item in ticks.records()]
    assert back > lost_s
    assert gaps_in(records) == [Gap(at_us(lost_s), at_us(back + 0.25), cause, "X", "venue")]


async def lose(venue: Venue, cause: str) -> float:
    """End the session in this way; return when it last covered its symbol."""
    began = trio.current_time()
    if cause == "closed":
        await trio.sleep(1.0)
        venue.drop()
        return began
    if cause == "silent":
        await trio.sleep(6.0)
        return began
    if cause == "mute":
        with venue.muting():
            await trio.sleep(12.5)
        return began
    if cause == "refused":
        with venue.denying(Verdict.TOO_FAST, "slow down"):
            await trio.sleep(3.0)  # the heartbeat of second 4 is denied
        return began + 2.0
    await venue.send_raw(json.dumps({"answer": "x", "verdict": "refused", "reason": "what?"}))
    await trio.sleep(0.5)
    return began


async def test_no_gap_while_the_other_line_is_live(autojump_clock: MockClock, venue: Venue) -> None:
    """A symbol on two lines is covered as long as one is that was heard together with the other for two seconds."""
    feed = venue.feed("X", limits=TWO)
    for together_s, gaps in ((2.5, {}), (1.0, {"closed": 1})):
        async with venue.open_engine(feed, connection=ConnectionConfig(lines=2)) as engine:
            await venue.wait_subscribed(2)
            await venue.send(tick(venue, 1.0))
            await trio.sleep(together_s)
            await venue.send(tick(venue, 2.0))
            await trio.sleep(1.0)
            venue.drop(oldest=1)
            await venue.wait_subscribed(2)
            await venue.send(tick(venue, 3.0))
            await trio.sleep(1.0)
            assert engine.statistics().gaps == gaps
            assert engine.statistics().ledger.duplicates == 3


# ---- secrets


async def test_a_token_that_the_vendor_repeats_is_shown_nowhere(
    autojump_clock: MockClock, venue: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in a log, a status, statistics or an error, whether it comes in an answer, a farewell or a refusal."""
    token = "s3cret/token"
    feed = SecretFeed(("X",), "venue", "content", venue.feed("X", heartbeat_s=1.0).limits)
    records: list[Record] = []

    async def keep(ticks: Ticks) -> None:
        records.extend([item async for item in ticks.records()])

    with pytest.raises(EngineError) as caught:  # noqa: PT012 - the engine's block fails as a whole
        async with venue.open_engine(feed, strategies=[keep]) as engine:
            await venue.wait_subscribed()
            venue.drop(f"closed: {token} is over its limit")
            await trio.sleep(0.1)
            with venue.refusing(ConnectError(f"refused s3cret%2Ftoken {token}")):
                await trio.sleep(3.0)
            await venue.wait_subscribed()
            with venue.denying(Verdict.UNAUTHORISED, f"no such token: {token}"):
                await trio.sleep_forever()
    shown = "\n".join([repr(records), json.dumps(engine.statistics().as_dict()), caplog.text, repr(caught.value)])
    shown += repr(caught.value.__cause__)
    assert "is over its limit" in shown
    assert "s3cret" not in shown


class SecretFeed(VenueFeed):
    """A feed whose URL carries a token."""

    def services(self) -> list[Service]:
        return [Service(name="venue", url=self.url, symbols=self.symbols, secret_query="token=s3cret%2Ftoken")]
