"""One life of the engine: opened on what the last one left, told its story, and ended as the plan says."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs
import trio
from trio.testing import wait_all_tasks_blocked

from trio_ticks.config import ConnectionConfig, InfluxDB, JournalConfig, PacingConfig, SequencerConfig
from trio_ticks.feeds.alltick import AllTick
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.influx_sink import InfluxSink
from trio_ticks.runtime.opening import open_engine
from trio_ticks.testing.world import laws
from trio_ticks.testing.world.plan import SYMBOLS, Life
from trio_ticks.testing.world.strategies import Reader, strategies

if TYPE_CHECKING:
    from trio_ticks.testing.world.world import World

CONNECTION = {"silent_after_s": 15.0, "mute_after_s": 40.0, "ack_s": 4.0, "backoff_max_s": 20.0, "healthy_s": 10.0}

SLACK_S = 5.0
"""A stop may take so much longer than its grace: for the disk, which is never left in the middle of a commit."""


@attrs.define(eq=False)
class Lived:
    """What is known of a life afterwards."""

    plan: Life
    reader: Reader = attrs.field(factory=Reader)
    engine: Engine | None = None
    first_record: int = 0
    last_record: int = 0
    first_link: int = 0
    last_link: int = 0
    crashed: bool = False


async def live(world: World, plan: Life, *, is_last: bool) -> Lived:
    """Let the engine live once."""
    lived = Lived(plan, first_record=len(world.disk.kept.records), first_link=world.vendor.opened)
    world.disk.is_dead = False
    scope = trio.CancelScope()

    def strike() -> None:
        world.trace.note("crash")
        world.disk.crash()
        lived.crashed = True
        lived.last_record = len(world.disk.kept.records)
        scope.cancel("crash")

    with scope:
        if plan.end == "crash" and plan.crash_at < 0:
            world.crash.arm(plan.crash_steps, strike)
        async with open_engine(_feed(), **_options(world, lived)) as engine:
            lived.engine = engine
            for number, action in enumerate(plan.actions):
                if plan.end == "crash" and plan.crash_at == number:
                    world.crash.arm(plan.crash_steps, strike)
                await _act(world, lived, engine, action)
            if plan.end == "crash":
                if plan.crash_at == len(plan.actions):
                    world.crash.arm(plan.crash_steps, strike)
                await trio.sleep_forever()
            if is_last:
                await world.heal(engine, lived.reader)
            elif plan.end == "crash while stopping":
                world.crash.arm(plan.crash_steps % 100, strike)
            world.trace.note("ends", plan.end)
            if plan.end == "cancel":
                scope.cancel("whoever opened the engine gives it up")
                await trio.lowlevel.checkpoint()
            await _end(world, engine, plan)
    world.crash.disarm()
    lived.last_link = world.vendor.opened
    world.disk.is_dead = False
    if not lived.crashed:
        lived.last_record = len(world.disk.kept.records)
        laws.check_account(engine, "after its end")
    return lived


async def _end(world: World, engine: Engine, plan: Life) -> None:
    began = trio.current_time()
    engine.stop()
    if plan.end == "abort":
        engine.abort()
    await engine.wait_stopped()
    took_s = trio.current_time() - began
    assert took_s <= world.plan.grace_s + SLACK_S, f"a stop took {took_s} s with {world.plan.grace_s} s of grace"


async def _act(world: World, lived: Lived, engine: Engine, action: tuple[str, float]) -> None:
    await world.act(*action)
    await wait_all_tasks_blocked()
    if not lived.crashed:
        laws.check_account(engine, f"after {action[0]}")
        laws.check_bounds(engine, world.plan)


def _feed() -> AllTick:
    return AllTick(*SYMBOLS, token="simulated", plan="premium")  # noqa: S106 - nobody's


def _options(world: World, lived: Lived) -> dict[str, object]:
    plan = world.plan
    settings = InfluxDB(url="http://simulated", org="o", bucket="b", batch_points=plan.batch_points)
    influx = InfluxSink(
        name="influxdb",
        settings=settings,
        make_writer=world.database.make_writer,
        in_thread=world.database.in_thread,
    )
    return {
        "strategies": strategies(lived.reader),
        "connection": ConnectionConfig(lines=plan.lines, pacing=PacingConfig(), **CONNECTION),
        "sequencer": SequencerConfig(
            identity=plan.identity, lateness_s=plan.lateness_s, late=plan.late, window_ticks=plan.window_ticks
        ),
        "journal": JournalConfig(
            path=str(world.disk.path),
            linger_s=plan.linger_s,
            checkpoint_s=plan.checkpoint_s,
            queue_ticks=plan.queue_ticks,
            when_full=plan.when_full,
        ),
        "sinks": [influx, world.store.sink()],
        "grace_s": plan.grace_s,
        "open_link": world.vendor.open_link,
        "fetch": world.vendor.fetch,
        "now_us": world.now_us,
        "chance": world.chance,
        "run_sync": world.disk.run_sync,
    }
