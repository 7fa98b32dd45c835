"""Are the tests of ``core/`` worth anything? ``python -m tests.campaigns.mutation [MODULE…] [--write]``.

mutmut changes one thing at a time in a copy of a module (a comparison, a sign, an argument, a constant), and the
tests that come across the changed function must go red. What survives is listed with the reason for which it may, or
as open. Without a module: all of them, one after the other; each by itself takes between half a minute and some
minutes of one core. ``--write`` puts the result, with its date, into ``docs/mutation.md``.

It asks for mutmut, which nothing else here needs; the extra ``campaigns`` has it.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mutation.md"
REASONS = Path(__file__).with_suffix(".toml")
OPEN = "**open**"

# The fast tests that hold each module; the more important modules first. A new module is one line more.
SEQUENCING = ("unit/test_sequencer", "property/test_sequencer_laws", "property/test_sequencer_fast_path")
BARS = ("unit/test_bars", "property/test_bars")
SUITES: dict[str, tuple[str, ...]] = {
    "sequencer": (*SEQUENCING, "property/test_sequencer_machine", "property/test_saving"),
    "window": (*SEQUENCING, "property/test_sequencer_machine"),
    "identity": SEQUENCING,
    "front": (*SEQUENCING, "property/test_sequencer_machine"),
    "coverage": ("property/test_coverage", "property/test_saving"),
    "pacing": ("unit/test_pacing", "property/test_pacing_property", "property/test_pacing_machine"),
    "ledger": ("unit/test_ledger", "property/test_intake"),
    "recording": ("property/test_recording",),
    "saving": ("property/test_saving",),
    "timestamps": ("unit/test_timestamps", "property/test_timestamps_property"),
    "intake": ("unit/test_intake", "property/test_intake"),
    "overflow": ("unit/test_overflow", "property/test_overflow_property"),
    "freshness": ("property/test_freshness",),
    "suspects": ("property/test_suspects",),
    "sharding": ("unit/test_sharding", "property/test_sharding_property"),
    "backoff": ("unit/test_backoff", "property/test_backoff_property"),
    "instants": ("unit/test_instants",),
    "expiry": ("unit/test_expiry",),
    "marks": ("property/test_redis_entry",),
    "relaying": ("unit/test_redis_config", "property/test_redis_entry"),
    "sequencer_settings": ("unit/test_config", "unit/test_sequencer"),
    "staleness": ("unit/test_staleness", "simulation/test_stale"),
    "waiting": ("property/test_waiting", "unit/test_sequencer"),
    "ages": ("unit/test_ages",),
    "clock_watch": ("unit/test_clock_watch",),
    "inband": ("property/test_inband", "simulation/test_inband"),
    "bars/counted": ("unit/test_bars", "property/test_counted_bars", "property/test_bars"),
    "bars/drafts": BARS,
    "bars/holes": BARS,
    "bars/intervals": (*BARS, "unit/test_sessions"),
    "bars/maker": BARS,
    "bars/sessions": (*BARS, "unit/test_sessions"),
    "bars/timed": BARS,
    "bars/trail": BARS,
}

# The same examples for every mutant, few of them, and none made smaller once one has failed: it is enough to know.
# A test that has taken four times as much of the processor as the longest needs is in an endless loop, and fails:
# mutmut's own limit is that of all tests together, for which one would wait for minutes.
PROFILE = """
import functools
import gc
import signal

import pytest
from hypothesis import Phase

