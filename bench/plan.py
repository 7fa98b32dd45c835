"""What a run consists of, as it is told to the two processes, and what the measured one tells back."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from typing import Any

SERVER_CORE, CLIENT_CORE = 0, 1


@dataclasses.dataclass(frozen=True)
class Phase:
    """A stretch of a run.

    Attributes:
        name: For people.
        ticks: How many are sent.
        rate: Ticks a second; 0: as fast as the client takes them.
        burst: So many at once.
    """

    name: str
    ticks: int
    rate: float = 0.0
    burst: int = 1


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of one contestant.

    Attributes:
        contestant: Its key in `bench.clients.CONTESTANTS`.
        phases: The first is the warm-up: it is counted and checked, and not measured.
        timed: The strategy notes how old each tick is. That costs a clock reading, so throughput goes without.
        deadline_s: After so long the client tells how far it came.
        symbols: How many take turns.
        base_ms: Event time of the first round.
        epoch_us: ``seq`` counts from there on the monotonic clock: so long before the run was made that it has
            thirteen digits throughout.
        authority: The PEM file of the authority that vouches for the server; "": no TLS.
        certificate: The PEM file with the server's key and certificate.
        url: Where the server is; "" until it is there.
        http: Where ours serves its metrics and pages, ``host:port``; "": nowhere.
        ages: Ours counts how old ticks are; off, to see what that costs.
    """

    contestant: str
    phases: tuple[Phase, ...]
    timed: bool = False
    deadline_s: float = 60.0
    symbols: int = 500
    base_ms: int = dataclasses.field(default_factory=lambda: time.time_ns() // 10**6)
    epoch_us: int = dataclasses.field(default_factory=lambda: time.monotonic_ns() // 1000 - 10**12)
    authority: str = ""
    certificate: str = ""
    url: str = ""
    http: str = ""
    ages: bool = True

    @property
    def ticks(self) -> int:
        """In all phases."""
        return sum(phase.ticks for phase in self.phases)

    @property
    def scheme(self) -> str:
        """Of the URL."""
        return "wss" if self.authority else "ws"

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Run:
        """Return the run that `to_json` wrote down."""
        fields = json.loads(text)
        return cls(**{**fields, "phases": tuple(Phase(**phase) for phase in fields["phases"])})


@dataclasses.dataclass
class Outcome:
    """What a client tells.

    Attributes:
        marks: After each phase: ticks so far, the monotonic clock and the CPU time of the process, both in ns.
        ages: For each phase the ages of its ticks in µs, as base64 of an ``array("I")``; empty where not timed.
        counts: Ticks by symbol.
        prices: The last price by symbol.
        written: Lines of InfluxDB's line protocol.
        peak_bytes: The most memory that the process ever held.
        extra: What the contestant knows besides.
    """

    marks: list[tuple[int, int, int]]
    ages: list[str]
    counts: dict[str, int]
    prices: dict[str, float]
    written: int
    peak_bytes: int
    extra: dict[str, Any]

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        """Return the outcome that `to_json` wrote down."""
        return cls(**json.loads(text))


def pin(core: int) -> None:
    """Keep this process to one core, where the system can do that and has so many."""
    if hasattr(os, "sched_setaffinity") and core in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {core})
