"""A process that runs for months: what it tells systemd and a webhook, and how it is told to read its settings again.

Everything here waits for something to happen, never for a time.
"""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from tests.support.program import COMMAND, PATIENCE_S, environment, open_program, run_program
from tests.support.sockets import speaking
from trio_ticks.sim import open_sim

TOKEN = "top-secret-4711"
STRATEGIES = """
async def count(ticks):
    async for tick in ticks:
        print(tick.symbol, flush=True)

async def fail(ticks):
    async for tick in ticks:
        raise KeyError(f"no position in {tick.symbol}")
"""


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    (tmp_path / "strategies.py").write_text(STRATEGIES)
    return tmp_path


def configure(cwd: Path, url: str, *symbols: str, extra: str = "", strategy: str = "count") -> None:
    """Write the configuration, whole."""
    feed = f'[feeds.alltick]\nsymbols = {json.dumps(symbols)}\ntoken = "${{ALLTICK_TOKEN}}"\nurl = "{url}"\n'
    text = f'{feed}plan = "basic"\n[strategies.mine]\nuse = "strategies:{strategy}"\n{extra}'
    (cwd / "fresh.toml").write_text(text)
    (cwd / "fresh.toml").replace(cwd / "ticks.toml")


@asynccontextmanager
async def supervisor(path: Path) -> AsyncIterator[trio.socket.SocketType]:
    """Listen as systemd does."""
    with trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_DGRAM) as listener:
        await listener.bind(str(path))
        yield listener


async def hear(listener: trio.socket.SocketType, *wanted: str) -> None:
    """Wait until these were said, in this order, whatever was said between them."""
    with trio.fail_after(PATIENCE_S):
        for words in wanted:
            while words not in (await listener.recv(4096)).decode():
                pass


async def test_systemd_hears_that_it_is_ready_alive_reloading_and_stopping(cwd: Path) -> None:
    """In that order, on a real socket; and a vendor that is not there keeps nothing from being ready."""
    configure(cwd, "ws://127.0.0.1:1", "BTCUSDT")
    async with supervisor(cwd / "notify") as listener:
        # A beat each half second: the system holds ten of them for a listener that stands still, and drops the next.
        env = {"ALLTICK_TOKEN": TOKEN, "NOTIFY_SOCKET": str(cwd / "notify"), "WATCHDOG_USEC": "1000000"}
        async with open_program("run", cwd=cwd, env=env) as program:
            await hear(listener, "READY=1", "WATCHDOG=1", "STATUS=running: 0 of 1 connections live", "WATCHDOG=1")
            program.send(signal.SIGHUP)
            await hear(listener, "RELOADING=1\nMONOTONIC_USEC=", "READY=1", "WATCHDOG=1")
            program.send(signal.SIGTERM)
            await hear(listener, "STOPPING=1")
            assert await program.wait() == 0
    assert "reload: nothing differs from what runs" in program.stderr


async def test_a_running_engine_takes_on_new_symbols_and_a_broken_file_leaves_it_alone(cwd: Path) -> None:
    """`trio-ticks reload` says what came of it and tells it by its exit code; no connection is lost."""
    async with open_sim() as sim:
        env = {"ALLTICK_TOKEN": "demo"}
        configure(cwd, sim.url, "BTCUSDT")
        async with open_program("run", "--log-format", "json", cwd=cwd, env=env) as program:
            await program.wait_for("BTCUSDT")
            configure(cwd, sim.url, "BTCUSDT", "XBTUSDT", extra="[stop]\ngrace_s = 5.0")
            code, stdout, _ = await run_program("reload", cwd=cwd, env=env)
            assert (code, stdout) == (0, "changed: alltick +XBTUSDT; needs a new start: stop.grace_s\n")
            await program.wait_for("XBTUSDT")
            (cwd / "ticks.toml").write_text("symbols = nope")
            code, stdout, stderr = await run_program("reload", "--journal", "ticks.journal", cwd=cwd, env=env)
            assert (code, stdout, stderr.count("\n")) == (1, "", 1)
            assert "nothing is changed: ticks.toml: " in stderr
            program.send(signal.SIGTERM)
            assert await program.wait() == 0
    said = [json.loads(line) for line in program.stderr.splitlines()]
    assert {"disconnected", "gap"}.isdisjoint(line.get("event") for line in said)
    assert said[-1]["event"] == "summary"
    assert "former" not in said[-1]["message"]  # the dashboard's own consumer: nobody's business
    assert not (cwd / "ticks.journal.reload").exists()
    code, _, stderr = await run_program("reload", "--journal", "ticks.journal", cwd=cwd, env=env)
    assert (code, stderr) == (
        1,
        "trio-ticks: no engine runs on the journal ticks.journal; trio-ticks run starts one\n",
    )


