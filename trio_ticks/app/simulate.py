"""``sim``: the simulated vendor as a process of its own."""

from __future__ import annotations

import math
import shlex
import signal
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import attrs
import trio

from trio_ticks.errors import ConfigError
from trio_ticks.sim import Fault, Sim, SimStatistics, Switches, Tape, open_sim, parse_faults, run_faults, sample_tapes

TOKEN = "demo"  # noqa: S105 - what the simulator accepts, no secret


@attrs.frozen(kw_only=True)
class Simulation:
    """What is served, and what goes wrong with it."""

    port: int
    plan: str
    speed: float
    switches: Switches
    faults: Sequence[Fault]
    tapes: Sequence[Tape]
    seconds: float | None


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
    """Serve until a signal comes, or for so many seconds.

    Raises:
        ConfigError: something in it cannot be used, the port for instance.
    """
    trio.run(_simulate, simulation)


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
    )


async def _serve(sim: Sim, simulation: Simulation) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_run_faults, sim, simulation.faults)
            with trio.move_on_after(math.inf if simulation.seconds is None else simulation.seconds):
                await anext(signals)
            nursery.cancel_scope.cancel("the simulation is over")


async def _run_faults(sim: Sim, faults: Sequence[Fault]) -> None:
    await run_faults(sim, faults, on_fault=lambda one: print(f"{one.at_s:g} s: {one.kind}", flush=True))


def _welcome(sim: Sim, simulation: Simulation) -> str:
    symbols = list(dict.fromkeys(tape.symbol for tape in simulation.tapes))
    watch = ["trio-ticks", "watch", *symbols, "--feed", "alltick", "--plan", simulation.plan, "--url", sim.url]
    return "\n".join(
        (
            f"AllTick, simulated:   {sim.url}   token {TOKEN!r}, plan {simulation.plan!r}",
            f"the simple dialect:   {sim.simple_url}",
            f"recorded trades of:   {', '.join(symbols)}",
            "Ctrl-C ends it. To see them, paste this into another terminal:",
            f"  ALLTICK_TOKEN={TOKEN} {shlex.join(watch)}",
        )
    )


def _farewell(statistics: SimStatistics) -> str:
    broken = ", ".join(f"{name} {count}" for name, count in statistics.violations.items()) or "none"
    return (
        f"connections {statistics.connections_total:,} · published {sum(statistics.published.values()):,}"
        f" · pushed {statistics.pushes:,} · rules broken by clients: {broken}"
    )
