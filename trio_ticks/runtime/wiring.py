"""What lines are given, and how they hand on: the records of their setting, and the way to the sequencer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import attrs
import trio

from trio_ticks.config import ConnectionConfig
from trio_ticks.core.intake import Event, Notice
from trio_ticks.core.ledger import Inbox
from trio_ticks.core.pacing import Pacer
from trio_ticks.feeds.base import Feed, Service
from trio_ticks.model import Status, Tick
from trio_ticks.runtime.clock import NowUs
from trio_ticks.runtime.inquiry import Fetch, Inquiry
from trio_ticks.runtime.road import Road
from trio_ticks.runtime.transport import OpenLink


@attrs.frozen
class Wiring:
    """What all lines of an engine share.

    Attributes:
        events: Where to; each line works on a clone of its own.
        inbox: Counts what was decoded and not yet taken.
        open_link: The transport.
        fetch: One question over HTTP.
        now_us: The clock that stamps receipt.
        chance: Returns a number in [0, 1) to spread retries with.
        numbers: Numbers the sessions.
        latest: The newest tick of a symbol of a feed.
        retry_first: Whether the first attempt of a line is retried like any other, or ends it.
    """

    events: trio.MemorySendChannel[Event]
    inbox: Inbox
    open_link: OpenLink
    fetch: Fetch
    now_us: NowUs
    chance: Callable[[], float]
    numbers: Iterator[int]
    latest: Callable[[str, str], Tick | None]
    retry_first: bool = True


@attrs.frozen
class LineSetup:
    """What a line is told once.

    Attributes:
        name: Shard and line, such as ``alltick/stock 0A``.
        feed: The vendor's wire.
        feed_name: The feed's name in this engine.
        service: The endpoint.
        pacer: Shared by all lines of a token and service.
        inquiry: The other way to the vendor; None where it has none.
        road: How its hosts are reached.
        config: How connections are opened, judged and given up.
        wiring: What all lines of the engine share.
        heartbeat_s: Between heartbeats; None: none are wanted.
    """

    name: str
    feed: Feed
    feed_name: str
    service: Service
    pacer: Pacer
    inquiry: Inquiry | None
    road: Road
    config: ConnectionConfig
    wiring: Wiring
    heartbeat_s: float | None


async def tell(
    setup: LineSetup,
    events: trio.MemorySendChannel[Event],
    status: str,
    reason: str = "",
    *,
    symbol: str | None = None,
) -> None:
    """Let consumers know."""
    now_us = setup.wiring.now_us()
    note = Status(status, now_us, reason, feed=setup.feed_name, symbol=symbol, source=setup.name)
    await emit(events, Notice(note))


async def emit(events: trio.MemorySendChannel[Event], event: Event) -> None:
    """Hand an event to the sequencer, even when cancelled: what was received is handed on.

    Cancellation:
        Shielded. It ends with the sequencer at the latest, which a hard stop ends.
    """
    try:
        # Without a wait where there is room: that spares a scheduler pass, and every caller waits for its peer, too.
        events.send_nowait(event)
    except trio.WouldBlock:
        with trio.CancelScope(shield=True), suppress(trio.BrokenResourceError):
            await events.send(event)
    except trio.BrokenResourceError:
        # A hard stop: the sequencer is gone. What was in hand stays counted as waiting in the inbox.
        return
