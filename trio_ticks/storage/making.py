"""A journal that appears whole or not at all."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from trio_ticks.errors import ConfigError
from trio_ticks.storage.journal import Journal
from trio_ticks.storage.journal.lock import WriterLock, owner_text
from trio_ticks.storage.replacing import sync_directory


@contextlib.contextmanager
def new_journal(path: Path, *, now_us: int) -> Iterator[Journal]:
    """Yield a journal to write; when the block ends it stands under ``path``, and after an error there is none.

    Args:
        path: Where nothing stands yet: what a journal holds would be there twice.
        now_us: The present, UTC microseconds.

    Raises:
        ConfigError: there is such a journal, or no such directory.
        JournalError: it cannot be written.
    """
    if path.exists():
        raise ConfigError(f"{path} exists; accepted is the path of a journal that is to be made")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path}: its directory does not exist")
    lock = WriterLock(path, owner=owner_text(now_us))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with Journal.open(temporary, now_us=now_us, fsync="checkpoint") as journal:
            yield journal
        temporary.replace(path)
        sync_directory(path.absolute().parent)
    finally:
        for leftover in temporary.parent.glob(f"{temporary.name}*"):
            leftover.unlink()
        lock.release()
