"""Faults that befall the stream of pushes, before it is written to any connection. They lose no tick."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Protocol

import attrs
import msgspec

from trio_ticks.model import Tick
from trio_ticks.sim.pushes import Prelude, Push

# A burst longer than this comes out in parts: held ticks cost memory, and what is more than a connection's buffer
# would only get its client cut.
HELD = 10_000


class StreamFault(Protocol):
    """Something that befalls the stream of pushes. It loses none: what it holds back comes out of `flush`."""

    def apply(self, pushes: Sequence[Push]) -> Sequence[Push]:
        """Return what goes out now."""
        ...

    def flush(self) -> Sequence[Push]:
        """Return what was held back."""
        ...


class Reorder:
    """Shuffles each `depth` consecutive pushes; the same seed shuffles the same way."""

    def __init__(self, *, seed: int, depth: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a reproducible shuffle, nothing secret
        self._depth = depth
        self._held: list[Push] = []

    def apply(self, pushes: Sequence[Push]) -> Sequence[Push]:
        """Return whole shuffled blocks; hold back what does not fill one."""
        self._held += pushes
        ready: list[Push] = []
        while len(self._held) >= self._depth:
            block, self._held = self._held[: self._depth], self._held[self._depth :]
            ready += self._shuffled(block)
        return ready

    def flush(self) -> Sequence[Push]:
        """Return the last, short block."""
        block, self._held = self._held, []
        return self._shuffled(block)

    def _shuffled(self, block: list[Push]) -> list[Push]:
        self._random.shuffle(block)
        return block


class Burst:
    """Holds all pushes back, and lets them go at once."""

    def __init__(self) -> None:
        self._held: list[Push] = []

    def apply(self, pushes: Sequence[Push]) -> Sequence[Push]:
        """Hold back, up to the limit."""
        self._held += pushes
        return self.flush() if len(self._held) >= HELD else ()

    def flush(self) -> Sequence[Push]:
        """Return all that was held back."""
        held, self._held = self._held, []
        return held


@attrs.define(kw_only=True)
class Precede:
    """Sends something before every n-th push.

    Attributes:
        every: n.
        prelude: Makes it.
        alter: Changes the tick itself.
    """

    every: int
    prelude: Prelude
    alter: Callable[[Tick], Tick] = lambda tick: tick
    _count: int = attrs.field(default=0, init=False)

    def apply(self, pushes: Sequence[Push]) -> Sequence[Push]:
        """Hold up nothing; every n-th gets the prelude."""
        for push in pushes:
            self._count += 1
            if self._count % self.every == 0:
                push.preludes.append(self.prelude)
                push.tick = self.alter(push.tick)
        return pushes

    def flush(self) -> Sequence[Push]:
        """Nothing is ever held back."""
        return ()


def cut_off(text: bytes) -> bytes:
    """Return the first half of a message: no JSON."""
    return text[: len(text) // 2]


def repeated(text: bytes) -> bytes:
    """Return the message itself."""
    return text


def unknown(_text: bytes) -> bytes:
    """Return a push with a number that the documentation does not have."""
    return b'{"cmd_id":23998,"data":{"code":"?","note":"no such push is documented"}}'


def without_price(text: bytes) -> bytes:
    """Return the message with an empty price, in either dialect."""
    message = msgspec.json.decode(text)
    message.get("data", message)["price"] = ""
    return msgspec.json.encode(message)


def without_volume(tick: Tick) -> Tick:
    """Return the tick without its volume; its turnover is empty with it."""
    return attrs.evolve(tick, volume=0.0, volume_text="")