settings.register_profile(
    "mutation",
    deadline=None,
    max_examples=50,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("mutation")


def pytest_collection_finish():
    \"\"\"Forget what was computed before the mutant came.\"\"\"
    for one in gc.get_objects():
        if type(one) is functools._lru_cache_wrapper and str(one.__module__).startswith("trio_ticks."):
            one.cache_clear()


def endless(*_):
    raise TimeoutError("15 s of the processor")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    signal.signal(signal.SIGPROF, endless)
    signal.setitimer(signal.ITIMER_PROF, 15.0, 5.0)  # again and again, as Hypothesis repeats what has failed
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
"""
SETUP = """
[mutmut]
source_paths = trio_ticks
only_mutate = trio_ticks/core/{module}.py
also_copy =
    conftest.py
    examples
timeout_multiplier = 3.0
timeout_constant = 10.0
pytest_add_cli_args = -pno:cacheprovider
pytest_add_cli_args_test_selection =
{tests}
"""


@attrs.frozen(kw_only=True)
class Survivor:
    """A change that no test saw: in which function, how the line reads with it, and why that may be."""

    function: str
    before: str
    after: str
    reason: str | None


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of a module's mutants; the endless ones count as killed."""

    module: str
    mutants: int
    endless: int
    survivors: Sequence[Survivor]

    @property
    def killed(self) -> int:
        """Those that made a test fail, or made it run for ever."""
        return self.mutants - len(self.survivors)


def examine(module: str) -> Outcome:
    """Run the tests of a module against each of its mutants, in a copy of the source."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as name:
        prepare(Path(name), module)
        mutmut(Path(name), "run", "--max-children", "1")
        return outcome_in(Path(name), module)


def prepare(home: Path, module: str) -> None:
    """Copy what is mutated and what tests it, and say how."""
    for part in ("trio_ticks", "tests", "examples"):
        shutil.copytree(ROOT / part, home / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / part, home / part)
    with (home / "conftest.py").open("a") as file:
        file.write(PROFILE)
    tests = textwrap.indent("\n".join(f"tests/{suite}.py" for suite in SUITES[module]), "    ")
    (home / "setup.cfg").write_text(SETUP.format(module=module, tests=tests))


def outcome_in(home: Path, module: str) -> Outcome:
    """Return what mutmut has found there."""
    mutmut(home, "export-cicd-stats")
    counts = json.loads((home / "mutants" / "mutmut-cicd-stats.json").read_text())
    names = re.findall(r"(\S+): (?!timeout)", mutmut(home, "results"))
    reasons = reasons_for(module)
    survivors = [survivor(one, mutmut(home, "show", one), reasons) for one in names]
    return Outcome(module=module, mutants=counts["total"], endless=counts["timeout"], survivors=survivors)


def reasons_for(module: str) -> list[dict[str, str]]:
    return tomllib.loads(REASONS.read_text()).get(module, [])  # type: ignore[no-any-return]  # as the file has it


def mutmut(home: Path, *arguments: str) -> str:
    """Run mutmut in a directory and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments], cwd=home, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"mutmut {' '.join(arguments)}: {done.stdout[-3_000:]}{done.stderr[-3_000:]}")
    return done.stdout


