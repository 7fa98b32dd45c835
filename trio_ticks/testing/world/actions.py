"""What may happen in a world, by the names that its plan uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from trio_ticks.testing.world.world import World

WAVES = 20
"""Bursts in a busy stretch, of `WAVE` trades each: as many as fill every queue that a plan makes small."""

WAVE = 5

FURTHEST_US = 45_000_000
"""The host's clock is off by so much at most: less than stamps may lie ahead of their receipt."""


async def act(world: World, name: str, amount: float) -> None:
    """Let something happen, and what comes of it begin."""
    world.trace.note("action", name, amount)
    if name == "wait":
        await trio.sleep(amount)
    elif name == "night":
        await _night(world, amount)
    elif name == "busy":
        await _busy(world, amount)
    else:
        _DEEDS[name](world, amount)
        await trio.sleep(world.market.pause_s())


async def _night(world: World, seconds: float) -> None:
    world.close_market()
    try:
        await trio.sleep(seconds)
    finally:
        world.open_market()


async def _busy(world: World, seconds: float) -> None:
    for _ in range(WAVES):
        world.vendor.publish(world.market.trades(WAVE))
        await trio.sleep(seconds / WAVES)


def _burst(world: World, count: float) -> None:
    world.vendor.publish(world.market.trades(int(count)))


def _drop(world: World, _amount: float) -> None:
    world.vendor.cut(world.vendor.links)


def _drop_one(world: World, _amount: float) -> None:
    world.vendor.cut(world.vendor.some(1))


def _half_open(world: World, _amount: float) -> None:
    for link in world.vendor.some(2):
        link.is_lost = True


def _hang_up(world: World, seconds: float) -> None:
    world.vendor.faults.last("hang up", seconds)
    world.vendor.cut(world.vendor.links)


def _too_fast(world: World, seconds: float) -> None:
    world.vendor.faults.last("too fast", seconds)
    world.vendor.cut(world.vendor.links)


def _clock(world: World, seconds: float) -> None:
    before_us = world.clock_off_us
    world.clock_off_us = max(-FURTHEST_US, min(FURTHEST_US, before_us + round(seconds * 1e6)))
    world.clock_steps_us += abs(world.clock_off_us - before_us)


_DEEDS: dict[str, Callable[[World, float], None]] = {
    "burst": _burst,
    "drop": _drop,
    "drop one": _drop_one,
    "half open": _half_open,
    "hang up": _hang_up,
    "too fast": _too_fast,
    "clock": _clock,
    "mute": lambda world, seconds: world.vendor.faults.last("mute", seconds),
    "refuse": lambda world, seconds: world.vendor.faults.last("refuse", seconds),
    "ignore": lambda world, seconds: world.vendor.faults.last("ignore", seconds),
    "junk": lambda world, count: world.vendor.spill(int(count)),
    "disk full": lambda world, seconds: world.disk.faults.last("full", seconds),
    "disk fails": lambda world, seconds: world.disk.faults.last("fails", seconds),
    "disk slow": lambda world, seconds: world.disk.faults.last("slow", seconds),
    "database": lambda world, seconds: world.database.fail(seconds),
    "store": lambda world, seconds: world.store.faults.last("store", seconds),
}