async def test_a_webhook_hears_of_the_start_a_failing_strategy_and_the_end(cwd: Path) -> None:
    """As JSON, with the reasons; its address is in no log, however much is logged."""
    bodies: list[bytes] = []
    failed = trio.Event()

    async def hook(stream: trio.abc.Stream) -> None:
        request = b""
        while not request.endswith(b"]}"):
            chunk = bytes(await stream.receive_some())
            assert chunk, f"it hung up after {request!r}"
            request += chunk
        bodies.append(request.partition(b"\r\n\r\n")[2])
        if b"no position" in request:
            failed.set()
        await stream.send_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        await stream.aclose()

    async with open_sim() as sim, speaking(hook) as port:
        hooked = f'[notify]\nurl = "http://127.0.0.1:{port}/services/{TOKEN}"\npause_s = 0.001'
        extra = f"{hooked}\n[stop]\ngrace_s = 0.1"  # a strategy that is to be started again is waited for
        configure(cwd, sim.url, "BTCUSDT", extra=extra, strategy="fail")
        async with open_program("run", "-vv", cwd=cwd, env={"ALLTICK_TOKEN": "demo"}) as program:
            with trio.fail_after(PATIENCE_S):
                await failed.wait()
            program.send(signal.SIGTERM)
            assert await program.wait() == 0
    told = [news for body in bodies for news in json.loads(body)["news"]]
    assert [told[0]["event"], told[-1]["event"]] == ["started", "stopped"]
    assert "1 symbols of alltick" in told[0]["text"]
    [failure] = [news["text"] for news in told if news["event"] == "strategy"]
    assert failure == "strategy mine failed and is restarted: KeyError: 'no position in BTCUSDT'"
    assert TOKEN not in program.stderr


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="THE LOST TERMINAL IS NOT TESTED: no terminals here")
async def test_a_terminal_that_is_closed_ends_the_program_instead(cwd: Path) -> None:
    """The same signal says that; where there was a terminal and is none any more, nobody wants a reload."""
    configure(cwd, "ws://127.0.0.1:1", "BTCUSDT")
    ours, theirs = pty.openpty()
    with (cwd / "stderr").open("wb") as log:
        process = await trio.lowlevel.open_process(
            [*COMMAND, "run"], stdin=theirs, stdout=subprocess.DEVNULL, stderr=log, cwd=cwd,
            env=environment(ALLTICK_TOKEN="demo"),
        )  # fmt: skip
    try:
        os.close(theirs)
        with trio.fail_after(PATIENCE_S):
            while not (cwd / "ticks.journal.reload").exists():  # noqa: ASYNC110 - a file tells nobody that it is there
                await trio.sleep(0.02)
            process.send_signal(signal.SIGHUP)
            while "reload: " not in (cwd / "stderr").read_text():  # noqa: ASYNC110 - likewise
                await trio.sleep(0.02)
            os.close(ours)
            process.send_signal(signal.SIGHUP)
            assert await process.wait() == 0
    finally:
        process.kill()
    assert "the terminal is gone: stopping" in (cwd / "stderr").read_text()
