"""AllTick in memory: its two services at the transport seam, for the real feed, with every fault of a network.

What a link shows is text as AllTick's API documentation has it. Faults last until an instant of the simulated clock,
so that any of them may overlap, and none has to be taken back by whoever began it.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import trio

from trio_ticks.errors import ConnectError
from trio_ticks.runtime.clock import NowUs
from trio_ticks.testing.world.link import MemoryLink
from trio_ticks.testing.world.market import Trade
from trio_ticks.testing.world.plan import Plan
from trio_ticks.testing.world.trace import Trace

HEARTBEAT_S = 30.0
"""AllTick hangs up so long after the last heartbeat."""

TAKES_S = 1.0
"""A subscription takes effect, and is answered, so much later at most."""

REMEMBERED = 50
"""Trades of a symbol that a greeting can be taken from."""

_HEARTBEAT = 22000
_OK, _TOO_FAST = 200, 606
_UNUSABLE = '{"cmd_id":22998,"data":{"code":"AAPL.US"}}'
_JUNK = ("junk", "{", "[]", '{"cmd_id":1,"data":{}}', _UNUSABLE)


class Faults:
    """Until when each fault lasts, on Trio's clock."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def last(self, name: str, seconds: float) -> None:
        """Let a fault last so long from now on, or longer where it does already."""
        self._until[name] = max(self._until.get(name, -math.inf), trio.current_time() + seconds)

    def holds(self, name: str) -> bool:
        """Tell whether a fault holds now."""
        return trio.current_time() < self._until.get(name, -math.inf)

    def cease(self) -> None:
        """End all faults."""
        self._until.clear()


class Vendor:
    """Both services. `open_link` and `fetch` take the transport's place."""

    def __init__(self, plan: Plan, trace: Trace, now_us: NowUs, is_dead: Callable[[], bool]) -> None:
        self.faults = Faults()
        self.trades: list[Trade] = []
        self.unusable: list[int] = []  # by which link each trade came that is none
        self._plan = plan
        self._trace = trace
        self._now_us = now_us
        self._is_dead = is_dead
        self._dice = plan.dice("vendor")
        self._links: list[MemoryLink] = []
        self.opened = 0
        self._highs: dict[str, int] = {}
        self._recent: dict[str, deque[Trade]] = {}

    @property
    def links(self) -> tuple[MemoryLink, ...]:
        """Those that are open."""
        return tuple(self._links)

    def publish(self, trades: Iterable[Trade]) -> None:
        """Show trades to every link that has subscribed to them; each has its own lag, and its own holes."""
        for trade in trades:
            self.trades.append(trade)
            self._recent.setdefault(trade.symbol, deque(maxlen=REMEMBERED)).append(trade)
            for link in self.links:
                if trade.symbol not in link.symbols or link.is_lost or trio.current_time() < link.shows_from:
                    continue
                if self.faults.holds("mute") or link.is_mute or self._dice.random() < self._plan.holes:
                    trade.swallowed = True
                else:
                    link.put(trade.text(), self._lag_s(), trade)
        for link in self.links:
            link.check_health(HEARTBEAT_S)

    def spill(self, count: int) -> None:
        """Send something that nobody can read, bit by bit, but on its way for no longer than a trade may be."""
        for link in self.links:
            for number in range(count):
                link.put(self._dice.choice(_JUNK), min(number / 9, self._plan.lag_s))

    def cut(self, links: Iterable[MemoryLink]) -> None:
        """Cut links; half the time what is on its way still arrives."""
        for link in links:
            link.cut("the connection was cut", arrives=self._dice.random() < 0.5)  # noqa: PLR2004 - a coin

    def some(self, count: int) -> list[MemoryLink]:
        """Return some of the links."""
        return self._dice.sample(self._links, min(count, len(self._links)))

    async def fetch(self, url: str, *, secret_query: str, timeout_s: float, road: object) -> tuple[int, bytes]:
        """Answer a question for the last trades, unless the vendor is out of reach."""
        del url, timeout_s, road
        await trio.sleep(0.05)
        if self.faults.holds("refuse"):
            raise ConnectError("the vendor does not answer")
        asked = json.loads(parse_qs(secret_query)["query"][0])["data"]["symbol_list"]
        last = [self._recent[item["code"]][-1] for item in asked if item["code"] in self._recent]
        ticks = [{"code": trade.symbol, "tick_time": str(trade.time_us // 1000)} for trade in last]
        return 200, json.dumps({"ret": _OK, "msg": "ok", "data": {"tick_list": ticks}}).encode()

    @asynccontextmanager
    async def open_link(
        self, url: str, *, secret_query: str, timeout_s: float, road: object = None, now_us: NowUs
    ) -> AsyncIterator[MemoryLink]:
        """Open a link in memory; the same contract as the transport's."""
        del url, secret_query, timeout_s, road
        await trio.sleep(self._dice.uniform(0.0, 0.2))
        if self.faults.holds("refuse"):
            raise ConnectError("the vendor refuses")
        self.opened += 1
        link = MemoryLink(self.opened, asked=self._asked, took=self._took, now_us=now_us)
        self._links.append(link)
        self._trace.note("link", link.number, "opens")
        try:
            yield link
        finally:
            self._trace.note("link", link.number, "is over")
            link.cut("closed by us", arrives=False)
            self._links.remove(link)

    def _took(self, link: MemoryLink, trades: list[Trade], messages: list[str], received_us: int) -> None:
        if self._is_dead():
            return
        for trade in trades:
            self._highs[trade.symbol] = max(trade.time_us, self._highs.get(trade.symbol, trade.time_us))
            trade.shown_by.append((link.number, received_us, self._highs[trade.symbol]))
        self.unusable += [link.number] * messages.count(_UNUSABLE)
        self._trace.note("link", link.number, "took", len(messages), *(trade.number for trade in trades))

    def _asked(self, link: MemoryLink, text: str) -> None:
        """Take a request, as the vendor's half of a link."""
        request = json.loads(text)
        if request["cmd_id"] == _HEARTBEAT:
            link.beat_at = trio.current_time()
        if self.faults.holds("ignore"):
            return
        wanted = [item["code"] for item in request["data"].get("symbol_list", ())]
        ret, words = (_TOO_FAST, "requests are too frequent") if self.faults.holds("too fast") else (_OK, "ok")
        takes_s = self._dice.uniform(0.0, TAKES_S) if wanted else 0.0
        answer: dict[str, Any] = {key: request[key] for key in ("seq_id", "trace")}
        link.put(
            json.dumps({"ret": ret, "msg": words, "cmd_id": request["cmd_id"] + 1, **answer, "data": {}}),
            takes_s + 0.01,
        )
        if ret == _TOO_FAST:
            link.cut("the server closed it", arrives=True)
        elif ret == _OK and wanted:
            self._subscribe(link, wanted, takes_s)

    def _subscribe(self, link: MemoryLink, wanted: list[str], takes_s: float) -> None:
        is_first = not link.symbols
        link.symbols = tuple(wanted)
        link.shows_from = trio.current_time() + takes_s if is_first else link.shows_from
        self._trace.note("link", link.number, "subscribes", *wanted)
        for symbol in wanted if is_first and self._plan.greeting else ():
            for trade in list(self._recent.get(symbol, ()))[-self._plan.greeting :]:
                link.put(trade.text(), takes_s + 0.02, trade)
        if self.faults.holds("hang up"):
            link.cut("the vendor hangs up", arrives=True)

    def _lag_s(self) -> float:
        return self._dice.uniform(0.0, self._plan.lag_s)
