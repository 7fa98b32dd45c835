"""What goes wrong at a venue, as data: for tests that draw it, print it and play it again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager

import attrs
import trio

from trio_ticks.feeds.base import Verdict
from trio_ticks.testing.venue import Venue

SLOW_S = 2.0
"""How much later things come from a slow venue: enough to be overtaken, and no time-out by itself."""

MOMENTS: Mapping[str, Callable[[Venue], None]] = {
    "drop": Venue.drop,
    "lose": Venue.lose,
    "forget": Venue.forget,
}
"""What happens at once: every link is cut, or dead without a word, or has lost its subscription."""

STRETCHES: Mapping[str, Callable[[Venue], AbstractContextManager[None]]] = {
    "refuse": Venue.refusing,
    "throttle": lambda venue: venue.denying(Verdict.TOO_FAST, "too fast"),
    "ignore": Venue.ignoring,
    "hang up": Venue.hanging_up,
    "mute": Venue.muting,
    "open slowly": lambda venue: venue.opening_slowly(SLOW_S),
    "delay": lambda venue: venue.delaying(SLOW_S),
}
"""What lasts; the venue's methods say what each does."""


@attrs.frozen
class Fault:
    """Something that goes wrong.

    Attributes:
        name: What, one of `MOMENTS` or `STRETCHES`.
        lasts_s: For how long; what happens at once does not last.

    Raises:
        ValueError: there is no such fault, or it cannot last so long.
    """

    name: str
    lasts_s: float = 0.0

    def __attrs_post_init__(self) -> None:
        if self.name not in {*MOMENTS, *STRETCHES}:
            raise ValueError(f"{self.name!r} is no fault; accepted: {', '.join([*MOMENTS, *STRETCHES])}")
        if self.lasts_s < 0 or (self.lasts_s and self.name in MOMENTS):
            raise ValueError(f"{self.name!r} cannot last {self.lasts_s} s")


async def run_faults(venue: Venue, faults: Iterable[tuple[float, Fault]]) -> None:
    """Let faults befall a venue; return when all are over.

    Args:
        venue: Whose links they concern.
        faults: Each with the second at which it begins, counted from now. Of one name, one waits until the one
            before it is over; different ones overlap.

    Cancellation:
        At any await; what lasts ends.

    Example:
        >>> from trio_ticks.testing import Venue, run_seeded
        >>> async def an_evening():
        ...     venue = Venue()
        ...     async with venue.open_engine("X"):
        ...         await run_faults(venue, [(1.0, Fault("drop")), (1.0, Fault("refuse", lasts_s=60.0))])
        ...         refused = len(venue.attempts) - 1
        ...         await venue.wait_subscribed()
        ...     return refused > 1, len(venue.attempts) - refused
        >>> run_seeded(an_evening)
        (True, 2)
    """
    turns = {name: trio.Lock() for name in STRETCHES}
    begin_s = trio.current_time()
    async with trio.open_nursery() as nursery:
        for at_s, fault in faults:
            turn = turns.get(fault.name)
            nursery.start_soon(_befall, venue, fault, begin_s + at_s, turn, name=f"fault {fault.name}")


async def _befall(venue: Venue, fault: Fault, at: float, turn: trio.Lock | None) -> None:
    await trio.sleep_until(at)
    if turn is None:
        MOMENTS[fault.name](venue)
        return
    async with turn:
        with STRETCHES[fault.name](venue):
            await trio.sleep(fault.lasts_s)
