"""A client of the simulator that shares no code with the product: websockets' own Trio client and json."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from websockets.trio.client import ClientConnection, connect

from trio_ticks.model import Tick
from trio_ticks.sim import Sim, open_sim

STOCK, OTHER = "/quote-stock-b-ws-api", "/quote-b-ws-api"
HEARTBEAT, SUBSCRIBE, CANCEL, PUSH = 22000, 22004, 22006, 22998


class Client:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._seq = 0

    async def request(self, cmd_id: int, data: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the next message, which is its answer where no ticks flow."""
        self._seq += 1
        envelope = {"cmd_id": cmd_id, "seq_id": self._seq, "trace": f"t{self._seq}", "data": data}
        await self.socket.send(json.dumps(envelope))
        return await self.message()

    async def subscribe(self, *codes: str) -> dict[str, Any]:
        return await self.request(SUBSCRIBE, {"symbol_list": [{"code": code} for code in codes]})

    async def heartbeat(self) -> dict[str, Any]:
        return await self.request(HEARTBEAT, {})

    async def message(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.socket.recv())
        return message

    async def ticks(self, count: int) -> list[dict[str, Any]]:
        """Return the data of the next pushes; anything else among them fails the test."""
        messages = [await self.message() for _ in range(count)]
        assert {message["cmd_id"] for message in messages} <= {PUSH}
        return [message["data"] for message in messages]

    async def prices(self, count: int) -> list[str]:
        return [tick["price"] for tick in await self.ticks(count)]


@asynccontextmanager
async def client(sim: Sim, path: str = OTHER, *, token: str | None = "demo") -> AsyncGenerator[Client]:
    query = "" if token is None else f"?token={token}"
    async with connect(
        sim.url + path + query, proxy=None, ping_interval=None, max_queue=None, close_timeout=1
    ) as socket:
        yield Client(socket)


def open_quiet(**settings: Any) -> AbstractAsyncContextManager[Sim]:
    """A simulator that ticks only when told to."""
    return open_sim([], symbols=("BTCUSDT", "ETHUSDT", "700.HK", "TSLA.US"), **settings)


def tick(price: str, symbol: str = "BTCUSDT", time_ms: int = 1_700_000_000_000) -> Tick:
    return Tick(symbol=symbol, time_us=time_ms * 1000, price=float(price), price_text=price, volume_text="1")
