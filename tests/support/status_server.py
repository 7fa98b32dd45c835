"""A process's ``/status`` without the process: serves what a test says, as the real server does."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import h11
import trio

START_US = 1_700_000_000_000_000


def age(p50_us: int, p99_us: int) -> dict[str, Any]:
    return {"p50_us": p50_us, "p99_us": p99_us, "count": 1_000}


def status(*, symbols: int = 2, **changed: Any) -> dict[str, Any]:
    """Return the status of an engine with so many symbols, of which the first is stale."""
    line = {
        "name": "alltick/other 0A", "state": "live", "symbols": symbols, "refused": {}, "attempts": 3,
        "reconnects": {"closed": 2}, "messages": 10, "unreadable": 0, "unknown": 0, "frame_us": START_US,
        "tick_us": START_US + 9_000_000, "lag_us": 1_000, "bound_s": 60.0, "questions": 0,
        "last_error": "the connection was cut",
    }  # fmt: skip
    ledger = {
        "received": 1_250, "accepted": 1_234, "duplicates": 10, "rejected": 6, "expired": 0, "late_dropped": 0,
        "held": 0, "inbox": 0,
        "consumers": {
            "momentum": {"offered": 1_234, "delivered": 1_200, "dropped": 30, "queued": 4},
            "trio-ticks log": {"offered": 1_234, "delivered": 1_234, "dropped": 0, "queued": 0},
        },
        "journal": {"journaled": 1_234, "gapped": 0, "queued": 0},
        "sinks": {
            "influxdb": {"appended": 1_234, "stored": 1_000, "dead_lettered": 1, "discarded": 0, "pending": 233},
        },
    }  # fmt: skip
    return {
        "version": "0.1.0", "state": "running", "started_us": START_US, "now_us": START_US + 10_000_000,
        "ledger": ledger, "gaps": {"closed": 2}, "uncovered": {}, "relays": [], "failed_feeds": {},
        "shards": [{"feed": "alltick", "name": "alltick/other 0", "symbols": ["S0"], "lines": [line]}],
        "strategies": [
            {"name": "momentum", "state": "running", "failures": 1, "last_error": "KeyError", "signals": 7},
        ],
        "journal": {"path": "t", "state": "writing", "position": 99, "total_ticks": 1_234, "last_error": ""},
        "sinks": [{"name": "influxdb", "state": "holding", "position": 9, "lag_s": 12.5, "attempts": 3, "failures": 2,
                   "last_error": "Connection refused"}],
        "ages": {"consumers": {"momentum": age(90, 2_500)}, "sinks": {"influxdb": age(12_000, 3_000_000)},
                 "journal": None, "strategy": age(90, 2_500), "stored": age(12_000, 3_000_000)},
        "symbols": [
            {"feed": "alltick", "symbol": f"S{number}", "price_text": f"{number}.50", "time_us": START_US,
             "received_us": START_US + 9_900_000, "ticks": number, "rate_per_s": 1.5, "stale": number == 0}
            for number in range(symbols)
        ],
    } | changed  # fmt: skip


@asynccontextmanager
async def open_status(*answers: dict[str, Any] | bytes, code: int = 200, password: str = "") -> AsyncIterator[str]:
    """Serve these one after the other, the last one for ever; yields the URL of the dashboard.

    Args:
        answers: Each a status, or a body as it is.
        code: Of all answers.
        password: Where one is wanted.
    """
    left = [answer if isinstance(answer, bytes) else json.dumps(answer).encode() for answer in answers]
    wanted = b"Basic " + base64.b64encode(f"trio-ticks:{password}".encode())

    async def serve(stream: trio.SocketStream) -> None:
        peer = h11.Connection(h11.SERVER)
        while (event := peer.next_event()) is h11.NEED_DATA:
            peer.receive_data(bytes(await stream.receive_some()))
        assert isinstance(event, h11.Request)
        assert (event.method, event.target) == (b"GET", b"/status")
        is_known = not password or dict(event.headers).get(b"authorization") == wanted
        body = left.pop(0) if len(left) > 1 else left[0]
        head = h11.Response(status_code=code if is_known else 401, headers=[("Content-Length", str(len(body)))])
        for part in (head, h11.Data(data=body), h11.EndOfMessage()):
            await stream.send_all(peer.send(part) or b"")
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, serve, 0)
        port = listeners[0].socket.getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        nursery.cancel_scope.cancel()
