"""A small Binance on a loopback socket: recorded aggregate trades, under the names that were asked for."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
import trio_websocket

RECORDING = Path(__file__).parents[1] / "data" / "binance-futures-2021-07-22.jsonl"
BETWEEN_S = 0.002


@asynccontextmanager
async def open_binance() -> AsyncIterator[str]:
    """Serve until the block ends; yield the URL."""
    trades = recorded_messages()

    async def talk(request: trio_websocket.WebSocketRequest) -> None:
        websocket = await request.accept()
        try:
            wanted = json.loads(await websocket.get_message())
            symbols = [stream.split("@")[0].upper() for stream in wanted["params"]]
            await websocket.send_message(json.dumps({"result": None, "id": wanted["id"]}))
            for trade, symbol in zip(itertools.cycle(trades), itertools.cycle(symbols), strict=False):
                await websocket.send_message(json.dumps({**json.loads(trade), "s": symbol}))
                await trio.sleep(BETWEEN_S)
        except trio_websocket.ConnectionClosed:
            return

    async with trio.open_nursery() as nursery:
        server = await nursery.start(trio_websocket.serve_websocket, talk, "127.0.0.1", 0, None)
        yield f"ws://127.0.0.1:{server.port}"
        nursery.cancel_scope.cancel()


def recorded_messages() -> list[str]:
    """Return the trades that were recorded, as they come on Binance's raw streams: without their envelope."""
    recorded = [json.loads(json.loads(line)["text"]) for line in RECORDING.read_text().splitlines()]
    return [json.dumps(message["data"]) for message in recorded if message["stream"].endswith("@aggTrade")]
