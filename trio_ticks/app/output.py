"""Where printed ticks go: standard output or a file, written by a thread so that a slow reader stalls nobody else."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import trio

from trio_ticks.errors import ConfigError, TrioTicksError

STDOUT = "-"


class Output:
    """An open file descriptor. `open_output` makes it.

    Attributes:
        is_empty: Nothing was in it when it was opened, so a header belongs there.
    """

    def __init__(self, *, descriptor: int, name: str, is_empty: bool) -> None:
        self._descriptor = descriptor
        self._name = name
        self.is_empty = is_empty

    async def write(self, data: bytes) -> None:
        """Write all of it; nothing is kept back in a buffer.

        Raises:
            BrokenPipeError: nobody reads it any more.
            TrioTicksError: it cannot be written, for any other reason.

        Cancellation:
            At any await. The thread is left behind, and part of the data may still be written.
        """
        try:
            await trio.to_thread.run_sync(self._write_all, data, abandon_on_cancel=True)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise TrioTicksError(f"{self._name}: cannot be written: {error.strerror}") from error

    def _write_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


@contextmanager
def open_output(path: str) -> Generator[Output]:
    """Open a file for appending, or standard output where the path is ``-``.

    Raises:
        ConfigError: it cannot be opened.
    """
    if path == STDOUT:
        sys.stdout.flush()
        yield Output(descriptor=sys.stdout.fileno(), name="standard output", is_empty=True)
        return
    try:
        file = Path(path).open("ab", buffering=0)  # noqa: SIM115 - the error of opening is told apart from the block's
    except OSError as error:
        raise ConfigError(
            f"--output {path}: {error.strerror}; accepted is a file that can be written, or -"
        ) from None
    with file:
        # A pipe has no position; whoever reads it begins now.
        is_empty = not file.seekable() or file.tell() == 0
        yield Output(descriptor=file.fileno(), name=path, is_empty=is_empty)
