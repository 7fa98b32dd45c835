"""`open_sim`, and the handle it yields."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Literal

import trio

from trio_ticks.errors import ConfigError
from trio_ticks.model import Tick
from trio_ticks.sim.handshake import SIMPLE_PATH
from trio_ticks.sim.hub import Behaviour, Hub
from trio_ticks.sim.player import Player
from trio_ticks.sim.pushes import Malform, Reorder, StreamFault
from trio_ticks.sim.rules import plan_named
from trio_ticks.sim.statistics import SimStatistics
from trio_ticks.sim.tape import Tape, check_speed, sample_tapes

# 25,000 ticks: a client that is a second behind at any rate a vendor sends is still served.
BUFFER_BYTES = 4 * 2**20

GOING_AWAY = 1001


class Sim:
    """A running simulator. `open_sim` makes it.

    Attributes:
        url: ``ws://HOST:PORT``; a client appends one of AllTick's two documented paths and the token.
        simple_url: The simple dialect's endpoint, complete.
    """

    def __init__(self, *, hub: Hub, player: Player, host: str, port: int) -> None:
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.url = f"ws://{authority}"
        self.simple_url = self.url + SIMPLE_PATH
        self._hub = hub
        self._player = player

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
        return sum([await link.wait_written(mark) for link, mark in marks])

    def play(self) -> None:
        """Start the tapes, where ``autoplay`` did not; a second call changes nothing."""
        self._player.start()

    async def wait_played(self) -> None:
        """Wait until every tape has been published to its end; never returns where they loop."""
        await self._player.wait_finished()

    async def wait_subscribed(self, *symbols: str) -> None:
        """Wait until each symbol is subscribed on some connection that is live and not mute."""
        await self._hub.wait_subscribed(symbols)

    # What can be seen.

    @property
    def published(self) -> Mapping[str, int]:
        """Ticks per symbol that were due so far, subscribers or not: what a perfect client would have."""
        return dict(self._hub.tally.published)

    def statistics(self) -> SimStatistics:
        """Return an immutable snapshot of the counters."""
        return self._hub.tally.snapshot(connections_open=len(self._hub.live), pushes=self._hub.pushes)

    # Faults.

    async def drop(self, *, clean: bool = False) -> int:
        """Cut every connection: an end of stream without a close frame.

        What is still queued is lost, what `send` returned for is not.

        Args:
            clean: Send what is queued and a close frame with code 1001 instead.

        Returns:
            How many connections that were. They are over when this returns.
        """
        links = self._hub.live
        for link in links:
            if clean:
                link.close("dropped", code=GOING_AWAY)
            else:
                link.cut("dropped")
        await trio.lowlevel.checkpoint()
        for link in links:
            await link.wait_ended()
        return len(links)

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

    @contextmanager
    def refusing(self, status: int = 503) -> Generator[None]:
        """Answer every handshake with an HTTP error; connections that are open live on."""
        refused = HTTPStatus(status)
        self._hub.refusals.append(refused)
        try:
            yield
        finally:
            self._hub.refusals.remove(refused)

    @contextmanager
    def overlapping(self, count: int) -> Generator[None]:
        """Begin each new subscription with the last ``count`` ticks of its codes: duplicates across sessions."""
        self._hub.overlaps.append(count)
        try:
            yield
        finally:
            self._hub.overlaps.remove(count)

    @contextmanager
    def reordering(self, seed: int = 0, *, depth: int = 4) -> Generator[None]:
        """Shuffle each ``depth`` consecutive ticks; a block that is not full waits, at most until the end."""
        with self._befalling(Reorder(seed=seed, depth=depth)):
            yield

    @contextmanager
    def malforming(self, *, every: int = 10) -> Generator[None]:
        """Send a cut-off copy of every ``every``-th tick before it. No tick is lost by it."""
        with self._befalling(Malform(every=every)):
            yield

    @contextmanager
    def _befalling(self, fault: StreamFault) -> Generator[None]:
        """Let a fault befall the stream, and give back what it held at the end."""
        self._hub.faults.append(fault)
        try:
            yield
        finally:
            self._hub.end_fault(fault)


@asynccontextmanager
async def open_sim(
    tapes: Sequence[Tape] | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str = "demo",  # noqa: S107 - the simulator's own, no secret
    plan: str = "professional",
    symbols: Iterable[str] = (),
    autoplay: bool = True,
    loop: bool = True,
    speed: float = 1.0,
    snapshot: bool = False,
    overlap: int = 0,
    wrong_token: Literal["http", "frame"] = "http",  # noqa: S107 - a switch, no secret
    strict_pacing: bool = True,
    buffer_bytes: int = BUFFER_BYTES,
    now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
) -> AsyncIterator[Sim]:
    """Run an AllTick server on a loopback socket.

    Args:
        tapes: Recorded trades to play, shifted to now; the shipped sample if None, nothing if empty.
        host: Where to listen.
        port: 0: any free one.
        token: The one that is accepted.
        plan: ``free``, ``basic``, ``premium`` or ``professional``: its limits are enforced.
        symbols: Codes that exist besides those of the tapes.
        autoplay: Start the tapes at once; otherwise `Sim.play` does.
        loop: Start a tape over when it ends.
        speed: How much faster than recorded, for all tapes.
        snapshot: Send the last published tick of each code right after a subscription to it.
        overlap: Send that many; see `Sim.overlapping`.
        wrong_token: Refuse a bad token with HTTP 401 at the handshake, or let it in, say so in a frame, and hang
            up. Which of them the vendor does is not documented.
        strict_pacing: Answer a request within a second of the last with 606 and hang up; otherwise only count it.
        buffer_bytes: Unwritten bytes at which a connection that reads too slowly is cut.
        now_us: The wall clock, UTC microseconds.

    Yields:
        The handle. Leaving the block ends every connection, socket and task.

    Raises:
        ConfigError: An argument cannot be used.
        OSError: The address cannot be listened on.
    """
    tapes = sample_tapes() if tapes is None else tapes
    check_speed(speed)
    if wrong_token not in ("http", "frame"):
        raise ConfigError(f"wrong_token = {wrong_token!r}: accepted are http, frame")
    behaviour = Behaviour(
        token=token,
        plan=plan_named(plan),
        known=frozenset(symbols).union(tape.symbol for tape in tapes),
        admit_bad_token=wrong_token == "frame",  # noqa: S105 - a switch, no secret
        strict_pacing=strict_pacing,
        capacity_bytes=buffer_bytes,
    )
    hub = Hub(behaviour=behaviour, now_us=now_us, overlaps=[overlap, int(snapshot)])
    failure: Exception | None = None
    player = Player(tapes=tapes, speed=speed, loop=loop, publish=hub.publish, now_us=now_us)
    if autoplay:
        player.start()
    listeners = await trio.open_tcp_listeners(port, host=host)
    sim = Sim(hub=hub, player=player, host=host, port=listeners[0].socket.getsockname()[1])
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, hub.serve, listeners, name="sim listener")
        nursery.start_soon(player.run, name="sim player")
        try:
            yield sim
        except Exception as error:  # noqa: BLE001 - raised again below, bare, where the nursery cannot wrap it
            failure = error
        nursery.cancel_scope.cancel(reason="the simulator is closed")
    if failure is not None:
        raise failure
