"""``sim``: the simulated vendor as a process of its own."""

from __future__ import annotations

import math
import shlex
import signal
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import attrs
import trio

from trio_ticks.app.progress import progress
from trio_ticks.errors import ConfigError, JournalError
from trio_ticks.runtime.groups import leaves
from trio_ticks.sim import (
    Fault,
    Recording,
    Sim,
    SimStatistics,
    Switches,
    Tape,
    open_sim,
    parse_faults,
    run_faults,
    sample_tapes,
)
from trio_ticks.storage.reading import read

TOKEN = "demo"  # noqa: S105 - what the simulator accepts, no secret
# A client that is alive answers a close frame at once, also on a machine that stalls for some seconds.
FAREWELL_S = 30.0
# Of the codes in the welcome: more would hide the command that it is about.
SHOWN = 10


@attrs.frozen(kw_only=True)
class Simulation:
    """What is served, and what goes wrong with it."""

    port: int
    plan: str
    speed: float
    switches: Switches
    faults: Sequence[Fault]
    tapes: Sequence[Tape] | Recording
    seconds: float | None
    once: bool = False

    @property
    def symbols(self) -> Sequence[str]:
        """The codes that are served."""
        if isinstance(self.tapes, Recording):
            return sorted(self.tapes.symbols)
        return list(dict.fromkeys(tape.symbol for tape in self.tapes))

    @property
    def awaited(self) -> Sequence[str]:
        """The codes that must be subscribed before it begins, where it is played once; none: any."""
        return sorted(self.tapes.reading.query.symbols or ()) if isinstance(self.tapes, Recording) else ()


@attrs.frozen(kw_only=True)
class Recorded:
    """Which part of which journal is to be served."""

    journal: Path | None
    symbols: Sequence[str]
    start: str | None
    end: str | None
    tz: str
    as_recorded: bool


def parse_source(csv: Sequence[str], recorded: Recorded, *, once: bool) -> Sequence[Tape] | Recording:
    """Return what is to be played: a journal, or what `parse_tapes` returns.

    Raises:
        ConfigError: options do not go together, or there is nothing of the kind in the journal.
        JournalError: it cannot be read.
    """
    if recorded.journal is None:
        given = {"--symbol": recorded.symbols, "--start": recorded.start, "--end": recorded.end}
        lost = [name for name, value in (given | {"--as-recorded": recorded.as_recorded}).items() if value]
        if lost:
            raise ConfigError(f"{lost[0]}: accepted with --journal FILE, of which it chooses a part or a way")
        return parse_tapes(csv)
    if csv:
        raise ConfigError("--csv and --journal: accepted is one of them")
    if recorded.as_recorded and not once:
        raise ConfigError(
            "--as-recorded: accepted with --once, since a second round would bring the same stamps again"
        )
    reading = read(recorded.journal, *recorded.symbols, start=recorded.start, end=recorded.end, tz=recorded.tz)
    with progress("looking through the journal") as tell:
        return Recording.of(reading, as_recorded=recorded.as_recorded, on_progress=tell)


def parse_tapes(texts: Sequence[str]) -> Sequence[Tape]:
    """Return the tapes that ``FILE=SYMBOL`` texts name, or the shipped sample where there are none.

    Raises:
        ConfigError: a text is not of that form, or its file is no tape.
    """
    return [_tape(text) for text in texts] or sample_tapes()


def _tape(text: str) -> Tape:
    path, _, symbol = text.rpartition("=")
    if not path or not symbol:
        raise ConfigError(f"--csv {text!r}: accepted is FILE=SYMBOL, such as trades.csv=BTCUSDT")
    return Tape.from_csv(path, symbol)


def all_faults(texts: Sequence[str]) -> Sequence[Fault]:
    """Return the faults that several ``--fault`` options name."""
    return [fault for text in texts for fault in parse_faults(text)]


def simulate(simulation: Simulation) -> None:
    """Serve until a signal comes, or for so many seconds, or until everything was played once.

    Raises:
        ConfigError: something in it cannot be used, the port for instance.
        JournalError: what is played cannot be read any more.
    """
    try:
        trio.run(_simulate, simulation)
    except ExceptionGroup as group:
        lost = [error for error in leaves(group) if isinstance(error, JournalError)]
        if not lost:
            raise
        raise lost[0] from group


async def _simulate(simulation: Simulation) -> None:
    async with AsyncExitStack() as stack:
        try:
            sim = await stack.enter_async_context(_opening(simulation))
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigError(f"--port {simulation.port}: {reason}; accepted is a free port, 0 for any") from None
        print(_welcome(sim, simulation), flush=True)
        await _serve(sim, simulation)
    print(_farewell(sim.statistics()), flush=True)


def _opening(simulation: Simulation) -> AbstractAsyncContextManager[Sim]:
    return open_sim(
        simulation.tapes,
        port=simulation.port,
        token=TOKEN,
        plan=simulation.plan,
        speed=simulation.speed,
        switches=simulation.switches,
        autoplay=not simulation.once,
        loop=not simulation.once,
    )


async def _serve(sim: Sim, simulation: Simulation) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_run_faults, sim, simulation.faults)
            if simulation.once:
                nursery.start_soon(_play_once, sim, simulation.awaited, nursery.cancel_scope)
            with trio.move_on_after(math.inf if simulation.seconds is None else simulation.seconds):
                await anext(signals)
            nursery.cancel_scope.cancel("the simulation is over")


async def _play_once(sim: Sim, awaited: Sequence[str], scope: trio.CancelScope) -> None:
    """Play from the subscription to the last tick, and end when the clients have read that."""
    await sim.wait_subscribed(*awaited)
    sim.play()
    await sim.wait_played()
    await sim.drop(clean=True, patience_s=FAREWELL_S)
    scope.cancel("everything was played")


async def _run_faults(sim: Sim, faults: Sequence[Fault]) -> None:
    await run_faults(sim, faults, on_fault=lambda one: print(f"{one.at_s:g} s: {one.kind}", flush=True))


def _welcome(sim: Sim, simulation: Simulation) -> str:
    symbols = simulation.symbols[:SHOWN]
    more = len(simulation.symbols) - len(symbols)
    watch = ["trio-ticks", "watch", *symbols, "--feed", "alltick", "--plan", simulation.plan, "--url", sim.url]
    return "\n".join(
        (
            f"AllTick, simulated:   {sim.url}   token {TOKEN!r}, plan {simulation.plan!r}",
            f"the simple dialect:   {sim.simple_url}",
            f"recorded trades of:   {', '.join(symbols)}{f' and {more:,} more' if more else ''}",
            *_beginning(simulation),
            "Ctrl-C ends it. To see them, paste this into another terminal:",
            f"  ALLTICK_TOKEN={TOKEN} {shlex.join(watch)}",
        )
    )


def _beginning(simulation: Simulation) -> Iterator[str]:
    """Say how much of a journal is played, and when."""
    if isinstance(simulation.tapes, Recording):
        yield f"from the journal:     {simulation.tapes.count:,} ticks"
    if simulation.once:
        begins = ", ".join(simulation.awaited) or "something"
        yield f"once:                 from when {begins} is subscribed to the last tick"


def _farewell(statistics: SimStatistics) -> str:
    broken = ", ".join(f"{name} {count}" for name, count in statistics.violations.items()) or "none"
    return (
        f"connections {statistics.connections_total:,} · published {sum(statistics.published.values()):,}"
        f" · pushed {statistics.pushes:,} · rules broken by clients: {broken}"
    )
