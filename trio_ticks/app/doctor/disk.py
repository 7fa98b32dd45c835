"""The journal's disk: whether it can be written, how fast it commits, and how long its room lasts."""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import attrs

from trio_ticks.app.doctor.finding import Finding, bad, doubtful, good
from trio_ticks.app.tables import duration_text, size_text
from trio_ticks.config import JournalConfig
from trio_ticks.errors import JournalError
from trio_ticks.model import Tick
from trio_ticks.storage.journal import Journal, JournalInfo

COMMITS, AT_MOST_S = 50, 1.0
"""A good disk is through with them in a tenth of a second; a bad one is known by then."""

SLOWEST = 20.0
"""Commits a second. The journal commits what has come meanwhile, so a slow disk loses nothing; but every sink and
every price that is to survive a power cut is as late as one commit, and 50 ms are more than most roads."""

TICK_BYTES = 180.0
"""Of the journal, where there is none to be measured: a tick that comes alone takes so much, measured on recorded
trades; in full batches it is a fifth. The careful figure, because it tells how long the room lasts."""

SYMBOL_RATE = 5.0
"""Ticks a second of a symbol, where none were seen: a busy share or coin, the day round. Most are far below."""

SHORTEST_S = 86_400.0
"""Room that does not last a day ends before anyone looks."""


@attrs.frozen
class Growth:
    """How fast a journal grows.

    Attributes:
        bytes_per_s: So fast.
        source: Where the figure is from, in words.
    """

    bytes_per_s: float
    source: str


def growth_of(info: JournalInfo | None, *, seen_per_s: float | None, symbols: int) -> Growth:
    """Return how fast a journal grows: as it did so far, as ticks were seen to come, or as they may come.

    Args:
        info: The journal, if there is one.
        seen_per_s: Ticks a second that came while the feeds were looked at; None where none were.
        symbols: How many are subscribed to.
    """
    used = 0 if info is None else info.size_bytes - info.free_bytes
    lived_us = 0 if info is None else (info.last_us or 0) - (info.first_us or 0)
    if lived_us > SHORTEST_S * 1e6 / 24:  # less is no measure of a day
        return Growth(used / lived_us * 1e6, "the rate so far")
    if seen_per_s:
        return Growth(seen_per_s * TICK_BYTES, f"{seen_per_s:,.1f} ticks/s as just seen")
    rate = SYMBOL_RATE * max(1, symbols)
    return Growth(rate * TICK_BYTES, f"{rate:,.0f} ticks/s, assumed")


def check_room(config: JournalConfig, info: JournalInfo | None, growth: Growth) -> Finding:
    """Say how much room the journal has, and how long it lasts."""
    path = Path(config.path)
    try:
        free = shutil.disk_usage(path.absolute().parent).free
    except OSError as error:
        return bad("disk room", f"{path.absolute().parent}: {error.strerror}", _elsewhere(path))
    return judge_room(config, free=free, held=0 if info is None else info.size_bytes - info.free_bytes, growth=growth)


def judge_room(config: JournalConfig, *, free: int, held: int, growth: Growth) -> Finding:
    """Judge the room of a disk and a quota.

    Args:
        config: The quota, and how much is to stay free.
        free: Bytes that the disk has.
        held: Bytes of the journal's that are in use.
        growth: How fast it grows.
    """
    usable = free - config.min_free
    if usable <= 0:
        found = f"{size_text(free)} free, of which {size_text(config.min_free)} are to stay free"
        return bad("disk room", found, "make room, or set [journal] path to another disk")
    left = max(0, config.max_size - held)
    room, limit = (usable, "the disk") if usable < left else (left, "max_size")
    lasts_s = room / growth.bytes_per_s if growth.bytes_per_s > 0 else math.inf
    found = (
        f"{size_text(free)} free, {size_text(left)} left of max_size {size_text(config.max_size)};"
        f" {limit} lasts about {duration_text(lasts_s)} at {growth.source}"
    )
    if lasts_s < SHORTEST_S and limit == "the disk":
        return doubtful("disk room", found, "make room, or set [journal] path to another disk")
    if lasts_s < SHORTEST_S:
        return doubtful(
            "disk room", found, "raise max_size; what every sink has is deleted first, nothing without one"
        )
    return good("disk room", found)


def check_commits(config: JournalConfig, *, now_us: int, clock: Callable[[], float] = time.perf_counter) -> Finding:
    """Write a journal beside the real one, for a moment, and say how fast it commits. Blocks."""
    path = Path(config.path)
    try:
        with tempfile.TemporaryDirectory(prefix=".trio-ticks-doctor-", dir=path.absolute().parent) as directory:
            commits_per_s = _commits_per_s(Path(directory) / "a.journal", config, now_us, clock)
    except OSError as error:
        return bad("disk speed", f"{path.absolute().parent} cannot be written: {error.strerror}", _elsewhere(path))
    except JournalError as error:
        return bad("disk speed", str(error), _elsewhere(path))
    return judge_commits(commits_per_s, config.fsync)


def _commits_per_s(path: Path, config: JournalConfig, now_us: int, clock: Callable[[], float]) -> float:
    # Whether there is room is another finding.
    with Journal.open(path, now_us=now_us, fsync=config.fsync, free_floor_bytes=0) as journal:
        began, commits = clock(), 0
        while commits < COMMITS and (commits == 0 or clock() < began + AT_MOST_S):
            journal.commit([[Tick("DOCTOR", now_us + commits, 1.0)]], now_us=now_us)
            commits += 1
        return commits / max(clock() - began, 1e-9)


def judge_commits(commits_per_s: float, fsync: str) -> Finding:
    """Judge how fast a disk commits."""
    found = f"{commits_per_s:,.0f} commits/s with fsync = {fsync!r}, {1000 / commits_per_s:,.1f} ms each"
    if commits_per_s >= SLOWEST:
        return good("disk speed", found)
    cure = "set [journal] path to a faster disk"
    if fsync == "commit":
        cure += ", or fsync to 'checkpoint', with which a power cut takes the last seconds"
    return doubtful("disk speed", f"{found}: prices reach the sinks as late as that", cure)


def _elsewhere(path: Path) -> str:
    return f"set [journal] path to a directory that exists and can be written; it is {str(path)!r}"
