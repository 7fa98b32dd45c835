"""A recording as the source of a stream: it waits for the strategy instead of dropping.

What a strategy sees of a journal is what it saw live: the ticks, gaps, statuses and clocks in their one order, and
not what only the journal holds, which are the decisions of strategies and the marks of their starts and stops.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import trio

from trio_ticks.core.marks import is_of_journal
from trio_ticks.errors import ConfigError, TrioTicksError, in_one_line
from trio_ticks.model import Gap, Record, ticks_in
from trio_ticks.replay.pace import Pace

Pull = Callable[[], Awaitable[Sequence[Record]]]
"""Returns the next records of a recording, or none at its end; cancelled, it loses none."""


class Playback:
    """The `Source` of a replayed strategy's stream.

    Attributes:
        dropped: Nothing, ever.
        name: The strategy's.
        failure: What ended the recording too early, or None.
        is_over: All of it was read.
        takes: How often the strategy has asked for more.
        is_asked: It is waiting for more at this moment.
        gaps: Those that were handed out.
        reached_us: The time of what was handed out last.

    Args:
        name: The strategy's.
        pull: Where the records come from.
        pace: How fast; None: as fast as the strategy asks.
        on_taken: Called with all records, before they are handed out.
    """

    dropped = 0

    def __init__(
        self,
        *,
        name: str,
        pull: Pull,
        pace: Pace | None = None,
        on_taken: Callable[[Sequence[Record]], None] | None = None,
    ) -> None:
        self.name = name
        self.failure: TrioTicksError | None = None
        self.is_over = False
        self.takes = 0
        self.is_asked = False
        self.gaps: list[Gap] = []
        self.reached_us = 0
        self._pull = pull
        self._pace = pace
        self._on_taken = on_taken
        self._held: Sequence[Record] = ()
        self._is_mixed = False  # not only ticks are in what is held
        self._offered = 0

    @property
    def offered(self) -> int:
        """Ticks that were read."""
        return self._offered

    @property
    def queued(self) -> int:
        """Ticks that were read and are not yet due."""
        return ticks_in(self._held)

    async def take(self) -> Sequence[Record]:
        """Return the next records, or none at the end of the recording.

        Raises:
            TrioTicksError: it could not be read further, after everything before was taken.

        Cancellation:
            At any await; records are either returned or still to be taken.
        """
        self.takes += 1
        self.is_asked = True
        try:
            await trio.lowlevel.checkpoint()
            while not self._held and not self.is_over:
                await self._fill()
            if self._held and self._pace is not None:
                await self._pace.wait_until_due(self._held[0])
        finally:
            self.is_asked = False
        if self._held:
            return self._hand_out()
        if self.failure is not None:
            raise self.failure
        return ()

    def end(self) -> None:
        """Nothing to do: what is not asked for is not read."""

    async def _fill(self) -> None:
        try:
            fresh = await self._pull()
        except TrioTicksError as error:
            self.failure = error
            fresh = ()
        except Exception as error:  # noqa: BLE001 - on_progress is the user's, and may raise anything
            # It is not the strategy's: started again, that would find a recording that ends here.
            self.failure = ConfigError(f"the recording cannot be read further: {in_one_line(error)}")
            self.failure.__cause__ = error
            fresh = ()
        self.is_over = not fresh
        ticks = ticks_in(fresh)
        self._offered += ticks
        self._is_mixed = ticks < len(fresh)
        self._held = seen_by_strategies(fresh) if self._is_mixed else fresh

    def _hand_out(self) -> Sequence[Record]:
        count = len(self._held) if self._pace is None else self._pace.count_due(self._held)
        records, self._held = (
            (self._held, ()) if count == len(self._held) else (self._held[:count], self._held[count:])
        )
        self.reached_us = max(self.reached_us, records[-1].time_us)
        if self._is_mixed:
            self.gaps += [item for item in records if type(item) is Gap]
        if self._on_taken is not None:
            self._on_taken(records)
        return records


def seen_by_strategies(records: Sequence[Record]) -> list[Record]:
    """Return what of a journal's records a strategy sees live."""
    return [item for item in records if not is_of_journal(item)]
