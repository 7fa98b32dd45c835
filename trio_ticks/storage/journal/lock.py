"""One writer per journal: a lock on the file beside it, which ends with the process, however that ends.

The file stays when the lock is gone, because removing it would let two engines lock two files of one name.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from pathlib import Path

import attrs

from trio_ticks.errors import JournalError, JournalLockedError
from trio_ticks.model import datetime_of

# On Windows a locked byte cannot be read; this one lies beyond the text.
_LOCKED_BYTE = 1 << 20
_LONGEST_OWNER_BYTES = 1_000

LOOKS = 3
LOOK_S = 0.02
"""Attempts at the lock, and the wait between them: `writer_of` holds it for some microseconds to see whether it is
free, and an engine that starts at that moment must not be refused."""

_OWNER = re.compile(r"process (\d+) on (.*), started \S+")


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
            _lock_patiently(self._file)
        except OSError as error:
            holder = _owner_in(self._file)
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


@attrs.frozen
class Writer:
    """Who writes a journal at this moment.

    Attributes:
        pid: Its process.
        host: Where that runs.
        text: What the lock says of it.
    """

    pid: int
    host: str
    text: str


def writer_of(path: Path) -> Writer | None:
    """Return who writes a journal, None where nobody does.

    What a process that was killed has left behind is not believed: its lock ended with it.

    Raises:
        JournalError: somebody writes it, and the lock does not say who; or it cannot be looked at.
    """
    lock = path.with_name(path.name + ".lock")
    try:
        file = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(f"the journal's lock {lock} cannot be opened: {error.strerror}") from error
    try:
        _lock(file)
    except (BlockingIOError, PermissionError):
        text = _owner_in(file)
    else:
        return None
    finally:
        os.close(file)
    found = _OWNER.fullmatch(text)
    if found is None:
        raise JournalError(f"the journal {path} is being written by {text}")
    return Writer(int(found[1]), found[2], text)


def owner_text(now_us: int) -> str:
    """Return who this process is, for the message that a second one gets."""
    started = datetime_of(now_us).isoformat(timespec="seconds")
    return f"process {os.getpid()} on {platform.node()}, started {started}"


def _owner_in(file: int) -> str:
    words = os.pread(file, _LONGEST_OWNER_BYTES, 0) if hasattr(os, "pread") else b""
    return words.decode(errors="replace").strip() or "another process"


def _lock_patiently(file: int) -> None:
    for _ in range(LOOKS - 1):
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            time.sleep(LOOK_S)
        else:
            return
    _lock(file)


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
