"""The disk: real SQLite journals in a directory in memory, what they took, and what it refuses or delays.

That the disk is full is told to the journal by its own question, how much is free: everything behind that answer is
the journal's own, SQLite included. A crash copies the file and its log as they are at that instant.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import attrs
import trio

from trio_ticks.errors import JournalError
from trio_ticks.model import Record, Tick, ticks_in
from trio_ticks.runtime import keeping
from trio_ticks.storage.journal import Committed, Journal
from trio_ticks.testing.world.plan import Plan
from trio_ticks.testing.world.trace import Trace
from trio_ticks.testing.world.vendor import Faults

T = TypeVar("T")

FREE = 1 << 40
MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, where there is one


@attrs.define(eq=False)
class Kept:
    """What the journal took over all lives, told by itself and kept beside it."""

    records: list[Record] = attrs.field(factory=list)

    @property
    def ticks(self) -> list[Tick]:
        """The ticks among it."""
        return [item for item in self.records if isinstance(item, Tick)]


@attrs.define(eq=False)
class Disk:
    """Where the journals lie.

    Attributes:
        path: Of the present journal.
        kept: What all of them took.
        is_dead: Whether the process that writes is dead: nothing that it still does leaves a trace.
    """

    plan: Plan
    trace: Trace
    directory: Path
    faults: Faults = attrs.field(factory=Faults)
    kept: Kept = attrs.field(factory=Kept)
    is_dead: bool = False
    _number: int = 1

    @property
    def path(self) -> Path:
        """The journal of the present life."""
        return self.directory / f"{self._number}.journal"

    def crash(self) -> None:
        """Copy what a crash leaves. The next life opens the copy."""
        before = self.path
        self._number += 1
        self.is_dead = True
        for suffix in ("", "-wal"):
            source = before.with_name(before.name + suffix)
            if source.exists():
                shutil.copyfile(source, self.path.with_name(self.path.name + suffix))

    def free_bytes(self) -> int:
        """Return how much is free."""
        return 0 if self.faults.holds("full") else FREE

    async def run_sync(self, function: Callable[..., T], *args: Any) -> T:
        """Run what blocks, on the spot, in its simulated time. What was begun is finished, as in a thread."""
        await trio.lowlevel.checkpoint()
        with trio.CancelScope(shield=True):
            if self.faults.holds("slow") and not self.is_dead:
                await trio.sleep(0.7)
            result = function(*args)
            await trio.lowlevel.checkpoint()  # a crash may fall between what was done and who hears of it
        return result

    def took(self, records: Sequence[Record], done: Committed) -> None:
        """Keep what a commit wrote."""
        if not self.is_dead:
            self.kept.records += records
            self.trace.note("journal", done.last_position, ticks_in(records), len(records))

    def check_well(self, path: Path) -> None:
        """Fail a commit while the disk does."""
        if self.faults.holds("fails"):
            raise JournalError(f"the journal {path.name} cannot be written: input/output error")


class WatchedJournal(Journal):
    """A journal that tells its disk what it took, and asks it how much is free."""

    disk: Disk

    @classmethod
    def open(cls, path: str | os.PathLike[str], **settings: Any) -> Self:
        """Open it on its disk."""
        return super().open(path, **{**settings, "free_bytes": cls.disk.free_bytes})

    def commit(
        self,
        batches: Sequence[Sequence[Record]],
        *,
        now_us: int,
        marks: Mapping[str, bytes] | None = None,
        reserved: bool = False,
    ) -> Committed:
        """Commit, and tell."""
        self.disk.check_well(self.path)
        done = super().commit(batches, now_us=now_us, marks=marks, reserved=reserved)
        self.disk.took([item for batch in batches for item in batch], done)
        return done


@contextmanager
def disk_in_memory(plan: Plan, trace: Trace, keep: Path | None) -> Iterator[Disk]:
    """Let engines write to a disk of their own meanwhile.

    Args:
        plan: The world's.
        trace: Likewise.
        keep: Where the journals are left behind; None: nowhere.
    """
    home = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=home, prefix="trio-ticks-") as name:
        disk = Disk(plan, trace, Path(name))
        before = vars(keeping)["Journal"]
        vars(keeping)["Journal"] = type("WorldJournal", (WatchedJournal,), {"disk": disk})
        try:
            yield disk
        finally:
            vars(keeping)["Journal"] = before
            if keep is not None:
                shutil.copytree(name, keep / str(plan.seed), dirs_exist_ok=True)
