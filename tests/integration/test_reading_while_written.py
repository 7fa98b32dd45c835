"""Reading a journal that another process is writing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.support.journal import NOW_US, made_ticks
from tests.support.program import ROOT, environment
from trio_ticks import read

WRITER = f"""
import sys
from tests.support.journal import made_ticks
from trio_ticks.storage.journal import Journal

with Journal.open(sys.argv[1], now_us={NOW_US}) as journal:
    print("open", flush=True)
    count = 0
    for line in sys.stdin:
        for _ in range(int(line)):
            journal.commit([made_ticks(count, 3), made_ticks(count + 3, 4)], now_us={NOW_US})
            count += 7
        print(count, flush=True)
"""


class Writer:
    """A process that holds the journal's lock and commits when it is told to."""

    def __init__(self, stdin: IO[str], stdout: IO[str]) -> None:
        self._stdin = stdin
        self._stdout = stdout

    def begin(self, commits: int) -> None:
        """Have it commit so often."""
        self._stdin.write(f"{commits}\n")
        self._stdin.flush()

    def wait(self) -> str:
        """Return what it says next."""
        return self._stdout.readline().strip()


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        writer = Writer(process.stdin, process.stdout)
        assert writer.wait() == "open"
        try:
            yield writer
        finally:
            process.stdin.close()
            process.wait()


def test_what_is_committed_is_read_at_once(tmp_path: Path) -> None:
    """Without the writer's lock, and without its end."""
    path = tmp_path / "ticks.journal"
    with writing(path) as writer:
        reading = read(path)
        for total in (7, 14, 21):
            writer.begin(1)
            assert writer.wait() == str(total)
            assert list(reading) == made_ticks(0, total)
            assert reading.count() == reading.to_arrow().num_rows == total


def test_a_reading_in_the_middle_of_writing_is_a_beginning(tmp_path: Path) -> None:
    """Whatever the writer does meanwhile: whole commits from the first on, never fewer than before."""
    path = tmp_path / "ticks.journal"
    commits, seen = 300, 0
    with writing(path) as writer:
        writer.begin(commits)
        for _ in range(20):
            ticks = list(read(path))
            assert ticks == made_ticks(0, len(ticks))
            assert len(ticks) % 7 == 0
            assert len(ticks) >= seen
            seen = len(ticks)
        assert writer.wait() == str(7 * commits)
        assert list(read(path)) == made_ticks(0, 7 * commits)
