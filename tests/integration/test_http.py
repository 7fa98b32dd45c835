"""The dashboard's server on real sockets, beside a running engine."""

from __future__ import annotations

import json
import logging
import socket
from pathlib import Path

import pytest
import trio

from tests.support.http import asked, get
from tests.support.sockets import needs_ipv6
from trio_ticks import Strategy, Tick, Ticks
from trio_ticks.app import http
from trio_ticks.app.http import address_of, close_all, listen, listen_as_wished, open_http
from trio_ticks.app.http.assets import load_assets
from trio_ticks.app.running import served
from trio_ticks.config import EngineConfig, FeedConfig, HttpConfig
from trio_ticks.errors import ConfigError
from trio_ticks.testing.venue import Venue

GUARD_S = 120.0
ANY = HttpConfig(bind="127.0.0.1:0")
SLOW_PAGES = 10


@pytest.fixture
def venue() -> Venue:
    return Venue()


async def test_a_stream_over_a_socket(venue: Venue) -> None:
    """A page that connects hears of a price, and of the state; when the engine's block ends, it is cut off."""
    listeners = await listen(ANY)
    url = address_of(listeners)
    received = b""
    with trio.fail_after(GUARD_S):
        async with trio.open_nursery() as nursery:
            async with venue.open_engine("X") as engine, open_http(engine, ANY, listeners):
                await venue.wait_subscribed()
                await venue.send(Tick("X", venue.now_us(), 7.5))
                async with asked(f"{url}stream?symbol=venue/X") as page:
                    while b'"p":[7.5]' not in received or b"event: state" not in received:
                        received += await page.receive_some()
                stays = await nursery.start(_stay, f"{url}stream")
            await stays.wait()
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")


async def _stay(url: str, task_status: trio.TaskStatus[trio.Event]) -> None:
    over = trio.Event()
    async with asked(url) as page:
        await page.receive_some(1)
        task_status.started(over)
        async for _ in page:
            pass
    over.set()


async def test_pages_that_do_not_read_hold_up_nobody(venue: Venue) -> None:
    """Their sockets are full; the strategy gets every tick, and others are answered."""
    seen: list[float] = []

    async def read(ticks: Ticks) -> None:
        async for tick in ticks:
            seen.append(tick.price)
            if len(seen) == 1_000:
                over.set()

    over = trio.Event()
    listeners = await listen(ANY)
    url = address_of(listeners)
    with trio.fail_after(GUARD_S):
        async with (
            venue.open_engine("X", strategies=[Strategy(read)]) as engine,
            open_http(engine, ANY, listeners),
            trio.open_nursery() as pages,
        ):
            await venue.wait_subscribed()
            for _ in range(SLOW_PAGES):
                await pages.start(_stare, f"{url}stream?symbol=venue/X")
            for price in range(1_000):
                await venue.send(Tick("X", venue.now_us(), float(price)))
            await over.wait()
            status, _, body = await get(f"{url}status")
            pages.cancel_scope.cancel()
    assert status == 200
    assert json.loads(body)["ledger"]["consumers"]["read"]["delivered"] == 1_000
    assert seen == [float(price) for price in range(1_000)]


async def _stare(url: str, task_status: trio.TaskStatus[None]) -> None:
    async with asked(url):
        task_status.started()
        await trio.sleep_forever()


async def test_a_taken_port_is_one_line_that_says_what_to_do() -> None:
    """It names the port, and two ways out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"port {port} is taken.*--http 127\.0\.0\.1:{port + 1}.*--http off"):
            await listen(HttpConfig(bind=f"127.0.0.1:{port}"))


async def test_an_address_of_another_machine_is_one_line() -> None:
    """TEST-NET-1 is nobody's."""
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1:0.*accepted is an address of this machine"):
        await listen(HttpConfig(bind="192.0.2.1:0", password="open sesame"))


