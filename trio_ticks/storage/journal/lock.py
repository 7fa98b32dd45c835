"""One writer per journal: a lock on the file beside it, which ends with the process, however that ends.

The file stays when the lock is gone, because removing it would let two engines lock two files of one name.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from trio_ticks.errors import JournalError, JournalLockedError
from trio_ticks.model import datetime_of

# On Windows a locked byte cannot be read; this one lies beyond the text.
_LOCKED_BYTE = 1 << 20
_LONGEST_OWNER_BYTES = 1_000


class WriterLock:
    """The right to write one journal, held until `release`."""

    def __init__(self, path: Path, *, owner: str) -> None:
        """Take the lock.

        Raises:
            JournalLockedError: another engine has it; its ``owner`` is named.
            JournalError: the file cannot be made or locked.
        """
        self.path = path.with_name(path.name + ".lock")
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise JournalError(
                f"the journal's lock {self.path} cannot be opened: {error.strerror};"
                " a journal needs a directory that exists and can be written"
            ) from error
        try:
            _lock(self._file)
        except OSError as error:
            holder = _holder(self._file)
            os.close(self._file)
            raise _refusal(path, self.path, holder, error) from error
        self._write_owner(owner)

    def release(self) -> None:
        """Give the lock back. Calling it again does nothing."""
        if self._file >= 0:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1

    def _write_owner(self, owner: str) -> None:
        """Say who holds it. Only words: on a full disk the lock holds all the same."""
        os.ftruncate(self._file, 0)
        try:
            os.write(self._file, owner.encode())
        except OSError:
            os.ftruncate(self._file, 0)


def holder_of(journal: Path) -> str | None:
    """Return who writes a journal now, in the words of its lock; None where nobody does.

    The lock is taken for an instant, if it is free: an engine that starts in that very instant is refused.

    Raises:
        JournalError: the lock cannot be opened.
    """
    lock = journal.with_name(journal.name + ".lock")
    if not lock.exists():
        return None
    try:
        file = os.open(lock, os.O_RDWR)
    except OSError as error:
        raise JournalError(f"the journal's lock {lock} cannot be opened: {error.strerror}") from error
    try:
        _lock(file)
    except OSError:
        return _holder(file)
    finally:
        os.close(file)
    return None


def _holder(file: int) -> str:
    words = os.pread(file, _LONGEST_OWNER_BYTES, 0) if hasattr(os, "pread") else b""
    return words.decode(errors="replace").strip() or "another process"


def owner_text(now_us: int) -> str:
    """Return who this process is, for the message that a second one gets."""
    started = datetime_of(now_us).isoformat(timespec="seconds")
    return f"process {os.getpid()} on {platform.node()}, started {started}"


def _refusal(journal: Path, lock: Path, holder: str, error: OSError) -> JournalError:
    if isinstance(error, (BlockingIOError, PermissionError)):
        return JournalLockedError(f"the journal {journal} is being written by {holder}")
    return JournalError(f"the journal's lock {lock} cannot be taken: {error.strerror}")


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
