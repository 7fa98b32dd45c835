"""What pages are told of a running engine, and what they cost it: one consumer, however many they are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_ticks import Engine, Strategy, Tick, Ticks
from trio_ticks.app.http.collector import EVENTS, TURN_S, Collector
from trio_ticks.app.http.exchange import Answer, Ask, Flow, Reply
from trio_ticks.app.http.site import PAGES, Site
from trio_ticks.app.http.trace import FINE, MOST
from trio_ticks.config import HttpConfig
from trio_ticks.errors import AuthenticationError
from trio_ticks.testing.venue import Venue
from trio_ticks.testing.venue_link import MemoryLink

CHOSEN = "venue/X"
SECOND_S = 1.0


@attrs.define
class Page:
    """A page that reads, or does not.

    Attributes:
        reads: Whether it takes what is sent to it.
        heard: Every event, by its name.
    """

    reads: bool = True
    heard: list[tuple[str, dict[str, Any]]] = attrs.field(factory=list)
    pieces: int = 0
    resumed: trio.Event = attrs.field(factory=trio.Event)

    async def take(self, piece: bytes) -> None:
        self.pieces += 1
        await trio.lowlevel.checkpoint()
        if not self.reads:
            await self.resumed.wait()
        for event in piece.decode().split("\n\n"):
            if event.startswith("event: "):
                name, _, data = event.removeprefix("event: ").partition("\ndata: ")
                self.heard.append((name, json.loads(data)))

    def of(self, name: str) -> list[dict[str, Any]]:
        return [data for heard, data in self.heard if heard == name]

    @property
    def prices(self) -> list[float]:
        """Return the chart: what it draws after all resets."""
        prices: list[float] = []
        for news in self.of("ticks"):
            prices = news["p"] if news.get("reset") else prices + news["p"]
        return prices


@attrs.define
class Served:
    """A served engine."""

    engine: Engine
    collector: Collector
    site: Site
    nursery: trio.Nursery

    def open(self, page: Page, symbol: str = CHOSEN) -> None:
        """Open a page."""
        flow = self.site.answer(Ask(method="GET", path="/stream", query=f"symbol={symbol}", headers=HOST))
        assert isinstance(flow, Flow)
        self.nursery.start_soon(flow.run, page.take)

    def get(self, path: str) -> Reply:
        answer = self.site.answer(Ask(method="GET", path=path, headers=HOST))
        assert isinstance(answer, Reply)
        return answer

    def status(self) -> Any:
        return json.loads(self.get("/status").body)


HOST = {"host": "localhost"}


@asynccontextmanager
async def served(venue: Venue, *symbols: str, **options: Any) -> AsyncIterator[Served]:
    """Run an engine with its site, and cut the pages off at the end."""
    async with venue.open_engine(*symbols, **options) as engine:
        collector = Collector(engine)
        with engine.watched_by(collector):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(collector.run)
                await venue.wait_subscribed()
                yield Served(engine, collector, Site(engine, collector, HttpConfig()), nursery)
                nursery.cancel_scope.cancel()


async def turn() -> None:
    """Let the collector take a turn, and the pages what it brings."""
    await trio.sleep(TURN_S)
    await wait_all_tasks_blocked()


async def trade(venue: Venue, *prices: float, symbol: str = "X") -> None:
    """Let a symbol trade at these prices, a millisecond apart."""
    now_us = venue.now_us()
    await venue.send(*(Tick(symbol, now_us + number, price) for number, price in enumerate(prices)))
    await wait_all_tasks_blocked()


async def test_a_page_gets_what_was_and_then_what_comes(autojump_clock: MockClock, venue: Venue) -> None:
    """The first news are the recent past, marked as such; what follows joins on without a hole or a repeat."""
    async with served(venue, "X", "Y") as stage:
        await trade(venue, 1.0)
        await turn()
        page = Page()
        stage.open(page)
        await turn()
        for price in (2.0, 3.0, 4.0):
            await trade(venue, price, price + 0.5)
            await trade(venue, 99.0, symbol="Y")
            await turn()
        assert page.prices == [1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5]
        assert [news.get("reset", False) for news in page.of("ticks")] == [True, False, False, False]
        assert {(news["feed"], news["symbol"]) for news in page.of("ticks")} == {("venue", "X")}


async def test_a_price_that_came_before_anybody_looked_is_on_the_chart(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """Though no turn has been taken since, and nothing comes behind it."""
    async with served(venue, "X") as stage:
        await trade(venue, 1.0)
        page = Page()
        stage.open(page)
        await wait_all_tasks_blocked()
        assert page.prices == [1.0]
        await trio.sleep(10 * SECOND_S)
        assert page.prices == [1.0]


async def test_the_state_comes_once_a_second(autojump_clock: MockClock, venue: Venue) -> None:
    """And at once when a page is opened; it is what /status says."""
    async with served(venue, "X", "Y") as stage:
        page = Page()
        stage.open(page, "")
        await wait_all_tasks_blocked()
        assert len(page.of("state")) == 1
        await trade(venue, 7.25)
        await trio.sleep(10 * SECOND_S)
        assert 10 <= len(page.of("state")) <= 11
        assert page.of("ticks") == []
        rows = {row["symbol"]: row for row in page.of("state")[-1]["symbols"]}
        assert (rows["X"]["price_text"], rows["X"]["ticks"], rows["Y"]["price_text"]) == ("7.25", 1, None)
        assert page.of("state")[-1].keys() == stage.status().keys()


async def test_a_page_is_told_what_happened_and_when_it_is_marked_on_the_chart(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """A lost connection is an event and a gap of the chart; a decision is an event and a mark."""

    async def decide(ticks: Ticks) -> None:
        async for tick in ticks:
            await ticks.signal("buy", tick.symbol, limit=tick.price)

    async with served(venue, "X", strategies=[Strategy(decide)]) as stage:
        page = Page()
        stage.open(page)
        await trade(venue, 1.0)
        venue.drop()
        await venue.wait_subscribed()
        await trade(venue, 2.0)
        await turn()
        await turn()
        late = Page()
        stage.open(late)
        await wait_all_tasks_blocked()
    for each in (page, late):
        gaps = [gap for news in each.of("ticks") for gap in news["gaps"]]
        signals = [signal for news in each.of("ticks") for signal in news["signals"]]
        assert [cause for _, _, cause in gaps] == ["closed"]
        assert [(signal["name"], signal["fields"]) for signal in signals] == [
            ("buy", {"limit": 1.0}),
            ("buy", {"limit": 2.0}),
        ]
        kinds = [event["kind"] for event in each.of("event")]
        assert kinds.count("gap") == 1
        assert kinds.count("signal") == 2
        assert "status" in kinds


async def test_a_slow_page_skips_and_then_sees_the_present(autojump_clock: MockClock, venue: Venue) -> None:
    """Nothing waits for it and nothing is put aside for it; the others and the strategy see everything meanwhile."""
    seen: list[float] = []

    async def read(ticks: Ticks) -> None:
        seen.extend([tick.price async for tick in ticks])

    async with served(venue, "X", strategies=[Strategy(read)]) as stage:
        slow, quick = Page(), Page()
        for page in (slow, quick):
            stage.open(page)
        await trade(venue, -1.0)
        venue.drop()
        await venue.wait_subscribed()
        await turn()
        slow.reads, before = False, slow.pieces
        prices = [float(number) for number in range(3 * FINE)]
        for number in range(0, len(prices), 4):
            await trade(venue, *prices[number : number + 4])
            await turn()
        assert slow.pieces == before + 1
        assert quick.prices == [-1.0, *prices]
        slow.reads = True
        slow.resumed.set()
        await turn()
        await turn()
        assert slow.pieces <= before + 4
        anew = slow.of("ticks")[-1]
        assert (anew["reset"], [cause for *_, cause in anew["gaps"]]) == (True, ["closed"])
        assert slow.prices[-FINE:] == prices[-FINE:]
        assert len(slow.prices) <= MOST
    assert seen == [-1.0, *prices]


async def test_what_is_kept_for_pages_is_bounded(autojump_clock: MockClock, venue: Venue) -> None:
    """However busy and troubled: events and points do not grow, and of unknown symbols nothing is left."""
    async with served(venue, "X") as stage:
        for number in range(3):
            stage.open(Page(reads=False), f"nobody/knows{number}")
        for _ in range(EVENTS):
            await trade(venue, *map(float, range(50)))
            venue.drop()
            await venue.wait_subscribed()
            await turn()
        collector = stage.collector
        assert len(collector.events) == EVENTS
        assert collector.happened > 2 * EVENTS
        assert len(collector._traces) == 4
        assert len(collector._traces["venue", "X"]) == EVENTS  # nobody looks at it: one point a turn
        stage.nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await wait_all_tasks_blocked()
        assert set(collector._traces) == {("venue", "X")}


async def test_no_more_pages_than_there_is_room_for(autojump_clock: MockClock, venue: Venue) -> None:
    """The next one is told to come back; it finds room once another has gone."""
    async with served(venue, "X") as stage, trio.open_nursery() as pages:
        everyday = stage.nursery
        stage.nursery = pages
        for _ in range(PAGES):
            stage.open(Page())
        await wait_all_tasks_blocked()
        assert stage.get("/stream").status == 503
        pages.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await turn()
        stage.nursery = everyday
        stage.open(Page())


async def test_the_collector_is_a_consumer_like_any_other(autojump_clock: MockClock, venue: Venue) -> None:
    """It is in the ledger, which balances, and what it counts by symbol is what there was."""
    async with served(venue, "X", "Y") as stage:
        await trade(venue, 1.0, 2.0)
        await trade(venue, 3.0, symbol="Y")
        statistics = stage.engine.statistics()
        assert statistics.ledger.imbalances() == []
        assert statistics.ledger.consumers[Collector.name].delivered == 3
        assert [(row["symbol"], row["ticks"]) for row in stage.collector.symbols()] == [("X", 2), ("Y", 1)]


async def test_a_rate_comes_to_what_is_so(autojump_clock: MockClock, venue: Venue) -> None:
    """Of a symbol that ticks evenly, within some seconds; and back to nothing."""
    async with served(venue, "X") as stage:
        for _ in range(120):
            await trade(venue, 1.0, 2.0)
            await turn()
        assert stage.collector.symbols()[0]["rate_per_s"] == pytest.approx(8.0, rel=0.05)
        await trio.sleep(60 * SECOND_S)
        assert stage.collector.symbols()[0]["rate_per_s"] == 0.0


async def test_a_loop_that_is_held_up_is_told(autojump_clock: MockClock, venue: Venue) -> None:
    """For so long nothing ran; after a quarter of a minute it is forgotten."""
    async with served(venue, "X") as stage:
        await trio.sleep(TURN_S * 1.5)
        assert stage.collector.loop_lag_s < 0.001
        turns = stage.collector.turns
        autojump_clock.jump(3.0)  # as a computation of three seconds would
        await turn()
        assert stage.collector.turns <= turns + 3  # those that were missed are not made up for
        assert stage.collector.loop_lag_s == pytest.approx(3.0, abs=TURN_S)
        assert stage.status()["loop_lag_s"] > 2.0
        await trio.sleep(20 * SECOND_S)
        assert stage.collector.loop_lag_s < 0.001


def not_ready(why: str) -> Callable[[Answer], bool]:
    return lambda reply: isinstance(reply, Reply) and reply.status == 503 and why in reply.body.decode()


async def test_ready_is_who_can_have_ticks(autojump_clock: MockClock, venue: Venue) -> None:
    """While a connection is open; otherwise one line says why not."""
    async with served(venue, "X") as stage:
        assert stage.get("/readyz").body == b"ready\n"
        with venue.refusing():
            venue.drop()
            await trio.sleep(5.0)
            assert not_ready("no connection is open; ")(stage.get("/readyz"))
            assert stage.get("/healthz").body == b"ok\n"
        await venue.wait_subscribed()
        assert stage.get("/readyz").status == 200
        stage.engine.stop()
        assert not_ready("the engine is stopping")(stage.get("/readyz"))
        await stage.engine.wait_stopped()
        assert not_ready("the engine is stopped")(stage.get("/readyz"))


def test_nothing_but_the_table_of_paths_is_served() -> None:
    """However a path is written, it leads to no file that is not the page's."""
    site = Site.__new__(Site)
    site._config, site._paths = HttpConfig(), {"/": lambda _: Reply(200, b"page")}
    for path in ("/..", "/assets/../../__init__.py", "/assets/%2e%2e/site.py", "//etc/passwd", "/assets//etc/passwd",
                 "/assets/..\\site.py", "", "*", "http://localhost/", "/assets/\x00", "/./"):  # fmt: skip
        answer = site.answer(Ask(method="GET", path=path, headers=HOST))
        assert isinstance(answer, Reply)
        assert answer.status == 404


async def test_a_feed_that_was_given_up_is_not_ready(autojump_clock: MockClock, venue: Venue) -> None:
    """Though another lives: somebody has to look."""
    other = Venue()
    feeds = [venue.feed("X"), other.feed("Y", name="other")]

    def open_link(url: str, **options: Any) -> AbstractAsyncContextManager[MemoryLink]:
        return (other if "other" in url else venue).open_link(url, **options)

    with other.refusing(AuthenticationError("the token is not accepted")):
        async with venue.open_engine(*feeds, open_link=open_link) as engine:
            await venue.wait_subscribed()
            site = Site(engine, Collector(engine), HttpConfig())
            reply = site.answer(Ask(method="GET", path="/readyz", headers=HOST))
            assert not_ready("feed other was given up: the token is not accepted")(reply)
