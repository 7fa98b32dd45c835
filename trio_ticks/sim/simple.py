"""The simple dialect: one JSON object subscribes, and flat objects with symbol, price and time come back.

It has no acknowledgement, no heartbeat, no token and no list of symbols: whatever is asked for is served if it
ever ticks. A second ``subscribe`` replaces the first, as in AllTick's own protocol.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Literal

import attrs
import msgspec

from trio_ticks.model import Tick
from trio_ticks.sim.dialect import Answer, Encode, price_text


class _Subscribe(msgspec.Struct):
    action: Literal["subscribe"]
    symbols: list[str]


_decode = msgspec.json.Decoder(_Subscribe).decode


def encode_tick(tick: Tick, _seq: int) -> bytes:
    """Return one price: the price is the recorded decimal text, the time is in milliseconds."""
    return msgspec.json.encode({"symbol": tick.symbol, "price": price_text(tick), "time": tick.time_us // 1000})


@attrs.define
class SimpleSession:
    """One connection that speaks the simple dialect; a `Session`."""

    service: str = attrs.field(default="simple", init=False)
    deadline_s: float = attrs.field(default=math.inf, init=False)
    symbols: frozenset[str] = attrs.field(default=frozenset(), init=False)
    books: frozenset[str] = attrs.field(default=frozenset(), init=False)
    numbers: Iterator[int] = attrs.field(factory=itertools.count, init=False)

    @property
    def encode(self) -> Encode:
        """How ticks are written for this session."""
        return encode_tick

    @property
    def encode_book(self) -> None:
        """There are no order books."""

    def receive(self, message: bytes, now_s: float, *, forced: int | None = None) -> Answer:  # noqa: ARG002
        """Return what a message leads to; one that cannot be read is counted and otherwise ignored.

        A `Session`; nothing is timed or refused here.
        """
        try:
            asked = _decode(message)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Answer(violation="unreadable")
        before, self.symbols = self.symbols, frozenset(asked.symbols)
        added = tuple(code for code in dict.fromkeys(asked.symbols) if code not in before)
        return Answer(request=asked.action, added=added)
