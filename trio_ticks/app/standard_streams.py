"""Standard input, output and error, and what becomes of the program where one of them is gone or full.

A recorder outlives whoever started it: the terminal that is closed, the pipe whose reader has ended, the disk of its
log that is full. None of these may cost a journal, a report or an exit code.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import TextIO

DISK_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What a file behind standard output answers that takes no more. Other errors of the system would be ours."""


def open_missing() -> None:
    """Let those of the three that were closed when the program was started lead nowhere.

    Their numbers would be given to the next file or socket that is opened, and Python has None in their place.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        mode = "r" if name == "stdin" else "w"
        nowhere = os.open(os.devnull, os.O_RDONLY if name == "stdin" else os.O_WRONLY)
        if nowhere != number:  # else it is the lowest that is free
            os.dup2(nowhere, number)
            os.close(nowhere)
        setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - stays open


def say(words: str) -> None:
    """Print a line on standard error, if anybody can have it."""
    with suppress(OSError):
        print(words, file=sys.stderr, flush=True)


def forget_stdout() -> None:
    """Let what is still to be flushed go nowhere: whoever read our standard output has enough, or takes no more."""
    _forget(sys.stdout)


def settle() -> None:
    """Flush what was printed, and let go of what cannot be: Python would make an exit code of its own of that."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _forget(stream)


def _forget(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
