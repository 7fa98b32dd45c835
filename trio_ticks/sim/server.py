"""`open_sim`: everything put together, and the tasks it runs."""

from __future__ import annotations

import functools
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

import trio

from trio_ticks.sim.alltick import Terms
from trio_ticks.sim.catalogue import Catalogue
from trio_ticks.sim.conditions import Conditions
from trio_ticks.sim.door import Door
from trio_ticks.sim.handle import Sim
from trio_ticks.sim.hub import Hub
from trio_ticks.sim.load import Load, Loader
from trio_ticks.sim.player import Player, ReadingReel, Reel, TapeReel
from trio_ticks.sim.recording import Recording
from trio_ticks.sim.rules import plan_named
from trio_ticks.sim.switches import Switches
from trio_ticks.sim.tape import Tape, check_speed, sample_tapes, timeline
from trio_ticks.sim.writing import Writer

# 25,000 ticks: a client that is a second behind at any rate a vendor sends is still served.
BUFFER_BYTES = 4 * 2**20


@asynccontextmanager
async def open_sim(
    tapes: Sequence[Tape] | Recording | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str = "demo",  # noqa: S107 - the simulator's own, no secret
    plan: str = "professional",
    symbols: Iterable[str] = (),
    entitled: Iterable[str] | None = None,
    switches: Switches | None = None,
    autoplay: bool = True,
    loop: bool = True,
    speed: float = 1.0,
    load: Load | None = None,
    overlap: int = 0,
    buffer_bytes: int = BUFFER_BYTES,
    now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
) -> AsyncIterator[Sim]:
    """Run an AllTick server on a loopback socket.

    Args:
        tapes: Recorded trades to play, shifted to now, or a `Recording` of a journal; the shipped sample if None,
            nothing if empty.
        host: Where to listen.
        port: 0: any free one.
        token: The one that is accepted.
        plan: ``free``, ``basic``, ``premium`` or ``professional``: its limits are enforced.
        symbols: Codes that exist besides those of the tapes.
        entitled: The codes that the token may have; the others are answered with 604. None: all there are.
        switches: How the vendor is taken to behave where that is not known; the likeliest if None.
        autoplay: Start the tapes at once; otherwise `Sim.play` does.
        loop: Start a tape over when it ends, and a recording.
        speed: How much faster than recorded.
        load: Ticks without end, besides those of the tapes.
        overlap: Begin each new subscription with so many ticks; see `Sim.overlapping`.
        buffer_bytes: Unwritten bytes at which a connection that reads too slowly is cut.
        now_us: The wall clock, UTC microseconds.

    Yields:
        The handle. Leaving the block ends every connection, socket and task.

    Raises:
        ConfigError: An argument cannot be used.
        OSError: The address cannot be listened on.
    """
    tapes = sample_tapes() if tapes is None else tapes
    switches = Switches() if switches is None else switches
    check_speed(speed)
    known = frozenset(symbols).union(_codes(tapes), load.codes if load else ())
    permitted = None if entitled is None else frozenset(entitled)
    catalogue = Catalogue(known=known, entitled=permitted, switches=switches)
    hub = Hub(
        token=token,
        terms=Terms(plan=plan_named(plan), catalogue=catalogue, writer=Writer(switches)),
        capacity_bytes=buffer_bytes,
        now_us=now_us,
        conditions=Conditions(
            overlaps=[overlap, int(switches.snapshot == "last")],
            renumbered=[True] if switches.seq == "connection" else [],
        ),
    )
    failure: Exception | None = None
    open_reel = functools.partial(_open_reel, tapes, speed=speed, loop=loop)
    player = Player(open_reel=open_reel, publish=hub.publish, now_us=now_us)
    if autoplay:
        player.start()
    loader = Loader(load=load, audience=hub.audience, now_us=now_us) if load else None
    listeners = await trio.open_tcp_listeners(port, host=host)
    async with trio.open_nursery() as nursery:
        door = Door(listeners=listeners, serve=hub.serve, nursery=nursery)
        nursery.start_soon(player.run, name="sim player")
        if loader is not None:
            nursery.start_soon(loader.run, name="sim load")
        try:
            yield Sim(url=_url(host, listeners[0]), hub=hub, player=player, door=door, loader=loader)
        except Exception as error:  # noqa: BLE001 - raised again below, bare, where the nursery cannot wrap it
            failure = error
        nursery.cancel_scope.cancel(reason="the simulator is closed")
    if failure is not None:
        raise failure


def _codes(tapes: Sequence[Tape] | Recording) -> Iterable[str]:
    return tapes.symbols if isinstance(tapes, Recording) else [tape.symbol for tape in tapes]


def _open_reel(tapes: Sequence[Tape] | Recording, start_us: int, *, speed: float, loop: bool) -> Reel:
    if isinstance(tapes, Recording):
        return ReadingReel(functools.partial(tapes.portions, start_us=start_us, speed=speed, loop=loop))
    return TapeReel(timeline(tapes, start_us=start_us, speed=speed, loop=loop))


def _url(host: str, listener: trio.SocketListener) -> str:
    """Return where a WebSocket client finds a listener."""
    port = listener.socket.getsockname()[1]
    return f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}"
