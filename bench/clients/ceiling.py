"""No contestant: counts frames by their bytes, to show that the server sends faster than anyone here receives."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from bench.plan import Run
from bench.wire import FRAME_BYTES
from bench.work import Desk, subscription

READ_BYTES = 2**18


def run(run: Run, desk: Desk) -> None:
    """Run it."""
    where = urlsplit(run.url)
    plain = socket.create_connection((where.hostname or "", where.port or 0))
    stream = _Tls(plain, run.authority, where.hostname or "") if run.authority else plain
    _subscribe(stream, run)
    rest = 0
    left = [phase.ticks for phase in run.phases]
    while data := stream.recv(READ_BYTES):
        frames, rest = divmod(rest + len(data), FRAME_BYTES)
        for some in _cut(frames, left):
            desk.advance(some)


def _cut(frames: int, left: list[int]) -> Iterator[int]:
    """Yield frames in pieces that end where a phase ends; ``left`` is what each phase still has."""
    while frames:
        some = min(frames, left[0])
        left[0] -= some
        frames -= some
        if not left[0]:
            del left[0]
        yield some


def _subscribe(stream: socket.socket | _Tls, run: Run) -> None:
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


class _Tls:
    """A TLS stream that takes all records of a read: an `ssl.SSLSocket` takes one, and would be the bottleneck."""

    def __init__(self, sock: socket.socket, authority: str, host: str) -> None:
        self._sock = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=authority)
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._in.write(self._sock.recv(READ_BYTES))
            else:
                self._flush()
                return

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        self._tls.write(data)
        self._flush()

    def recv(self, size: int) -> bytes:
        """Return what there is, once there is something."""
        parts: list[bytes] = []
        while True:
            try:
                parts.append(self._tls.read(size))
            except ssl.SSLWantReadError:
                if parts:
                    return b"".join(parts)
                self._in.write(self._sock.recv(READ_BYTES))

    def _flush(self) -> None:
        self._sock.sendall(self._out.read())
