"""From a URL to a connected stream: proxy, TCP, and TLS that is always verified.

IPv4 and IPv6 addresses of a name are tried side by side, as Trio does it (RFC 6555). What fails is translated here,
in one table (`failure`): every error begins with the URL and the proxy on the way, is one line, and holds no secret.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TypeAlias

import trio

from trio_ticks.config.proxies import Proxy
from trio_ticks.errors import CertificateError, ConnectError, FeedError, RemoteProtocolError
from trio_ticks.runtime.endpoint import Endpoint
from trio_ticks.runtime.http1 import HttpPeer
from trio_ticks.runtime.road import Road

Stream: TypeAlias = trio.SocketStream | trio.SSLStream[trio.SocketStream]

KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPALIVE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""Seconds of quiet, seconds between probes, and probes: a peer that is gone is known after 30 s. Feeds notice sooner
by their own heartbeats; this is for links without any, and keeps the entry of a router or a proxy from expiring.
Oftener would wake idle hosts for nothing; the systems' own two hours come too late for both. macOS calls the first by
the second name. Where a system lacks one, its own value stays."""


async def dial(endpoint: Endpoint, road: Road, *, where: str) -> Stream:
    """Return a stream to an endpoint, over TLS where the endpoint wants it. The caller closes it.

    Args:
        endpoint: Where to.
        road: How.
        where: What errors call it, as `described` returns it.

    Raises:
        ConnectError: No connection, or a proxy that refuses.
        CertificateError: The certificate does not prove that the server is the endpoint's host.
        ConfigError: The environment names a proxy that cannot be used.

    Cancellation:
        At any await; the socket is closed.
    """
    stream = await reach(endpoint, road, where=where)
    if not endpoint.secure:
        return stream
    with translated(where):
        async with closed_on_failure(stream):
            return await _secured(stream, endpoint, road)


async def reach(endpoint: Endpoint, road: Road, *, where: str) -> trio.SocketStream:
    """Return a TCP connection to an endpoint, over the proxy where one is on the road: all of `dial` but the TLS.

    A proxy is asked to ``CONNECT``, also where no TLS follows: a WebSocket needs it.
    """
    proxy = road.proxy_towards(endpoint)
    nearest = proxy or endpoint
    with translated(where):
        stream = await trio.open_tcp_stream(nearest.host, nearest.port)
        async with closed_on_failure(stream):
            keep_alive(stream)
            if proxy is not None:
                await _tunnel(stream, endpoint, proxy, where)
            return stream


def described(url: str, endpoint: Endpoint, road: Road) -> str:
    """Return what errors call an endpoint: its URL, and the proxy on the way.

    Raises:
        ConfigError: As `dial`.
    """
    proxy = road.proxy_towards(endpoint)
    return url if proxy is None else f"{url} through the proxy {proxy}"


@contextmanager
def in_time(where: str, what: str, timeout_s: float) -> Iterator[None]:
    """``trio.fail_after`` whose error is ours."""
    with trio.move_on_after(timeout_s) as scope:
        yield
    if scope.cancelled_caught:
        raise ConnectError(f"{where}: no {what} within {timeout_s:g} s")


@asynccontextmanager
async def closed_on_failure(stream: Stream) -> AsyncIterator[None]:
    """Close a stream, at once, if the block does not end well."""
    try:
        yield
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise


def keep_alive(stream: trio.SocketStream) -> None:
    """Let the system probe a peer that is quiet. Trio has turned Nagle's delay off already."""
    # A convenience: a system that refuses an option is no reason to go without prices.
    with suppress(OSError):
        stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        with suppress(OSError, AttributeError):
            stream.setsockopt(trio.socket.IPPROTO_TCP, getattr(trio.socket, name), value)


async def _tunnel(stream: trio.SocketStream, endpoint: Endpoint, proxy: Proxy, where: str) -> None:
    """Ask a proxy to hand everything on to the endpoint, after which it is as good as gone."""
    headers = [("Host", endpoint.full_authority)]
    if proxy.authorization is not None:
        headers.append(("Proxy-Authorization", proxy.authorization.reveal()))
    peer = HttpPeer(stream)
    await peer.ask("CONNECT", endpoint.full_authority, headers)
    try:
        status = await peer.answer()
    except RemoteProtocolError as error:
        raise ConnectError(f"{where}: {error}") from None
    if not 200 <= status < 300:  # noqa: PLR2004 - RFC 9110 9.3.6: any 2xx opens the tunnel
        raise ConnectError(f"{where}: HTTP {status}: {_MEANINGS.get(status, 'the proxy refuses')}")
    # Both protocols that follow begin with us, so this did not come from the endpoint.
    if peer.has_more:
        raise ConnectError(f"{where}: the proxy speaks after its answer")


_MEANINGS = {
    403: "the proxy does not allow this host",
    407: "the proxy wants a user and a password, or other ones",
    502: "the proxy cannot reach the host",
    503: "the proxy cannot reach the host",
    504: "the proxy cannot reach the host",
}


async def _secured(stream: trio.SocketStream, endpoint: Endpoint, road: Road) -> trio.SSLStream[trio.SocketStream]:
    secured = trio.SSLStream(stream, road.tls, server_hostname=endpoint.host, https_compatible=True)
    await secured.do_handshake()
    return secured


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Let nothing but our own errors out of the block, where it deals with sockets and TLS."""
    try:
        yield
    except (trio.BrokenResourceError, OSError) as error:
        # Trio tries every address of the host, and puts what each said behind its own summary.
        raise failure(where, error.__cause__ or error) from error


def failure(where: str, error: BaseException) -> FeedError:
    """Return our error for a road that leads nowhere."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateError(f"{where}: certificate refused: {error.verify_message}")
    if isinstance(error, ssl.SSLError) or not isinstance(error, OSError):
        return ConnectError(f"{where}: {getattr(error, 'strerror', None) or str(error) or 'the connection is cut'}")
    # Trio puts the address into strerror; it is in the URL already. Numbers below zero are the resolver's own.
    number = error.errno or 0
    return ConnectError(f"{where}: {os.strerror(number) if number > 0 else error.strerror or error}")
