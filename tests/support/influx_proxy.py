"""``/api/v2`` in front of InfluxDB 1.x, and the place for faults.

It maps ``/api/v2/write`` to ``/write``, the token ``user:password`` to Basic authentication, ``/health`` to
``/ping``, and the answer "partial write", which 1.x gives with 400, to the 422 of 2.x. All else is handed through.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import socket
import struct
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import attrs

# A guard against a test that never ends; no test waits for it.
HANG_S = 120.0


@attrs.frozen
class Fault:
    """What becomes of one write.

    Attributes:
        applied: Whether the database gets it.
        status: What is answered; None: nothing, the connection is cut.
        headers: Of the answer.
        body: Of the answer.
        hangs: Nothing is answered until the proxy closes.
    """

    applied: bool = False
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    hangs: bool = False


def answering(status: int, body: bytes = b"", **headers: str) -> Fault:
    """Answer so, and store nothing."""
    return Fault(status=status, body=body, headers=tuple((key.replace("_", "-"), headers[key]) for key in headers))


RESET = Fault()
APPLY_THEN_DROP = Fault(applied=True)
APPLY_THEN_503 = Fault(applied=True, status=503)
HANG = Fault(hangs=True)
HTML_200 = answering(200, b"<html><body>Welcome to the hotel network</body></html>", content_type="text/html")
LATIN_200 = answering(200, b"<html>caf\xe9</html>", content_type="text/html; charset=latin-1")


class Proxy:
    """Serves on loopback, in threads, until it is left.

    Attributes:
        faults: Of the next writes, the oldest first; None, and a write beyond them, is handed on.
        bodies: What the writes carried, in order, whatever became of them.
        keeps_bodies: Off: ``bodies`` stays empty, for runs that would fill the memory.
        standing: What becomes of every write for which ``faults`` has nothing; None: it is handed on.
        delay_s: After so long.
    """

    def __init__(self, port: int) -> None:
        self.faults: deque[Fault | None] = deque()
        self.bodies: list[bytes] = []
        self.keeps_bodies = True
        self.standing: Fault | None = None
        self.delay_s = 0.0
        self.upstream = port
        self.released = threading.Event()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = _QuietServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="influx proxy", daemon=True)

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have gone before their answer."""


class _Handler(BaseHTTPRequestHandler):
    owner: Proxy
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        split = urlsplit(self.path)
        path = "/ping" if split.path == "/health" else split.path
        status, headers, body = self._upstream("GET", f"{path}?{split.query}", b"")
        self._answer(200 if split.path == "/health" and status == 204 else status, headers, body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if urlsplit(self.path).path != "/api/v2/write":
            self._answer(*self._upstream("POST", self.path, body))
            return
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.owner.keeps_bodies:
            self.owner.bodies.append(body)
        fault = self.owner.faults.popleft() if self.owner.faults else self.owner.standing
        if fault is None:
            self.owner.released.wait(self.owner.delay_s)
            self._answer(*self._write(body))
            return
        if fault.applied:
            self._write(body)
        if fault.hangs:
            self.owner.released.wait(HANG_S)
        if fault.status is None:
            self._cut()
        else:
            self._answer(fault.status, dict(fault.headers), fault.body)

    def _write(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        database, _, policy = query["bucket"].partition("/")
        asked = {"db": database, "precision": query.get("precision", "ns")} | ({"rp": policy} if policy else {})
        status, headers, answer = self._upstream("POST", f"/write?{urlencode(asked)}", body)
        return (422 if status == 400 and b"partial write" in answer else status), headers, answer

    def _upstream(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        headers = {}
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind == "Token":
            headers["Authorization"] = f"Basic {base64.b64encode(token.encode()).decode()}"
        link = http.client.HTTPConnection("127.0.0.1", self.owner.upstream, timeout=HANG_S)
        try:
            link.request(method, path, body, headers)
            answer = link.getresponse()
            return answer.status, {"Content-Type": answer.headers.get("Content-Type", "")}, answer.read()
        except OSError:
            return 502, {}, b""
        finally:
            link.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _cut(self) -> None:
        """Reset the connection: with no time to linger, closing is an RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_RD)
        self.connection.close()
        self.close_connection = True
        self.wfile = _Nowhere()  # type: ignore[assignment]  # the base class flushes it after the request

    def log_message(self, *values: Any) -> None:
        """Say nothing."""


class _Nowhere:
    """Takes what is written to a connection that is gone."""

    closed = False

    def write(self, data: bytes) -> int:
        return len(data)

    def flush(self) -> None:
        """Have nothing to flush."""

    def close(self) -> None:
        """Be done."""
