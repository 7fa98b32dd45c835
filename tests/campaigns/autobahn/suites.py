"""The two suites: how each is started, and what it is called. Both serve the same cases by the same URLs."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar, Protocol

import attrs

CASES = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.*", "13.*")
"""All but 8, which Autobahn never wrote, and 11, which it left out."""


class Suite(Protocol):
    """A fuzzing server that can be started; ``name`` is that of its section on the page."""

    name: ClassVar[str]

    def title(self) -> str:
        """Return its name and version."""
        ...

    def command(self, *, port: int, cases: tuple[str, ...], reports: Path) -> list[str]:
        """Return the command that serves these cases and writes into this directory."""
        ...


class Kosoku:
    """The suite's own case files, run by a server that does without Python 2."""

    name: ClassVar[str] = "kosoku"

    def title(self) -> str:
        return f"kosoku {version('kosoku')}"

    def command(self, *, port: int, cases: tuple[str, ...], reports: Path) -> list[str]:
        kosoku = [sys.executable, "-m", "tests.campaigns.autobahn.kosoku_server"]
        included = [word for case in cases for word in ("-i", case)]
        return [*kosoku, "-m", "fuzzingserver", f"127.0.0.1:{port}", "-o", str(reports), *included]


@attrs.frozen
class Original:
    """The suite itself; ``wstest`` is the path of its command."""

    name: ClassVar[str] = "autobahntestsuite"

    wstest: str

    def title(self) -> str:
        said = subprocess.run([self.wstest, "-a"], capture_output=True, text=True, check=True).stdout
        (line,) = (line for line in said.splitlines() if line.startswith("AutobahnTestSuite "))
        return line.replace("AutobahnTestSuite", "autobahntestsuite") + " (Python 2.7)"

    def command(self, *, port: int, cases: tuple[str, ...], reports: Path) -> list[str]:
        spec = reports / "fuzzingserver.json"
        wanted = {"url": f"ws://127.0.0.1:{port}", "outdir": str(reports), "cases": [*cases]}
        spec.write_text(json.dumps({**wanted, "exclude-cases": [], "exclude-agent-cases": {}}))
        return [self.wstest, "-m", "fuzzingserver", "-s", str(spec), "-u", "0"]
