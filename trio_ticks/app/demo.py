"""``demo``: the engine and a do-it-yourself recipe on one simulated feed that is cut and muted.

::

    simulator on loopback ── AllTick's protocol ── engine ── strategy that counts
                         └── the simple dialect ── recipe ── worker that counts
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import trio
from rich.console import Console
from rich.live import Live

from trio_ticks.app.demo_score import Score
from trio_ticks.app.demo_screen import View, event_line, line, screen
from trio_ticks.app.demo_stage import Stage
from trio_ticks.app.http import address_of, close_all, listen, open_http
from trio_ticks.app.logs import silence_logging
from trio_ticks.app.report import check_report, write_report
from trio_ticks.app.supervising import open_supervised
from trio_ticks.config import ConnectionConfig, HttpConfig
from trio_ticks.errors import ConfigError, EngineError
from trio_ticks.feeds.alltick import AllTick, service_of
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.statistics import EngineStatistics
from trio_ticks.runtime.strategy import Strategy
from trio_ticks.sim import SimStatistics, Tape, open_sim, sample_tapes

FRAMES_PER_S = 8

STRATEGY = "demo"
"""The engine's consumer in the ledger."""

TOKEN = "demo"  # noqa: S105 - what the simulator accepts, no secret
PLAN = "professional"

MUTE_AFTER_S = 1.5
"""The tapes never pause for a quarter of that, so it is a fault for certain; on real markets the default is a minute.
Shorter would show nothing more, longer would look like the recipe."""

SUBSCRIBE_S = 10.0
"""For two connects on loopback. A machine that cannot do it in that time does not let us connect at all."""


@attrs.frozen(kw_only=True)
class Demonstration:
    """How the demo runs."""

    seconds: float | None = None
    report: Path | None = None
    lines: int = 1
    plain: bool = False
    verbose: bool = False
    http: str | None = None


def demonstrate(options: Demonstration) -> None:
    """Run the demo until a signal comes or the time is over, then say how it went.

    Raises:
        ConfigError: the report cannot be written.
        EngineError: the engine failed, or its ledger does not balance.
    """
    check_report(options.report)
    console = Console()
    is_live = not options.plain and console.is_terminal and not console.is_dumb_terminal and not console.no_color
    if is_live or not options.verbose:
        silence_logging()
    trio.run(_demonstrate, options, console if is_live else None)


async def _demonstrate(options: Demonstration, console: Console | None) -> None:
    listeners = await _listeners(options.http)
    if listeners:
        print(f"dashboard: {address_of(listeners)}", flush=True)
    try:
        await _play(options, console, listeners)
    finally:
        close_all(listeners)


async def _play(options: Demonstration, console: Console | None, listeners: Sequence[trio.SocketListener]) -> None:
    tapes = _tapes()
    symbols = [tape.symbol for tape in tapes]
    over = trio.Event()
    async with open_sim(tapes, token=TOKEN, plan=PLAN, autoplay=False) as sim:
        score = Score(symbols=symbols, recipe_url=sim.simple_url)
        stage = Stage(sim=sim, tapes=tapes, score=score)
        async with (
            open_supervised(
                AllTick(*symbols, url=sim.url, token=TOKEN, plan=PLAN),
                strategies=[Strategy(stage.follow, name=STRATEGY, on_error="stop")],
                connection=_connection(options.lines),
                seconds=options.seconds,
                stop=lambda _: over.set(),
            ) as engine,
            open_http(engine, HttpConfig(), listeners),
        ):
            await _perform(stage, score, engine, over, console)
        score.rest()
        _end(options, engine.statistics(), sim.statistics(), score.view(engine), score)


async def _listeners(http: str | None) -> list[trio.SocketListener]:
    """Return where the dashboard is served: where it is asked for, else at the default address or any free port."""
    if http is not None:
        return await listen(HttpConfig(bind=http))
    try:
        return await listen(HttpConfig())
    except ConfigError:
        return await listen(HttpConfig(bind="127.0.0.1:0"))


def _tapes() -> Sequence[Tape]:
    """Return the tapes of one service: a second connection would have to wait three seconds for its turn."""
    return [tape for tape in sample_tapes() if service_of(tape.symbol) == "other"]


