"""Faults on a schedule, and the short text that names one on a command line.

A text is a list of faults with commas between. Each is one kind, or several with bars between that take turns;
``@10`` makes it happen once, 10 s after the start, ``/10`` every 10 s; ``+3`` sets how long a lasting one lasts::

    drop@10, mute@20        cut at 10 s, fall silent at 20 s
    drop|mute/10            cut at 10 s, silent at 20 s, cut at 30 s …
    refuse+3@15             for 3 s from 15 s on, no handshake succeeds
"""

from __future__ import annotations

import heapq
import itertools
import math
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

import attrs
import trio

from trio_ticks.errors import ConfigError
from trio_ticks.sim.handle import Sim

# Long enough for a client's first attempts to reconnect to fall into a refusal; shorter than the 10 s between
# faults that the demonstration uses.
LASTING_S = 5.0

OVERLAP = 20  # ticks sent again; more than a second of a busy symbol


# What happens to a client that stays connected would not be seen where the fault is in how it comes back: such a
# fault cuts every link when it begins.


async def _drop(sim: Sim, _lasting_s: float) -> None:
    await sim.drop()


async def _close(sim: Sim, _lasting_s: float) -> None:
    await sim.drop(clean=True)


async def _mute(sim: Sim, _lasting_s: float) -> None:
    sim.mute()
    await trio.lowlevel.checkpoint()


async def _unmute(sim: Sim, _lasting_s: float) -> None:
    sim.unmute()
    await trio.lowlevel.checkpoint()


async def _vanish(sim: Sim, _lasting_s: float) -> None:
    sim.vanish()
    await trio.lowlevel.checkpoint()


async def _restart(sim: Sim, lasting_s: float) -> None:
    await sim.restart(down_s=lasting_s)


def _for_a_while(
    begin: Callable[[Sim], AbstractContextManager[None]], *, drop: bool = False
) -> Callable[[Sim, float], Awaitable[None]]:
    """Return the fault that lasts while a block of the handle's does."""

    async def befall(sim: Sim, lasting_s: float) -> None:
        with begin(sim):
            if drop:
                await sim.drop()
            await trio.sleep(lasting_s)

    return befall


FAULTS: dict[str, Callable[[Sim, float], Awaitable[None]]] = {
    "drop": _drop,  # every link is cut without a close frame
    "close": _close,  # every link is closed with 1001
    "mute": _mute,  # the open links get no more ticks; acks go on
    "unmute": _unmute,
    "vanish": _vanish,  # the open links are half-open: nothing is heard or said, the sockets stay
    "restart": _restart,  # links are cut, and nobody listens for a while
    "refuse": _for_a_while(Sim.refusing, drop=True),  # links are cut, and handshakes answered with 503
    "429": _for_a_while(lambda sim: sim.refusing(429), drop=True),  # the same with 429
    "603": _for_a_while(lambda sim: sim.answering(603), drop=True),  # links are cut, and subscriptions refused
    "604": _for_a_while(lambda sim: sim.answering(604), drop=True),
    "605": _for_a_while(lambda sim: sim.answering(605), drop=True),
    "606": _for_a_while(lambda sim: sim.answering(606), drop=True),  # … and hung up on
    "overlap": _for_a_while(lambda sim: sim.overlapping(OVERLAP), drop=True),  # what was sent last is sent again
    "renumber": _for_a_while(Sim.renumbering, drop=True),  # seq begins anew on each link
    "drip": _for_a_while(Sim.dripping),  # a byte at a time
    "burst": _for_a_while(Sim.bursting),  # ticks are held back, then come all at once
    "reorder": _for_a_while(Sim.reordering),  # neighbouring ticks change places
    "repeat": _for_a_while(Sim.repeating),  # ticks come twice
    "malform": _for_a_while(Sim.malforming),  # broken JSON among the ticks
    "puzzle": _for_a_while(Sim.puzzling),  # messages of an unknown kind among the ticks
    "blank": _for_a_while(Sim.blanking),  # empty strings where numbers should be
}

_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_SYNTAX = re.compile(rf"(?P<kinds>[^+@/]+)(?:\+(?P<lasting>{_NUMBER}))?(?P<how>[@/])(?P<when>{_NUMBER})")


@attrs.frozen(kw_only=True)
class Fault:
    """One or more kinds of fault, and when they happen.

    Attributes:
        kinds: Names from `FAULTS`; they take turns.
        at_s: When the first happens, seconds after the start.
        every_s: Between two of them; None: there is only one.
        lasting_s: How long each lasts, where it lasts.

    Raises:
        ConfigError: A kind does not exist or a time cannot be used.
    """

    kinds: tuple[str, ...]
    at_s: float
    every_s: float | None = None
    lasting_s: float = LASTING_S

    def __attrs_post_init__(self) -> None:
        name = "|".join(self.kinds)
        if not self.kinds or not FAULTS.keys() >= set(self.kinds):
            raise ConfigError(f"fault {name!r}: accepted are {', '.join(FAULTS)}")
        if self.every_s is None and len(self.kinds) > 1:
            raise ConfigError(f"fault {name!r}: kinds take turns only where it repeats, as in {name}/10")
        if not (0 <= self.at_s < math.inf and 0 <= self.lasting_s < math.inf):
            raise ConfigError(f"fault {name!r}: its times must be seconds from 0 on")
        if self.every_s is not None and not 0 < self.every_s < math.inf:
            raise ConfigError(f"fault {name!r}: it can repeat every so many seconds, more than 0")


class Occurrence(NamedTuple):
    """One fault at one time."""

    at_s: float
    kind: str
    lasting_s: float


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Return the faults that a text names; an empty text names none.

    Raises:
        ConfigError: The text is not as the module says, or names an unknown kind.
    """
    return tuple(_parse(item.strip()) for item in text.split(",") if item.strip())


def _parse(item: str) -> Fault:
    found = _SYNTAX.fullmatch(item)
    if found is None:
        accepted = ", ".join(FAULTS)
        raise ConfigError(f"fault {item!r}: accepted are KIND@SECONDS and KIND/SECONDS, KIND being one of {accepted}")
    when_s = float(found["when"])
    return Fault(
        kinds=tuple(found["kinds"].split("|")),
        at_s=when_s,
        every_s=when_s if found["how"] == "/" else None,
        lasting_s=float(found["lasting"] or LASTING_S),
    )


def occurrences(faults: Sequence[Fault]) -> Iterator[Occurrence]:
    """Yield what happens, in order of time; without end if a fault repeats."""
    return heapq.merge(*(_occurrences(fault) for fault in faults), key=lambda one: one.at_s)


def _occurrences(fault: Fault) -> Iterator[Occurrence]:
    for count, kind in enumerate(itertools.cycle(fault.kinds)):
        yield Occurrence(fault.at_s + count * (fault.every_s or 0.0), kind, fault.lasting_s)
        if fault.every_s is None:
            return


async def run_faults(
    sim: Sim, faults: Sequence[Fault], *, on_fault: Callable[[Occurrence], object] = lambda _: None
) -> None:
    """Make the faults happen; returns when the last is over, never if one repeats.

    Args:
        sim: What they befall.
        faults: See `parse_faults`.
        on_fault: Called as each begins.

    Cancellation: at any await; faults that last end at once.
    """
    began_s = trio.current_time()
    async with trio.open_nursery() as nursery:
        for one in occurrences(faults):
            await trio.sleep_until(began_s + one.at_s)
            on_fault(one)
            nursery.start_soon(FAULTS[one.kind], sim, one.lasting_s, name=f"fault {one.kind}")
