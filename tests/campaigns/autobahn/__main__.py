"""See `tests.campaigns.autobahn`."""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import trio

from tests.campaigns.autobahn.client import AGENT, run_cases
from tests.campaigns.autobahn.page import write_page
from tests.campaigns.autobahn.suites import CASES, Kosoku, Original, Suite
from tests.campaigns.autobahn.verdicts import Verdict, read_verdicts, table, unexplained, words

WRITES_S = 60.0
"""A suite writes a report for each of five hundred cases."""


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaigns.autobahn", description="The Autobahn test suite."
    )
    parser.add_argument("--wstest", metavar="PATH", help="the original's command; default: kosoku")
    parser.add_argument(
        "--cases", nargs="+", default=CASES, metavar="CASE", help="such as 6.* or 7.1.1; default: all"
    )
    given = parser.parse_args()
    suite: Suite = Kosoku() if given.wstest is None else Original(given.wstest)
    verdicts = run(suite, tuple(given.cases))
    print("\n".join([*table(verdicts), "", *words(verdicts)]))
    if given.cases is CASES:
        write_page(suite, verdicts)
    if bad := unexplained(verdicts):
        sys.exit(f"not passed, or not explained: {', '.join(bad)}")


def run(suite: Suite, cases: tuple[str, ...]) -> list[Verdict]:
    """Start a suite, go through these cases, and return what it thinks."""
    with tempfile.TemporaryDirectory() as directory:
        port, reports = free_port(), Path(directory)
        command = suite.command(port=port, cases=cases, reports=reports)
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            trio.run(lambda: run_cases(f"ws://127.0.0.1:{port}", told=tell))
            trio.run(wait_for, reports / "index.json")
        finally:
            server.terminate()
            server.wait()
        return read_verdicts(reports, AGENT)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


async def wait_for(index: Path) -> None:
    """Wait until the suite has written its reports; the index comes last, and in one piece."""
    with trio.fail_after(WRITES_S):
        while not index.exists() or not index.read_text().rstrip().endswith("}"):  # noqa: ASYNC110 - another process
            await trio.sleep(0.1)


def tell(number: int, count: int) -> None:
    """Show how far it is, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\rcase {number} of {count}", end="" if number < count else "\n", file=sys.stderr)


if __name__ == "__main__":
    main()
