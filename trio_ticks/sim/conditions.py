"""What goes wrong at the moment: faults that last, each a stack on which the last has its way."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TypeVar

import attrs

from trio_ticks.sim.mishaps import StreamFault

_T = TypeVar("_T")


@attrs.define(kw_only=True)
class Conditions:
    """The faults in force; a server without any has all of these empty.

    Attributes:
        refusals: Every handshake and every HTTP query gets the last.
        forced: Every subscription and every HTTP query is answered with the last of these codes.
        overlaps: The largest says how many of a code's last ticks begin a new subscription to it.
        drips: Seconds between any two bytes.
        one_sided: Whether order books lack their asks.
        renumbered: Whether each connection numbers its messages by itself.
        stream: Befall the pushes in turn.
    """

    refusals: list[HTTPStatus] = attrs.field(factory=list)
    forced: list[int] = attrs.field(factory=list)
    overlaps: list[int] = attrs.field(factory=list)
    drips: list[float] = attrs.field(factory=list)
    one_sided: list[bool] = attrs.field(factory=list)
    renumbered: list[bool] = attrs.field(factory=list)
    stream: list[StreamFault] = attrs.field(factory=list)

    @property
    def forced_ret(self) -> int | None:
        """What requests are answered with, whatever they ask; None: what they deserve."""
        return self.forced[-1] if self.forced else None


@contextmanager
def during(stack: list[_T], value: _T) -> Generator[None]:
    """Have a value on a stack while the block runs; blocks may end in any order."""
    stack.append(value)
    try:
        yield
    finally:
        stack.remove(value)
