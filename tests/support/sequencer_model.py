"""The sequencer's rule, done the slow way: one list of all that was accepted, searched anew each time."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trio_ticks.model import Tick

NEVER = -(2**63)


def key_of(tick: Tick, identity: str) -> Any:
    content = (tick.price, tick.volume, tick.side)
    return {
        "content": (tick.time_us, content),
        "trade_id": tick.trade_id,
        "sequence": (tick.time_us, tick.sequence, content),
        "time": tick.time_us,
    }[identity]


@dataclass
class Entry:
    """One accepted tick, for ever."""

    tick: Tick
    key: Any
    due_us: int
    arrival: int
    state: str = "held"
    ordinal: int = 0
    late: bool = False

    @property
    def place(self) -> tuple[int, int]:
        return self.tick.time_us, self.arrival


@dataclass
class SlowSymbol:
    """All there is to know of one symbol; nothing is ever thrown away."""

    settings: dict[str, Any]
    entries: list[Entry] = field(default_factory=list)
    shown: list[tuple[str, Any]] = field(default_factory=list)
    floor: int = NEVER
    id_floor: int = NEVER
    newest: int = NEVER

    @property
    def high(self) -> int:
        return max((e.tick.time_us for e in self.entries if e.state == "out"), default=NEVER)

    def kept(self) -> list[Entry]:
        return [e for e in self.entries if e.tick.time_us > self.floor]

    def judge(self, tick: Tick, session: str, now: int) -> str:
        s = self.settings
        key = key_of(tick, s["identity"])
        if tick.time_us > now + s["ahead_s"] * 1_000_000:
            return "rejected"
        if key is None:
            return "rejected"
        if tick.time_us <= self.floor or (s["identity"] == "trade_id" and key <= self.id_floor):
            return "expired"
        have = sum(e.key == key for e in self.kept())
        counted = s["identity"] == "content"
        if self.shown.count((session, key)) < have if counted else have:
            self.shown.append((session, key))
            return "duplicates"
        if sum(e.tick.time_us == tick.time_us for e in self.kept()) >= s["stamp_ticks"]:
            return "rejected"
        self.shown.append((session, key))
        return "accepted"

    def release(self, entries: list[Entry]) -> list[Entry]:
        for entry in sorted(entries, key=lambda e: e.place):
            time_us = entry.tick.time_us
            entry.late = time_us < self.high
            if entry.late and self.settings["late"] == "drop":
                entry.state = "dropped"
                continue
            entry.ordinal = sum(e.state == "out" and e.tick.time_us == time_us for e in self.entries)
            entry.state = "out"
        return sorted((e for e in entries if e.state == "out"), key=lambda e: e.place)

    def release_through(self, place: tuple[float, float]) -> list[Entry]:
        return self.release([e for e in self.entries if e.state == "held" and e.place <= place])

    def evict(self) -> list[Entry]:
        out: list[Entry] = []
        while True:
            stamps = sorted({e.tick.time_us for e in self.kept()})
            cutoff = min(self.high, self.newest) - round(self.settings["window_s"] * 1_000_000)
            is_over = len(self.kept()) > self.settings["window_ticks"]
            if len(stamps) < 2 or not (stamps[0] < cutoff or is_over):
                return out
            if stamps[0] < self.high:
                out += self.release_through((stamps[0], float("inf")))
                gone = [e for e in self.kept() if e.tick.time_us == stamps[0]]
                self.floor = stamps[0]
                if self.settings["identity"] == "trade_id":
                    self.id_floor = max([self.id_floor, *(e.key for e in gone)])
            else:
                out += self.release_through((stamps[1], float("inf")))


class SlowSequencer:
    """The naive model of `trio_ticks.core.sequencer.Sequencer`."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.symbols: dict[tuple[str, str], SlowSymbol] = {}
        self.arrivals = 0
        self.verdicts: Counter[str] = Counter()

    def push(self, ticks: list[Tick], session: str, now: int) -> list[Entry]:
        out = self.advance(now)
        for tick in ticks:
            symbol = self.symbols.setdefault((tick.feed, tick.symbol), SlowSymbol(self.settings))
            verdict = symbol.judge(tick, session, now)
            if verdict != "accepted":
                self.verdicts[verdict] += 1
                continue
            self.arrivals += 1
            lateness = round(self.settings["lateness_s"] * 1_000_000)
            key = key_of(tick, self.settings["identity"])
            entry = Entry(tick, key, now + lateness, self.arrivals)
            symbol.entries.append(entry)
            symbol.newest = max(symbol.newest, now)
            if not lateness:
                out += symbol.release([entry])
            out += symbol.evict()
        return out

    def advance(self, now: float) -> list[Entry]:
        out: list[Entry] = []
        due = [
            (e.due_us, e.arrival, e, symbol)
            for symbol in self.symbols.values()
            for e in symbol.entries
            if e.state == "held" and e.due_us <= now
        ]
        for _, _, entry, symbol in sorted(due, key=lambda item: item[:2]):
            if entry.state == "held":
                out += symbol.release_through(entry.place)
                out += symbol.evict()
        return out

    def end_session(self, session: str) -> None:
        for symbol in self.symbols.values():
            symbol.shown = [item for item in symbol.shown if item[0] != session]

    def entries(self, state: str) -> list[Entry]:
        return [e for symbol in self.symbols.values() for e in symbol.entries if e.state == state]

    def checkpoint(self) -> SlowSequencer:
        """A copy in which the held ticks never arrived and no session is open."""
        other = copy.deepcopy(self)
        for symbol in other.symbols.values():
            symbol.entries = [e for e in symbol.entries if e.state != "held"]
            symbol.shown = []
        return other

    def restore(self, tail: list[Tick]) -> SlowSequencer:
        """A copy that has also delivered the tail."""
        other = copy.deepcopy(self)
        other.verdicts.clear()
        for tick in tail:
            symbol = other.symbols.setdefault((tick.feed, tick.symbol), SlowSymbol(other.settings))
            other.arrivals += 1
            key = key_of(tick, self.settings["identity"])
            entry = Entry(tick, key, 0, other.arrivals, "out", tick.ordinal, tick.late)
            symbol.entries.append(entry)
            if tick.time_us > symbol.floor:
                symbol.newest = max(symbol.newest, tick.received_us)
                symbol.evict()
        return other
