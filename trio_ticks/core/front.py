"""The front of a symbol's window: the newest ticks, accepted without counting them.

**Why nothing need be counted.** A key contains its stamp, so a tick stamped after ``high`` cannot have been shown
before: it is accepted, in time, and has ordinal 0, whoever shows it. With trade ids the same holds of an id above
every one accepted. Nearly all ticks are such ticks. What is left are the copies that a second line brings, and it
brings them in the order in which they were accepted.

**What is kept.** The accepted ticks as they came, their fields one after the other in one flat list. The list began
with a new stamp, so all stamps in it are whole and lie after those that the window has counted. The *leader* has
shown all of it, each *follower* a first part, and any other session nothing: so what each has shown is known without
being written down.

* The leader shows a tick stamped after ``high``, or one more at ``high``: it is accepted. (One more at ``high`` is
  new for certain where repeats count, or where its id is above all others.)
* A follower shows exactly what comes next in the list: it is a copy.
* A follower that has shown all of the list leads from then on: lines take turns.

**When it is left.** Anything else has to be judged by the counts: a late tick, a line that missed one, a session that
begins in the middle, a copy under a unique identity. `Front.counted` writes the list into the window and empties it;
a checkpoint does so, too. Nothing has to be done for the way back: the next tick stamped after ``high`` begins a new
list. Each tick is written once at most, and while one session is alone it is forgotten before that.

**Forgetting is put off** until there is enough of it. The rule forgets the oldest stamp while it lies before the
cutoff or too many are kept; of a stamp that is not ``high`` both stay true once they are, because the cutoff never
goes back and no entry after it goes before it. So forgetting now and then ends at the same floor as forgetting after
every tick. What lies between is seen by nobody: `Front.counted` forgets first, and a copy of what would be forgotten
by now is left to it.

**Why a flat list.** It holds numbers and texts, at which the garbage collector never looks. A rolling window of kept
ticks makes it look at all of them again and again, which was measured to take more time than all of the sequencer, in
pauses of 30 to 50 ms; kept tuples cost a third of that, and the list nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_ticks.core.identity import Fields, Key
    from trio_ticks.core.sequencer_settings import SequencerLimits
    from trio_ticks.core.window import Window

COPY = -1
"""Instead of an ordinal: a copy of a tick that another session has shown."""

COUNT = -2
"""Instead of an ordinal: only the counts can tell."""

SLACK = 16
"""So many ticks more than the window wants, or a quarter where that is more, are kept before they are forgotten
together. Fewer would look more often; more would weigh where thousands of symbols trade once a minute."""

_NOBODY = 0  # leads where the leader's session has ended; sessions are numbered from 1


class Front:
    """One symbol's newest ticks, in front of what its window has counted.

    Args:
        window: What was counted, and the instants that are the same for both.
        limits: The rule's settings.
    """

    __slots__ = (
        "_by_id",
        "_followers",
        "_has_twins",
        "_leader",
        "_limits",
        "_size",
        "_sweep_at",
        "_ticks",
        "_window",
    )

    def __init__(self, window: Window, limits: SequencerLimits) -> None:
        self._window = window
        self._limits = limits
        self._by_id = limits.rule.by_id
        self._has_twins = limits.rule.counted or limits.rule.by_id  # whether a tick at `high` may be new for certain
        self._ticks: Fields = []
        self._leader = _NOBODY
        self._followers: dict[int, int] = {}  # session → length of what it has shown of the list
        self._size = 0  # ticks at the stamp `high`, which is the next ordinal, where the list holds them
        self._sweep_at = SLACK * limits.rule.width

    def __len__(self) -> int:
        return len(self._ticks) // self._limits.rule.width

    def take(self, fields: Fields, session: int, now_us: int) -> int:
        """Judge a tick where that needs no counts.

        Args:
            fields: What decides on it.
            session: The number of the session that shows it.
            now_us: Its receipt.

        Returns:
            The ordinal of an accepted tick, which is in time; otherwise `COPY` or `COUNT`.
        """
        ticks, window = self._ticks, self._window
        if session != self._leader:
            shown = self._followers.get(session, 0)
            if shown < len(ticks):
                end = shown + len(fields)
                if ticks[shown:end] != fields or fields[0] < self._cutoff_us():
                    return COUNT
                self._followers[session] = end
                return COPY
            self._lead(session)
        time_us = fields[0]
        by_id = self._by_id
        if by_id and fields[1] <= window.key_high:
            return COUNT
        if time_us > window.high_us:
            window.high_us = time_us
            ordinal = 0
        elif time_us == window.high_us and ticks and self._has_twins and self._size < self._limits.stamp_ticks:
            ordinal = self._size
        else:
            return COUNT
        self._size = ordinal + 1
        if by_id:
            window.key_high = fields[1]
        if now_us > window.newest_us:  # noqa: PLR1730 - for every tick, and a call of max takes four times as long
            window.newest_us = now_us
        ticks += fields
        if len(ticks) > self._sweep_at:
            self._sweep()
        return ordinal

    def counted(self) -> Window:
        """Count everything; return the window, in which the rule can be worked as it is written."""
        if self._ticks:
            self._sweep()
            self._write()
        return self._window

    def end_session(self, session: int) -> None:
        """Forget what a session showed."""
        if session == self._leader:
            self._leader = _NOBODY
        self._followers.pop(session, None)
        self._window.sessions.pop(session, None)

    def _lead(self, session: int) -> None:
        """Let a session lead that has shown all there is."""
        if self._leader != _NOBODY:
            self._followers[self._leader] = len(self._ticks)
        self._followers.pop(session, None)
        self._leader = session

    def _sweep(self) -> None:
        """Forget what the rule would have forgotten by now. There is at least one tick."""
        window, limits, cutoff_us = self._window, self._limits, self._cutoff_us()
        while window.order and (window.order[0] < cutoff_us or window.kept + len(self) > limits.window_ticks):
            window.forget_oldest(by_id=limits.rule.by_id)
        if not window.order and self._ticks[0] < cutoff_us:
            self._trim(cutoff_us)
        self._sweep_at = len(self._ticks) + max(len(self._ticks) // 4, SLACK * limits.rule.width)

    def _cutoff_us(self) -> int:
        """Return the stamp before which the rule has forgotten what is in the list. There is at least one tick."""
        window, limits, ticks = self._window, self._limits, self._ticks
        high_us, newest_us = window.high_us, window.newest_us
        # For every copy, as in `take`.
        cutoff_us = (high_us if high_us < newest_us else newest_us) - limits.window_us  # noqa: FURB136
        surplus = len(ticks) - limits.window_ticks * limits.rule.width
        if surplus > 0:
            # Whole stamps go, that of the last one too many as well, but never `high`.
            cutoff_us = min(max(cutoff_us, ticks[surplus - limits.rule.width] + 1), high_us)
        return cutoff_us

    def _trim(self, cutoff_us: int) -> None:
        """Forget the part of the list before a stamp; there is some."""
        window, limits, width = self._window, self._limits, self._limits.rule.width
        stamps: list[int] = self._ticks[::width]
        gone = bisect_left(stamps, cutoff_us)
        window.floor_us = stamps[gone - 1]
        if limits.rule.by_id:
            window.id_floor = max(window.id_floor, self._ticks[gone * width - 1])
        del self._ticks[: gone * width]
        self._followers = {name: max(0, shown - gone * width) for name, shown in self._followers.items()}

    def _write(self) -> None:
        """Write the list into the window's counts, and empty it."""
        window, rule, ticks = self._window, self._limits.rule, self._ticks
        entries: Iterator[tuple[Any, ...]] = zip(*[iter(ticks)] * rule.width, strict=True)
        keys: list[Key] = [rule.key_of(entry) for entry in entries]
        copies = window.add_newer(ticks[:: rule.width], keys)
        if rule.counted:
            if self._leader != _NOBODY:
                window.sessions.setdefault(self._leader, {}).update(copies)
            for session, shown in self._followers.items():
                window.sessions.setdefault(session, {}).update(Counter(keys[: shown // rule.width]))
        ticks.clear()
        self._followers.clear()
        self._sweep_at = SLACK * rule.width
