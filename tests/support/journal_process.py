"""Lives of a process that writes a journal: killed at any moment, or with no room on the disk.

Run as a program: ``kill PATH SEED LIVES``, ``full PATH`` on a disk of its own of a few megabytes, ``limit PATH``. It
has one thread, so it may fork, and prints one line of JSON when all is well.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import signal
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tests.support.journal import NOW_US, made_ticks
from trio_ticks.errors import JournalFullError
from trio_ticks.model import Gap, Record, Status, Tick
from trio_ticks.storage.journal import Cursors, Journal, JournalReader

if TYPE_CHECKING:
    from collections.abc import Callable


def write_for_ever(path: Path, seed: int, acknowledge: IO[str]) -> None:
    """Commit numbered ticks from where the journal ends, settle them at times, and tell of each commit."""
    rng = random.Random(seed)
    with Journal.open(path, now_us=NOW_US, max_size_bytes=1 << 22) as journal, journal.open_cursors() as cursors:
        state = cursors.start("a", now_us=NOW_US)
        while True:
            first = journal.total_ticks
            sizes = [rng.choice([1, 1, 5, 60]) for _ in range(rng.randint(1, 3))]
            batches = [made_ticks(first + sum(sizes[:n]), size) for n, size in enumerate(sizes)]
            journal.commit(batches, now_us=NOW_US, marks={"next": str(first + sum(sizes)).encode()})
            acknowledge.write(f"{journal.total_ticks} {state.stored}\n")
            acknowledge.flush()
            if rng.random() < 0.2:
                stored = journal.total_ticks - state.stored
                state = cursors.settle("a", journal.last_position, now_us=NOW_US, stored=stored)


def live_and_die(path: Path, seed: int) -> tuple[int, int]:
    """Let a process write, kill it, and return the ticks it said were committed, and settled."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            write_for_ever(path, seed, os.fdopen(writing, "w"))
        finally:
            os._exit(1)
    os.close(writing)
    ticks = settled = 0
    with os.fdopen(reading) as said:
        for _ in range(random.Random(seed).randint(1, 25)):
            ticks, settled = map(int, said.readline().split())
        os.kill(child, signal.SIGKILL)
        # What it wrote into the pipe before it died was acknowledged, too; its last line may be half.
        for line in said.read().splitlines(keepends=True):
            if line.endswith("\n"):
                ticks, settled = map(int, line.split())
    os.waitpid(child, 0)
    return ticks, settled


def killed(path: Path, seed: int, lives: int) -> dict[str, int]:
    """Check after each death that what was acknowledged is there once, in order, and the counts agree."""
    for life in range(lives):
        ticks, settled = live_and_die(path, seed + life)
        with JournalReader(path) as reader:
            info = reader.info()
            assert info.total_ticks >= ticks, f"life {life}: {ticks} acknowledged, {info.total_ticks} kept"
            numbers = [item.trade_id for records in reader.records() for item in records if isinstance(item, Tick)]
            assert numbers == list(range(info.total_ticks)), f"life {life}: not each tick once"
            assert not reader.verify().damage
            (cursor,) = info.cursors
            assert cursor.stored >= settled
            assert cursor.appended == cursor.stored + cursor.pending == info.total_ticks
        with Journal.open(path, now_us=NOW_US) as journal:
            saved = journal.marks().get("next")
            assert saved is not None
            assert int(saved.payload) == journal.total_ticks
            assert not journal.damage
    return {"ticks": info.total_ticks}


def bulky(number: int) -> list[Record]:
    """Return a batch of some kilobytes that no compressor makes small."""
    return [*made_ticks(number, 1), Status("bulk", number, random.Random(number).randbytes(6_000).hex())]


def fill(journal: Journal, kept: list[list[Record]]) -> None:
    """Commit until there is no room."""
    while True:
        batch = bulky(len(kept))
        try:
            journal.commit([batch], now_us=NOW_US)
        except JournalFullError:
            return
        kept.append(batch)


def read(path: Path) -> list[list[Record]]:
    with JournalReader(path) as reader:
        assert not reader.verify().damage
        return [batch.decode() for batch in reader.batches(limit=-1)]


def full(path: Path) -> dict[str, int]:
    """Fill the disk down to the floor, then to its last byte, and get room again; nothing acknowledged is lost."""
    kept: list[list[Record]] = []
    with Journal.open(path, now_us=NOW_US, free_floor_bytes=2 << 20) as journal, journal.open_cursors() as cursors:
        cursors.start("a", now_us=NOW_US)
        for _round in range(5):
            before = len(kept)
            fill(journal, kept)
            assert len(kept) > before
            settle_all(cursors, len(kept))
    assert_kept(path, kept)
    with Journal.open(path, now_us=NOW_US, free_floor_bytes=0) as journal:
        fill(journal, kept)
        with contextlib.suppress(OSError), path.with_name("crumbs").open("wb", buffering=0) as crumbs:
            while True:
                crumbs.write(bytes(4_096))
        journal.commit([[Gap(1, 2, "journal full")]], now_us=NOW_US, reserved=True)
        kept.append([Gap(1, 2, "journal full")])
        assert_kept(path, kept)
        path.with_name("crumbs").unlink()
        before = len(kept)
        fill(journal, kept)
        assert len(kept) > before
    assert_kept(path, kept)
    return {"batches": len(kept)}


def settle_all(cursors: Cursors, last_position: int) -> None:
    """Move the cursor batch by batch: many small writes on a disk at its floor. Each batch holds one tick."""
    for position in range(cursors.start("a", now_us=NOW_US).position + 1, last_position + 1):
        cursors.settle("a", position, now_us=NOW_US, stored=1)


def assert_kept(path: Path, kept: list[list[Record]]) -> None:
    """What is there is all that was acknowledged, but for what retention took from its front."""
    held = read(path)
    assert held == kept[-len(held) :]


def limited(path: Path) -> dict[str, int]:
    """The same where the system refuses any file beyond a size: writes fail in the middle."""
    kept: list[list[Record]] = []
    with Journal.open(path, now_us=NOW_US, free_floor_bytes=0) as journal:
        for size in (1 << 20, 1 << 21):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            before = len(kept)
            fill(journal, kept)
            assert len(kept) > before
            assert read(path) == kept
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        kept.append(bulky(len(kept)))
        journal.commit(kept[-1:], now_us=NOW_US)
    assert read(path) == kept
    return {"batches": len(kept)}


if __name__ == "__main__":
    deed, where, *rest = sys.argv[1:]
    deeds: dict[str, Callable[..., dict[str, int]]] = {"kill": killed, "full": full, "limit": limited}
    sys.stdout.write(json.dumps(deeds[deed](Path(where), *map(int, rest))) + "\n")
