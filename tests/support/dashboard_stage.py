"""A stage for the dashboard: its page, and an engine's figures as the program tells them, at the test's own pace.

The figures are made of the engine's own records, so that what the page is shown has the shape of what the engine
tells; the prices are recorded trades. Time passes when the test says so, and as fast as the page takes it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import h11
import msgspec
import trio

from tests.support.dashboard_engine import FakeEngine

PAGE = Path(__file__).parents[2] / "trio_ticks" / "app" / "http" / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = "default-src 'self'"


def lasting_port() -> int:
    """Return a free port to which a server can come back.

    It lies below those that systems hand out to connections, so that nothing takes it while nobody listens.
    """
    for port in range(20_000 + os.getpid() % 5_000, 30_000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise AssertionError("there is no free port below 30,000")


class Stage:
    """The server, as `open_stage` yields it: it can be stopped and started again on its port."""

    def __init__(self, engine: FakeEngine, nursery: trio.Nursery) -> None:
        self.engine = engine
        self._nursery = nursery
        self._serving = trio.CancelScope()
        self._pages: dict[trio.MemorySendChannel[bytes], str] = {}
        self._arrival = trio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    async def start(self) -> None:
        """Serve."""
        self.port = self.port or lasting_port()
        listeners = await trio.open_tcp_listeners(self.port, host="127.0.0.1")
        await self._nursery.start(self._serve, listeners)

    async def _serve(
        self, listeners: list[trio.SocketListener], task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with trio.CancelScope() as self._serving:
            task_status.started()
            await trio.serve_listeners(self._talk, listeners)

    def stop(self) -> None:
        """Close every connection and the port."""
        self._serving.cancel()
        self._pages.clear()

    async def wait_for_page(self, symbol: str) -> None:
        """Wait until a page listens for a symbol."""
        while symbol not in self._pages.values():
            await self._arrival.wait()

    async def advance(self, seconds: float, *, beat_s: float = 0.25) -> None:
        """Let so much time pass, a beat at a time, as fast as the pages take it; each second has its state."""
        for beat in range(round(seconds / beat_s)):
            self.engine.advance(beat_s)
            events = [event_text("event", event) for event in self.engine.news()]
            is_second = (beat + 1) * beat_s % 1 == 0
            state = [event_text("state", self.engine.state())] if is_second else []
            for page, symbol in list(self._pages.items()):
                ticks = self.engine.ticks(symbol)
                told = [event_text("ticks", ticks)] if ticks else []
                await self._tell(page, b"".join([*told, *events, *state]))

    async def _tell(self, page: trio.MemorySendChannel[bytes], text: bytes) -> None:
        try:
            if text:
                await page.send(text)
        except trio.BrokenResourceError:
            self._pages.pop(page, None)

    async def _talk(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            while True:
                request = await _request(stream, connection)
                if request is None:
                    return
                target = urlsplit(request.target.decode())
                if target.path == "/stream":
                    await self._stream(stream, connection, parse_qs(target.query).get("symbol", [""])[0])
                    return
                await _answer(stream, connection, *_file(target.path))
                connection.start_next_cycle()
        except (trio.BrokenResourceError, h11.RemoteProtocolError):
            pass
        finally:
            with trio.move_on_after(1, shield=True):
                await stream.aclose()

    async def _stream(self, stream: trio.SocketStream, connection: h11.Connection, symbol: str) -> None:
        headers = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")]
        await stream.send_all(connection.send(h11.Response(status_code=200, headers=headers)))
        history = self.engine.history(symbol)
        first = [event_text("ticks", history)] if history else []
        first += [event_text("event", event) for event in self.engine.recent()]
        first += [event_text("state", self.engine.state())]
        send, receive = trio.open_memory_channel[bytes](0)
        self._pages[send] = symbol
        self._arrival.set()
        self._arrival = trio.Event()
        with receive:
            await stream.send_all(connection.send(h11.Data(data=b"".join(first))))
            async for text in receive:
                await stream.send_all(connection.send(h11.Data(data=text)))


def event_text(kind: str, data: dict[str, Any]) -> bytes:
    """Return one Server-Sent Event."""
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(data))


async def _request(stream: trio.SocketStream, connection: h11.Connection) -> h11.Request | None:
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some())
        elif isinstance(event, h11.ConnectionClosed):
            return None
        elif isinstance(event, h11.Request):
            connection.next_event()  # the end of a request without a body
            return event


async def _answer(stream: trio.SocketStream, connection: h11.Connection, status: int, kind: str, body: bytes) -> None:
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Content-Security-Policy", POLICY)]
    parts = [h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage()]
    await stream.send_all(b"".join(connection.send(part) or b"" for part in parts))


def _file(path: str) -> tuple[int, str, bytes]:
    file = PAGE / ("index.html" if path == "/" else path.removeprefix("/assets/"))
    if not file.is_file():
        return 404, "text/plain", b"not found"
    return 200, TYPES[file.suffix], file.read_bytes()


@asynccontextmanager
async def open_stage(**engine: Any) -> AsyncIterator[Stage]:
    """Serve the page until the block ends; the arguments are those of `FakeEngine`."""
    async with trio.open_nursery() as nursery:
        stage = Stage(FakeEngine(**engine), nursery)
        await stage.start()
        yield stage
        nursery.cancel_scope.cancel()
