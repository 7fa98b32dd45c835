"""What one run consists of, as it is told to the two processes, and what the measured one tells back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

MARKET_RATE = 10_000
"""Ticks in a second of the market's own time, all symbols together. It decides how many ticks fall into the window,
and only that: they are sent as fast as the engine takes them."""

ROUNDED = 10_000
"""Whole rounds of however many symbols: what is sent is a multiple of this."""

SLOWEST = 2_000
"""Ticks a second that any engine here surpasses by far; whoever does not has failed."""

START_S = 60.0
"""To connect and subscribe, besides."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """What the engine is made to carry.

    Attributes:
        symbols: All tick equally often, by turns.
        connections: The symbols are spread over so many.
        strategies: Each looks at every tick.
        sessions: 2: each symbol on two connections at a time.
        window_s: Of the sequencer, in the market's time.
    """

    symbols: int = 1_000
    connections: int = 1
    strategies: int = 1
    sessions: int = 1
    window_s: float = 10.0

    @property
    def links(self) -> int:
        """Connections in all."""
        return self.connections * self.sessions


@dataclasses.dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        setting: What it carries.
        ticks: In all.
        marks_at: The first strategy notes a mark when it has seen so many. A mark looks at each symbol, so they are
            thousands of ticks apart.
        base_us: The market's time when it begins.
        url: Where the sender is; "" until it is there.
    """

    setting: Setting
    ticks: int
    marks_at: tuple[int, ...]
    base_us: int = 1_800_000_000_000_000
    url: str = ""

    @property
    def rounds(self) -> int:
        """How often each symbol ticks."""
        return self.ticks // self.setting.symbols

    @property
    def deadline_s(self) -> float:
        """When to give up."""
        return START_S + self.ticks * self.setting.sessions * self.setting.strategies / SLOWEST

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Return the job that `to_json` wrote down."""
        fields = json.loads(text)
        setting, marks_at = Setting(**fields["setting"]), tuple(fields["marks_at"])
        return cls(**{**fields, "setting": setting, "marks_at": marks_at})


@dataclasses.dataclass(frozen=True)
class Mark:
    """How far the measured process is at one instant.

    Attributes:
        taken: Ticks that the first strategy has seen.
        settled: Ticks that have left the sequencer, with the copies of a second session.
        at_ns: The monotonic clock.
        cpu_ns: CPU time of the process.
        held_bytes: Memory that the process holds.
    """

    taken: int
    settled: int
    at_ns: int
    cpu_ns: int
    held_bytes: int


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the measured process tells.

    Attributes:
        marks: In the order in which they were made.
        taken: By each strategy.
        prices: The last price by symbol, as each strategy saw it.
        ledger: The engine's, without the consumers.
        imbalances: Its equations that do not hold.
        gaps: By cause.
    """

    marks: tuple[Mark, ...]
    taken: list[int]
    prices: list[dict[str, float]]
    ledger: dict[str, int]
    imbalances: list[str]
    gaps: dict[str, int]

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        """Return the outcome that `to_json` wrote down."""
        fields: dict[str, Any] = json.loads(text)
        return cls(**{**fields, "marks": tuple(Mark(**mark) for mark in fields["marks"])})
