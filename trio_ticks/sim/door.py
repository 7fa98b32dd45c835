"""The listening sockets: they can be shut for a while, and open again at the same port."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence

import trio

BACKLOG = 128  # clients that may wait to be taken in; more than any plan has connections


class Door:
    """Listens for clients, and serves each in a task of its own.

    Args:
        listeners: Open ones; the door owns them.
        serve: Called with each client.
        nursery: Where clients are served.
    """

    def __init__(
        self,
        *,
        listeners: Sequence[trio.SocketListener],
        serve: Callable[[trio.SocketStream], Awaitable[object]],
        nursery: trio.Nursery,
    ) -> None:
        self._serve = serve
        self._nursery = nursery
        self._listeners = list(listeners)
        self._bound: list[socket.socket] = []
        self._scope = trio.CancelScope()
        self._listen()

    def shut(self) -> None:
        """Refuse whoever comes from now on; those who are in stay in. The port stays ours until `reopen`."""
        self._scope.cancel(reason="the door is shut")
        self._bound = [_rebound(listener.socket) for listener in self._listeners]

    def reopen(self) -> None:
        """Take in clients again."""
        bound, self._bound = self._bound, []
        for each in bound:
            each.listen(BACKLOG)
        self._listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(each)) for each in bound]
        self._scope = trio.CancelScope()
        self._listen()

    def _listen(self) -> None:
        self._nursery.start_soon(self._run, self._listeners, self._scope, name="sim listener")

    async def _run(self, listeners: list[trio.SocketListener], scope: trio.CancelScope) -> None:
        with scope:
            await trio.serve_listeners(self._serve, listeners, handler_nursery=self._nursery)


def _rebound(listening: trio.socket.SocketType) -> socket.socket:
    """Close a listening socket and return one that has its address and does not listen.

    To its clients the port is closed; nobody else can have it meanwhile.
    """
    family, address = listening.family, listening.getsockname()
    listening.close()
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    bound.bind(address)
    return bound
