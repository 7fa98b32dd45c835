"""A real Prometheus as Debian packages it, for tests on loopback, and the tests' reason when there is none."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.influxd import READY_S, free_ports
from tests.support.installed import installed

DEPLOY = Path(__file__).parents[2] / "deploy" / "prometheus"

_CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: trio_ticks
    static_configs: [{{targets: ["{target}"]}}]
"""


def program(name: str) -> str:
    """Return where ``prometheus`` or ``promtool`` is; skip the test, or fail it where the servers are required."""
    return installed("PROMETHEUS IS", name, package="prometheus")


def promtool(*arguments: str, given: bytes = b"") -> tuple[int, str]:
    """Run promtool on something; return its exit code and all it said."""
    command = [program("promtool"), *arguments]
    done = subprocess.run(command, input=given, cwd=DEPLOY, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


class Prometheus:
    """One server that scrapes one target every second.

    Args:
        home: An empty directory.
        target: ``host:port``.
    """

    def __init__(self, home: Path, target: str) -> None:
        self._program = program("prometheus")
        self._home = home
        self._target = target
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self) -> None:
        """Start it and wait until it answers. A port that was taken meanwhile is given up for another."""
        config = self._home / "prometheus.yml"
        config.write_text(_CONFIG.format(rules=DEPLOY / "trio_ticks.rules.yml", target=self._target))
        for _ in range(5):
            (self.port,) = free_ports(1)
            command = [self._program, f"--config.file={config}", f"--storage.tsdb.path={self._home / 'data'}"]
            command += [f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=error"]
            with (self._home / "log").open("ab") as log:
                self._process = subprocess.Popen(command, cwd=self._home, stdout=log, stderr=log)
            if self._is_ready(self._process):
                return
        raise RuntimeError(f"prometheus does not start:\n{(self._home / 'log').read_text()[-2000:]}")

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        give_up = time.monotonic() + READY_S
        while process.poll() is None and time.monotonic() < give_up:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5):
                    return True
            except OSError:
                time.sleep(0.05)
        return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples of an instant query."""
        asked = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{asked}", timeout=READY_S) as answer:
            samples: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return samples

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
