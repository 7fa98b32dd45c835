"""One exchange over HTTP: what a vendor answers besides its stream, and what is told to a webhook."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from trio_ticks.config import Secret
from trio_ticks.errors import ConfigError, RemoteProtocolError
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
    authorization: Secret | None = None,
) -> tuple[int, bytes]:
    """Ask once, with ``GET``, on a connection of its own, and return the status and the body of the answer.

    Any status is an answer. Redirects are not followed: they would take the token along to where nobody knows.

    Args:
        url: ``http://`` or ``https://``, safe to print.
        secret_query: Added to the request's query and to nothing else.
        timeout_s: For everything together, from the address to the last byte.
        max_bytes: Of the body, at most.
        road: Proxy and authorities. None: what the environment and the system say.
        authorization: The header of that name. None: none.

    Raises:
        ConnectError: No connection, or no answer in time.
        CertificateError: The certificate does not prove that the server is ``url``'s.
        RemoteProtocolError: The answer is not HTTP/1.1, broken off, or too long.
        ConfigError: ``url``, or the proxy that the environment names, cannot be used.

    Cancellation:
        At any await; the socket is closed.
    """
    endpoint = parse_url(url, secret_query=secret_query, schemes=HTTP)
    road = road or Road()
    headers = [] if authorization is None else [("Authorization", authorization.reveal())]
    async with _peer(endpoint, road, described(url, endpoint, road), timeout_s) as peer:
        await peer.ask("GET", endpoint.target, [*_headers(endpoint), *headers])
        status = await peer.answer()
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
    endpoint = parse_url(url, schemes=HTTP)
    road = road or Road()
    async with _peer(endpoint, road, described(url, endpoint, road), timeout_s) as peer:
        await peer.ask("GET", endpoint.target, _headers(endpoint))
        await peer.answer()
        return peer.date


async def post(
    url: Secret, *, body: bytes, media_type: str, timeout_s: float = 10.0, road: Road | None = None
) -> int:
    """Send something once, with ``POST``, on a connection of its own, and return the status of the answer.

    Any status is an answer; what else is in it is not read.

    Args:
        url: ``http://`` or ``https://``. Errors name its host and nothing else: paths of webhooks are passwords.
        body: What is sent.
        media_type: Of the body.
        timeout_s: For everything together, from the address to the status.
        road: As for `fetch`.

    Raises:
        ConnectError, CertificateError, RemoteProtocolError: As `fetch`.
        ConfigError: ``url`` cannot be used; it is not shown. Or the proxy cannot be.

    Cancellation:
        At any await; the socket is closed, and the request may or may not have arrived.
    """
    try:
        endpoint = parse_url(url.reveal(), schemes=HTTP)
    except ConfigError:
        raise ConfigError("the webhook's url cannot be used; accepted is http[s]://host[:port]/path") from None
    road = road or Road()
    where = described(f"http{'s' * endpoint.secure}://{endpoint.authority}", endpoint, road)
    async with _peer(endpoint, road, where, timeout_s) as peer:
        headers = [("Content-Type", media_type), ("Content-Length", str(len(body)))]
        await peer.ask("POST", endpoint.target, [*_headers(endpoint), *headers], body=body)
        return await peer.answer()


@asynccontextmanager
async def _peer(endpoint: Endpoint, road: Road, where: str, timeout_s: float) -> AsyncIterator[HttpPeer]:
    """Connect for one exchange, which all of its time, errors and end belong to."""
    with in_time(where, "answer", timeout_s):
        stream = await dial(endpoint, road, where=where)
        try:
            with translated(where):
                yield HttpPeer(stream)
        except RemoteProtocolError as error:
            raise RemoteProtocolError(f"{where}: {error}") from None
        finally:
            await trio.aclose_forcefully(stream)


def _headers(endpoint: Endpoint) -> list[tuple[str, str]]:
    return [
        ("Host", endpoint.authority),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
        ("User-Agent", "trio-ticks"),
    ]
