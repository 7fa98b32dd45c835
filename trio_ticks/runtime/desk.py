"""What a stream asks of whoever runs it: a live engine, a replay, a backtest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs

from trio_ticks.model import Signal


class Desk(Protocol):
    """Where a strategy's decisions go, and who sees to it that its timers are woken while nothing trades."""

    def keep(self, signal: Signal) -> None:
        """Keep a decision: in the journal, or in the result of a replay. Never waits."""
        ...

    def wake_at(self, due_us: int) -> None:
        """Ask for a `Clock` record at this instant of in-band time, unless the stream has passed it by then.

        A recording holds those that were asked for while it was made, so a replay has nothing to do here.
        """
        ...


@attrs.frozen
class FarDesk:
    """A desk in another thread.

    Args:
        desk: It.
        soon: Calls a function in its thread, one after the other, and waits for none.
    """

    desk: Desk
    soon: Callable[..., object]

    def keep(self, signal: Signal) -> None:
        """Keep a decision, soon."""
        self.soon(self.desk.keep, signal)

    def wake_at(self, due_us: int) -> None:
        """Ask for a clock, soon."""
        self.soon(self.desk.wake_at, due_us)
