"""A week on an exchange with nights, a lunch break and a weekend, under the engine's rule and under fixed timers.

Run it with ``-s`` to see the table of docs/faults.md.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

import trio
from trio.testing import MockClock

from trio_ticks.config import ConnectionConfig
from trio_ticks.core.freshness import LEAST_S
from trio_ticks.model import Tick
from trio_ticks.runtime.engine import Engine
from trio_ticks.testing.venue import Venue

HOUR_S, DAY_S = 3_600.0, 86_400.0
WEEK_S = 7 * DAY_S
SEED = 7

BUSY, THIN = ("B0", "B1", "B2"), ("T0", "T1")
EVERY_S = {"busy": (5.0, 20.0), "thin": (30.0, 90.0)}
"""Seconds between two trades of a symbol, evenly spread."""

RUSH_S, RUSH_EVERY_S = 600.0, 0.5
"""Ten minutes in which one symbol trades twice a second."""

SESSIONS = ((9.5 * HOUR_S, 12 * HOUR_S), (13 * HOUR_S, 16 * HOUR_S))
"""Of each day from Monday to Friday; the first day is a Monday. Between them is the lunch break."""

FOUND_S = {"busy": 15.0, "calm": 60.0, "thin": 600.0}
"""A link that falls mute in the middle of trading is replaced within this, by how often its line ticks just then."""

MUTED_AT = DAY_S + 14.5 * HOUR_S
"""On Tuesday afternoon."""

FIXED_S = (30.0, 300.0)


def is_open(at: float) -> bool:
    """Return whether the exchange trades at this instant of the week."""
    day, second = divmod(at, DAY_S)
    return day % 7 < 5 and any(start <= second < end for start, end in SESSIONS)


def trades(symbol: str, pause_s: tuple[float, float], *, until: float) -> Iterator[float]:
    """Yield when a symbol trades: the same times in every run."""
    chance = random.Random(f"{SEED} {symbol}")
    at = 0.0
    while at < until:
        at += chance.uniform(*pause_s)
        if at < until and is_open(at):
            yield at


def week(kind: str, *, until: float = WEEK_S) -> list[tuple[float, str]]:
    """Return all trades on a line: of ``thin`` symbols alone, or of all; when ``busy``, with a rush at the end."""
    symbols = THIN if kind == "thin" else (*BUSY, *THIN)
    found = [
        (at, symbol)
        for symbol in symbols
        for at in trades(symbol, EVERY_S["busy" if symbol in BUSY else "thin"], until=until)
    ]
    if kind == "busy":
        found += [(until - count * RUSH_EVERY_S, BUSY[0]) for count in range(1, round(RUSH_S / RUSH_EVERY_S))]
    return sorted(found)


def fixed_timer(ticks: Sequence[float], after_s: float, *, until: float) -> list[float]:
    """Return when the old rule reconnects: ``after_s`` without a tick since the last tick or reconnect."""
    reconnects, since = [], 0.0
    for at in (*ticks, until):
        while since + after_s < at:
            since += after_s
            reconnects.append(since)
        since = at
    return reconnects


def found_by_a_fixed_timer(kind: str, after_s: float) -> float:
    """Return how long after the last tick the old rule replaces a link that is mute from then on."""
    last = week(kind, until=MUTED_AT)[-1][0]
    return next(at for at in fixed_timer([last], after_s, until=last + DAY_S) if at > last) - last


async def play(venue: Venue, start: float, times: Sequence[tuple[float, str]]) -> None:
    """Let these trades happen, at the seconds of a week that begins then."""
    for at, symbol in times:
        await trio.sleep_until(start + at)
        await venue.send(Tick(symbol, venue.now_us(), 1.0))


def open_line(venue: Venue) -> AbstractAsyncContextManager[Engine]:
    """Open an engine with one line of all the symbols, on a venue that remembers the Friday before."""
    venue.traded = dict.fromkeys((*BUSY, *THIN), venue.now_us() - 1)
    config = ConnectionConfig(silent_after_s=90.0, backoff_first_s=0.1)
    return venue.open_engine(venue.askable_feed(*BUSY, *THIN, heartbeat_s=60.0), connection=config)


async def found_by_the_engine(kind: str) -> float:
    """Return how long after the last tick the engine replaces a link that is mute from then on."""
    venue, start = Venue(), trio.current_time()
    async with open_line(venue) as engine:
        await play(venue, start - DAY_S, [item for item in week(kind, until=MUTED_AT) if item[0] > DAY_S])
        assert len(venue.attempts) == 1
        last = trio.current_time()
        venue.mute()
        for trade in week("thin" if kind == "thin" else "calm", until=MUTED_AT + HOUR_S):
            if start - DAY_S + trade[0] > last and len(venue.attempts) == 1:
                await play(venue, start - DAY_S, [trade])
        (line,) = engine.statistics().shards[0].lines
        assert line.reconnects == {"mute": 1}
        return venue.attempts[-1] - last


def row(rule: str, needless: int, found_s: Mapping[str, float]) -> str:
    return f"| {rule} | {needless:,} | " + " | ".join(f"{found_s[kind]:.0f} s" for kind in FOUND_S) + " |"


async def test_a_closed_market_causes_no_reconnect_and_a_mute_link_is_found(
    autojump_clock: MockClock, venue: Venue
) -> None:
    """Not one reconnect in a week in which nothing was wrong, and a mute link replaced within a bound."""
    async with open_line(venue):
        await play(venue, 0.0, week("calm"))
        await trio.sleep_until(WEEK_S)
        needless = len(venue.attempts) - 1
    found_s = {kind: await found_by_the_engine(kind) for kind in FOUND_S}
    table = ["| rule | needless reconnects in the week | busy | calm | thin |", "|---|---|---|---|---|"]
    ticks = [at for at, _ in week("calm")]
    for after_s in FIXED_S:
        theirs_s = {kind: found_by_a_fixed_timer(kind, after_s) for kind in FOUND_S}
        theirs = len(fixed_timer(ticks, after_s, until=WEEK_S))
        table.append(row(f"reconnect after {after_s:.0f} s without a tick", theirs, theirs_s))
        assert theirs > 1_000
        assert theirs_s["busy"] > found_s["busy"]
    table.append(row("ask first", needless, found_s))
    print("", *table, sep="\n")  # noqa: T201 - what the test is run for by hand
    assert needless == 0
    assert all(LEAST_S < found_s[kind] <= FOUND_S[kind] for kind in FOUND_S)


def test_the_exchange_of_the_test_has_a_week() -> None:
    """Nights, a lunch break and a weekend, and enough trades to tell one from the other."""
    times = [at for at, _ in week("calm")]
    widest = max(after - before for before, after in itertools.pairwise(times))
    assert not any(12 <= at % DAY_S / HOUR_S < 13 or at % WEEK_S >= 5 * DAY_S for at in times)
    assert widest > 17 * HOUR_S
    assert len(times) > 20_000
