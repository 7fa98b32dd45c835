"""The command line, as a trader meets it: a process with options, pipes and signals."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
import trustme

from tests.support.program import environment, open_program, run_program
from trio_ticks.sim import open_sim

TOKEN = "top-secret-4711"
FIELDS = [
    "symbol", "time_us", "ordinal", "price", "volume", "side", "trade_id", "sequence", "feed", "received_us", "late",
    "conditions",
]  # fmt: skip
SIGNALS = [signal.SIGINT, signal.SIGTERM]

STRATEGIES = """
import trio

async def count(ticks):
    async for tick in ticks:
        print(tick.symbol, flush=True)

async def stubborn(ticks):
    await trio.sleep_forever()
"""

ALLTICK = '[feeds.alltick]\nsymbols = ["BTCUSDT"]\ntoken = "${ALLTICK_TOKEN}"\n'


def config(url: str, strategy: str = "count", extra: str = "") -> str:
    return f'{ALLTICK}url = "{url}"\n[strategies.mine]\nuse = "strategies:{strategy}"\n{extra}'


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    (tmp_path / "strategies.py").write_text(STRATEGIES)
    return tmp_path


def check_one_line(stderr: str, *words: str) -> None:
    """Check that there is one line, that it is ours, and that it names these."""
    assert stderr.startswith("trio-ticks: ")
    assert stderr.count("\n") == 1
    assert stderr.endswith("\n")
    for word in words:
        assert word in stderr


MISUSES = {
    "no symbol": (["watch"], ["symbols", "at least one", "BTC-USD"]),
    "no such option": (["watch", "BTC-USD", "--sekonds", "3"], ["--sekonds", "--seconds"]),
    "no such command": (["wotch"], ["wotch", "trio-ticks --help"]),
    "no such format": (["watch", "BTC-USD", "--format", "xml"], ["--format", "xml", "jsonl"]),
    "no such feed": (["watch", "BTC-USD", "--feed", "coinbaise"], ["coinbaise", "coinbase", "alltick"]),
    "no such module": (["watch", "BTC-USD", "--feed", "no_module:Feed"], ["no_module"]),
    "no such plan": (["watch", "TSLA.US", "--feed", "alltick", "--plan", "gold"], ["gold", "free", "professional"]),
    "an option of another feed": (["watch", "BTC-USD", "--plan", "free"], ["coinbase", "plan"]),
    "no token": (["watch", "TSLA.US", "--feed", "alltick"], ["token", "ALLTICK_TOKEN"]),
    "no token file": (["watch", "TSLA.US", "--feed", "alltick", "--token-file", "none"], ["--token-file none"]),
    "an empty token file": (["watch", "TSLA.US", "--feed", "alltick", "--token-file", "empty"], ["is empty"]),
    "no WebSocket URL": (["watch", "BTC-USD", "--url", "http://a.example"], ["http://a.example", "ws://"]),
    "no writable output": (["watch", "BTC-USD", "--output", "."], ["--output .", "accepted"]),
    "no configuration": (["run", "none.toml"], ["none.toml", "No such file"]),
    "no place for the report": (["demo", "--report", "none/r.json"], ["--report none/r.json"]),
    "no such fault": (["sim", "--fault", "quake@3"], ["quake", "drop", "mute"]),
    "no such switch": (["sim", "--switch", "ack=never"], ["ack", "never", "first", "after"]),
    "no tape": (["sim", "--csv", "trades.csv"], ["trades.csv", "FILE=SYMBOL"]),
}


@pytest.mark.parametrize(("arguments", "words"), MISUSES.values(), ids=MISUSES)
async def test_a_misuse_is_one_line_and_exit_code_2(arguments: list[str], words: list[str], cwd: Path) -> None:
    """It names what is wrong and what is accepted, before anything is started."""
    (cwd / "empty").touch()
    code, stdout, stderr = await run_program(*arguments, cwd=cwd)
    check_one_line(stderr, *words)
    assert (code, stdout) == (2, "")


FIVE = '"A.US", "B.US", "C.US", "D.US", "E.US"'
CONFIGS = {
    "bad TOML": ("[feeds.a]\nsymbols = nope\n", ["ticks.toml", "line 2"]),
    "unknown key": (ALLTICK + "symbls = 3", ["feeds.alltick.symbls", "did you mean symbols"]),
    "unknown feed": ('[feeds.a]\nkind = "alltik"\nsymbols = ["A"]', ["feeds.a", "alltik", "alltick"]),
    "empty symbol list": ("[feeds.coinbase]\nsymbols = []", ["feeds.coinbase.symbols", "at least one"]),
    "symbols over the plan": (ALLTICK.replace('"BTCUSDT"', f'{FIVE}, "F.US"'), ["6", "'free'", "'basic' would fit"]),
    "a connection over the plan": (
        ALLTICK + "symbols_per_connection = 6",
        ["alltick", "symbols_per_connection", "5"],
    ),
    "missing strategy": (ALLTICK + '[strategies.a]\nuse = "strategies:none"', ["strategies.a.use", "none"]),
    "missing module": (ALLTICK + '[strategies.a]\nuse = "no_module:f"', ["strategies.a.use", "no_module"]),
    "missing variable": ('[feeds.alltick]\nsymbols = ["A.US"]\ntoken = "${NO_SUCH}"', ["token", "NO_SUCH"]),
}


@pytest.mark.parametrize(("text", "words"), CONFIGS.values(), ids=CONFIGS)
async def test_a_bad_configuration_is_one_line_and_exit_code_2(text: str, words: list[str], cwd: Path) -> None:
    """It names the key and what is accepted; `ticks.toml` is what `run` reads where nothing is named."""
    (cwd / "ticks.toml").write_text(text)
    code, stdout, stderr = await run_program("run", cwd=cwd, env={"ALLTICK_TOKEN": TOKEN})
    check_one_line(stderr, *words)
    assert (code, stdout) == (2, "")


async def test_an_unreachable_host_is_one_line_and_exit_code_1(cwd: Path) -> None:
    """`watch` does not retry its first connect."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{unused.getsockname()[1]}"
        code, stdout, stderr = await run_program("watch", "BTC-USD", "--url", url, cwd=cwd)
    check_one_line(stderr, url, "Connection refused")
    assert (code, stdout) == (1, "")


