"""Health, status, metrics, a live stream and the dashboard over HTTP, beside a running engine.

::

    GET /            the dashboard; its files under /assets/
    GET /healthz     200 while the event loop turns
    GET /readyz      200 while ticks can come, else 503 and why
    GET /status      all figures, as JSON
    GET /metrics     the same for Prometheus
    GET /stream      Server-Sent Events: state, ticks of one symbol, events

``server`` moves bytes and sets bounds, ``guard`` decides who may look, ``site`` is the table of paths, ``collector``
is the one consumer behind all pages, ``page_flow`` one page, and ``metrics`` and ``state`` put figures into words.

Nothing can be changed through it. What fails in it is logged, and the engine goes on.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio

from trio_ticks.app.http.collector import Collector
from trio_ticks.app.http.server import serve_http
from trio_ticks.app.http.site import Site
from trio_ticks.config import HttpConfig
from trio_ticks.errors import ConfigError
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.holding import Held

__all__ = ["address_of", "close_all", "listen", "listen_as_wished", "open_http"]

log = logging.getLogger("trio_ticks.http")

BACKLOG = 64


async def listen(config: HttpConfig) -> list[trio.SocketListener]:
    """Return listeners at the address of a configuration; none where it is off. Whoever asks closes them.

    Raises:
        ConfigError: the address cannot be had; the message says why, and what to do.
    """
    if config.is_off:
        return []
    try:
        return await trio.open_tcp_listeners(config.port, host=config.host, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(f"[http] bind = {config.bind!r}: {_reason(error, config)}") from error


async def listen_as_wished(config: HttpConfig | None) -> list[trio.SocketListener]:
    """Return listeners as `listen` does; where nobody has said a word about it, at the default address if it is free.

    A recorder that is started beside another one, on the same machine and without a configuration of this, is worth
    more than its dashboard.

    Raises:
        ConfigError: an address was asked for, and cannot be had.
    """
    try:
        return await listen(config or HttpConfig())
    except ConfigError as error:
        if config is not None:
            raise
        log.warning("there is no dashboard: %s", error)
        return []


def close_all(listeners: Sequence[trio.SocketListener]) -> None:
    """Close listeners, also those that are closed already."""
    for listener in listeners:
        listener.socket.close()


def address_of(listeners: Sequence[trio.SocketListener]) -> str:
    """Return the URL under which listeners are reached."""
    host, port, *_ = listeners[0].socket.getsockname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


@asynccontextmanager
async def open_http(
    engine: Engine, config: HttpConfig | None = None, listeners: Sequence[trio.SocketListener] | None = None
) -> AsyncIterator[None]:
    """Serve an engine over HTTP for as long as the block lasts.

    Args:
        engine: A running one.
        config: Where, and who may look; by default this machine, at the default port.
        listeners: From `listen`, where they were opened before the engine; closed at the end. An empty list: nothing
            is served.

    Raises:
        ConfigError: as `listen` does.
    """
    config = config or HttpConfig()
    if listeners is None:
        listeners = await listen(config)
    if not listeners:
        yield
        return
    log.info("dashboard: %s", address_of(listeners))
    collector = Collector(engine)
    site = Site(engine, collector, config)
    body = Held()
    with engine.watched_by(collector):
        async with trio.open_nursery() as nursery:
            for run in (collector.run, site.look_at_disk, partial(serve_http, site.answer, listeners)):
                nursery.start_soon(_isolated, run)
            with body:
                yield
            nursery.cancel_scope.cancel("the block has ended")
    body.release()


async def _isolated(run: Callable[[], Awaitable[Any]]) -> None:
    """Run a task of ours; a defect in it is told, and stays here."""
    try:
        await run()
    except Exception:
        log.exception("the dashboard has failed; the engine goes on")


def _reason(error: OSError, config: HttpConfig) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {config.port} is taken, perhaps by another trio-ticks: stop that one, or choose another port with"
            f" --http {config.bind.rpartition(':')[0]}:{config.port + 1}, or none with --http off"
        )
    if error.errno == errno.EACCES:
        return f"port {config.port} is not for every user; accepted without privileges: 1024 to 65535"
    return f"cannot listen there: {error.strerror or error}; accepted is an address of this machine"
