"""A client of the simulator that shares no code with the product: websockets' own Trio client and json."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import quote

import trio
from websockets.frames import Frame, Opcode
from websockets.trio.client import ClientConnection, connect

from trio_ticks.model import Tick
from trio_ticks.sim import Sim, open_sim

STOCK, OTHER = "/quote-stock-b-ws-api", "/quote-b-ws-api"
STOCK_HTTP, OTHER_HTTP = "/quote-stock-b-api", "/quote-b-api"
HEARTBEAT, SUBSCRIBE_BOOK, SUBSCRIBE, CANCEL, PUSH, PUSH_BOOK = 22000, 22002, 22004, 22006, 22998, 22999
UPGRADE = (
    "GET {path}?token=demo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


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
        return await self.request(SUBSCRIBE, symbol_list(*codes))

    async def subscribe_books(self, *codes: str) -> dict[str, Any]:
        return await self.request(SUBSCRIBE_BOOK, symbol_list(*codes))

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
    return open_sim([], symbols=("BTCUSDT", "ETHUSDT", "GOLD", "700.HK", "TSLA.US"), **settings)


@asynccontextmanager
async def raw(sim: Sim, sent: bytes = b"") -> AsyncGenerator[trio.SocketStream]:
    """A client that sends bytes of its own choice and reads only when told to."""
    stream = await trio.open_tcp_stream("127.0.0.1", int(sim.url.rpartition(":")[2]))
    async with stream:
        await stream.send_all(sent)
        yield stream


def masked(text: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    """A frame as a client writes it."""
    return Frame(opcode, text, fin).serialize(mask=True)


async def http(sim: Sim, method: str, target: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
    """Send one HTTP request; return status and JSON body."""
    answer = await exchange(
        sim, f"{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )
    head, _, rest = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(rest)


async def exchange(sim: Sim, sent: bytes) -> bytes:
    """Send bytes and return what comes until the end of the stream."""
    async with raw(sim, sent) as stream:
        return b"".join([part async for part in stream])


async def ask(
    sim: Sim, endpoint: str, data: object, *, base: str = OTHER_HTTP, token: str = "demo"
) -> tuple[int, dict[str, Any]]:
    """Ask an endpoint as the documentation says; return status and JSON body."""
    text = json.dumps({"trace": "t", "data": data})
    if endpoint == "batch-kline":
        return await http(sim, "POST", f"{base}/{endpoint}?token={token}", text.encode())
    return await http(sim, "GET", f"{base}/{endpoint}?token={token}&query={quote(text)}")


def symbol_list(*codes: str) -> dict[str, Any]:
    return {"symbol_list": [{"code": code} for code in codes]}


def tick(price: str, symbol: str = "BTCUSDT", time_ms: int = 1_700_000_000_000) -> Tick:
    return Tick(symbol=symbol, time_us=time_ms * 1000, price=float(price), price_text=price, volume_text="1")
