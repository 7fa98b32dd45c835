"""The demo's opponent does what the blog's recipe does, no better and no worse."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio
import trio.testing

from trio_ticks.app.recipe import RECONNECT_S, Recipe
from trio_ticks.runtime.transport import Link, LinkClosed, Wakeup

URL = "ws://blog.example/ws/stock"


class Blog:
    """A server in memory: the messages of each session, after which the connection breaks."""

    def __init__(self, *sessions: list[dict[str, Any]]) -> None:
        self.sessions = list(sessions)
        self.opened: list[float] = []
        self.sent: list[str] = []

    @asynccontextmanager
    async def open_link(self, url: str, **_: Any) -> AsyncIterator[Link]:
        assert url == URL
        self.opened.append(trio.current_time())
        # A nursery, as the real one has it: what breaks the block comes out in a group.
        async with trio.open_nursery():
            yield BlogLink(self, self.sessions.pop(0)) if self.sessions else BlogLink(self, None)


class BlogLink:
    def __init__(self, blog: Blog, messages: list[dict[str, Any]] | None) -> None:
        self._blog = blog
        self._messages = messages

    async def send(self, text: str) -> None:
        self._blog.sent.append(text)
        await trio.lowlevel.checkpoint()

    async def receive(self) -> Wakeup:
        await trio.lowlevel.checkpoint()
        if self._messages is None:
            await trio.sleep_forever()
        elif self._messages:
            return Wakeup([json.dumps(self._messages.pop(0))], 0)
        raise LinkClosed("the connection was cut")


def price(symbol: str, time: int) -> dict[str, Any]:
    return {"symbol": symbol, "price": "1.0", "time": time}


async def run(blog: Blog, told: list[str]) -> Recipe:
    """Run the recipe until nothing more happens."""
    recipe = Recipe(url=URL, symbols=["A", "B"], tell=told.append, open_link=blog.open_link)
    with trio.move_on_after(RECONNECT_S * 10):
        await recipe.run()
    return recipe


async def test_it_drops_what_has_a_stamp_it_has_seen(autojump_clock: trio.testing.MockClock) -> None:
    """By (symbol, timestamp): a second trade of the same millisecond is thrown away, one of another symbol is not."""
    recipe = await run(Blog([price("A", 1), price("A", 1), price("B", 1), price("A", 2)]), [])
    assert (recipe.received, recipe.delivered, recipe.thrown_away) == (4, 3, 1)


async def test_it_reconnects_after_its_pause_and_tells_nobody_of_a_gap(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """And subscribes again with the same list."""
    told: list[str] = []
    blog = Blog([price("A", 1)], [price("A", 2)])
    recipe = await run(blog, told)
    assert blog.opened == [0.0, RECONNECT_S, 2 * RECONNECT_S]
    assert blog.sent == ['{"action": "subscribe", "symbols": ["A", "B"]}'] * 3
    assert (recipe.delivered, recipe.sessions, recipe.state) == (2, 3, "connected")
    assert len(told) == 4


async def test_it_has_no_watchdog(autojump_clock: trio.testing.MockClock) -> None:
    """A connection that brings nothing is waited on for ever."""
    blog = Blog()
    await run(blog, [])
    assert len(blog.opened) == 1
