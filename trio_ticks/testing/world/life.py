"""One life of the engine: opened on what the last one left, told its story, and ended as the plan says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import trio
from trio.testing import wait_all_tasks_blocked

from trio_ticks.config import ConnectionConfig, InfluxDB, JournalConfig, PacingConfig, SequencerConfig
from trio_ticks.feeds.alltick import AllTick
from trio_ticks.runtime.engine import Engine
from trio_ticks.runtime.influx_sink import InfluxSink
from trio_ticks.runtime.opening import open_engine
from trio_ticks.testing.world import laws
from trio_ticks.testing.world.actions import act
from trio_ticks.testing.world.plan import SYMBOLS, Life
from trio_ticks.testing.world.strategies import Reader, strategies

if TYPE_CHECKING:
    from trio_ticks.testing.world.world import World

CONNECTION: dict[str, Any] = {
    "silent_after_s": 15.0,
    "mute_after_s": 40.0,
    "ack_s": 4.0,
    "backoff_max_s": 20.0,
    "healthy_s": 10.0,
}

TIMEOUTS: dict[str, Any] = {"connect_s": 2.0, "read_s": 5.0}
"""Of the database. As many times as the sink has patience for, they are less than a write that hangs."""

STOP_STEPS = 100
"""Of the scheduler, about, that a stop takes."""

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
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)


async def live(world: World, plan: Life, *, is_last: bool) -> Lived:
    """Let the engine live once."""
    lived = Lived(plan, first_record=len(world.disk.kept.records), first_link=world.vendor.opened)
    with lived.scope:
        _arm(world, lived, -1)
        async with open_engine(_feed(), **_options(world, lived)) as engine:
            lived.engine = engine
            for number, (name, amount) in enumerate(plan.actions):
                _arm(world, lived, number)
                await act(world, name, amount)
                await _look(world, lived, engine, name)
            _arm(world, lived, len(plan.actions))
            if is_last:
                await world.heal(engine, lived.reader)
            await _end(world, lived, engine)
    world.crash.disarm()
    world.disk.is_dead = False
    lived.last_link = world.vendor.opened
    if not lived.crashed:
        assert lived.engine is not None, "a life that ended well was never opened"
        lived.last_record = len(world.disk.kept.records)
        laws.check_account(lived.engine, "after its end")
    return lived


def _arm(world: World, lived: Lived, number: int) -> None:
    """Make the crash up, if this is where the plan has it."""
    if lived.plan.end == "crash" and lived.plan.crash_at == number:
        world.crash.arm(lived.plan.crash_steps, partial(_strike, world, lived))


def _strike(world: World, lived: Lived) -> None:
    """End the process: its files are as they are now, and what its tasks still do is nobody's business."""
    world.trace.note("crash")
    world.disk.crash()
    lived.crashed = True
    lived.last_record = len(world.disk.kept.records)
    lived.scope.cancel("crash")


async def _look(world: World, lived: Lived, engine: Engine, name: str) -> None:
    """Judge a quiet moment."""
    await wait_all_tasks_blocked()
    if not lived.crashed:
        laws.check_account(engine, f"after {name}")
        laws.check_bounds(engine, world.plan)


async def _end(world: World, lived: Lived, engine: Engine) -> None:
    end = lived.plan.end
    if end == "crash":
        await trio.sleep_forever()
    world.trace.note("ends", end)
    if end == "crash while stopping":
        world.crash.arm(lived.plan.crash_steps % STOP_STEPS, partial(_strike, world, lived))
    elif end == "cancel":
        lived.scope.cancel("whoever opened the engine gives it up")
        await trio.lowlevel.checkpoint()
    began = trio.current_time()
    engine.stop()
    if end == "abort":
        engine.abort()
    await engine.wait_stopped()
    took_s = trio.current_time() - began
    assert took_s <= world.plan.grace_s + SLACK_S, f"a stop took {took_s} s with {world.plan.grace_s} s of grace"


def _feed() -> AllTick:
    return AllTick(*SYMBOLS, token="simulated", plan="premium")  # noqa: S106 - nobody's


def _options(world: World, lived: Lived) -> dict[str, Any]:
    plan = world.plan
    settings = InfluxDB(url="http://simulated", org="o", bucket="b", batch_points=plan.batch_points, **TIMEOUTS)
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
