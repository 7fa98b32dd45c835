"""No contestant: counts frames by their bytes, to show that the server sends faster than anyone here receives."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from bench.plan import Run
from bench.wire import FRAME_BYTES
from bench.work import Desk, subscription

READ_BYTES = 2**20


def run(run: Run, desk: Desk) -> None:
    """Run it."""
    where = urlsplit(run.url)
    stream = socket.create_connection((where.hostname or "", where.port or 0))
    if run.authority:
        stream = ssl.create_default_context(cafile=run.authority).wrap_socket(stream, server_hostname=where.hostname)
    _subscribe(stream, run)
    rest = 0
    left = [phase.ticks for phase in run.phases]
    while data := stream.recv(READ_BYTES):
        frames, rest = divmod(rest + len(data), FRAME_BYTES)
        while frames:
            some = min(frames, left[0])
            left[0] -= some
            frames -= some
            if not left[0]:
                del left[0]
            desk.advance(some)


def _subscribe(stream: socket.socket, run: Run) -> None:
    """Shake hands, subscribe, and read up to the end of the acknowledgement."""
    protocol = ClientProtocol(parse_uri(run.url))
    protocol.send_request(protocol.connect())
    stream.sendall(b"".join(protocol.data_to_send()))
    while not protocol.events_received():
        protocol.receive_data(stream.recv(4096))
    protocol.send_text(subscription(run).encode())
    stream.sendall(b"".join(protocol.data_to_send()))
    while not protocol.events_received():
        protocol.receive_data(stream.recv(4096))
