"""What a dialect is: one client's side of a conversation, as values.

A session is told each message of its client and says what is to be done; it does no I/O and reads no clock. The
caller sends ``Answer.texts`` in order, counts ``violation``, then closes if ``close`` says so. Between answers it
sends the ticks of ``symbols``, as `Session.encode` writes them, and hangs up at ``deadline_s``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Protocol, TypeAlias

import attrs

from trio_ticks.model import Tick

Encode: TypeAlias = Callable[[Tick, int], bytes]
"""Tick and the number of its message → the text that is pushed, UTF-8."""

EncodeBook: TypeAlias = Callable[[Tick, int, bool], bytes]
"""The same for the order book after a tick; the last says whether nobody sells."""


@attrs.frozen(kw_only=True)
class Answer:
    """What a message of the client leads to.

    Attributes:
        texts: To send back, in order, UTF-8.
        request: What it was, for the statistics.
        ret: The code it was answered with; 0 where the dialect has none.
        paced: Whether the vendor's spacing between connections applies to it.
        violation: The vendor's rule that it broke, or "".
        added: Codes whose trades were not subscribed before it.
        added_books: Codes whose order books were not.
        close: Hang up after the texts.
    """

    texts: tuple[bytes, ...] = ()
    request: int | str = "unreadable"
    ret: int = 0
    paced: bool = False
    violation: str = ""
    added: tuple[str, ...] = ()
    added_books: tuple[str, ...] = ()
    close: bool = False


class Session(Protocol):
    """One connection's conversation."""

    @property
    def service(self) -> str:
        """The endpoint it speaks to."""
        ...

    @property
    def encode(self) -> Encode:
        """How a trade is written for it; the same function for many, so that connections can share the bytes."""
        ...

    @property
    def encode_book(self) -> EncodeBook | None:
        """The same for an order book; None: it has none."""
        ...

    @property
    def numbers(self) -> Iterator[int]:
        """The numbers of its messages, where each connection counts its own."""
        ...

    @property
    def symbols(self) -> Collection[str]:
        """The codes whose trades it gets."""
        ...

    @property
    def books(self) -> Collection[str]:
        """The codes whose order books it gets."""
        ...

    @property
    def deadline_s(self) -> float:
        """When the server hangs up unless it hears something first; on the clock of ``now_s``."""
        ...

    def receive(self, message: bytes, now_s: float, *, forced: int | None = None) -> Answer:
        """Return what a message leads to. Raises nothing, whatever the message holds.

        Args:
            message: As received.
            now_s: When.
            forced: Refuse subscriptions with this code, whatever is asked for.
        """
        ...


def price_text(tick: Tick) -> str:
    """Return the price as it was recorded."""
    return tick.price_text or repr(tick.price)


def volume_text(tick: Tick) -> str:
    """Return the size as it was recorded; "" where there was none."""
    return tick.volume_text or (repr(tick.volume) if tick.volume else "")
