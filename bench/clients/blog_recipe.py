"""The usual recipe of blogs: a callback puts messages into a queue, and a thread takes them out.

Its dedup is the blog's, too: what has the symbol and the stamp of an earlier tick is a repetition, and all of them
are remembered. Here no two ticks share both, so nothing is lost by it.
"""

from __future__ import annotations

import queue
import ssl
import threading
from typing import Any

import websocket

from bench.plan import Run
from bench.work import Desk, record_of, subscription


def run(run: Run, desk: Desk) -> None:
    """Run it."""
    messages: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_work, args=(messages, desk), daemon=True).start()

    def subscribe(socket: Any) -> None:
        socket.send(subscription(run))

    def keep(_: Any, message: str) -> None:
        messages.put(message)

    app = websocket.WebSocketApp(run.url, on_open=subscribe, on_message=keep)
    app.run_forever(sslopt={"ca_certs": run.authority, "cert_reqs": ssl.CERT_REQUIRED} if run.authority else None)


def _work(messages: queue.Queue[str], desk: Desk) -> None:
    seen = set()
    while True:
        tick = record_of(messages.get())
        if tick is None:
            continue
        key = (tick.symbol, tick.time_us)
        if key not in seen:
            seen.add(key)
            desk.take(tick)
