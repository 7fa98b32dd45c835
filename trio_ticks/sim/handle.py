"""The handle of a running simulator: what it publishes, what can be seen of it, and its faults."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus

import attrs
import trio

from trio_ticks.errors import ConfigError
from trio_ticks.model import Tick
from trio_ticks.sim.conditions import during
from trio_ticks.sim.connection import Link
from trio_ticks.sim.door import Door
from trio_ticks.sim.exchange import LINGER_S
from trio_ticks.sim.handshake import SIMPLE_PATH
from trio_ticks.sim.hub import Hub
from trio_ticks.sim.load import Loader
from trio_ticks.sim.mishaps import (
    Burst,
    Precede,
    Reorder,
    StreamFault,
    cut_off,
    repeated,
    unknown,
    without_price,
    without_volume,
)
from trio_ticks.sim.player import Player
from trio_ticks.sim.statistics import SimStatistics
from trio_ticks.sim.writing import MESSAGES

GOING_AWAY = 1001


@attrs.define(kw_only=True, eq=False)
class Sim:
    """A running simulator. `open_sim` makes it.

    Attributes:
        url: ``ws://HOST:PORT``; a client appends one of AllTick's two documented paths and the token.
        http_url: ``http://HOST:PORT``, likewise.
        simple_url: The simple dialect's endpoint, complete.
    """

    url: str
    http_url: str = attrs.field(init=False)
    simple_url: str = attrs.field(init=False)
    _hub: Hub
    _player: Player
    _door: Door
    _loader: Loader | None
    _restarting: trio.Lock = attrs.field(factory=trio.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self.http_url = "http" + self.url.removeprefix("ws")
        self.simple_url = self.url + SIMPLE_PATH

    # Ticks.

    async def send(self, ticks: Iterable[Tick]) -> int:
        """Push ticks now, in this order, to whoever is subscribed.

        Their ``time_us`` (cut to milliseconds), texts, side and, where set, ``sequence`` go on the wire.

        Returns:
            How many connections took them: the bytes of this call have been handed to their kernel.

        Backpressure: waits for connections that read slowly, until they are cut for it. One call may put no more
        on a connection than ``buffer_bytes``.
        Cancellation: at any await; the ticks stay published.
        """
        marks = self._hub.publish(ticks)
        await trio.lowlevel.checkpoint()
        return sum([await link.outbox.wait_written(mark) for link, mark in marks])

    def play(self) -> None:
        """Start the tapes, where ``autoplay`` did not; a second call changes nothing."""
        self._player.start()

    async def wait_played(self) -> None:
        """Wait until everything recorded has been published to its end; never returns where it loops."""
        await self._player.wait_finished()

    async def wait_subscribed(self, *symbols: str) -> None:
        """Wait until each symbol is subscribed on some connection that is live and not mute; none given: any is."""
        await self._hub.wait_subscribed(symbols)

    # What can be seen.

    @property
    def published(self) -> Mapping[str, int]:
        """Ticks per symbol that were due so far, subscribers or not: what a perfect client would have."""
        return {**self._hub.tally.published, **(self._loader.published if self._loader else {})}

    def statistics(self) -> SimStatistics:
        """Return an immutable snapshot of the counters."""
        hub = self._hub
        return hub.tally.snapshot(connections_open=len(hub.live), published=self.published, pushes=hub.pushes)

    # Faults of connections.

    async def drop(self, *, clean: bool = False, patience_s: float = LINGER_S) -> int:
        """Cut every connection: an end of stream without a close frame.

        What is still queued is lost, what `send` returned for is not.

        Args:
            clean: Send what is queued and a close frame with code 1001 instead.
            patience_s: How long all that may take, and a client its answer, which proves that it has read everything.

        Returns:
            How many connections that were. They are over when this returns.
        """
        return await self._end(self._hub.live, "dropped", clean=clean, patience_s=patience_s)

    def mute(self) -> int:
        """Send no more ticks on the connections open now; heartbeats and requests are still answered.

        Returns:
            How many connections that are. New ones are not mute.
        """
        links = self._hub.live
        for link in links:
            link.muted = True
        return len(links)

    def unmute(self) -> None:
        """Let the mute connections have ticks again; what was published meanwhile is lost to them."""
        for link in self._hub.live:
            link.muted = False

    def vanish(self) -> int:
        """Hear and say nothing any more on the connections open now, and leave their sockets open: half-open links.

        Whether the server knows, or holds their places until their heartbeats are overdue, is a switch.

        Returns:
            How many connections that are.
        """
        links = self._hub.live
        for link in links:
            link.vanish()
        return len(links)

    async def restart(self, *, down_s: float = 5.0, clean: bool = False) -> int:
        """End every connection, let nobody connect for a while, and be back at the same port.

        Cancellation: at any await; the server is back at once.

        Returns:
            How many connections were ended.
        """
        async with self._restarting:
            self._door.shut()
            try:
                count = await self._end(self._hub.links, "restart", clean=clean)
                await trio.sleep(down_s)
            finally:
                self._door.reopen()
        return count

    async def _end(self, links: Iterable[Link], cause: str, *, clean: bool, patience_s: float = LINGER_S) -> int:
        links = list(links)
        for link in links:
            if clean and link.live:
                link.close(cause, code=GOING_AWAY, patience_s=patience_s)
            else:
                link.cut(cause)
        await trio.lowlevel.checkpoint()
        for link in links:
            await link.wait_ended()
        return len(links)

    # Faults that last.

    def refusing(self, status: int = 503) -> AbstractContextManager[None]:
        """Answer every handshake and every HTTP query with an HTTP error; connections that are open live on."""
        return during(self._hub.conditions.refusals, HTTPStatus(status))

    def answering(self, ret: int) -> AbstractContextManager[None]:
        """Answer every subscription and every HTTP query with an error; after 606 the connection is closed too.

        Raises:
            ConfigError: It is none of the vendor's codes.
        """
        if ret not in MESSAGES:
            raise ConfigError(f"ret = {ret!r}: accepted are {', '.join(map(str, MESSAGES))}")
        return during(self._hub.conditions.forced, ret)

    def dripping(self, gap_s: float = 0.01) -> AbstractContextManager[None]:
        """Write a byte at a time on every connection; then what has piled up, at once."""
        return during(self._hub.conditions.drips, gap_s)

    def overlapping(self, count: int) -> AbstractContextManager[None]:
        """Begin each new subscription with the last ``count`` ticks of its codes: duplicates across sessions."""
        return during(self._hub.conditions.overlaps, count)

    def one_sided(self) -> AbstractContextManager[None]:
        """Publish order books in which nobody sells, as at a limit up."""
        return during(self._hub.conditions.one_sided, True)

    def renumbering(self) -> AbstractContextManager[None]:
        """Let ``seq`` begin anew on each connection."""
        return during(self._hub.conditions.renumbered, True)

    def reordering(self, seed: int = 0, *, depth: int = 4) -> AbstractContextManager[None]:
        """Shuffle each ``depth`` consecutive ticks; a block that is not full waits, at most until the end."""
        return self._befalling(Reorder(seed=seed, depth=depth))

    def bursting(self) -> AbstractContextManager[None]:
        """Hold all ticks back, and send them all at once at the end."""
        return self._befalling(Burst())

    def malforming(self, *, every: int = 10) -> AbstractContextManager[None]:
        """Send a cut-off copy of every ``every``-th tick before it. No tick is lost by it."""
        return self._befalling(Precede(every=every, prelude=cut_off))

    def repeating(self, *, every: int = 10) -> AbstractContextManager[None]:
        """Send every ``every``-th tick twice."""
        return self._befalling(Precede(every=every, prelude=repeated))

    def puzzling(self, *, every: int = 10) -> AbstractContextManager[None]:
        """Send a message with an unknown ``cmd_id`` before every ``every``-th tick."""
        return self._befalling(Precede(every=every, prelude=unknown))

    def blanking(self, *, every: int = 10) -> AbstractContextManager[None]:
        """Send every ``every``-th tick with empty volume and turnover; and before it a copy whose price is empty."""
        return self._befalling(Precede(every=every, prelude=without_price, alter=without_volume))

    @contextmanager
    def _befalling(self, fault: StreamFault) -> Generator[None]:
        """Let a fault befall the stream, and give back what it held at the end."""
        self._hub.conditions.stream.append(fault)
        try:
            yield
        finally:
            self._hub.end_fault(fault)
