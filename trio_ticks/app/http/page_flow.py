"""The live stream of one page: Server-Sent Events, pulled at the page's own pace.

There is no queue for a page. After each turn it takes from the collector what it has not seen, and while it cannot
send, it takes nothing: a slow page skips turns, and then gets the present. Where it has skipped too much of a chart,
it gets the chart anew.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import msgspec

from trio_ticks.app.http.collector import TURNS_A_SECOND, Collector, Key
from trio_ticks.app.http.exchange import Send
from trio_ticks.app.http.trace import Trace
from trio_ticks.model import Signal

RETRY = b"retry: 2000\n\n"
"""After how many milliseconds a page that was cut off comes back."""


async def run_page(collector: Collector, state: Callable[[], bytes], symbol: str, send: Send) -> None:
    """Send to one page until it is gone, or cancelled.

    Args:
        collector: Where the news are.
        state: Returns the status as JSON.
        symbol: ``FEED/SYMBOL``; "": the page has not chosen one.
        send: Sends a piece; it raises once the page is gone.
    """
    feed, _, name = symbol.partition("/")
    key = (feed, name)
    with collector.looking_at(key) if name else nullcontext() as trace:
        page = _Page(collector, key, trace)
        await send(RETRY)
        while True:
            news = page.ticks() + page.events()
            if page.is_state_due():
                news += event("state", state())
            if news:
                await send(news)
            await collector.wait_turn()


def event(name: str, data: bytes) -> bytes:
    """Return one event. JSON has no line breaks of its own."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)


class _Page:
    def __init__(self, collector: Collector, key: Key, trace: Trace | None) -> None:
        self._collector = collector
        self._key = key
        self._trace = trace
        self._told: int | None = None
        self._marked = 0
        self._seen = 0
        self._second = -1

    def ticks(self) -> bytes:
        """Return the news of the chosen symbol."""
        if self._trace is None:
            return b""
        points = self._trace.since(self._told)
        if points.reset:
            self._marked = 0  # the chart is drawn anew, and what is marked on it as well
        news: dict[str, Any] = {"gaps": self._gaps(), "signals": self._signals()}
        is_first, self._told, self._marked = self._told is None, self._trace.told, self._collector.happened
        if not (is_first or points.times_us or any(news.values())):
            return b""
        head = {"feed": self._key[0], "symbol": self._key[1], "t": points.times_us, "p": points.prices}
        reset = {"reset": True} if points.reset else {}
        return event("ticks", msgspec.json.encode({**head, **news, **reset}))

    def events(self) -> bytes:
        """Return what has happened."""
        fresh = [each for each in self._collector.events if each.number > self._seen]
        self._seen = self._collector.happened
        return b"".join(event("event", msgspec.json.encode(each.as_dict())) for each in fresh)

    def is_state_due(self) -> bool:
        """Whether this is the first turn of another second."""
        second = self._collector.turns // TURNS_A_SECOND
        is_due, self._second = second != self._second, second
        return is_due

    def _gaps(self) -> list[tuple[int, int, str]]:
        fresh = self._collector.gaps(self._key, self._marked)
        return [(gap.start_us, gap.end_us, gap.cause) for gap in fresh]

    def _signals(self) -> list[dict[str, Any]]:
        fresh = (signal for number, signal in self._collector.signals if number > self._marked)
        return [_fields(signal) for signal in fresh if signal.symbol == self._key[1]]


def _fields(signal: Signal) -> dict[str, Any]:
    return {
        "time_us": signal.time_us,
        "name": signal.name,
        "strategy": signal.strategy,
        "fields": dict(signal.fields),
    }
