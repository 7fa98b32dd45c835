"""What a line has seen of its connections, and the three figures that say how it is.

*Liveness*: when did the last message come? *Freshness*: when did the last tick come? *Lag*: how old was it then? A
line can be alive and not fresh (a closed market, or a mute link), and fresh with a lag (a vendor that is behind).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import attrs

from trio_ticks.feeds.base import Decoded
from trio_ticks.model import Tick


@attrs.frozen
class LineStatistics:
    """A line at one instant.

    Attributes:
        name: Shard and line, such as ``alltick/stock 0A``.
        state: ``connecting``, ``open``, ``live``, ``waiting`` or ``ended``.
        symbols: How many it is to carry; of these the vendor refuses those in ``refused``, for that reason.
        accepted: How many of them the vendor has taken on the present connection.
        attempts: To connect, the first included.
        reconnects: By cause: refused, closed, silent, mute, error.
        messages: Received; of these ``unreadable`` and ``unknown`` were no ticks.
        frame_us: Liveness: when the last message came; None before the first.
        tick_us: Freshness: when the last tick came; None before the first.
        lag_us: Receipt of the last tick less its event time; None before the first.
        bound_s: How long it may be quiet before anything is done about it.
        questions: How often the vendor was asked whether it still trades.
        last_error: The reason for the latest reconnect, in words.
    """

    name: str
    state: str
    symbols: int
    accepted: int
    refused: dict[str, str]
    attempts: int
    reconnects: dict[str, int]
    messages: int
    unreadable: int
    unknown: int
    frame_us: int | None
    tick_us: int | None
    lag_us: int | None
    bound_s: float
    questions: int
    last_error: str


@attrs.define
class Vitals:
    """The counts behind `LineStatistics`, kept over the line's reconnects."""

    state: str = "connecting"
    attempts: int = 0
    reconnects: Counter[str] = attrs.field(factory=Counter)
    messages: int = 0
    unreadable: int = 0
    unknown: int = 0
    frame_us: int | None = None
    tick_us: int | None = None
    lag_us: int | None = None
    questions: int = 0
    last_error: str = ""
    busy: Counter[str] = attrs.field(factory=Counter)

    def decoded(self, messages: int, decoded: Decoded) -> None:
        """Count what one wake-up brought."""
        self.messages += messages
        self.unreadable += decoded.unreadable
        self.unknown += decoded.unknown

    def heard(self, received_us: int, ticks: Sequence[Tick]) -> None:
        """Note a wake-up. One symbol of each is enough to know which are busy."""
        self.frame_us = received_us
        if ticks:
            last = ticks[-1]
            self.tick_us = received_us
            self.lag_us = received_us - last.time_us
            self.busy[last.symbol] += 1

    def statistics(
        self, *, name: str, symbols: int, accepted: int, refused: Mapping[str, str], bound_s: float
    ) -> LineStatistics:
        """Return the counts as they are now, with what only the line knows."""
        return LineStatistics(
            name=name,
            state=self.state,
            symbols=symbols,
            accepted=accepted,
            refused=dict(refused),
            attempts=self.attempts,
            reconnects=dict(self.reconnects),
            messages=self.messages,
            unreadable=self.unreadable,
            unknown=self.unknown,
            frame_us=self.frame_us,
            tick_us=self.tick_us,
            lag_us=self.lag_us,
            bound_s=bound_s,
            questions=self.questions,
            last_error=self.last_error,
        )

    def busiest(self, symbols: Sequence[str]) -> list[str]:
        """Return these symbols, the busiest first."""
        return sorted(symbols, key=lambda symbol: -self.busy[symbol])

    def failed(self, cause: str, words: str) -> None:
        """Count a lost connection."""
        self.reconnects[cause] += 1
        self.last_error = words
