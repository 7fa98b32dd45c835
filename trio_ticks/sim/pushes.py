"""Published ticks on their way to the connections."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeAlias

import attrs
from websockets.frames import Frame, Opcode

from trio_ticks.model import Tick
from trio_ticks.sim.dialect import Encode, EncodeBook, Session

# The ticks of each symbol that a new subscription can be given again. More than any overlap a test of duplicates
# needs, and a bounded price per symbol.
HISTORY = 1_000

Prelude: TypeAlias = Callable[[bytes], bytes]
"""The text of a push → a text that is sent before it."""


def text_frame(text: bytes) -> bytes:
    """Return a text message as a server writes it."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


@attrs.define(eq=False, kw_only=True)
class Push:
    """One published tick, encoded once for all connections that speak the same dialect.

    Attributes:
        tick: What is pushed.
        seq: The number of the message.
        book_seq: The number of the order book after it.
        one_sided: Nobody sells in that book.
        preludes: Make what comes before the tick.
    """

    tick: Tick
    seq: int
    book_seq: int
    one_sided: bool = False
    preludes: list[Prelude] = attrs.field(factory=list)
    _frames: dict[Encode | EncodeBook, bytes] = attrs.field(factory=dict, init=False)

    def trade(self, encode: Encode, seq: int | None = None) -> bytes:
        """Return the bytes to write; ``seq``, if there is one, in place of the push's own number."""
        if seq is not None:
            return self._trade(encode, seq)
        frame = self._frames.get(encode)
        if frame is None:
            frame = self._frames[encode] = self._trade(encode, self.seq)
        return frame

    def book(self, encode: EncodeBook, seq: int | None = None) -> bytes:
        """Return the same for the order book."""
        if seq is not None:
            return text_frame(encode(self.tick, seq, self.one_sided))
        frame = self._frames.get(encode)
        if frame is None:
            frame = self._frames[encode] = text_frame(encode(self.tick, self.book_seq, self.one_sided))
        return frame

    def _trade(self, encode: Encode, seq: int) -> bytes:
        text = encode(self.tick, seq)
        return b"".join(text_frame(part) for part in (*(prelude(text) for prelude in self.preludes), text))


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


def frames(
    pushes: Iterable[Push],
    session: Session,
    *,
    trades: Collection[str],
    books: Collection[str],
    renumbered: bool,
) -> tuple[bytes, int]:
    """Return what of the pushes goes to a connection.

    Args:
        pushes: In order.
        session: Says how they are written.
        trades: Codes whose trades are wanted.
        books: Codes whose order books are wanted; each follows its trade.
        renumbered: By the connection's own count.

    Returns:
        The bytes, and how many trades they are.
    """
    wanted, count = [], 0
    for push in pushes:
        if push.tick.symbol in trades:
            count += 1
            wanted.append(push.trade(session.encode, next(session.numbers) if renumbered else None))
        if push.tick.symbol in books and session.encode_book is not None:
            wanted.append(push.book(session.encode_book, next(session.numbers) if renumbered else None))
    return b"".join(wanted), count
