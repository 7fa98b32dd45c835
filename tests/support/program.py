"""The program as a process of its own, beside servers that run in the test."""

from __future__ import annotations

import codecs
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "trio_ticks"]

PATIENCE_S = 180.0
"""A hanging program fails its test; nothing is measured by it."""


def environment(**extra: str) -> dict[str, str]:
    """Return this process's environment without what would change the program, and with the package in reach."""
    kept = {key: value for key, value in os.environ.items() if key not in {"ALLTICK_TOKEN", "NO_COLOR", "COLUMNS"}}
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
    return {**kept, "PYTHONPATH": path, **extra}


class Program:
    """A running `trio-ticks`, as `open_program` yields it."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._news = trio.Event()
        self._ended: set[str] = set()
        self.printed = {"stdout": b"", "stderr": b""}

    @property
    def stdout(self) -> str:
        return self._text("stdout")

    @property
    def stderr(self) -> str:
        return self._text("stderr")

    def _text(self, stream: str, behind: str = "") -> str:
        # While it runs, the last character may have come by half.
        text = codecs.getincrementaldecoder("utf-8")().decode(self.printed[stream], final=stream in self._ended)
        begin = text.find(behind)
        return text[begin:] if begin >= 0 else ""

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def wait_for(self, words: str, stream: str = "stdout", *, behind: str = "") -> None:
        """Wait until it has printed something, anywhere or behind something else."""
        with trio.fail_after(PATIENCE_S):
            while words not in self._text(stream, behind):
                # Not the process's own end: what it printed last may still lie in the pipe.
                assert stream not in self._ended, f"it ended: {self.printed}"
                await self._news.wait()

    async def wait(self) -> int:
        """Wait until it has ended; return its exit code."""
        with trio.fail_after(PATIENCE_S):
            return await self._process.wait()

    async def close_stdout(self) -> None:
        """Let nobody read its output any more."""
        assert self._process.stdout is not None
        await self._process.stdout.aclose()

    async def read(self, name: str) -> None:
        """Collect one of its streams until it ends."""
        stream = getattr(self._process, name)
        try:
            async for chunk in stream:
                self.printed[name] += chunk
                self._tell()
        except trio.ClosedResourceError:
            pass
        self._ended.add(name)
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()


@asynccontextmanager
async def open_program(
    *arguments: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    reading: bool = True,
    within: Sequence[str] = (),
) -> AsyncIterator[Program]:
    """Run the program; it is killed at the end of the block if it still runs.

    Args:
        arguments: After ``trio-ticks``.
        cwd: Its current directory.
        env: Added to the environment.
        reading: Off: nobody reads its standard output.
        within: A command that runs the command behind it, such as `tests.support.processes.on_disk` makes.
    """
    process = await trio.lowlevel.open_process(
        [*within, *COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=environment(**(env or {})),
    )
    program = Program(process)
    try:
        async with trio.open_nursery() as nursery:
            if reading:
                nursery.start_soon(program.read, "stdout")
            nursery.start_soon(program.read, "stderr")
            yield program
            with trio.fail_after(PATIENCE_S):
                await process.wait()
            if not reading:
                nursery.cancel_scope.cancel()
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def run_program(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, within: Sequence[str] = ()
) -> tuple[int, str, str]:
    """Run the program to its end; return its exit code and what it printed."""
    async with open_program(*arguments, cwd=cwd, env=env, within=within) as program:
        code = await program.wait()
    return code, program.stdout, program.stderr
