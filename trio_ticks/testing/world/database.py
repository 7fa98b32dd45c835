"""InfluxDB in memory, with its real semantics, where the sink writes; and threads that take simulated time.

A point is its series and its nanosecond. A second write to the same point replaces field by field. A refused write
may have stored its good lines; a write without an answer may have been stored, before it was given up or long after.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import attrs
import trio

from trio_ticks.config import InfluxDB
from trio_ticks.model import Record, Tick
from trio_ticks.storage.outcomes import Outcome, Verdict, outcome_of_answer
from trio_ticks.storage.reading.points import FORMS
from trio_ticks.storage.tick_line import tick_of_row
from trio_ticks.testing.world.plan import Plan
from trio_ticks.testing.world.trace import Trace

T = TypeVar("T")

_LINE = re.compile(r"(?P<series>[^ ]+) (?P<fields>.+) (?P<time>-?\d+)")
_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,]+)')

WAYS = (
    "200",
    "204 late",
    "lost late",
    "400 all",
    "401",
    "404",
    "413",
    "429",
    "500",
    "503",
    "lost",
    "partly",
    "refused",
    "reset",
)
"""In which a write may fail: a status, a timeout, or an answer that never comes although the write was stored."""

_HANGING = {"204 late", "lost late"}

LARGEST = 4
"""Lines that pass while the server calls everything larger too large."""

HANGS_S = 30.0
"""Longer than the sink has patience for."""


@attrs.define(eq=False)
class Database:
    """One bucket. What outlives a write that was given up is handed to ``spawn``."""

    plan: Plan
    trace: Trace
    spawn: Callable[[Callable[[], Awaitable[None]]], None]
    points: dict[tuple[str, int], dict[str, Any]] = attrs.field(factory=dict)
    writes: int = 0
    way: str = ""
    _until: float = 0.0
    _dice: random.Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._dice = self.plan.dice("database")

    def fail(self, seconds: float) -> None:
        """Let writes fail for so long, in a way of their own or in all ways by turns."""
        self.way = self._dice.choice([*WAYS, "any", "any", "any"])
        self._until = trio.current_time() + seconds

    def cease(self) -> None:
        """Be well from now on."""
        self._until = 0.0

    def ticks(self) -> dict[tuple[str, int], tuple[Tick, int]]:
        """Return the tick of each point, and its position in the journal."""
        return {place: (tick_of_row(row), row["position"]) for place, row in self._of("")}

    def events(self) -> list[Record]:
        """Return the gap, the status or the signal of each point, in no order."""
        forms = [form for form in FORMS.values() if form.suffix]
        return [form.record_of(row) for form in forms for _, row in self._of(form.suffix)]

    def refuses(self, row: dict[str, Any]) -> bool:
        """Tell whether a point is one that the server will never take."""
        return self.plan.poison > 0 and "sequence" in row and row["sequence"] % self.plan.poison == 0

    def make_writer(self, settings: InfluxDB) -> _Writer:
        """Return what writes to it, in the place of the client."""
        del settings
        return _Writer(self)

    async def in_thread(
        self, function: Callable[[], T], *args: Any, abandon_on_cancel: bool = False, limiter: trio.CapacityLimiter
    ) -> T:
        """Run a function as a thread would: for a while of simulated time, and to its end where it is abandoned."""
        way = self._roll() if abandon_on_cancel else ""
        thread = _Thread(self, function, args, limiter, hangs=way in _HANGING, arrives=way != "lost late")
        await limiter.acquire_on_behalf_of(thread)
        self.spawn(thread.run)
        with trio.CancelScope(shield=not abandon_on_cancel):
            await thread.done.wait()
        return thread.result  # type: ignore[no-any-return]  # what the function returned

    def write(self, body: bytes) -> Outcome:
        """Take some lines; answer as the server does."""
        lines = body.decode().split("\n")
        way = self._roll()
        outcome = self._answer(lines, "" if way in _HANGING else way)
        self.writes += 1
        self.trace.note("database", len(lines), outcome.verdict.value)
        return outcome

    def _of(self, suffix: str) -> list[tuple[tuple[str, int], dict[str, Any]]]:
        """Return the points of the ticks' measurement with this behind its name."""
        name = f"tick{suffix}"
        return [(place, row) for place, row in self.points.items() if place[0].partition(",")[0] == name]

    def _roll(self) -> str:
        """Return how the next write fails; "": it does not."""
        if trio.current_time() >= self._until or (self.way == "any" and self._dice.random() < 0.3):  # noqa: PLR2004
            return ""
        return self._dice.choice(WAYS) if self.way == "any" else self.way

    def _answer(self, lines: list[str], way: str) -> Outcome:
        rows = [_read(line) for line in lines]
        if way.isdigit() and not (way == "413" and len(lines) <= LARGEST):
            return outcome_of_answer(int(way), headers={"retry-after": "3"}, body="")
        if way in {"refused", "reset"}:
            return Outcome(Verdict.RETRY, "ConnectionError")
        bad = sum(self.refuses(row) for _, row in rows)
        if way == "400 all" and bad:
            return outcome_of_answer(400, headers={}, body=json.dumps({"message": "unable to parse"}))
        for place, row in rows[: self._dice.randint(0, len(rows))] if way == "partly" else rows:
            if not self.refuses(row):
                self.points.setdefault(place, {}).update(row)
        if way in {"lost", "partly"}:
            return Outcome(Verdict.RETRY, "ReadTimeout")
        return outcome_of_answer(400 if bad else 204, headers={}, body=json.dumps({"message": "partial write"}))


@attrs.define(eq=False)
class _Writer:
    """What `trio_ticks.storage.influxdb.InfluxWriter` is to the sink."""

    database: Database

    def write(self, body: bytes) -> Outcome:
        return self.database.write(body)

    def close(self) -> None:
        """There is nothing to close."""


@attrs.define(eq=False)
class _Thread:
    database: Database
    function: Callable[..., Any]
    args: tuple[Any, ...]
    limiter: trio.CapacityLimiter
    hangs: bool
    arrives: bool
    result: Any = None
    done: trio.Event = attrs.field(factory=trio.Event)

    async def run(self) -> None:
        await trio.sleep(HANGS_S if self.hangs else 0.001)
        if self.arrives:
            self.result = self.function(*self.args)
        self.limiter.release_on_behalf_of(self)
        self.done.set()


def _read(line: str) -> tuple[tuple[str, int], dict[str, Any]]:
    """Return the place and the columns of a line: the tags, and the fields with their types."""
    found = _LINE.fullmatch(line)
    assert found is not None, f"no line protocol: {line!r}"
    row: dict[str, Any] = {name: _value(text) for name, text in _FIELD.findall(found["fields"])}
    for tag in found["series"].split(",")[1:]:
        name, _, value = tag.partition("=")
        row[name] = value
    return (found["series"], int(found["time"])), row


def _value(text: str) -> Any:
    if text.startswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return int(text[:-1]) if text.endswith("i") else float(text)
