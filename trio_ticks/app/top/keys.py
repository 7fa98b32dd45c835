"""What is typed into the terminal, a key at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import trio

if sys.platform == "win32":

    @contextmanager
    def single_keys() -> Iterator[int | None]:
        """Yield None: here a key is not readable as a file is, and Ctrl-C ends it."""
        yield None
else:
    import termios
    import tty

    @contextmanager
    def single_keys() -> Iterator[int | None]:
        """Hand keys over as they are typed, unshown; yields the file to read, None where there is no terminal."""
        if sys.stdin is None or not sys.stdin.isatty():
            yield None
            return
        file = sys.stdin.fileno()
        before = termios.tcgetattr(file)
        try:
            tty.setcbreak(file)
            yield file
        finally:
            termios.tcsetattr(file, termios.TCSADRAIN, before)


async def wait_key(file: int, wanted: str) -> None:
    """Wait until a key is typed, or the terminal is gone.

    Cancellation:
        At any await; what was typed until then is gone.
    """
    while True:
        await trio.lowlevel.wait_readable(file)
        try:
            typed = os.read(file, 64)
        except OSError:  # it was hung up
            return
        if not typed or wanted in typed.decode(errors="replace"):
            return
