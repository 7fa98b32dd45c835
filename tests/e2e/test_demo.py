"""The demo, as a stranger meets it: a process that needs nothing and leaves nothing behind."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.support.http import get
from tests.support.program import COMMAND, PATIENCE_S, environment, open_program

LAST_LINE = re.compile(r"received ([\d,]+) · delivered ([\d,]+) · lost ([\d,]+) · gaps ([\d,]+)")


def counts(stdout: str) -> list[int]:
    """Return the counts of the last line, which must be of the documented form."""
    found = LAST_LINE.fullmatch(stdout.splitlines()[-1].strip())
    assert found, stdout
    return [int(text.replace(",", "")) for text in found.groups()]


def check_ledger(ledger: dict[str, Any]) -> None:
    """Check every equation of the ledger."""
    parts = ["accepted", "duplicates", "rejected", "expired", "late_dropped", "held", "inbox"]
    assert ledger["received"] == sum(ledger[part] for part in parts)
    for consumer in ledger["consumers"].values():
        assert consumer["offered"] == consumer["delivered"] + consumer["dropped"] + consumer["queued"]


def check_rules(demo: dict[str, Any]) -> None:
    """Check that no rule of the vendor's was broken.

    But for its distances: a machine that stands still shortens them. They are held where time is simulated.
    """
    assert [rule for rule in demo["vendor_rules_broken"] if "pacing" not in rule] == []


async def test_the_demo_accounts_for_every_tick(tmp_path: Path) -> None:
    """Until it is over both faults: exact equations, every tick it missed named, the recipe behind in each way."""
    async with open_program("demo", "--report", "r.json", cwd=tmp_path) as program:
        await program.wait_for("engine: is back", behind="fault: MUTE")
        program.send(signal.SIGINT)
        assert await program.wait() == 0
    assert program.stderr == ""
    report = json.loads((tmp_path / "r.json").read_text())
    ledger, demo = report["ledger"], report["demo"]
    check_ledger(ledger)
    assert ledger["consumers"]["demo"]["delivered"] == ledger["accepted"] > 0
    assert [fault["kind"] for fault in demo["faults"]][:2] == ["cut", "mute"]

    assert demo["published"] == demo["engine_delivered"] + demo["engine_missed"]
    assert demo["published"] == demo["recipe_delivered"] + demo["recipe_missed"]
    assert demo["engine_missed"] == demo["engine_missed_in_gaps"] > 0
    assert demo["engine_unaccounted"] == 0
    assert demo["recipe_missed"] > demo["engine_missed"]
    assert all(demo["recipe_missed_by"].values())
    check_rules(demo)

    gaps = sum(report["gaps"].values())
    assert gaps >= 2 * 2  # one for each fault and symbol
    assert counts(program.stdout) == [ledger["received"], ledger["accepted"], demo["engine_missed"], gaps]
    assert os.listdir(tmp_path) == ["r.json"]  # noqa: PTH208 - the counterpart of pathlib is refused in async code


async def test_two_lines_bring_every_tick_twice_and_it_counts_once(tmp_path: Path) -> None:
    """The copies are recognised as such, and the vendor's rules are kept by both connections."""
    async with open_program("demo", "--lines", "2", "--report", "r.json", cwd=tmp_path) as program:
        await program.wait_for("engine live")
        (url,) = re.findall(r"^dashboard: (\S+)$", program.stdout, re.MULTILINE)
        with trio.fail_after(PATIENCE_S):
            while not json.loads((await get(f"{url}status"))[2])["ledger"]["duplicates"]:  # noqa: ASYNC110 - asked
                await trio.sleep(0.1)
        program.send(signal.SIGINT)
        assert await program.wait() == 0
    report = json.loads((tmp_path / "r.json").read_text())
    check_ledger(report["ledger"])
    assert report["ledger"]["duplicates"] > 0
    assert report["demo"]["engine_delivered"] == report["ledger"]["accepted"]
    assert report["demo"]["engine_unaccounted"] == 0
    check_rules(report["demo"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_demo_with_its_last_line(number: signal.Signals, tmp_path: Path) -> None:
    """Exit code 0, and what was received was handed on."""
    async with open_program("demo", cwd=tmp_path) as program:
        await program.wait_for("engine live")
        program.send(number)
        assert await program.wait() == 0
    received, delivered, lost, gaps = counts(program.stdout)
    assert received == delivered > 0
    if "fault: " not in program.stdout:  # which comes after seven seconds, to whoever is that slow with his signal
        assert (lost, gaps) == (0, 0)
    assert program.stderr == ""


async def test_a_second_signal_ends_the_demo_at_once(tmp_path: Path) -> None:
    """Also in the middle of a fault, which a soft stop would wait out; what it says then is true."""
    async with open_program("demo", "--report", "r.json", cwd=tmp_path) as program:
        await program.wait_for("fault: CUT")
        program.send(signal.SIGINT)
        program.send(signal.SIGTERM)  # another one, because two of a kind may reach the program as one
        assert await program.wait() == 0
    report = json.loads((tmp_path / "r.json").read_text())
    check_ledger(report["ledger"])
    assert "engine ended, missed" not in program.stdout
    if report["demo"]["engine_unaccounted"]:
        assert "ended at once" in program.stdout
        assert "named gaps" not in program.stdout
    assert counts(program.stdout)[0] > 0
    assert program.stderr == ""


async def test_a_pipe_that_is_closed_ends_the_demo_quietly(tmp_path: Path) -> None:
    """`demo | head -1`: no error, no traceback."""
    async with open_program("demo", cwd=tmp_path) as program:
        await program.wait_for("\n")
        await program.close_stdout()
        assert await program.wait() == 0
    assert program.stderr == ""


def run_in_terminal(
    *arguments: str, cwd: Path, env: dict[str, str], enough: Callable[[str], object]
) -> tuple[int, str]:
    """Run the program with a terminal of 80 x 24 for its output, until that is enough, and end it by Ctrl-C's signal.

    Returns:
        Its exit code, and all that it drew.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=cwd,
        env=environment(TERM="xterm-256color", **env),
    )
    os.close(theirs)
    drawn = b""
    is_enough = False
    try:
        while chunk := os.read(ours, 65_536):
            drawn += chunk
            if not is_enough and enough(drawn.decode(errors="replace")):
                is_enough = True
                process.send_signal(signal.SIGINT)
    except OSError:  # Linux says so when the other side is closed
        pass
    finally:
        os.close(ours)
    return process.wait(), drawn.decode().replace("\r\n", "\n")


def test_a_terminal_shows_one_screen_that_is_redrawn(tmp_path: Path) -> None:
    """Prices, both counters and the events, in place; the last line stays."""

    def enough(drawn: str) -> bool:
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn)
        return plain.count("MISSED") > 2 and re.search(r"delivered to the strategy +[1-9]", plain) is not None

    code, drawn = run_in_terminal("demo", cwd=tmp_path, env={}, enough=enough)
    assert code == 0
    for word in ("BTCUSDT", "this engine", "the recipe", "next: cut in"):
        assert word in drawn
    assert "\x1b[1A" in drawn
    assert counts(drawn)[0] > 0


@pytest.mark.parametrize(("option", "env"), [(["--plain"], {}), ([], {"NO_COLOR": "1"})])
def test_no_color_and_plain_print_lines(option: list[str], env: dict[str, str], tmp_path: Path) -> None:
    """No control sequence reaches a terminal whose owner wants none."""
    code, drawn = run_in_terminal(
        "demo", *option, cwd=tmp_path, env=env, enough=lambda drawn: "engine live, missed" in drawn
    )
    assert code == 0
    assert "\x1b" not in drawn