def survivor(name: str, diff: str, reasons: Iterable[dict[str, str]]) -> Survivor:
    """Return what `mutmut show` says of a mutant, with the reason that is kept for that line."""
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
    before, after = ("\n".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    function = re.sub(r"^x_?|__mutmut_\d+$", "", name.rpartition(".")[2]).replace("ǁ", ".").strip(".")
    return Survivor(function=function, before=before, after=after, reason=reason_of(function, after, reasons))


def reason_of(function: str, after: str, reasons: Iterable[dict[str, str]]) -> str | None:
    """Return the reason that is kept for a changed line."""
    fitting = (one["reason"] for one in reasons if one["after"] == after and function.endswith(one["function"]))
    return next(fitting, None)


def section(outcome: Outcome) -> str:
    """Return what the page says of a module."""
    dated = f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, mutmut {version('mutmut')}"
    tests = ", ".join(f"`{suite}`" for suite in SUITES[outcome.module])
    lines = [
        f"### core/{outcome.module}: {outcome.killed} of {outcome.mutants} killed",
        "",
        f"{dated}; by {tests}.{f' Endless: {outcome.endless}.' if outcome.endless else ''}",
        "",
    ]
    for one in outcome.survivors:
        lines += [f"* `{one.function}`: {one.reason or OPEN}", ""]
        lines += textwrap.indent(
            f"```diff\n{signed('-', one.before)}\n{signed('+', one.after)}\n```", "  "
        ).splitlines()
        lines.append("")
    return "\n".join(lines)


def signed(sign: str, text: str) -> str:
    return "\n".join(f"{sign} {line}" for line in text.splitlines())


def explained(module: str, text: str) -> str:
    """Return a module's section with the reasons that were found since it was written."""
    reasons = reasons_for(module)

    def again(found: re.Match[str]) -> str:
        after = "\n".join(line[4:] for line in found[2].splitlines() if line.startswith("  + "))
        return found[0].replace(OPEN, reason_of(found[1], after, reasons) or OPEN, 1)

    return re.sub(r"\* `(.+)`: .+\n\n  ```diff\n((?:  [-+].*\n)+)", again, text)


def write(outcome: Outcome | None = None) -> None:
    """Put a module's section in the place of its last one, or behind the others, and add up the table."""
    page = PAGE.read_text()
    head, *sections = re.split(r"(?m)^(?=### core/)", page)
    kept = {re.match(r"### core/([\w/]+)", one)[1]: one.rstrip() + "\n" for one in sections}  # type: ignore[index]  # as split
    if outcome is not None:
        kept[outcome.module] = section(outcome).rstrip() + "\n"
    kept = {module: explained(module, text) for module, text in kept.items()}
    ordered = [kept[module] for module in SUITES if module in kept]
    counts = {module: counts_of(kept[module]) for module in SUITES if module in kept}
    rows = ["| module | mutants | killed | | open |", "|---|---|---|---|---|"]
    rows += [row(f"`core/{module}`", *found) for module, found in counts.items()]
    rows.append(row("together", *map(sum, zip(*counts.values(), strict=True))))
    missing = [f"`{module}`" for module in modules_of_core() if module not in kept]
    rows += ["", f"Not run yet: {', '.join(missing)}." if missing else "Every module of `core/` was run."]
    head = re.sub(
        r"(?s)(<!-- table -->\n).*(<!-- end -->)", lambda found: found[1] + "\n".join(rows) + "\n" + found[2], head
    )
    PAGE.write_text(head + "\n".join(ordered))


def modules_of_core() -> list[str]:
    """Return the modules that have something to be changed, whether or not they have a suite."""
    core = ROOT / "trio_ticks" / "core"
    paths = [path for path in sorted(core.rglob("*.py")) if "def " in path.read_text()]
    return [path.relative_to(core).with_suffix("").as_posix() for path in paths]


def counts_of(text: str) -> tuple[int, int, int]:
    """Return what a module's section tells: how many mutants were killed, of how many, and what is open."""
    killed, mutants = re.findall(r"\d+", text.partition("\n")[0].rpartition(":")[2])
    return int(killed), int(mutants), text.count(f": {OPEN}\n")


def row(name: str, killed: int, mutants: int, unexplained: int) -> str:
    return f"| {name} | {mutants:,} | {killed:,} | {100 * killed / mutants:.1f} % | {unexplained or ''} |"


def main() -> None:
    """Examine the modules that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(SUITES)}; default: all")
    parser.add_argument("--write", action="store_true", help="keep the result in docs/mutation.md")
    parser.add_argument("--reasons", action="store_true", help="run nothing, only look the reasons up again")
    asked = parser.parse_args()
    if asked.reasons:
        write()
        return
    if unknown := [module for module in asked.modules if module not in SUITES]:
        parser.error(f"{unknown[0]} is none of {', '.join(SUITES)}")
    for module in asked.modules or SUITES:
        outcome = examine(module)
        print(section(outcome), flush=True)
        if asked.write:
            write(outcome)


if __name__ == "__main__":
    main()
