"""One question over HTTP: what a vendor answers besides its stream, such as the last trade of a symbol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from trio_ticks.errors import RemoteProtocolError
from trio_ticks.runtime.dialing import described, dial, in_time, translated
from trio_ticks.runtime.endpoint import HTTP, Endpoint, parse_url
from trio_ticks.runtime.http1 import HttpPeer
from trio_ticks.runtime.road import Road

MAX_BODY_BYTES = 1 << 20
"""A last trade is about 150 bytes for each symbol; past 1 MiB an answer is not one to the question."""


async def fetch(
    url: str,
    *,
    secret_query: str = "",
    timeout_s: float = 10.0,
    max_bytes: int = MAX_BODY_BYTES,
    road: Road | None = None,
) -> tuple[int, bytes]:
    """Ask once, with ``GET``, on a connection of its own, and return the status and the body of the answer.

    Any status is an answer. Redirects are not followed: they would take the token along to where nobody knows.

    Args:
        url: ``http://`` or ``https://``, safe to print.
        secret_query: Added to the request's query and to nothing else.
        timeout_s: For everything together, from the address to the last byte.
        max_bytes: Of the body, at most.
        road: Proxy and authorities. None: what the environment and the system say.

    Raises:
        ConnectError: No connection, or no answer in time.
        CertificateError: The certificate does not prove that the server is ``url``'s.
        RemoteProtocolError: The answer is not HTTP/1.1, broken off, or too long.
        ConfigError: ``url``, or the proxy that the environment names, cannot be used.

    Cancellation:
        At any await; the socket is closed.
    """
    async with _open_peer(url, secret_query=secret_query, timeout_s=timeout_s, road=road) as (peer, endpoint):
        status = await _asked(peer, endpoint)
        return status, await peer.body(max_bytes=max_bytes)


async def told_time(url: str, *, timeout_s: float = 10.0, road: Road | None = None) -> str:
    """Ask a server for anything at all, and return what its ``Date`` header says the time is; "" where it has none.

    Args:
        url: As for `fetch`.
        timeout_s: As for `fetch`.
        road: As for `fetch`.

    Raises:
        FeedError: As `fetch`, but for a body that is too long: none is read.
        ConfigError: As `fetch`.

    Cancellation:
        At any await; the socket is closed.
    """
    async with _open_peer(url, secret_query="", timeout_s=timeout_s, road=road) as (peer, endpoint):
        await _asked(peer, endpoint)
        return peer.date


@asynccontextmanager
async def _open_peer(
    url: str, *, secret_query: str, timeout_s: float, road: Road | None
) -> AsyncIterator[tuple[HttpPeer, Endpoint]]:
    """Connect; what fails in the block is translated, and everything together has to be done in time."""
    endpoint = parse_url(url, secret_query=secret_query, schemes=HTTP)
    road = road or Road()
    where = described(url, endpoint, road)
    with in_time(where, "answer", timeout_s):
        stream = await dial(endpoint, road, where=where)
        try:
            with translated(where):
                yield HttpPeer(stream), endpoint
        except RemoteProtocolError as error:
            raise RemoteProtocolError(f"{where}: {error}") from None
        finally:
            await trio.aclose_forcefully(stream)


async def _asked(peer: HttpPeer, endpoint: Endpoint) -> int:
    headers = [
        ("Host", endpoint.authority),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
        ("User-Agent", "trio-ticks"),
    ]
    await peer.ask("GET", endpoint.target, headers)
    return await peer.answer()
