"""A plain HTTP client for tests: one request on a connection of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import trio


@asynccontextmanager
async def asked(url: str, *headers: str) -> AsyncIterator[trio.SocketStream]:
    """Ask for a URL; yield the connection, from which nothing has been read."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    async with await trio.open_tcp_stream(parts.hostname, parts.port) as stream:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        lines = [f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close", *headers, "", ""]
        await stream.send_all("\r\n".join(lines).encode())
        yield stream


async def get(url: str, *headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers by name in lower case, and body of an answer that has a length."""
    received = b""
    async with asked(url, *headers) as stream:
        async for chunk in stream:
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    pairs = (line.partition(": ") for line in rest)
    return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, body
