"""How many ticks a second the simulator can send: its own process, one connection, a reader that discards.

Run from the root of the repository, on a quiet machine::

    python -m bench.sim_rate [SECONDS]

The simulator encodes its frames before; what is measured is dating them, joining them, and the socket. The reader
looks at nothing, so the figure is an upper bound for any client.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import socket
import sys
import time
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

import trio
from websockets.frames import Frame, Opcode

from trio_ticks.sim import Load, open_sim

SYMBOLS = 1_000
UPGRADE = (
    b"GET /quote-b-ws-api?token=demo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def serve(pipe: Connection, seconds: float) -> None:
    """Send as fast as possible; tell the address, then how many ticks went out in so many seconds."""

    async def run() -> None:
        load = Load(symbols=SYMBOLS, rate=math.inf)
        async with open_sim([], load=load) as sim:
            pipe.send(sim.url)
            await sim.wait_subscribed(*load.codes)
            await trio.sleep(1)  # past the encoding, and the kernel's buffers are full
            began_s, before = time.perf_counter(), sim.statistics().pushes
            await trio.sleep(seconds)
            pipe.send((sim.statistics().pushes - before, time.perf_counter() - began_s))

    trio.run(run)


def subscribe(url: str) -> socket.socket:
    """Return a socket that ticks flow into."""
    where = urlsplit(url)
    reader = socket.create_connection((where.hostname, where.port))
    reader.sendall(UPGRADE)
    reader.recv(4096)
    codes = [{"code": code} for code in Load(symbols=SYMBOLS).codes]
    request = {"cmd_id": 22004, "seq_id": 1, "trace": "t", "data": {"symbol_list": codes}}
    reader.sendall(Frame(Opcode.TEXT, json.dumps(request).encode()).serialize(mask=True))
    return reader


def main() -> None:
    """Measure and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, seconds))
    server.start()
    reader = subscribe(ours.recv())
    buffer = bytearray(2**20)
    while not ours.poll() and reader.recv_into(buffer):
        pass
    ticks, took_s = ours.recv()
    print(f"{ticks / took_s:,.0f} ticks/s to one connection ({ticks:,} in {took_s:.2f} s)")
    reader.close()
    server.join()


if __name__ == "__main__":
    main()
