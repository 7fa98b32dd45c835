"""What is served: a table of paths, each with the function that answers it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

import msgspec
import trio

from trio_ticks.app.http.assets import load_assets
from trio_ticks.app.http.collector import Collector
from trio_ticks.app.http.exchange import Answer, Ask, Flow, Reply, Send, as_json, words
from trio_ticks.app.http.exposition import CONTENT_TYPE
from trio_ticks.app.http.guard import refusal
from trio_ticks.app.http.metrics import metrics_of
from trio_ticks.app.http.page_flow import run_page
from trio_ticks.app.http.state import Room, room_of, status_of, unready
from trio_ticks.config import HttpConfig
from trio_ticks.runtime.engine import Engine

PAGES = 32
"""Open at the same time: half of all connections, so that a probe of ``/healthz`` finds a free one."""

ROOM_S = 10.0
"""Between two looks at the disk."""


class Site:
    """Answers requests about one engine.

    Args:
        engine: Which.
        collector: One of its consumers.
        config: Who may look.
    """

    def __init__(self, engine: Engine, collector: Collector, config: HttpConfig) -> None:
        self._engine = engine
        self._collector = collector
        self._config = config
        self._assets = load_assets()
        self._room = Room()
        self._pages = 0
        self._state: tuple[int, bytes] = (-1, b"")
        self._paths: dict[str, Callable[[Ask], Answer]] = {
            "/healthz": lambda _: words(200, "ok"),
            "/readyz": self._readyz,
            "/status": lambda _: as_json(self._status()),
            "/metrics": self._metrics,
            "/stream": self._stream,
        }
        self._paths |= {path: asset.reply for path, asset in self._assets.items()}

    def answer(self, ask: Ask) -> Answer:
        """Answer a request; at once."""
        refused = refusal(ask, self._config)
        if refused is not None:
            return refused
        find = self._paths.get(ask.path)
        return words(404, "there is nothing here") if find is None else find(ask)

    async def look_at_disk(self) -> NoReturn:
        """Keep up how much room the journal has, until cancelled."""
        while True:
            journal = self._engine.statistics().journal
            if journal is not None:
                self._room = await trio.to_thread.run_sync(room_of, Path(journal.path), abandon_on_cancel=True)
            await trio.sleep(ROOM_S)

    def _readyz(self, _: Ask) -> Reply:
        reason = unready(self._engine.statistics())
        return words(200, "ready") if reason is None else words(503, reason)

    def _status(self) -> dict[str, object]:
        return status_of(self._engine.statistics(), self._collector, self._room)

    def _metrics(self, _: Ask) -> Reply:
        text = metrics_of(
            self._engine.statistics(),
            prices=self._engine.prices,
            stale=Counter(feed for feed, _ in self._collector.stale),
            loop_lag_s=self._collector.loop_lag_s,
            room=self._room,
        )
        return Reply(200, text, CONTENT_TYPE)

    def _stream(self, ask: Ask) -> Answer:
        if self._pages >= PAGES:
            return words(503, f"{PAGES} pages are open already", ("Retry-After", "10"))
        return Flow(partial(self._run_page, ask.argument("symbol")))

    async def _run_page(self, symbol: str, send: Send) -> None:
        self._pages += 1
        try:
            await run_page(self._collector, self._state_json, symbol, send)
        finally:
            self._pages -= 1

    def _state_json(self) -> bytes:
        """Return the status as JSON, made once for all pages that ask in one turn."""
        if self._state[0] != self._collector.turns:
            self._state = self._collector.turns, msgspec.json.encode(self._status())
        return self._state[1]
