"""What ``/status`` tells, as far as the screen shows it.

Unknown keys are passed over and missing ones have a default, so that a program of another version can be watched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from trio_ticks.app.tables import printable
from trio_ticks.errors import TrioTicksError


class Symbol(msgspec.Struct):
    """One symbol of one feed."""

    feed: str
    symbol: str
    price_text: str | None = None
    time_us: int | None = None
    received_us: int | None = None
    ticks: int | None = None
    rate_per_s: float | None = None
    stale: bool = False


class Line(msgspec.Struct):
    """One connection."""

    name: str
    state: str = ""
    symbols: int = 0
    refused: dict[str, str] = {}
    reconnects: dict[str, int] = {}
    tick_us: int | None = None
    lag_us: int | None = None
    last_error: str = ""


class Shard(msgspec.Struct):
    """The connections of a set of symbols."""

    lines: list[Line] = []


class Relay(msgspec.Struct):
    """A feed that another engine fills."""

    name: str
    state: str = ""
    position: int = 0
    newest: int = 0
    last_error: str = ""


class Strategy(msgspec.Struct):
    """How a strategy is doing."""

    name: str
    state: str = ""
    failures: int = 0
    last_error: str = ""
    signals: int = 0


class Journal(msgspec.Struct):
    """How the journal is doing."""

    path: str = ""
    state: str = ""
    position: int = 0
    total_ticks: int = 0
    last_error: str = ""


class Sink(msgspec.Struct):
    """How a sink is doing."""

    name: str
    state: str = ""
    lag_s: float = 0.0
    failures: int = 0
    last_error: str = ""


class Ledger(msgspec.Struct):
    """Where every tick is."""

    received: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    expired: int = 0
    late_dropped: int = 0
    held: int = 0
    inbox: int = 0
    consumers: dict[str, dict[str, int]] = {}
    journal: dict[str, int] | None = None
    sinks: dict[str, dict[str, int]] = {}


class EngineStatus(msgspec.Struct):
    """The engine at one instant."""

    state: str
    started_us: int
    now_us: int
    ledger: Ledger
    version: str = ""
    gaps: dict[str, int] = {}
    uncovered: dict[str, list[str]] = {}
    symbols: list[Symbol] = []
    shards: list[Shard] = []
    relays: list[Relay] = []
    strategies: list[Strategy] = []
    journal: Journal | None = None
    sinks: list[Sink] = []
    failed_feeds: dict[str, str] = {}
    ages: dict[str, Any] = {}

    @property
    def lines(self) -> list[Line]:
        """All connections."""
        return [line for shard in self.shards for line in shard.lines]


def decode_status(body: bytes, url: str) -> EngineStatus:
    """Return what an engine tells.

    Raises:
        TrioTicksError: it is something else that answers there.
    """
    try:
        return msgspec.convert(_harmless(msgspec.json.decode(body)), type=EngineStatus)
    except msgspec.DecodeError as error:  # or of the wrong types, which is one of these, too
        raise TrioTicksError(f"{url}: what answers there is no engine of trio-ticks: {error}") from None


def _harmless(value: Any) -> Any:
    """Return the same with every text printable: a vendor's words are among them, and go to a terminal."""
    match value:
        case str():
            return printable(value)
        case list():
            return [_harmless(item) for item in value]
        case dict():
            return {printable(name): _harmless(item) for name, item in value.items()}
        case _:
            return value


def ages_of(ages: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Yield where ticks got to, and the age that half and 99 of a hundred had there at most, in microseconds.

    Where no tick got to yet is left out, and so is what is told of single consumers and sinks.
    """
    for name, value in ages.items():
        age = value if isinstance(value, dict) else {}
        p50_us, p99_us = age.get("p50_us"), age.get("p99_us")
        if isinstance(p50_us, int | float) and isinstance(p99_us, int | float):
            yield name, p50_us, p99_us
