"""Published ticks on their way to the connections, and the faults that befall the stream of them."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import attrs
from websockets.frames import Frame, Opcode

from trio_ticks.model import Tick
from trio_ticks.sim.dialect import Encode

# The ticks of each symbol that a new subscription can be given again. More than any overlap a test of duplicates
# needs, and a bounded price per symbol.
HISTORY = 1_000


def text_frame(text: bytes) -> bytes:
    """Return a text message as a server writes it."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


@attrs.define(eq=False)
class Push:
    """One published tick, encoded once for all connections that speak the same dialect.

    Attributes:
        tick: What is pushed.
        seq: The number of the message.
        malformed: Each dialect's frame follows a cut-off copy of itself.
    """

    tick: Tick
    seq: int
    malformed: bool = False
    _frames: dict[Encode, bytes] = attrs.field(factory=dict, init=False)

    def frame(self, encode: Encode) -> bytes:
        """Return the bytes to write."""
        frame = self._frames.get(encode)
        if frame is None:
            text = encode(self.tick, self.seq)
            frame = text_frame(text)
            if self.malformed:
                frame = text_frame(text[: len(text) // 2]) + frame
            self._frames[encode] = frame
        return frame


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


class Malform:
    """Sends a cut-off copy of every n-th push before it."""

    def __init__(self, *, every: int) -> None:
        self._every = every
        self._count = 0

    def apply(self, pushes: Sequence[Push]) -> Sequence[Push]:
        """Mark every n-th push."""
        for push in pushes:
            self._count += 1
            push.malformed = self._count % self._every == 0
        return pushes

    def flush(self) -> Sequence[Push]:
        """Nothing is ever held back."""
        return ()


class History:
    """The last ticks of each symbol, as they went out."""

    def __init__(self) -> None:
        self._pushes: dict[str, deque[Push]] = {}

    def add(self, pushes: Iterable[Push]) -> None:
        """Remember what goes out now."""
        for push in pushes:
            self._pushes.setdefault(push.tick.symbol, deque(maxlen=HISTORY)).append(push)

    def last(self, symbol: str, count: int) -> Sequence[Push]:
        """Return the last ``count`` pushes of a symbol, oldest first."""
        known = self._pushes.get(symbol, ())
        return list(known)[max(0, len(known) - count) :]


def frames(pushes: Iterable[Push], symbols: Collection[str], encode: Encode) -> tuple[bytes, int]:
    """Return the bytes of those pushes whose symbol is wanted, and how many they are."""
    wanted = [push.frame(encode) for push in pushes if push.tick.symbol in symbols]
    return b"".join(wanted), len(wanted)
