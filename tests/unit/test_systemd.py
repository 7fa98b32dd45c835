"""The line to systemd: what it hears on a real socket, and that nobody listening costs nothing."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from trio_ticks.app.systemd import STATUS_S, Systemd
from trio_ticks.config import Supervisor, supervisor_from_env

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "trio-ticks.service"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.settimeout(60.0)
        yield line


@pytest.mark.parametrize("is_abstract", [False, True])
def test_it_hears_of_every_turn(listener: socket.socket, tmp_path: Path, *, is_abstract: bool) -> None:
    """On a socket with a path and on one without, in the words of sd_notify(3)."""
    name = f"@{tmp_path}" if is_abstract else str(tmp_path / "notify")
    listener.bind(name.replace("@", "\0"))
    systemd = Systemd(Supervisor(socket=name, watchdog_s=30.0))
    assert systemd.beat_s == STATUS_S
    systemd.ready()
    systemd.alive("2 of 2 connections live")
    systemd.reloading()
    systemd.stopping()
    heard = [listener.recv(4096).decode() for _ in range(4)]
    assert heard[:2] == ["READY=1", "WATCHDOG=1\nSTATUS=2 of 2 connections live"]
    assert heard[2].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert heard[2].rpartition("=")[2].isdigit()
    assert heard[3] == "STOPPING=1"
    systemd.close()
    systemd.ready()  # says nothing, and does no harm


def test_without_a_watchdog_there_is_no_beat(listener: socket.socket, tmp_path: Path) -> None:
    """Only the status for people."""
    listener.bind(str(tmp_path / "notify"))
    systemd = Systemd(Supervisor(socket=str(tmp_path / "notify")))
    systemd.alive("well")
    assert listener.recv(4096) == b"STATUS=well"
    systemd.close()


def test_a_beat_comes_twice_as_often_as_it_must() -> None:
    """One that is late by half is no reason to be killed."""
    assert Systemd(Supervisor(watchdog_s=5.0)).beat_s == 2.5


@pytest.mark.parametrize("name", ["", "/none/such", "@none", "x" * 1_000])
def test_nobody_listening_costs_nothing(name: str) -> None:
    """Whatever the environment says."""
    systemd = Systemd(Supervisor(socket=name))
    systemd.ready()
    systemd.close()


def test_a_supervisor_that_does_not_read_is_not_waited_for(listener: socket.socket, tmp_path: Path) -> None:
    """Its socket holds some messages, and the others are lost."""
    listener.bind(str(tmp_path / "notify"))
    systemd = Systemd(Supervisor(socket=str(tmp_path / "notify")))
    for _ in range(10_000):
        systemd.ready()
    systemd.close()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Supervisor()),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000"}, Supervisor(socket="/run/x", watchdog_s=30.0)),
        ({"NOTIFY_SOCKET": "@x"}, Supervisor(socket="@x")),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "7"}, Supervisor(watchdog_s=1.5)),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "8"}, Supervisor()),
        ({"WATCHDOG_USEC": "junk"}, Supervisor()),
        ({"WATCHDOG_USEC": "0"}, Supervisor()),
        ({"WATCHDOG_USEC": "²"}, Supervisor()),
    ],
)  # fmt: skip
def test_the_environment_says_who_listens(environ: dict[str, str], expected: Supervisor) -> None:
    """A watchdog that waits for another process is not ours to feed."""
    assert supervisor_from_env(environ, pid=7) == expected


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="THE UNIT IS NOT TESTED: no systemd-analyze here")
def test_the_unit_is_accepted_by_systemd(tmp_path: Path) -> None:
    """No unknown key, no value that is ignored; only the program's path is one of this machine."""
    program = shutil.which("true")
    assert program is not None
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/trio-ticks/bin/trio-ticks", program))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    # It also looks at units of this machine that ours is started after; those are not ours to judge.
    assert [line for line in done.stderr.splitlines() if UNIT.name in line] == []


def test_the_unit_says_what_the_program_does() -> None:
    """It is of the kind that waits for READY=1, it is watched, and reloading tells whether it worked."""
    lines = UNIT.read_text().splitlines()
    assert {"Type=notify", "WatchdogSec=30", "RestartPreventExitStatus=2"} <= set(lines)
    assert any(line.startswith("ExecReload=") and " reload " in line for line in lines)
