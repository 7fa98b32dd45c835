"""The records of a backtest, pulled from the recording as market time needs them."""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from trio_ticks.core.marks import is_of_journal
from trio_ticks.errors import TrioTicksError
from trio_ticks.model import Gap, Record, ticks_in

_TIME = operator.attrgetter("time_us")


class Supply:
    """The `Source` of a stream whose records wait until they are read, and the horizon of a market.

    Without ``end_us`` nobody knows how far the recording goes, so for a strategy that lets time pass without reading
    it is read ahead, up to the instant in question, and kept.

    Attributes:
        name: The strategy's.
        offered: Ticks that were pulled so far.
        gaps: Among what was pulled.
        failure: What ended the recording before its end.

    Args:
        name: The strategy's.
        batches: The records of the range, in their order.
        end_us: Where the range ends; None: with the last record.
        on_progress: Is told how far what was pulled goes, and how far it will go, in microseconds; nothing where
            ``end_us`` is not known.
    """

    dropped = 0

    def __init__(
        self,
        *,
        name: str,
        batches: Iterator[Sequence[Record]],
        end_us: int | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.name = name
        self.offered = 0
        self.gaps: list[Gap] = []
        self.failure: TrioTicksError | None = None
        self._batches = batches
        self._end_us = end_us
        self._on_progress = on_progress
        self._ahead: deque[Sequence[Record]] = deque()
        self._last_us = 0
        self._start_us = 0
        self._is_dry = False
        self._has_ended = False

    @property
    def queued(self) -> int:
        """Ticks that were pulled and not yet taken."""
        return sum(map(ticks_in, self._ahead))

    def first_us(self) -> int | None:
        """Return the time of the first record; None: there is none.

        Raises:
            TrioTicksError: not even that can be read.
        """
        if self.has_more():
            return self._ahead[0][0].time_us
        if self.failure is not None:
            raise self.failure
        return None

    def has_more(self) -> bool:
        """Return whether there is something to take."""
        return bool(self._ahead) or self._pull()

    def goes_on_to(self, time_us: int) -> bool:
        """Return whether an instant lies in the range."""
        if self._end_us is not None:
            return time_us <= self._end_us
        while self._last_us < time_us and self._pull():
            pass
        return time_us <= self._last_us

    def last_us(self) -> int:
        """Return where the range ends; where that was not said, at the last record, to which it is read."""
        if self._end_us is not None:
            return self._end_us
        while self._pull():
            pass
        return self._last_us

    def take_nowait(self) -> Sequence[Record]:
        """Return the next records; none at the end.

        Raises:
            TrioTicksError: the recording cannot be read further, after everything before was taken.
        """
        if self.has_more():
            return self._ahead.popleft()
        if self.failure is not None:
            raise self.failure
        return ()

    async def take(self) -> Sequence[Record]:
        """Return the next records; never waits."""
        return self.take_nowait()

    def end(self) -> None:
        """Nobody reads any more: what is pulled from now on only tells how far the recording goes."""
        self._has_ended = True

    def _pull(self) -> bool:
        """Keep the next batch; return whether there was one."""
        while not self._is_dry:
            try:
                records = next(self._batches, None)
            except TrioTicksError as error:
                self.failure, records = error, None
            if records is None:
                self._is_dry = True
            elif fresh := self._seen_live(records):
                self._note(fresh)
                return True
        return False

    def _seen_live(self, records: Sequence[Record]) -> Sequence[Record]:
        """Return what of a batch a strategy sees live, and count it."""
        ticks = ticks_in(records)
        if ticks < len(records):
            records = [item for item in records if not is_of_journal(item)]
            self.gaps += [item for item in records if type(item) is Gap]
        self.offered += 0 if self._has_ended else ticks
        return records

    def _note(self, records: Sequence[Record]) -> None:
        if not self._has_ended:
            self._ahead.append(records)
        if self._end_us is None:
            self._last_us = max(self._last_us, *map(_TIME, records))
        elif self._on_progress is not None:
            start_us = self._start_us = self._start_us or records[0].time_us
            self._on_progress(min(records[-1].time_us, self._end_us) - start_us, self._end_us - start_us)
