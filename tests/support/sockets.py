"""Servers on this machine's own addresses, names for them, and what their clients' errors say."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
from trio.abc import HostnameResolver

Talk = Callable[[trio.abc.Stream], Awaitable[None]]


@asynccontextmanager
async def speaking(talk: Talk, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Serve TCP, or TLS over it, on a free port; yield the port. A client that hangs up is no error."""

    async def serve(raw: trio.SocketStream) -> None:
        stream = raw if tls is None else trio.SSLStream(raw, tls, server_side=True, https_compatible=True)
        try:
            await talk(stream)
        except trio.BrokenResourceError:
            return

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host=host))
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def only(error: BaseException) -> BaseException:
    """Return the one error in a group, however deep."""
    while isinstance(error, BaseExceptionGroup):
        assert len(error.exceptions) == 1
        error = error.exceptions[0]
    return error


class Names(HostnameResolver):
    """A resolver that knows one name, with these addresses in this order."""

    def __init__(self, name: str, *addresses: str) -> None:
        self._name = name
        self._addresses = addresses

    async def getaddrinfo(self, host: bytes | None, port: Any, *rest: Any) -> Any:
        await trio.lowlevel.checkpoint()
        assert host == self._name.encode()
        kinds = {False: socket.AF_INET, True: socket.AF_INET6}
        return [(kinds[":" in address], socket.SOCK_STREAM, 6, "", (address, port)) for address in self._addresses]

    async def getnameinfo(self, *args: Any) -> Any:
        raise AssertionError("nothing here asks for the name of an address")


def has_ipv6() -> bool:
    """Tell whether this machine can talk to itself over IPv6."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="THIS MACHINE HAS NO ::1: IPv6 IS NOT TESTED HERE")
