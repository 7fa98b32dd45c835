"""Symbols that the vendor refuses, and symbols that come and go while the engine runs."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.alltick_venue import AllTickVenue
from trio_ticks import AllTick
from trio_ticks.config import ConnectionConfig
from trio_ticks.errors import ConfigError, EngineError, SubscriptionError
from trio_ticks.feeds.base import Limits
from trio_ticks.model import Gap, Record, Status, Tick
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.stream import Ticks
from trio_ticks.testing.venue import EPOCH_US, Venue

REQUEST_S = 1.05
REQUESTS = 27
CODES = tuple(f"S{number}.US" for number in range(100))
BAD = frozenset({"S3.US", "S50.US", "S51.US"})
GOOD = tuple(code for code in CODES if code not in BAD)
ALL = 1_000_000


@pytest.fixture
def alltick() -> AllTickVenue:
    """AllTick in memory."""
    return AllTickVenue()


async def records_of(engine: Engine, ticks: Ticks) -> list[Record]:
    """Stop, and return everything that was delivered."""
    engine.stop()
    return [item async for item in ticks.records()]


def rejections(records: list[Record]) -> dict[str | None, str]:
    """Return what was said of each refused symbol."""
    told = [item for item in records if isinstance(item, Status) and item.status == "rejected"]
    assert len({item.symbol for item in told}) == len(told)  # each once
    return {item.symbol: item.reason for item in told}


def gaps(records: list[Record]) -> list[tuple[str | None, float, float, str]]:
    """Return symbol, begin and end in simulated seconds, and cause of each gap."""
    found = [item for item in records if isinstance(item, Gap)]
    return [
        (item.symbol, (item.start_us - EPOCH_US) / 1e6, (item.end_us - EPOCH_US) / 1e6, item.cause) for item in found
    ]


def subscriptions(venue: Venue) -> list[tuple[float, list[str]]]:
    """Return when was subscribed to what."""
    return [(at, text.split()[1:]) for at, text in venue.requests if text.startswith("subscribe")]


async def send(venue: Venue, *symbols: str) -> None:
    await venue.send(*(Tick(symbol, venue.now_us(), 1.0) for symbol in symbols))


async def subscribed(venue: Venue, links: int = 1) -> None:
    with trio.fail_after(60.0):
        await venue.wait_subscribed(links)


def alltick_of(*codes: str, **options: str) -> AllTick:
    return AllTick(*codes, **{"token": "s3cret", "plan": "basic"} | options)


# ---- refused


async def test_three_bad_of_a_hundred_are_named_and_the_rest_flows_in_the_paced_minimum(
    autojump_clock: MockClock, alltick: AllTickVenue
) -> None:
    """The search takes 27 requests, each 1.05 s after the one before, heartbeats included, and not one more."""
    alltick.bad = BAD
    async with (
        alltick.open_engine(alltick_of(*CODES)) as engine,
        engine.subscribe(capacity=ALL) as ticks,
    ):
        await trio.sleep(60.0)
        last_at, last_codes = alltick.subscriptions[-1]
        beats = sum("22000" in text for at, text in alltick.requests if at <= last_at)
        count = len(alltick.subscriptions)
        assert set(last_codes) == set(GOOD)
        assert last_at == pytest.approx(REQUEST_S * (count - 1 + beats), abs=REQUEST_S)
        assert (count, beats) == (REQUESTS, 2)
        await alltick.push(*CODES)
        await wait_all_tasks_blocked()
        assert {code for code in CODES if engine.latest(code)} == set(GOOD)
        (line,) = engine.statistics().shards[0].lines
        assert set(line.refused) == BAD
        assert line.reconnects == {}
        records = await records_of(engine, ticks)
    assert rejections(records) == dict.fromkeys(BAD, "ret 600: code invalid")
    assert gaps(records) == []
    assert alltick.too_soon == 0


async def test_good_symbols_flow_while_the_bad_ones_are_still_searched_for(
    autojump_clock: MockClock, alltick: AllTickVenue
) -> None:
    """Each half that was accepted brings its prices from then on, and none of them is interrupted again."""
    alltick.bad = BAD
    flowing: list[int] = []
    async with alltick.open_engine(alltick_of(*CODES)) as engine:
        while len(flowing) < 45:
            await trio.sleep(1.0)
            before = alltick.now_us()
            await alltick.push(*CODES)
            await wait_all_tasks_blocked()
            latest = [engine.latest(code) for code in CODES]
            flowing.append(sum(tick is not None and tick.received_us >= before for tick in latest))
    assert flowing == sorted(flowing)
    assert flowing[9] >= 20  # a fifth of them after ten seconds
    assert flowing[-1] == len(GOOD)


async def test_what_is_known_to_be_bad_is_not_asked_for_again_after_a_reconnect(
    autojump_clock: MockClock, alltick: AllTickVenue
) -> None:
    """One request brings all the good ones back, and nobody is told of the bad ones twice."""
    alltick.bad = BAD
    async with alltick.open_engine(alltick_of(*CODES)) as engine, engine.subscribe(capacity=ALL) as ticks:
        await trio.sleep(60.0)
        alltick.subscriptions.clear()
        alltick.drop()
        await trio.sleep(30.0)
        assert [set(codes) for _, codes in alltick.subscriptions] == [set(GOOD)]
        assert set(engine.statistics().shards[0].lines[0].refused) == BAD
        records = await records_of(engine, ticks)
    assert set(rejections(records)) == BAD


async def test_a_cut_in_the_middle_of_the_search_does_not_forget_what_was_found(
    autojump_clock: MockClock, alltick: AllTickVenue
) -> None:
    """Offenders that are known stay known; the rest of the search begins anew, and finds the others."""
    alltick.bad = BAD
    async with alltick.open_engine(alltick_of(*CODES)) as engine, engine.subscribe(capacity=ALL) as ticks:
        await trio.sleep(20.0)
        known = set(engine.statistics().shards[0].lines[0].refused)
        assert 0 < len(known) < 3
        alltick.subscriptions.clear()
        alltick.drop()
        await trio.sleep(60.0)
        assert not any(known & set(codes) for _, codes in alltick.subscriptions)
        assert set(alltick.subscriptions[-1][1]) == set(GOOD)
        assert set(rejections(await records_of(engine, ticks))) == BAD


async def test_a_feed_of_nothing_but_bad_symbols_fails_with_their_names(
    autojump_clock: MockClock, alltick: AllTickVenue
) -> None:
    """Nothing is left to wait for, so the engine says so instead of being silent."""
    alltick.bad = frozenset(CODES)
    with pytest.raises(EngineError, match=r"refuses every symbol: S0\.US, S1\.US.*ret 600: code invalid") as caught:
        async with alltick.open_engine(alltick_of(*CODES[:4])):
            await trio.sleep(60.0)
    cause = caught.value.__cause__
    assert isinstance(cause, ExceptionGroup)
    assert cause.subgroup(SubscriptionError)
    assert len(alltick.attempts) == 1


REFUSAL = '{"answer": "", "verdict": "bad symbols", "reason": "code invalid"}'


async def test_a_refusal_that_comes_twice_gives_no_feed_up(autojump_clock: MockClock, venue: Venue) -> None:
    """A vendor may answer each bad code of one list: what is said besides leads to one more request and no end."""
    async with venue.open_engine("X", "Y") as engine:
        await subscribed(venue)
        await venue.send_raw(REFUSAL, REFUSAL)
        await trio.sleep(10.0)
        (line,) = engine.statistics().shards[0].lines
        assert (engine.statistics().state, line.reconnects, line.refused) == ("running", {}, {})
        assert len(subscriptions(venue)) == 2


async def test_a_symbol_that_is_refused_after_it_was_taken_is_found_on_a_new_connection(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """The list that was in force is not asked for again and again."""
    async with venue.open_engine("X", "Y") as engine:
        await subscribed(venue)
        venue.bad = frozenset({"Y"})
        await venue.send_raw(REFUSAL)
        await trio.sleep(10.0)
        (line,) = engine.statistics().shards[0].lines
        assert (line.reconnects, set(line.refused)) == ({"error": 1}, {"Y"})
        assert venue.subscribed() == ("X",)


async def test_a_hint_that_raises_does_not_keep_the_refusal_secret(
    autojump_clock: MockClock, alltick: AllTickVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The symbol is told all the same, and the engine runs on."""
    alltick.bad = frozenset({"S1.US"})
    feed = alltick_of("S0.US", "S1.US")

    def raises(*_: object) -> str:
        raise KeyError("S1.US")

    monkeypatch.setattr(feed, "hint", raises)
    async with alltick.open_engine(feed) as engine, engine.subscribe() as ticks:
        await trio.sleep(20.0)
        assert engine.statistics().state == "running"
        records = await records_of(engine, ticks)
    assert rejections(records) == {"S1.US": "ret 600: code invalid; the feed's hint() raised KeyError: 'S1.US'"}


