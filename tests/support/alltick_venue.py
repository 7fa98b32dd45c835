"""AllTick in memory: a venue that speaks its envelope, for the real feed under simulated time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio

from trio_ticks.testing.venue import Venue
from trio_ticks.testing.venue_link import MemoryLink

HEARTBEAT, SUBSCRIBE, TRADE = 22000, 22004, 22998


class AllTickVenue(Venue):
    """Answers as AllTick's documentation says, and keeps count of the requests that came too soon.

    Attributes:
        too_soon: How many requests came within a second of another on their connection.
        room: How many codes the plan has; a longer list is refused. None: any number.
        subscriptions: When each was asked for, and its codes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.too_soon = 0
        self.room: int | None = None
        self.subscriptions: list[tuple[float, list[str]]] = []
        self._asked_at: dict[MemoryLink, float] = {}
        self._error: tuple[int, str, bool, bool] | None = None

    @contextmanager
    def saying(self, ret: int, msg: str, *, bare: bool = False, closing: bool = False) -> Iterator[None]:
        """Answer each subscription like this meanwhile.

        Args:
            ret: The number of the error.
            msg: Its words.
            bare: As the documentation's own example: nothing in it tells which request failed.
            closing: Hang up after it.
        """
        self._error = (ret, msg, bare, closing)
        try:
            yield
        finally:
            self._error = None

    async def push(self, *symbols: str, **fields: Any) -> None:
        """Send one trade of each of these symbols to each link that has subscribed to it, in one wake-up."""
        now_ms = self.now_us() // 1000
        self.traded |= dict.fromkeys(symbols, now_ms * 1000)
        for link in tuple(self._links):
            data = [
                {"code": symbol, "seq": now_ms, "tick_time": now_ms, "price": "9.5", "volume": "1"} | fields
                for symbol in symbols
                if symbol in link.symbols
            ]
            if data and not link.is_mute:
                await link.deliver([json.dumps({"cmd_id": TRADE, "data": item}) for item in data])

    async def _asked(self, link: MemoryLink, text: str) -> None:
        now = trio.current_time()
        self.too_soon += now - self._asked_at.get(link, -9.0) < 1.0
        self._asked_at[link] = now
        self.requests.append((now, text))
        frame = json.loads(text)
        codes = [item["code"] for item in frame["data"].get("symbol_list", ())]
        ret, msg, bare, closing = 200, "ok", False, False
        if frame["cmd_id"] == SUBSCRIBE:
            self.subscriptions.append((now, codes))
            if self._error is not None:
                ret, msg, bare, closing = self._error
            elif self.room is not None and len(codes) > self.room:
                ret, msg = 603, "token level not enough"
            elif self.bad & set(codes):
                ret, msg = 600, "code invalid"
        known = {"cmd_id": 0, "seq_id": 0, "trace": ""} if bare else {**frame, "cmd_id": frame["cmd_id"] + 1}
        if not self._is_mum:
            await link.deliver([json.dumps({**known, "ret": ret, "msg": msg, "data": {}})])
        if frame["cmd_id"] == SUBSCRIBE and ret == 200:
            link.symbols = frozenset(codes)
            self._note()
        if closing:
            link.cut("the server closed it with 1000")
