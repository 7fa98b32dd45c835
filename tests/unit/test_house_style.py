"""The house style is a test: lint, types and the direction of imports hold for every commit."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def asynchronous() -> list[str]:
    """Return the files that can break a rule on cancellation: parsing the others takes minutes, and finds nothing."""
    files = [path for part in ("trio_ticks", "examples") for path in sorted((ROOT / part).rglob("*.py"))]
    return [str(path.relative_to(ROOT)) for path in files if re.search(r"\basync |\bimport trio\b", path.read_text())]


CHECKS = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "cancellation": ["flake8", *asynchronous()],
    "types": ["mypy"],
}


@pytest.mark.parametrize("command", CHECKS.values(), ids=CHECKS)
def test_the_house_style_holds(command: list[str]) -> None:
    """Each tool finds nothing."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_imports_point_one_way() -> None:
    """The layers of the package, and what each may know of the outside."""
    script = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_importing_the_package_is_light() -> None:
    """`import trio_ticks` alone loads no database client, no command line and no testing kit."""
    heavy = ["influxdb_client", "coredis", "typer", "rich", "hypothesis"]
    heavy += ["pandas", "polars", "pyarrow", "asyncio.base_events"]
    script = f"import sys, trio_ticks; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not done.stdout.strip()


def test_no_module_is_hidden_by_a_package() -> None:
    """Python takes the package where both exist, so the module would be read by people and by nothing else."""
    assert [path for path in (ROOT / "trio_ticks").rglob("*.py") if path.with_suffix("").is_dir()] == []


def test_no_module_is_too_long() -> None:
    """A newcomer finds any behaviour by its file name, and reads the file in one go."""
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "trio_ticks").rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert not long