async def test_a_dashboard_that_nobody_asked_for_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where its port is taken, a recorder records all the same, and says so; asked for, it is an error."""

    async def refuse(config: HttpConfig) -> list[trio.SocketListener]:
        await trio.lowlevel.checkpoint()
        raise ConfigError("port 8750 is taken")

    monkeypatch.setattr(http, "listen", refuse)
    assert await listen_as_wished(None) == []
    assert [(each.levelno, each.getMessage()) for each in caplog.records if each.name == "trio_ticks.http"] == [
        (logging.WARNING, "there is no dashboard: port 8750 is taken")
    ]
    with pytest.raises(ConfigError, match="port 8750 is taken"):
        await listen_as_wished(HttpConfig())


async def test_off_is_off(venue: Venue) -> None:
    """No socket, no consumer; the engine is as it would be without."""
    listeners = await listen(HttpConfig(bind="off"))
    assert listeners == []
    async with venue.open_engine("X") as engine, open_http(engine, HttpConfig(bind="off"), listeners):
        assert engine.statistics().ledger.consumers == {}


def test_the_command_line_wins_over_the_file() -> None:
    """In where it is served; not in whether a password is asked for, which has to be in the file."""
    config = EngineConfig(feeds={"coinbase": FeedConfig(symbols=("BTC-USD",))})
    closed = EngineConfig(feeds=config.feeds, http=HttpConfig(password="open sesame"))
    assert served(config, None) is config
    assert served(config, "127.0.0.1:9").http == HttpConfig(bind="127.0.0.1:9")
    assert served(closed, "0.0.0.0:9").http == HttpConfig(bind="0.0.0.0:9", password="open sesame")
    with pytest.raises(ConfigError, match=r"--http: bind = '0\.0.0.0:9': others than this machine"):
        served(config, "0.0.0.0:9")
    with pytest.raises(ConfigError, match="--http: bind = 'no': must be host:port"):
        served(config, "no")


async def test_an_engine_of_ones_own_is_served_by_one_word(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no listeners are given, they are opened."""
    opened: list[trio.SocketListener] = []

    async def note(config: HttpConfig) -> list[trio.SocketListener]:
        opened.extend(await listen(config))
        return opened

    monkeypatch.setattr(http, "listen", note)
    async with venue.open_engine("X") as engine, open_http(engine, ANY):
        assert (await get(f"{address_of(opened)}healthz"))[0] == 200


async def test_the_error_of_the_block_comes_out_bare(venue: Venue) -> None:
    """Not in a group; and nothing listens any more."""
    listeners = await listen(ANY)
    with pytest.raises(ValueError, match="mine"):
        async with venue.open_engine("X") as engine, open_http(engine, ANY, listeners):
            raise ValueError("mine")
    assert listeners[0].socket.fileno() == -1
    close_all(listeners)


@needs_ipv6
async def test_the_other_loopback(venue: Venue) -> None:
    """An IPv6 address stands in brackets, in the configuration and in the URL."""
    config = HttpConfig(bind="[::1]:0")
    listeners = await listen(config)
    async with venue.open_engine("X") as engine, open_http(engine, config, listeners):
        status, _, body = await get(f"{address_of(listeners)}healthz")
    assert (status, body) == (200, b"ok\n")


def test_the_files_of_a_page_are_served_by_their_names(tmp_path: Path) -> None:
    """The index as /, all others under /assets/, each with its kind; where there is none, a plain page."""
    (tmp_path / "vendor").mkdir()
    (tmp_path / "index.html").write_text("<p>hello")
    (tmp_path / "vendor" / "x.js").write_text("1")
    assets = load_assets(tmp_path)
    assert {path: asset.kind.partition(";")[0] for path, asset in assets.items()} == {
        "/": "text/html",
        "/assets/vendor/x.js": "text/javascript",
    }
    assert assets["/"].body == b"<p>hello"
    assert b"/metrics" in load_assets(tmp_path / "nowhere")["/"].body