async def test_a_shard_of_nothing_but_bad_symbols_does_not_take_the_feed_along(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """The other connection goes on; the one without symbols comes back as soon as it is given one."""
    feed = venue.feed("A", "B", "C", "D", limits=Limits(connections=2, symbols_per_connection=3, connect_s=0.0))
    async with venue.open_engine(feed) as engine:
        first, second = (shard.symbols for shard in engine.statistics().shards)
        venue.bad = frozenset(first)
        await trio.sleep(5.0)
        await send(venue, *first, *second)
        await wait_all_tasks_blocked()
        assert [engine.latest(symbol) is not None for symbol in (*first, *second)] == [False, False, True, True]
        states = [line.state for shard in engine.statistics().shards for line in shard.lines]
        assert states == ["ended", "live"]
        await engine.add_symbols("E")
        await engine.add_symbols("F")
        await subscribed(venue, 2)
        await send(venue, "E", "F")
        await wait_all_tasks_blocked()
        assert engine.latest("E")
        assert engine.latest("F")
        assert len(venue.attempts) == 3
        assert engine.statistics().failed_feeds == {}


async def test_a_symbol_that_was_sent_to_the_wrong_service_is_told_the_right_one(
    autojump_clock: MockClock, alltick: AllTickVenue
) -> None:
    """AllTick calls it an invalid code; the status says where it belongs."""
    alltick.bad = frozenset({"BTCUSDT"})
    feed = alltick_of("700.HK", "BTCUSDT", url="wss://quote.alltick.co/quote-stock-b-ws-api")
    async with alltick.open_engine(feed) as engine, engine.subscribe(capacity=ALL) as ticks:
        await trio.sleep(10.0)
        records = await records_of(engine, ticks)
    words = rejections(records)["BTCUSDT"]
    assert words.startswith("ret 600: code invalid; BTCUSDT belongs to /quote-b-ws-api: leave the path out of url")
    assert len(rejections(records)) == 1


# ---- that come and go


async def test_ten_changes_within_the_pacing_are_one_request(
    autojump_clock: MockClock, alltick: AllTickVenue
) -> None:
    """Whatever changes while a request waits for its turn travels in it."""
    async with alltick.open_engine(alltick_of("A.US", "B.US")) as engine:
        await trio.sleep(0.1)
        for number in range(7):
            await engine.add_symbols(f"N{number}.US")
            await trio.sleep(0.1)
        await engine.remove_symbols("A.US")
        await engine.remove_symbols("N0.US", "N1.US")
        await engine.add_symbols("A.US")
        await trio.sleep(5.0)
    (_, first), (at, second) = alltick.subscriptions
    assert first == ["A.US", "B.US"]
    assert at == REQUEST_S
    assert sorted(second) == ["A.US", "B.US", *(f"N{number}.US" for number in range(2, 7))]
    assert alltick.too_soon == 0


async def test_a_change_during_the_search_is_served_and_spoils_nothing(
    autojump_clock: MockClock, alltick: AllTickVenue
) -> None:
    """A new symbol is asked for next, a removed one no more, and the search finds what it would have found."""
    alltick.bad = BAD | {"NEW-BAD.US"}
    async with alltick.open_engine(alltick_of(*CODES[:90])) as engine, engine.subscribe(capacity=ALL) as ticks:
        await trio.sleep(10.0)
        asked = len(alltick.subscriptions)
        await engine.add_symbols("NEW.US")
        await engine.remove_symbols("S50.US", "S7.US", "S8.US")
        await engine.add_symbols("NEW-BAD.US")
        await trio.sleep(2.2)
        assert "NEW.US" in alltick.subscriptions[asked][1]
        await trio.sleep(60.0)
        assert set(alltick.subscriptions[-1][1]) == (set(CODES[:90]) - BAD) - {"S7.US", "S8.US"} | {"NEW.US"}
        assert set(engine.symbols["alltick"]) >= {"NEW.US", "NEW-BAD.US", "S3.US"}
        told = rejections(await records_of(engine, ticks))
    assert {"S3.US", "S51.US", "NEW-BAD.US"} <= set(told) <= alltick.bad


async def test_a_change_during_a_reconnect_is_in_the_first_request_of_the_next_session(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """Whether it falls into the pause, into the connecting, or before the subscription."""
    config = ConnectionConfig(backoff_first_s=4.0, silent_after_s=600.0, mute_after_s=600.0)
    async with venue.open_engine("A", "B", connection=config) as engine:
        for name, wait_s in (("PAUSE", 1.0), ("CONNECTING", 3.5)):
            await subscribed(venue)
            await trio.sleep(40.0)
            venue.requests.clear()
            with venue.opening_slowly(3.0):
                venue.drop()
                await trio.sleep(wait_s)
                await engine.add_symbols(name)
                await engine.remove_symbols(engine.symbols["venue"][0])
                await subscribed(venue)
            wanted = set(engine.symbols["venue"])
            assert [set(symbols) for _, symbols in subscriptions(venue)] == [wanted]
            await send(venue, name)
            await wait_all_tasks_blocked()
            assert engine.latest(name)
    assert len(venue.attempts) == 3


async def test_gaps_are_of_those_that_were_covered_and_are_still_wanted(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """None for a symbol that was removed, none before the first coverage of one that was added, else exact."""
    config = ConnectionConfig(backoff_first_s=4.0)
    async with venue.open_engine("A", "B", connection=config) as engine, engine.subscribe(capacity=ALL) as ticks:
        await subscribed(venue)
        await trio.sleep(1.0)
        await send(venue, "A", "B")  # 1: both are covered
        await trio.sleep(1.0)
        await engine.remove_symbols("B")
        await trio.sleep(1.0)
        await send(venue, "A")
        await engine.add_symbols("C")
        await trio.sleep(1.0)
        await send(venue, "C")  # 4: C is covered, and so is A
        venue.drop()
        await trio.sleep(1.0)
        await engine.add_symbols("B", "D")
        await subscribed(venue)
        back = trio.current_time()
        await trio.sleep(1.0)
        await send(venue, "A", "B", "C", "D")
        await wait_all_tasks_blocked()
        await engine.remove_symbols("A", "C", "D")
        await trio.sleep(1.0)
        venue.drop()
        await subscribed(venue)
        again = trio.current_time()
        await trio.sleep(1.0)
        await send(venue, "B")
        await trio.sleep(1.0)
        records = await records_of(engine, ticks)
    first = [(symbol, 4.0, back + 1.0, "closed") for symbol in ("A", "C")]
    assert gaps(records)[:2] == first
    ((symbol, start, end, cause),) = gaps(records)[2:]
    assert (symbol, cause, end) == ("B", "closed", again + 1.0)
    assert start >= back + 1.0


async def test_a_refused_symbol_that_was_removed_can_be_added_again(autojump_clock: MockClock, venue: Venue) -> None:
    """The vendor may list it by now: it is asked for once more, also after a reconnect in between."""
    venue.bad = frozenset({"A"})
    async with venue.open_engine("A", "B") as engine:
        await trio.sleep(1.0)
        await engine.remove_symbols("A")
        await trio.sleep(1.0)
        assert engine.statistics().shards[0].lines[0].refused == {}
        venue.drop()
        await trio.sleep(1.0)
        venue.bad = frozenset()
        await engine.add_symbols("A")
        await trio.sleep(1.0)
        await send(venue, "A")
        await wait_all_tasks_blocked()
        assert engine.latest("A")


async def test_what_cannot_be_changed_is_refused_with_the_numbers(autojump_clock: MockClock, venue: Venue) -> None:
    """An unknown symbol, one too many, the last one, an unknown feed; then nothing has changed."""
    feed = venue.feed("A", "B", limits=Limits(connections=2, symbols_per_connection=2, connect_s=0.0))
    async with venue.open_engine(feed) as engine:
        with pytest.raises(ConfigError, match="does not carry 'Z'"):
            await engine.remove_symbols("A", "Z")
        with pytest.raises(ConfigError, match="'C': its 1 connections are full with 2 symbols each"):
            await engine.add_symbols("C")
        with pytest.raises(ConfigError, match="would carry nothing"):
            await engine.remove_symbols("A", "B")
        with pytest.raises(ConfigError, match="no feed 'other'"):
            await engine.add_symbols("C", feed="other")
        assert engine.symbols == {"venue": ("A", "B")}
        await trio.sleep(5.0)
    assert [symbols for _, symbols in subscriptions(venue)] == [["A", "B"]]


async def test_a_feed_that_was_given_up_takes_no_symbols(autojump_clock: MockClock, venue: Venue) -> None:
    """What nobody will ever ask for is not accepted in silence."""
    venue.bad = frozenset({"BAD"})
    feeds = venue.feed("BAD", name="one"), venue.feed("X", name="two")
    async with venue.open_engine(*feeds) as engine:
        await trio.sleep(10.0)
        assert set(engine.statistics().failed_feeds) == {"one"}
        with pytest.raises(ConfigError, match="feed one was given up: the vendor refuses every symbol: BAD"):
            await engine.add_symbols("Y", feed="one")
        await engine.add_symbols("Y", feed="two")


async def test_of_two_symbols_of_which_one_has_no_room_neither_is_added(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """A change is whole or not at all."""
    feed = venue.feed("A", "B", limits=Limits(symbols_per_connection=3, connect_s=0.0))
    async with venue.open_engine(feed) as engine:
        with pytest.raises(ConfigError, match="full with 3"):
            await engine.add_symbols("C", "D")
        assert engine.symbols == {"venue": ("A", "B")}


@pytest.mark.parametrize("given", [["X"], 700, ""])
async def test_symbols_are_texts_one_by_one(autojump_clock: MockClock, venue: Venue, given: Any) -> None:
    """A list of them is one mistake that everybody makes."""
    async with venue.open_engine("X") as engine:
        for change in (engine.add_symbols, engine.remove_symbols):
            with pytest.raises(ConfigError, match="is no symbol; give texts one by one, such as"):
                await change(given)
        with pytest.raises(ConfigError, match="is no symbol; give texts one by one"):
            async with engine.subscribe(given):
                """Never reached."""
        with pytest.raises(ConfigError, match="is no symbol; give texts one by one"):
            engine.latest(given)
