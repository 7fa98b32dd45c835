"""`run` and `demo` serve their dashboard, as processes."""

from __future__ import annotations

import json
import re
import signal
import socket
from pathlib import Path

import trio

from tests.support.http import get
from tests.support.program import open_program, run_program
from trio_ticks.app.http.collector import Collector

CONFIG = """
[feeds.coinbase]
symbols = ["BTC-USD"]
url = "ws://127.0.0.1:1/"
[http]
bind = "127.0.0.1:%d"
"""
"""A feed that nobody answers: serving has to work without."""


async def test_the_demo_prints_where_its_dashboard_is(tmp_path: Path) -> None:
    """The first line is its URL, and it answers there."""
    async with open_program("demo", "--plain", "--http", "127.0.0.1:0", cwd=tmp_path) as program:
        await program.wait_for("engine live")
        url = re.fullmatch(r"dashboard: (http://127\.0\.0\.1:[0-9]+/)", program.stdout.splitlines()[0])
        assert url is not None
        status, headers, body = await get(f"{url[1]}status")
        assert (status, headers["content-type"], json.loads(body)["state"]) == (200, "application/json", "running")
        assert (await get(url[1]))[0] == 200
        program.send(signal.SIGINT)
        assert await program.wait() == 0


async def test_run_serves_what_the_file_says_and_ends_with_it(tmp_path: Path) -> None:
    """It is up before any feed is, says that it is not ready and why, and a signal still ends all of it."""
    (tmp_path / "ticks.toml").write_text(CONFIG % 0)
    async with open_program("run", "--report", "r.json", cwd=tmp_path) as program:
        await program.wait_for("Connection refused", "stderr")
        url = re.search(r"dashboard: (\S+)", program.stderr)
        assert url is not None
        assert (await get(f"{url[1]}healthz"))[0] == 200
        status, _, reason = await get(f"{url[1]}readyz")
        assert (status, b"Connection refused" in reason) == (503, True)
        program.send(signal.SIGTERM)
        assert await program.wait() == 0
    consumers = json.loads((tmp_path / "r.json").read_text())["ledger"]["consumers"]
    assert Collector.name not in consumers  # it is gone when the last figures are taken, and was nobody's strategy


async def test_a_taken_port_is_one_line_and_nothing_was_started(tmp_path: Path) -> None:
    """Exit code 2, the port and what to do; no journal is left behind. With `off` it runs."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "ticks.toml").write_text(CONFIG % port)
        code, stdout, stderr = await run_program("run", cwd=tmp_path)
        assert (code, stdout, stderr.count("\n")) == (2, "", 1)
        assert f"port {port} is taken" in stderr
        assert "--http off" in stderr
        assert not await trio.Path(tmp_path / "ticks.journal").exists()
        code, _, stderr = await run_program("run", "--http", "off", "--seconds", "0", cwd=tmp_path)
        assert (code, "dashboard" in stderr) == (0, False)
