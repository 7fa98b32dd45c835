"""In-band time: the time that a stream's records tell, and the timers that follow it.

A consumer stands somewhere in its stream. In-band time there is the greatest time of the records that it has been
handed; it never goes back, and what was derived from records (a `Bar`, a `Signal`) does not move it. A timer falls
between two records: behind all whose time is not beyond its instant, before the first whose time is. So it falls at
the same place whatever batches the records came in, and whenever the stream is read again.

`Position` is where one consumer stands. Whoever hands records on asks it, in this order and without an await between:

* `due`, and rings the alarm that comes before the next record, if there is one, until there is none;
* `step` for the next record, or `stride` for all before the next alarm.

As long as ``at < fence`` neither needs to be asked: ``records[at]`` is next and no alarm comes before it.
"""

from __future__ import annotations

import heapq
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import attrs

from trio_ticks.errors import ConfigError
from trio_ticks.model import Bar, Record, Signal, ticks_in

Field: TypeAlias = str | int | float | bool | None
"""What a signal's field may be: what every journal, sink and file can hold."""

_TIME = operator.attrgetter("time_us")
_DERIVED = (Bar, Signal)


def greatest_us(records: Sequence[Record]) -> int:
    """Return how far these records move in-band time; 0 where they do not."""
    if ticks_in(records) == len(records):  # the usual case: no loop of bytecode
        return max(map(_TIME, records), default=0)
    return max((item.time_us for item in records if type(item) not in _DERIVED), default=0)


def first_beyond(records: Sequence[Record], due_us: int, start: int = 0) -> int:
    """Return the place of the first record, from ``start`` on, whose time is beyond an instant; else the length."""
    for place in range(start, len(records)):
        item = records[place]
        if item.time_us > due_us and type(item) not in _DERIVED:
            return place
    return len(records)


def us_of(seconds: float, *, least_us: int = 0) -> int:
    """Return a duration in microseconds.

    Raises:
        ValueError: it is not finite, or too short.
    """
    us = round(seconds * 1e6) if math.isfinite(seconds) else -1
    if us < least_us:
        raise ValueError(f"{seconds!r} s: a timer takes a finite number of seconds, at least {least_us / 1e6:g}")
    return us


def plain_fields(fields: Mapping[str, object]) -> dict[str, Field]:
    """Return a signal's fields as values that can be written down: what only derives from a plain type becomes plain.

    Raises:
        ConfigError: one is something else.
    """
    return {name: _plain(name, value) for name, value in fields.items()}


def plain_text(what: str, value: object) -> str:
    """Return the name or the symbol of a signal as a plain text.

    Raises:
        ConfigError: it is none.
    """
    if not isinstance(value, str):
        raise ConfigError(f"signal {what} = {value!r}: accepted is a text")
    return str.__str__(value)


def _plain(name: str, value: object) -> Field:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    kind = type(value)
    # A bool of NumPy's is called so, too.
    called = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    raise ConfigError(f"signal field {name!r} is a {called}; accepted: str, int, float, bool, None")


@attrs.define(eq=False)
class Alarm:
    """One timer that somebody waits for.

    Attributes:
        due_from: Returns the instant it is due at, if it begins at this one.
        rank: Among those that are due at one instant the lower one comes first; of equal ones, that set first.
        ask: Is told the instant, once it is known.
        ring: Lets whoever waits go on. Never waits itself. Whoever waits sets it.
        due_us: The instant; None before the first record, with which in-band time begins.
        state: ``pending``, ``rung``, or ``ended`` because the stream has.
    """

    due_from: Callable[[int], int]
    ask: Callable[[int], None]
    ring: Callable[[], object] = lambda: None
    rank: int = 0
    due_us: int | None = None
    state: Literal["pending", "rung", "ended"] = "pending"

    def begin(self, start_us: int) -> None:
        """Let it begin at this instant."""
        self.due_us = self.due_from(start_us)
        self.ask(self.due_us)

    def finish(self, state: Literal["rung", "ended"]) -> None:
        """Let whoever waits go on."""
        self.state = state
        self.ring()