async def test_a_wrong_path_is_one_line_and_exit_code_1(cwd: Path) -> None:
    """The address is named, and what the server said."""
    async with open_sim() as sim:
        code, stdout, stderr = await watch(f"{sim.url}/nothing", cwd=cwd)
    check_one_line(stderr, f"{sim.url}/nothing", "404")
    assert (code, stdout) == (1, "")


@asynccontextmanager
async def open_tls_server() -> AsyncIterator[str]:
    """Listen with a certificate that nobody trusts; yield the URL."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async def refuse(stream: trio.SSLStream[trio.SocketStream]) -> None:
        with pytest.raises(trio.BrokenResourceError):
            await stream.do_handshake()

    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_ssl_over_tcp, refuse, 0, context, host="127.0.0.1")
        listeners = await nursery.start(serve)
        port = listeners[0].transport_listener.socket.getsockname()[1]
        yield f"wss://127.0.0.1:{port}"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("command", ["watch", "run"])
async def test_a_bad_certificate_is_one_line_and_exit_code_1(command: str, cwd: Path) -> None:
    """It is fatal even where other failures are retried, and told once."""
    async with open_tls_server() as url:
        (cwd / "ticks.toml").write_text(f'[feeds.coinbase]\nsymbols = ["BTC-USD"]\nurl = "{url}"')
        arguments = {"watch": ["watch", "BTC-USD", "--url", url], "run": ["run"]}[command]
        code, stdout, stderr = await run_program(*arguments, cwd=cwd)
    check_one_line(stderr, url, "certificate")
    assert (code, stdout) == (1, "")


async def watch(url: str, *options: str, cwd: Path, token: str = "demo") -> tuple[int, str, str]:
    feed = ["--feed", "alltick", "--url", url]
    return await run_program("watch", "BTCUSDT", *feed, *options, cwd=cwd, env={"ALLTICK_TOKEN": token})


async def test_watch_prints_json_lines_with_exact_texts(cwd: Path) -> None:
    """The documented fields in their order; price and volume digit by digit as they were sent."""
    async with open_sim() as sim:
        code, stdout, _ = await watch(sim.url, "--count", "5", "--format", "jsonl", cwd=cwd)
    ticks = [json.loads(line) for line in stdout.splitlines()]
    assert (code, len(ticks)) == (0, 5)
    for tick in ticks:
        assert list(tick) == FIELDS
        assert tick["feed"] == "alltick"
        assert tick["late"] is False
        assert re.fullmatch(r"\d{5}\.\d+", tick["price"])
        assert re.fullmatch(r"\d\.\d{6}", tick["volume"])


async def test_watch_appends_csv_with_one_header(cwd: Path) -> None:
    """Two runs into one file are one table."""
    options = ["--count", "3", "--format", "csv", "--output", "ticks.csv"]
    async with open_sim() as sim:
        for _ in range(2):
            code, stdout, _ = await watch(sim.url, *options, cwd=cwd)
            assert (code, stdout) == (0, "")
    rows = list(csv.DictReader(io.StringIO((cwd / "ticks.csv").read_text())))
    assert len(rows) == 6
    assert list(rows[0]) == FIELDS
    assert {row["symbol"] for row in rows} == {"BTCUSDT"}


async def test_watch_writes_into_a_pipe_that_has_a_name(cwd: Path) -> None:
    """`--output /dev/stdout` in a pipe is standard output, header and all."""
    async with open_sim() as sim:
        options = ["--count", "3", "--format", "csv", "--output", "/dev/stdout"]
        code, stdout, stderr = await watch(sim.url, *options, cwd=cwd)
    assert code == 0, stderr
    assert list(csv.DictReader(io.StringIO(stdout)).fieldnames or ()) == FIELDS
    assert stdout.count("\n") == 4


async def test_watch_tells_of_gaps_on_standard_error(cwd: Path) -> None:
    """Standard output has ticks and nothing else, through a cut of the connection."""
    async with open_sim() as sim:
        feed = ["--feed", "alltick", "--url", sim.url, "--format", "jsonl"]
        env = {"ALLTICK_TOKEN": "demo"}
        async with open_program("watch", "BTCUSDT", *feed, "--plan", "basic", cwd=cwd, env=env) as program:
            await program.wait_for("BTCUSDT")
            await sim.drop()
            await program.wait_for("gap: BTCUSDT", "stderr")
            program.send(signal.SIGTERM)
            assert await program.wait() == 0
    assert all(json.loads(line)["symbol"] == "BTCUSDT" for line in program.stdout.splitlines())
    assert "the connection was cut" in program.stderr


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_signal_stops_watch_cleanly(number: signal.Signals, cwd: Path) -> None:
    """Exit code 0, and no line is half printed."""
    async with open_sim() as sim:
        feed = ["--feed", "alltick", "--url", sim.url, "--format", "jsonl"]
        async with open_program("watch", "BTCUSDT", *feed, cwd=cwd, env={"ALLTICK_TOKEN": "demo"}) as program:
            await program.wait_for("BTCUSDT")
            program.send(number)
            assert await program.wait() == 0
    assert program.stdout.endswith("}\n")
    assert "Traceback" not in program.stderr


async def test_a_reader_that_has_enough_ends_watch_quietly(cwd: Path) -> None:
    """`watch | head -1`: no error, no traceback."""
    async with open_sim() as sim:
        feed = ["--feed", "alltick", "--url", sim.url]
        async with open_program("watch", "BTCUSDT", *feed, cwd=cwd, env={"ALLTICK_TOKEN": "demo"}) as program:
            await program.wait_for("\n")
            await program.close_stdout()
            assert await program.wait() == 0
    assert "rror" not in program.stderr


async def test_a_reader_that_sleeps_does_not_hold_up_a_stop(cwd: Path) -> None:
    """The pipe is full and stays full; the program ends all the same."""
    async with open_sim(speed=200.0, loop=False, autoplay=False) as sim:
        feed = ["--feed", "alltick", "--url", sim.url, "--format", "jsonl"]
        env = {"ALLTICK_TOKEN": "demo"}
        async with open_program("watch", "BTCUSDT", *feed, cwd=cwd, env=env, reading=False) as program:
            await sim.wait_subscribed("BTCUSDT")
            sim.play()
            # Two thousand ticks of two hundred bytes; a pipe holds 64 KiB.
            await sim.wait_played()
            program.send(signal.SIGTERM)
            assert await program.wait() == 0
    assert "Traceback" not in program.stderr


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_signal_stops_run_cleanly(number: signal.Signals, cwd: Path) -> None:
    """Exit code 0, the strategy has seen everything that was accepted, and the report says so."""
    async with open_sim() as sim:
        (cwd / "ticks.toml").write_text(config(sim.url))
        env = {"ALLTICK_TOKEN": "demo"}
        async with open_program("run", "--report", "report.json", cwd=cwd, env=env) as program:
            await program.wait_for("BTCUSDT")
            program.send(number)
            assert await program.wait() == 0
    ledger = json.loads((cwd / "report.json").read_text())["ledger"]
    assert program.stdout.count("BTCUSDT") == ledger["accepted"] == ledger["received"] > 0
    assert program.stderr.splitlines()[-1].startswith(f"received {ledger['received']:,} · ")
    assert "mine: delivered" in program.stderr
    assert "Traceback" not in program.stderr


async def test_a_second_signal_ends_run_at_once(cwd: Path) -> None:
    """A strategy that does not end would be waited for until `grace_s`, here a day."""
    async with open_sim() as sim:
        (cwd / "ticks.toml").write_text(config(sim.url, "stubborn", "[stop]\ngrace_s = 86400"))
        async with open_program("run", cwd=cwd, env={"ALLTICK_TOKEN": "demo"}) as program:
            await program.wait_for("connected", "stderr")
            program.send(signal.SIGINT)
            await program.wait_for("once more to stop at once", "stderr")
            program.send(signal.SIGINT)
            assert await program.wait() == 0
    assert "Traceback" not in program.stderr


async def test_the_seconds_are_over(cwd: Path) -> None:
    """`--seconds` is a soft stop, with exit code 0: the strategy has seen whatever was accepted by then."""
    async with open_sim() as sim:
        (cwd / "other.toml").write_text(config(sim.url))
        words = ["run", "other.toml", "--seconds", "1", "--report", "report.json"]
        code, stdout, _ = await run_program(*words, cwd=cwd, env={"ALLTICK_TOKEN": "demo"})
    report = json.loads((cwd / "report.json").read_text())
    assert (code, report["state"]) == (0, "stopped")
    assert stdout.count("BTCUSDT") == report["ledger"]["accepted"]


async def test_the_token_is_printed_nowhere(cwd: Path) -> None:
    """Neither where it is accepted nor where it is refused, however much is logged, nor in the report."""
    (cwd / "token").write_text(f"{TOKEN}\n")
    async with open_sim(token=TOKEN) as right, open_sim(token="another") as wrong:
        options = ["--count", "2", "-vv", "--token-file", "token"]
        accepted = await watch(right.url, *options, cwd=cwd)
        refused = await watch(wrong.url, *options, cwd=cwd)
        (cwd / "ticks.toml").write_text(config(wrong.url))
        ran = await run_program("run", "-vv", "--report", "report.json", cwd=cwd, env={"ALLTICK_TOKEN": TOKEN})
    assert [accepted[0], refused[0], ran[0]] == [0, 1, 1]
    assert "401" in refused[2]
    shown = "".join([*accepted[1:], *refused[1:], *ran[1:], (cwd / "report.json").read_text()])
    assert TOKEN not in shown


async def test_a_refused_token_is_one_line_and_exit_code_1(cwd: Path) -> None:
    """The vendor's answer, and the address without the token."""
    async with open_sim() as sim:
        code, stdout, stderr = await watch(sim.url, cwd=cwd, token=TOKEN)
    check_one_line(stderr, sim.url, "401", "token")
    assert (code, stdout) == (1, "")


