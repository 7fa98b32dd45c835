"""The journal itself: its version, who writes it, and whether its end is what was written."""

from __future__ import annotations

from pathlib import Path

import attrs

from trio_ticks.app.doctor.finding import Finding, bad, doubtful, good
from trio_ticks.app.tables import instant_text
from trio_ticks.config import JournalConfig
from trio_ticks.errors import JournalError
from trio_ticks.storage.journal import Damage, JournalInfo, JournalReader
from trio_ticks.storage.journal.lock import writer_of


@attrs.frozen
class JournalCheck:
    """What was found of a journal.

    Attributes:
        finding: For people.
        info: What it holds; None where there is none, or it cannot be read.
        holder: Who writes it now; None: nobody.
    """

    finding: Finding
    info: JournalInfo | None = None
    holder: str | None = None


def check_journal(config: JournalConfig) -> JournalCheck:
    """Look into a journal. Blocks; takes the lock for an instant, where it is free."""
    path = Path(config.path)
    if not path.exists() or path.stat().st_size == 0:
        return JournalCheck(good("journal", f"{path}: will be made"))
    try:
        with JournalReader(path) as reader:
            info, damage = reader.info(), reader.damage_at_end()
        writer = writer_of(path)
    except JournalError as error:
        return JournalCheck(bad("journal", str(error)))
    holder = None if writer is None else writer.text
    return JournalCheck(judge_journal(info, damage, holder), info, holder)


def judge_journal(info: JournalInfo, damage: list[Damage], holder: str | None) -> Finding:
    """Judge what a journal holds."""
    found = f"{info.path}: format {info.format_version}, {info.ticks:,} ticks up to {instant_text(info.last_us)}"
    if damage:
        first = damage[0]
        where = f"batches {first.first_position:,} to {first.last_position:,}"
        cure = f"`trio-ticks journal verify {info.path}` tells what can be read; `run` goes on behind it"
        return doubtful("journal", f"{found}; damaged at its end, {where}: {first.reason}", cure)
    if holder is not None:
        return good("journal", f"{found}; being written by {holder}, so a second `run` would be refused")
    return good("journal", found)