def _connection(lines: int) -> ConnectionConfig:
    """Return the defaults, but for bounds that fit into a demo; the vendor's rules are kept."""
    return ConnectionConfig(
        lines=lines,
        mute_after_s=MUTE_AFTER_S,
        backoff_first_s=0.1,
        healthy_s=1.0,
    )


async def _perform(stage: Stage, score: Score, engine: Engine, over: trio.Event, console: Console | None) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(score.recipe.run, name="recipe")
        if console is None:
            nursery.start_soon(_print_lines, score, engine)
        else:
            nursery.start_soon(_draw, stage, score, engine, console)
        with trio.move_on_after(SUBSCRIBE_S) as patience:
            await stage.wait_subscribed()
        if not patience.cancelled_caught:
            nursery.start_soon(stage.play, name="tapes")
            nursery.start_soon(stage.strike, name="faults")
            await over.wait()
            await stage.finish()
        nursery.cancel_scope.cancel("the demo is over")
    if patience.cancelled_caught:
        raise EngineError("the simulator on this machine's loopback address cannot be reached")


async def _draw(stage: Stage, score: Score, engine: Engine, console: Console) -> None:
    with Live(console=console, auto_refresh=False) as live:
        try:
            while True:
                live.update(screen(score.view(engine, stage.fault_in_s)), refresh=True)
                await trio.sleep(1 / FRAMES_PER_S)
        finally:
            live.update(screen(score.view(engine)), refresh=True)


async def _print_lines(score: Score, engine: Engine) -> None:
    seen = 0
    for frame in itertools.count(1):
        for event in score.new_events(seen):
            print(event_line(event), flush=True)
        seen = score.told
        if frame % FRAMES_PER_S == 0:
            print(line(score.view(engine)), flush=True)
        await trio.sleep(1 / FRAMES_PER_S)


def _end(options: Demonstration, engine: EngineStatistics, sim: SimStatistics, view: View, score: Score) -> None:
    """Write the report and say how it went, the counts of the engine in the last line."""
    gaps = sum(engine.gaps.values())
    write_report(options.report, engine, demo=_figures(view, score, sim))
    print(_explanation(view, score, gaps))
    print(
        f"received {engine.ledger.received:,} · delivered {engine.ledger.consumers[STRATEGY].delivered:,}"
        f" · lost {view.engine.missed:,} · gaps {gaps:,}",
        flush=True,
    )
    if wrong := engine.ledger.imbalances():
        raise EngineError(f"the ledger does not balance: {'; '.join(wrong)}")


def _explanation(view: View, score: Score, gaps: int) -> str:
    """Return what the last line means, in lines of 80 columns."""
    if open_count := score.witness.unaccounted:
        return (
            f"Published: {score.witness.published:,} ticks. The demo was ended at once: of these {open_count:,}\n"
            "were on their way or lay in a gap that the strategy could not be told of any more."
        )
    return (
        f"Published: {score.witness.published:,} ticks. The recipe missed {view.recipe.missed:,} and knew of none.\n"
        f"The engine lost {view.engine.missed:,}, all while its connection was cut or mute, and told\n"
        f"its strategy: {score.witness.named.total():,} of them lie in {gaps} named gaps, one per fault and symbol."
    )


def _figures(view: View, score: Score, sim: SimStatistics) -> dict[str, Any]:
    """Return what the report has beside the engine's own statistics."""
    return {
        "published": score.witness.published,
        "engine_delivered": score.witness.delivered,
        "engine_missed": view.engine.missed,
        "engine_missed_in_gaps": score.witness.named.total(),
        "engine_unaccounted": score.witness.unaccounted,
        "recipe_delivered": view.recipe.delivered,
        "recipe_missed": view.recipe.missed,
        "recipe_missed_by": {
            "cut": view.recipe.cut,
            "mute": view.recipe.mute,
            "thrown_away": view.recipe.thrown_away,
        },
        "faults": [attrs.asdict(fault) for fault in score.faults],
        "vendor_rules_broken": dict(sim.violations),
    }