async def test_the_simulator_says_how_to_watch_it(cwd: Path) -> None:
    """The line it prints works as it stands; a signal ends it with exit code 0."""
    async with open_program(
        "sim", "--speed", "10", "--switch", "snapshot=last", "--fault", "drop@30", cwd=cwd
    ) as program:
        await program.wait_for("watch")
        await program.wait_for("--url ws://")
        words = shlex.split(program.stdout.splitlines()[-1])
        assert words[:2] == ["ALLTICK_TOKEN=demo", "trio-ticks"]
        code, stdout, _ = await run_program(*words[2:], "--count", "3", cwd=cwd, env={"ALLTICK_TOKEN": "demo"})
        program.send(signal.SIGTERM)
        assert await program.wait() == 0
    assert (code, stdout.count("\n")) == (0, 3)
    assert "published" in program.stdout


async def test_bench_counts_what_it_measures(cwd: Path) -> None:
    """Whatever the machine: ticks come at both paces, take time and CPU, and none is younger than new."""
    code, stdout, stderr = await run_program("bench", "--seconds", "0", "--json", cwd=cwd)
    assert (code, stderr) == (0, "")
    found = json.loads(stdout)
    assert found["ticks"] > 0
    assert found["ticks_per_s"] == pytest.approx(found["ticks"] / found["seconds"])
    assert found["cpu_us"] > 0
    assert (found["age"]["rate"], found["age"]["ticks"] > 0) == (10_000, True)
    assert 0 <= found["age"]["p50_us"] <= found["age"]["p99_us"]
    assert found["machine"]["cores"] >= 1


