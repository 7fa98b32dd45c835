"""What a dialect is: one client's side of a conversation, as values.

A session is told each message of its client and says what is to be done; it does no I/O and reads no clock. The
caller sends ``Answer.texts`` in order, counts ``violation``, then closes if ``close`` says so. Between answers it
sends the ticks of ``symbols``, as `Session.encode` writes them, and hangs up at ``deadline_s``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol, TypeAlias

import attrs

from trio_ticks.model import Tick

Encode: TypeAlias = Callable[[Tick, int], bytes]
"""Tick and the number of its message → the text that is pushed, UTF-8."""


@attrs.frozen(kw_only=True)
class Answer:
    """What a message of the client leads to.

    Attributes:
        texts: To send back, in order, UTF-8.
        request: What it was, for the statistics.
        paced: Whether the vendor's spacing between connections applies to it.
        violation: The vendor's rule that it broke, or "".
        added: Codes that were not subscribed before it.
        close: Hang up after the texts.
    """

    texts: tuple[bytes, ...] = ()
    request: int | str = "unreadable"
    paced: bool = False
    violation: str = ""
    added: tuple[str, ...] = ()
    close: bool = False


class Session(Protocol):
    """One connection's conversation."""

    @property
    def service(self) -> str:
        """The endpoint it speaks to."""
        ...

    @property
    def encode(self) -> Encode:
        """How a tick is written for it; a plain function, so that connections can share the bytes."""
        ...

    @property
    def symbols(self) -> Collection[str]:
        """The codes whose ticks it gets."""
        ...

    @property
    def deadline_s(self) -> float:
        """When the server hangs up unless it hears something first; on the clock of ``now_s``."""
        ...

    def receive(self, message: bytes, now_s: float) -> Answer:
        """Return what a message leads to. Raises nothing, whatever the message holds."""
        ...


def price_text(tick: Tick) -> str:
    """Return the price as it was recorded."""
    return tick.price_text or repr(tick.price)


def volume_text(tick: Tick) -> str:
    """Return the size as it was recorded; "" where there was none."""
    return tick.volume_text or (repr(tick.volume) if tick.volume else "")
