"""A small Coinbase on a loopback socket: recorded trades in the Exchange's own messages, stamped now."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import trio
import trio_websocket

RECORDING = Path(__file__).parents[1] / "data" / "btcusdt-2021-01-08.csv"
BETWEEN_S = 0.002
PER_CONNECTION = 100
"""Then the link is cut, so that a client that lives on has a gap to tell of."""


@asynccontextmanager
async def open_coinbase() -> AsyncIterator[str]:
    """Serve until the block ends; yield the URL."""
    trades = _trades()

    async def talk(request: trio_websocket.WebSocketRequest) -> None:
        websocket = await request.accept()
        try:
            wanted = json.loads(await websocket.get_message())
            await websocket.send_message(json.dumps({"type": "subscriptions", "channels": wanted["channels"]}))
            for _ in range(PER_CONNECTION):
                for product in wanted["channels"][0]["product_ids"]:
                    await websocket.send_message(json.dumps({**next(trades), "product_id": product}))
                await trio.sleep(BETWEEN_S)
        except trio_websocket.ConnectionClosed:
            return

    async with trio.open_nursery() as nursery:
        server = await nursery.start(trio_websocket.serve_websocket, talk, "127.0.0.1", 0, None)
        yield f"ws://127.0.0.1:{server.port}"
        nursery.cancel_scope.cancel()


def _trades() -> Iterator[dict[str, object]]:
    with RECORDING.open() as file:
        rows = list(csv.DictReader(file))
    numbers = itertools.count(1)
    for row in itertools.cycle(rows):
        number = next(numbers)
        yield {
            "type": "match",
            "trade_id": number,
            "sequence": number,
            "side": row["side"],
            "size": row["volume"],
            "price": row["price"],
            "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        }