async def test_bench_says_what_the_figures_mean(cwd: Path) -> None:
    """In words, and in one sentence at the end."""
    code, stdout, stderr = await run_program("bench", "--seconds", "0", cwd=cwd)
    assert (code, stderr, stdout.count("\n")) == (0, "", 4)
    assert re.search(r"at full speed +[\d,]+ ticks/s", stdout)
    assert stdout.splitlines()[-1].startswith("This machine keeps up with ")


def test_a_current_directory_that_is_gone_does_no_harm(cwd: Path) -> None:
    """The program runs wherever a shell may still stand."""
    script = (
        "import os, sys, trio_ticks.app.cli as cli; os.rmdir(os.getcwd()); sys.argv[1:] = ['--version']; cli.main()"
    )
    (cwd / "gone").mkdir()
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=cwd / "gone", env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


async def test_a_feed_of_ones_own_is_named_as_module_and_class(cwd: Path) -> None:
    """`--feed my_module:Feed` finds a module in the current directory."""
    (cwd / "my_module.py").write_text("from trio_ticks import AllTickSimple as Mine\n")
    async with open_sim() as sim:
        options = ["--feed", "my_module:Mine", "--url", sim.simple_url, "--count", "2"]
        code, stdout, _ = await run_program("watch", "BTCUSDT", *options, cwd=cwd)
    assert (code, stdout.count("BTCUSDT")) == (0, 2)
