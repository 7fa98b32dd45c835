"""Saving what the sequencers remember, a little at a time.

Ten seconds of a busy market are a hundred thousand entries, and writing all of them down at once would hold the
market up for a tenth of a second. So the windows are saved by turns: in each *round* every symbol that has changed
since it was saved last, a few in each step. What is saved is a *mark*, which the journal keeps under its key until
the next one, with the position of the batches it was saved behind.

A restart takes all marks, and reads the journal from where the last round that was finished had begun: whatever
changed before that was saved since. A mark may know more than that position says; what the tail then shows twice does
no harm (`trio_ticks.core.sequencer`, restart). The beginnings of rounds are kept under two keys by turns, so that the
finished one's is still there while the next is on its way. Every feed has keys of its own: one that is taken out of
the configuration for a week goes on from its own marks afterwards.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import msgspec

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from trio_ticks.core.coverage import Coverage
    from trio_ticks.core.sequencer import Sequencer

WINDOW = "window/"
COVERAGE = "coverage/"
_BEGUN = ("round/0/", "round/1/")
_FINISHED = "round/finished/"
_STOPPED = "stopped/"

ENTRIES = 1_000
"""Saved in one step, about: some hundred microseconds."""


class Mark(Protocol):
    """A mark as the journal returns it."""

    @property
    def behind(self) -> int: ...  # noqa: D102 - the last batch of the journal that it is certain to know of
    @property
    def position(self) -> int: ...  # noqa: D102 - no batch after this one is known to it
    @property
    def payload(self) -> bytes: ...  # noqa: D102


class Saving:
    """Saves sequencers and coverage by turns. Pure: the driver calls `step` with the records of a step behind it.

    Args:
        sequencers: By feed.
        coverage: By feed.
        rounds_s: How long a round takes, about.
        entries: Saved in one step, about.
        rounds: By feed, the `last_round` of the engine before, whose beginning must stay until there is another.
    """

    def __init__(
        self,
        sequencers: Mapping[str, Sequencer],
        coverage: Mapping[str, Coverage],
        *,
        rounds_s: float,
        entries: int = ENTRIES,
        rounds: Mapping[str, int] | None = None,
    ) -> None:
        self._sequencers = sequencers
        self._coverage = coverage
        self._entries = entries
        self._round_us = round(rounds_s * 1e6)
        self._saved: dict[tuple[str, str], Hashable] = {}
        self._left: deque[tuple[str, str]] = deque()
        self._begun_us: int | None = None
        self._step_us = 0
        self._due_us = 0
        self._rounds = {feed: (rounds or {}).get(feed, 0) for feed in sequencers}

    def due(self, now_us: int) -> bool:
        """Tell whether a step is due."""
        return now_us >= self._due_us

    def step(self, now_us: int) -> dict[str, bytes]:
        """Return the marks of the next step."""
        marks = self._begin(now_us) if self._begun_us is None else {}
        entries = 0
        while self._left and entries < self._entries:
            entries += 1 + self._save(self._left.popleft(), marks)
        if self._left:
            self._due_us = now_us + self._step_us
        else:
            self._finish(marks)
            self._due_us = max(now_us + 1, (self._begun_us or now_us) + self._round_us)
            self._begun_us = None
        return marks

    def last(self) -> dict[str, bytes]:
        """Return the marks of a clean stop: everything that has changed, after the last records."""
        self._left.clear()
        marks = self._begin(0)
        while self._left:
            self._save(self._left.popleft(), marks)
        self._finish(marks)
        marks.update({_STOPPED + feed: b"yes" for feed in self._sequencers})
        return marks

    def coverage_marks(self) -> dict[str, bytes]:
        """Return the marks of what is covered now."""
        return {COVERAGE + feed: msgspec.msgpack.encode(self._coverage_of(feed)) for feed in self._coverage}

    def _coverage_of(self, feed: str) -> dict[str, Any]:
        sequencer = self._sequencers[feed]
        return {
            **self._coverage[feed].save(),
            "held_since_us": sequencer.held_since_us,
            "lateness_us": sequencer.lateness_us,
        }

    def _begin(self, now_us: int) -> dict[str, bytes]:
        self._begun_us = now_us
        for sequencer in self._sequencers.values():
            for place in sequencer.places():
                if self._saved.get(place) != sequencer.state_of(*place):
                    self._left.append(place)
        # A step saves a symbol at least. Half the round is kept for those with long windows.
        self._step_us = self._round_us // (2 * len(self._left) + 2)
        marks = self.coverage_marks()
        for feed in self._sequencers:
            self._rounds[feed] = 1 - self._rounds[feed]
            marks[_BEGUN[self._rounds[feed]] + feed] = b""
            marks[_STOPPED + feed] = b""
        return marks

    def _finish(self, marks: dict[str, bytes]) -> None:
        for feed in self._sequencers:
            marks[_FINISHED + feed] = _BEGUN[self._rounds[feed]].encode()

    def _save(self, place: tuple[str, str], marks: dict[str, bytes]) -> int:
        feed, symbol = place
        sequencer = self._sequencers[feed]
        window = sequencer.save(feed, symbol)
        self._saved[place] = sequencer.state_of(feed, symbol)
        if window is None:
            return 0
        marks[_windows(feed) + symbol] = msgspec.msgpack.encode(window)
        return sum(len(copies) for _, _, copies in window["stamps"])


def tail_begins(marks: Mapping[str, Mark], feed: str) -> int:
    """Return the position behind which a restart has to read the journal for a feed."""
    finished = marks.get(_FINISHED + feed)
    begun = None if finished is None else marks.get(finished.payload.decode() + feed)
    return 0 if begun is None else begun.behind


def tail_marks(feeds: Iterable[str]) -> list[str]:
    """Return the keys of the marks behind which a restart with these feeds reads the journal, at the earliest."""
    return [begun + feed for feed in feeds for begun in _BEGUN]


def last_round(marks: Mapping[str, Mark], feed: str) -> int:
    """Return which of the two rounds of a feed was finished last."""
    finished = marks.get(_FINISHED + feed)
    return 0 if finished is None else _BEGUN.index(finished.payload.decode())


def was_stopped(marks: Mapping[str, Mark], feed: str) -> bool:
    """Tell whether the engine before that had this feed came to a clean stop."""
    stopped = marks.get(_STOPPED + feed)
    return stopped is not None and bool(stopped.payload)


def windows_of(marks: Mapping[str, Mark], feed: str) -> list[dict[str, Any]]:
    """Return the windows of a feed that were saved."""
    prefix = _windows(feed)
    return [msgspec.msgpack.decode(mark.payload) for key, mark in marks.items() if key.startswith(prefix)]


def coverage_of(marks: Mapping[str, Mark], feed: str) -> tuple[dict[str, Any] | None, int]:
    """Return the coverage of a feed that was saved, None where none was, and after which position it may be older."""
    mark = marks.get(COVERAGE + feed)
    return (None, 0) if mark is None else (msgspec.msgpack.decode(mark.payload), mark.position)


def _windows(feed: str) -> str:
    # A slash in a feed's name must not look like the one before the symbol.
    return f"{WINDOW}{quote(feed, safe='')}/"
