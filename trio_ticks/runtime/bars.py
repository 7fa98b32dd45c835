"""Bars out of a stream: each record goes into the maker, and each bar comes out with the record that finished it."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from trio_ticks.core.bars import BarMaker
from trio_ticks.model import Bar, Record
from trio_ticks.runtime.desk import Desk


class Bars:
    """An async iterator over the bars of a stream.

    Records are drawn one by one, so that in-band time is where it was when a bar was finished: a signal then carries
    the same time however the records were batched.

    Args:
        pull: Returns the next record; raises ``StopAsyncIteration`` at the end.
        maker: Makes the bars.
        desk: Is asked for a clock record when a bar is due, so that it does not wait for the next tick.

    Cancellation:
        At any await; nothing is lost, the next iteration goes on where this one was cancelled.
    """

    def __init__(self, *, pull: Callable[[], Awaitable[Record]], maker: BarMaker, desk: Desk | None) -> None:
        self._pull = pull
        self._maker = maker
        self._desk = desk
        self._asked_us: int | None = None
        self._ready: deque[Bar] = deque()
        self._ended = False

    def __aiter__(self) -> Bars:
        return self

    async def __anext__(self) -> Bar:
        while not self._ready:
            if self._ended:
                raise StopAsyncIteration
            try:
                record = await self._pull()
            except StopAsyncIteration:
                self._ended = True
                self._ready.extend(self._maker.finish())
            else:
                self._ready.extend(self._maker.push(record))
                self._ask()
        return self._ready.popleft()

    def _ask(self) -> None:
        """Have time told when the next bar is due; once for each such instant."""
        due_us = self._maker.next_due_us
        if self._desk is not None and due_us is not None and due_us != self._asked_us:
            self._desk.wake_at(due_us)
        self._asked_us = due_us