class Position:
    """Where a consumer stands: the records in its hand, in-band time, and the alarms that are set.

    Args:
        looks_closely: The consumer wants to be asked about each record, so that ``fence`` lets none pass.

    Attributes:
        records: In hand, taken or not.
        at: The place of the next one.
        fence: Those before this place can be handed on without asking.
    """

    __slots__ = ("_alarms", "_looks_closely", "_number", "_seen", "_settled", "_time_us", "at", "fence", "records")

    def __init__(self, *, looks_closely: bool = False) -> None:
        self.records: Sequence[Record] = ()
        self.at = 0
        self.fence = 0
        self._looks_closely = looks_closely
        self._settled = 0
        self._time_us = 0
        self._seen = 0  # the records before this place are in the time already
        self._alarms: list[tuple[int, tuple[int, int], Alarm]] = []
        self._number = 0

    # ---- records

    @property
    def has_next(self) -> bool:
        """Whether there is a record in hand."""
        return self.at < len(self.records)

    @property
    def now_us(self) -> int:
        """In-band time; 0 before the first record."""
        if self._seen < self.at:
            self._time_us = max(self._time_us, greatest_us(self.records[self._seen : self.at]))
            self._seen = self.at
        return self._time_us

    @property
    def taken_ticks(self) -> int:
        """How many ticks were handed on so far."""
        return self._settled + ticks_in(self.records[: self.at])

    @property
    def rest(self) -> Sequence[Record]:
        """What is in hand and not yet handed on."""
        return self.records[self.at :] if self.at else self.records

    def put(self, records: Sequence[Record]) -> None:
        """Take more records into the hand, behind those in it. The fence lets none of them pass yet."""
        rest = self.rest
        self._put_by([*rest, *records] if rest else records)

    def drop(self) -> int:
        """Let go of what is in hand; return how many ticks of it were not handed on."""
        ticks = ticks_in(self.rest)
        self._put_by(())
        return ticks

    def step(self) -> Record:
        """Hand on the next record."""
        record = self.records[self.at]
        self.at += 1
        self._raise_fence()
        return record

    def stride(self) -> Sequence[Record]:
        """Hand on all records before the next alarm, at least one."""
        end = len(self.records) if not self._alarms else max(self.at + 1, self._first_beyond())
        some = self.records[self.at : end] if self.at or end < len(self.records) else self.records
        self.at = end
        return some

    # ---- alarms

    def set(self, alarm: Alarm) -> None:
        """Set an alarm, from now on. Before the first record it begins with that."""
        self._number += 1
        if self.now_us:
            alarm.begin(self.now_us)
        heapq.heappush(self._alarms, (alarm.due_us or 0, (alarm.rank, self._number), alarm))
        self.fence = 0

    def unset(self, alarm: Alarm) -> None:
        """Forget an alarm, rung or not."""
        self._alarms = [entry for entry in self._alarms if entry[2] is not alarm]
        heapq.heapify(self._alarms)

    def begin(self) -> bool:
        """Let the alarms that wait for the first record begin; tell whether it is in hand."""
        if self.now_us:
            return True
        start_us = next((item.time_us for item in self.rest if type(item) not in _DERIVED), 0)
        if not start_us:
            return False
        waiting, self._alarms = self._alarms, []
        for _, order, alarm in waiting:
            if alarm.due_us is None:
                alarm.begin(start_us)
            heapq.heappush(self._alarms, (alarm.due_us or 0, order, alarm))
        return True

    def reaches(self, due_us: int) -> bool:
        """Tell whether a record beyond an instant is in hand."""
        return first_beyond(self.records, due_us, self.at) < len(self.records)

    def due(self) -> Alarm | None:
        """Take the alarm that comes before the next record, if there is one; in-band time moves to it."""
        if not self._alarms or not self.begin():
            return None
        item = self.records[self.at]
        if type(item) in _DERIVED or item.time_us <= self._alarms[0][0]:
            return None
        return self._pop()

    @property
    def first(self) -> Alarm | None:
        """The alarm that comes before all others."""
        return self._alarms[0][2] if self._alarms else None

    @property
    def next_due_us(self) -> int | None:
        """The instant of the first alarm; None where there is none, or time has not begun."""
        return self._alarms[0][2].due_us if self._alarms else None

    @property
    def is_overdue(self) -> bool:
        """Whether time has passed an alarm already: whoever set it was behind."""
        return bool(self._alarms) and self._alarms[0][0] < self.now_us

    def pop(self) -> Alarm:
        """Take the first alarm, of which there has to be one, whatever comes next; in-band time moves to it."""
        return self._pop()

    def end(self) -> None:
        """The stream is over: let everyone go on."""
        alarms, self._alarms = self._alarms, []
        for _, _, alarm in sorted(alarms):  # numbers differ, so that no two alarms are compared
            alarm.finish("ended")

    def _pop(self) -> Alarm:
        due_us, _, alarm = heapq.heappop(self._alarms)
        self._time_us = max(self.now_us, due_us)
        return alarm

    def _first_beyond(self) -> int:
        return first_beyond(self.records, self._alarms[0][0], self.at)

    def _raise_fence(self) -> None:
        if self._looks_closely:
            return
        self.fence = self._first_beyond() if self._alarms else len(self.records)

    def _put_by(self, records: Sequence[Record]) -> None:
        handed = self.records if self.at == len(self.records) else self.records[: self.at]
        ticks = ticks_in(handed)
        self._settled += ticks
        if ticks == len(handed) > 0:  # the usual case
            self._time_us = max(self._time_us, *map(_TIME, handed))
        else:
            self._time_us = self.now_us
        self.records, self.at, self.fence, self._seen = records, 0, 0, 0
