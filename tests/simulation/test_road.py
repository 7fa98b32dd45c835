"""From the configuration to the transport: each line gets the road of its feed, and a bad road never starts."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.support.certificates import Authority
from trio_ticks import Coinbase, EngineConfig, open_engine
from trio_ticks.config import ConnectionConfig, FeedConfig, Secret
from trio_ticks.errors import ConfigError
from trio_ticks.runtime import engine
from trio_ticks.runtime.endpoint import parse_url
from trio_ticks.runtime.road import Road
from trio_ticks.runtime.transport import Link
from trio_ticks.testing.venue import Venue


class Overheard:
    """A venue's transport that keeps the roads it was given, by URL."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.roads: dict[str, Road] = {}

    def open_link(self, url: str, *, road: Road | None = None, **options: Any) -> AbstractAsyncContextManager[Link]:
        assert road is not None
        self.roads[url] = road
        return self._venue.open_link(url, **options)


def way(road: Road) -> tuple[str, int]:
    """Return a road's proxy in words, and how many authorities are trusted on it."""
    return str(road.proxy_towards(parse_url("wss://a.example/"))), road.tls.cert_store_stats()["x509"]


async def test_settings_in_code_reach_the_lines(venue: Venue, autojump_clock: trio.abc.Clock, tmp_path: Path) -> None:
    """Proxy and authorities of ``connection`` are those that the transport is given."""
    connection = ConnectionConfig(proxy=Secret("http://p.example:3128"), ca_file=Authority().write(tmp_path))
    overheard = Overheard(venue)
    async with open_engine(venue.feed("X"), connection=connection, open_link=overheard.open_link):
        await venue.wait_subscribed()
    assert [way(road) for road in overheard.roads.values()] == [("http://p.example:3128", 1)]


async def test_each_feed_has_its_own_road(venue: Venue, autojump_clock: trio.abc.Clock, tmp_path: Path) -> None:
    """What one table says, another does not get."""
    overheard = Overheard(venue)
    ca_file = Authority().write(tmp_path)
    symbols = ("BTC-USD",)
    config = EngineConfig(
        feeds={
            "one": FeedConfig(
                kind="coinbase", symbols=symbols, url="wss://one.example", proxy=Secret("p.example"), ca_file=ca_file
            ),
            "two": FeedConfig(kind="coinbase", symbols=symbols, url="wss://two.example", proxy=Secret("")),
        }
    )
    async with open_engine(config, open_link=overheard.open_link):
        await trio.sleep(1)
    ways = {url.partition(".")[0]: way(road) for url, road in overheard.roads.items()}
    assert ways.pop("wss://one") == ("http://p.example:80", 1)
    assert ways["wss://two"] == ("None", Road().tls.cert_store_stats()["x509"])


async def refusal(*sources: Any, **options: Any) -> str:
    """Return why an engine cannot start."""
    with pytest.raises(ConfigError) as caught:
        async with open_engine(*sources, **options):
            pass
    return str(caught.value)


async def test_a_missing_file_is_found_before_anything_starts(autojump_clock: trio.abc.Clock) -> None:
    """The refusal names the feed's table, or the argument, then the key and the path."""
    words = "ca_file = '/none.pem': cannot be read: No such file or directory"
    written = FeedConfig(kind="coinbase", symbols=("BTC-USD",), ca_file="/none.pem")
    assert await refusal(EngineConfig(feeds={"mine": written})) == f"feeds.mine.{words}"
    given = ConnectionConfig(ca_file="/none.pem")
    assert await refusal(Coinbase("BTC-USD"), connection=given) == f"connection.{words}"


async def test_a_bad_proxy_of_the_environment_is_found_before_anything_starts(
    venue: Venue, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused where it would be used, without its password; a feed that wants no proxy starts."""
    monkeypatch.setenv("https_proxy", "socks5://u:s3cret@p.example")
    words = await refusal(Coinbase("BTC-USD"))
    assert words.startswith("https_proxy in the environment: socks5 proxies are not supported")
    assert "s3cret" not in words
    async with open_engine(venue.feed("X"), connection=ConnectionConfig(proxy=Secret("")), open_link=venue.open_link):
        await venue.wait_subscribed()


async def test_each_feed_has_the_transport_that_its_table_names(
    venue: Venue, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two feeds of one engine may go different ways; what is not said is batched."""
    named: list[str] = []

    def opener(name: str) -> Any:
        named.append(name)
        return venue.open_link

    monkeypatch.setattr(engine, "opener", opener)
    feeds = {
        "one": FeedConfig(kind="coinbase", symbols=("X",), transport="trio-websocket"),
        "two": FeedConfig(kind="coinbase", symbols=("X",)),
    }
    async with open_engine(EngineConfig(feeds=feeds)):
        assert named == ["trio-websocket", "batched"]
