"""A recorded session: what it holds, and when each of its ticks is due if it is played from now on.

A tick recorded at ``t`` in a session that began at ``t0`` is due at ``start + (t - t0) / speed``, cut to AllTick's
whole milliseconds, and that is its stamp as well unless the stamps are to be those recorded. The order is the
recorded one: a tick that came late keeps its earlier stamp and is due with the one before it. Where nothing was
recorded, because nothing was traded or the connection was lost, nothing is due.

A session may be larger than memory, so it is read while it is played.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import TypeAlias, cast

import attrs

from trio_ticks.errors import ConfigError
from trio_ticks.model import Tick
from trio_ticks.sim.player import BATCH, Due
from trio_ticks.sim.tape import ROUND_PAUSE_MS
from trio_ticks.storage.reading import OnProgress, Reading
from trio_ticks.storage.reading.query import Query
from trio_ticks.storage.reading.sightings import beginning_of

_Batches: TypeAlias = Iterator[Sequence[Tick]]


@attrs.frozen(kw_only=True)
class Recording:
    """The ticks of a journal or an archive, to be played; `of` makes it.

    Attributes:
        reading: The ticks.
        symbols: Their codes, under which they are served.
        count: How many they are.
        as_recorded: Their stamps stay as they were recorded; otherwise they are shifted to when they are due.
    """

    reading: Reading
    symbols: frozenset[str]
    count: int
    as_recorded: bool = False

    @classmethod
    def of(cls, reading: Reading, *, as_recorded: bool = False, on_progress: OnProgress | None = None) -> Recording:
        """Pass over a reading once, to know what is in it.

        Args:
            reading: Of ticks: `trio_ticks.read` makes it.
            as_recorded: See above.
            on_progress: Is told how far it is, and how far it goes.

        Raises:
            ConfigError: there is no tick in it, or none of a symbol that it asks for.
            JournalError: it cannot be read.
        """
        symbols, count = set[str](), 0
        for ticks in cast("_Batches", reading.source.batches(reading.query, on_progress=on_progress)):
            symbols.update(tick.symbol for tick in ticks)
            count += len(ticks)
        missing = sorted((reading.query.symbols or frozenset()) - symbols)
        if missing or not count:
            asked = f"no tick of {', '.join(missing)}" if missing else "no tick"
            begins = beginning_of(reading.source.batches(Query()))
            raise ConfigError(f"{reading.source.title} has {asked} in that stretch; {begins}")
        return cls(reading=reading, symbols=frozenset(symbols), count=count, as_recorded=as_recorded)

    def portions(
        self, on_progress: OnProgress | None = None, *, start_us: int, speed: float, loop: bool
    ) -> Generator[Sequence[Due]]:
        """Yield the ticks with the instants at which they are due, in portions of some thousand.

        Args:
            on_progress: Is told how far each round is.
            start_us: When the first is due, UTC microseconds.
            speed: How much faster than recorded.
            loop: Start over at the end; what was recorded meanwhile comes with it.
        """
        start_ms = start_us // 1000
        while True:
            one = _Round(start_ms=start_ms, us_per_ms=1000 * speed, as_recorded=self.as_recorded)
            portion: list[Due] = []
            for ticks in cast("_Batches", self.reading.batches(on_progress=on_progress)):
                portion += one.due(ticks)
                if len(portion) >= BATCH:
                    yield portion
                    portion = []
            if portion:
                yield portion
            if not loop or one.is_empty:
                return
            start_ms = one.due_ms + ROUND_PAUSE_MS


class _Round:
    """One pass over a recording: which instant of wire time is which of the recorded."""

    def __init__(self, *, start_ms: int, us_per_ms: float, as_recorded: bool) -> None:
        self._start_ms = start_ms
        self._us_per_ms = us_per_ms
        self._as_recorded = as_recorded
        self._first_us: int | None = None
        self.due_ms = start_ms

    @property
    def is_empty(self) -> bool:
        """No tick came so far."""
        return self._first_us is None

    def due(self, ticks: Iterable[Tick]) -> Iterator[Due]:
        """Yield the next ticks, each with when it is due."""
        for tick in ticks:
            if self._first_us is None:
                self._first_us = tick.time_us
            stamp_ms = self._start_ms + int((tick.time_us - self._first_us) // self._us_per_ms)
            self.due_ms = max(self.due_ms, stamp_ms)
            yield self.due_ms * 1000, tick if self._as_recorded else attrs.evolve(tick, time_us=stamp_ms * 1000)
