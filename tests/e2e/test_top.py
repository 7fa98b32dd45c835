"""``top`` as a person and a script meet it, against a server that speaks for an engine."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import pty
import re
import socket
import struct
import subprocess
import termios
from pathlib import Path

import trio

from tests.support.program import COMMAND, PATIENCE_S, environment, run_program
from tests.support.status_server import open_status, status


async def test_where_there_is_no_terminal_it_is_printed_once(tmp_path: Path) -> None:
    """Plain text with everything in it, and no control character; every line ends within the width."""
    async with open_status(status()) as url:
        code, stdout, stderr = await run_program("top", url, cwd=tmp_path, env={"COLUMNS": "120"})
    assert (code, stderr) == (0, "")
    assert "\x1b" not in stdout
    assert max(map(len, stdout.splitlines())) <= 120
    for words in (
        r"trio-ticks 0\.1\.0  running for 10\.0 s · 2 symbols · 3 ticks/s",
        r"S0 +0\.50 +100 ms stale +1\.5/s +0 +alltick",
        r"S1 +1\.50 +100 ms +1\.5/s +1 +alltick",
        r"alltick/other 0A +live +2 +2 +1\.000 s +the connection was cut",
        r"momentum +running +1,200 +30 +4 +7 +KeyError",
        r"journal +writing +1,234 +0 +0 +-",
        r"influxdb +holding +1,000 +233 +1 +12\.5 s +Connection refused",
        r"ledger 1,250 received = 1,234 accepted \+ 10 duplicates \+ 6 rejected · 2 gaps",
        r"age    strategy 90 µs, 99 % 2\.5 ms · stored 12 ms, 99 % 3\.0 s",
    ):
        assert re.search(words, stdout), words


async def test_for_a_script_it_is_told_as_the_engine_tells_it(tmp_path: Path) -> None:
    """One object, with what the screen has no room for."""
    told = status(more={"of": ["another version"]})
    async with open_status(told) as url:
        code, stdout, stderr = await run_program("top", url + "/", "--once", "--json", cwd=tmp_path)
    assert (code, stderr) == (0, "")
    assert json.loads(stdout) == told


async def test_nobody_there_is_one_line(tmp_path: Path) -> None:
    """It names the address, and what to look at."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        code, stdout, stderr = await run_program("top", url, cwd=tmp_path)
    assert (code, stdout) == (1, "")
    assert stderr == f"trio-ticks: {url}/status: Connection refused; is trio-ticks run there, with [http]?\n"


async def test_a_password_comes_from_a_file(tmp_path: Path) -> None:
    """Without it one line says what to give, and it is shown nowhere."""
    (tmp_path / "password").write_text("s3cr3t\n")
    async with open_status(status(), password="s3cr3t") as url:
        code, _, stderr = await run_program("top", url, cwd=tmp_path)
        assert (code, "--password-file" in stderr) == (1, True)
        code, stdout, stderr = await run_program("top", url, "--password-file", "password", cwd=tmp_path)
    assert (code, "S1" in stdout) == (0, True)
    shown = base64.b64encode(b"trio-ticks:s3cr3t").decode()
    assert "s3cr3t" not in stdout + stderr
    assert shown not in stdout + stderr


class Terminal:
    """A terminal of 100 columns and 24 lines, and the program in it."""

    def __init__(self, process: trio.Process, file: int) -> None:
        self.process = process
        self._file = file
        self.shown = b""

    async def wait_for(self, words: str) -> None:
        """Wait until it was drawn."""
        with trio.fail_after(PATIENCE_S):
            while words.encode() not in self.shown:
                assert await self._read(), f"it ended: {self.shown!r}"

    async def wait(self) -> int:
        """Wait until it has ended; return its exit code. It is read on, or a full terminal would hold it up."""
        with trio.fail_after(PATIENCE_S):
            while await self._read():
                pass
            return await self.process.wait()

    async def _read(self) -> bytes:
        await trio.lowlevel.wait_readable(self._file)
        try:
            chunk = os.read(self._file, 65_536)
        except OSError:  # Linux says so when the other side is closed
            return b""
        self.shown += chunk
        return chunk

    def type(self, keys: bytes) -> None:
        os.write(self._file, keys)


async def open_terminal(url: str, cwd: Path, **env: str) -> Terminal:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    kept = {key: value for key, value in environment(**env).items() if key not in {"LINES", "COLUMNS"}}
    process = await trio.lowlevel.open_process(
        [*COMMAND, "top", url, "--every", "0.1"], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, cwd=cwd,
        env={"TERM": "xterm", **kept},
    )  # fmt: skip
    os.close(theirs)
    return Terminal(process, ours)


async def test_in_a_terminal_it_is_drawn_anew_until_q_is_typed(tmp_path: Path) -> None:
    """What changes is seen to change, what does not fit is counted, and the terminal is as it was afterwards."""
    many = [{**symbol, "rate_per_s": 0.0} for symbol in status(symbols=200)["symbols"]]
    first = status() | {"symbols": many}
    second = json.loads(json.dumps(first).replace("1.50", "4711.50"))
    async with open_status(first, second) as url:
        terminal = await open_terminal(url, tmp_path)
        await terminal.wait_for("1.50")
        await terminal.wait_for("4711.50")
        await terminal.wait_for("more: a taller terminal")
        terminal.type(b"xq")
        assert await terminal.wait() == 0
    assert b"\x1b[?1049l" in terminal.shown  # the other screen is left
    assert b"\x1b[3" in terminal.shown  # there are colours


async def test_it_outlives_the_engine_and_sees_it_come_back(tmp_path: Path) -> None:
    """Once it has answered, no answer is said to be none, and what is shown to be old. NO_COLOR is respected."""
    async with open_status(status(), b"gone", b"gone", status(state="stopping")) as url:
        terminal = await open_terminal(url, tmp_path, NO_COLOR="1")
        await terminal.wait_for("no answer, what is shown is old")
        await terminal.wait_for("stopping")
        terminal.type(b"q")
        assert await terminal.wait() == 0
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7]", terminal.shown)
