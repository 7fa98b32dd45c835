"""cryptofeed with an exchange class for AllTick, written like those it ships.

Its own are the connection, the connection handler, JSON with decimals, its `Trade`, its callbacks, its queue for the
database and its format of a line. Two things differ from its daily life: the line is kept instead of posted, because
nobody here posts any; and on plain ``ws://`` the address is set after the check that wants ``wss://``.
"""

from __future__ import annotations

import asyncio
import ssl
from decimal import Decimal
from typing import Any

import uvloop
from cryptofeed.backends.influxdb import TradeInflux
from cryptofeed.callback import TradeCallback
from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
from cryptofeed.defines import BUY, SELL, TRADES
from cryptofeed.feed import Feed
from cryptofeed.symbols import Symbol, Symbols
from cryptofeed.types import Trade
from yapic import json

from bench.plan import Run
from bench.wire import codes
from bench.work import TRADE, Desk, Seen, subscription

QUOTE = "USD"


class AllTick(Feed):
    """AllTick's trades, as an exchange of cryptofeed."""

    id = "ALLTICK"
    websocket_endpoints = [WebsocketEndpoint("wss://127.0.0.1")]  # noqa: RUF012 - its way
    rest_endpoints = [RestEndpoint("https://127.0.0.1", routes=Routes(""))]  # noqa: RUF012
    websocket_channels = {TRADES: "22004"}  # noqa: RUF012
    bench: Run

    @classmethod
    def timestamp_normalize(cls, ts: int) -> float:
        """Return a time as cryptofeed wants it: float seconds."""
        return ts / 1000

    def connect(self) -> Any:
        """Return the connections, on the address of the run."""
        connections = super().connect()
        for connection, *_ in connections:
            connection.address = self.bench.url
            if self.bench.authority:
                connection.ws_kwargs["ssl"] = ssl.create_default_context(cafile=self.bench.authority)
        return connections

    async def subscribe(self, conn: Any) -> None:
        """Ask for the trades of all symbols."""
        await conn.write(subscription(self.bench))

    async def message_handler(self, msg: str, conn: Any, timestamp: float) -> None:  # noqa: ARG002 - its signature
        """Turn a message into a trade and hand it to the callbacks."""
        message = json.loads(msg, parse_float=Decimal)
        if message["cmd_id"] != TRADE:
            return
        data = message["data"]
        trade = Trade(
            self.id,
            self.exchange_symbol_to_std_symbol(data["code"]),
            BUY if data["trade_direction"] == 1 else SELL,
            Decimal(data["volume"]),
            Decimal(data["price"]),
            self.timestamp_normalize(int(data["tick_time"])),
            id=str(data["seq"]),
            raw=message,
        )
        await self.callback(TRADES, trade, timestamp)


class Lines(TradeInflux):
    """Its writer for InfluxDB; what it would post is kept as bytes until there are enough for one body."""

    def __init__(self, desk: Desk) -> None:
        super().__init__("http://127.0.0.1", "bench", "bench", "bench")
        self._desk = desk

    async def http_write(self, data: str, headers: Any = None) -> None:  # noqa: ARG002
        """Keep a line."""
        self._desk.keep(data.encode())


def run(run: Run, desk: Desk) -> None:
    """Run it."""
    Symbols.set(AllTick.id, {Symbol(code, QUOTE).normalized: code for code in codes(run.symbols)}, {})
    AllTick.bench = run
    uvloop.run(_run(run, desk))


async def _run(run: Run, desk: Desk) -> None:
    seen = Seen()

    async def decide(trade: Trade, _receipt: float) -> None:
        if seen.is_new((trade.symbol, trade.timestamp, trade.price, trade.amount)):
            desk.decide(trade.symbol.removesuffix(f"-{QUOTE}"), float(trade.price), int(trade.id))

    symbols = [f"{code}-{QUOTE}" for code in codes(run.symbols)]
    callbacks = {TRADES: [TradeCallback(decide), Lines(desk)]}
    AllTick(symbols=symbols, channels=[TRADES], callbacks=callbacks).start(asyncio.get_running_loop())
    await asyncio.Event().wait()
