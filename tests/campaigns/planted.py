"""Do the simulation and the properties find bugs? Each of these is planted into a copy, and looked for.

    python -m tests.campaigns.planted [--seeds 0:1000] [--only WORD]

prints which fault was found by what, and fails unless each was. A fault is a replacement of text that must match
exactly once, so that none silently stops being one as the package changes.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]

PATIENCE_S = 1_800
"""For a thousand seeds on a slow machine."""


@attrs.frozen
class Fault:
    """A bug: where, what stands there, and what is put in its place.

    Attributes:
        test: The property test that finds it; "": the simulation does.
    """

    name: str
    path: str
    old: str
    new: str
    test: str = ""


FAULTS = (
    Fault(
        "cursor advanced before the receipt",
        "runtime/draining.py",
        "        refused = await self._deliver(delivery, batch, turn.before) if batch.parts else []\n"
        "        await turn.before.wait()\n"
        "        if refused is None or not await self._settle_portion(portion, batch, refused):",
        "        await turn.before.wait()\n        is_settled = await self._settle_portion(portion, batch, [])\n"
        "        refused = await self._deliver(delivery, batch, turn.before) if batch.parts else []\n"
        "        if refused is None or not is_settled:",
    ),
    Fault(
        "a timeout taken for a receipt",
        "runtime/influx_sink.py",
        'raise SinkUnavailableError(f"no answer within {self.patience_s:g} s")',
        "return Outcome(Verdict.STORED)",
    ),
    Fault(
        "200 taken for a receipt",
        "storage/outcomes.py",
        "    204: Verdict.STORED,",
        "    204: Verdict.STORED, 200: Verdict.STORED,",
    ),
    Fault(
        "refused lines not kept as dead letters",
        "runtime/influx_sink.py",
        "refused += [Refused(indexes",
        "_ = [Refused(indexes",
    ),
    Fault(
        "a single refused line ends the search with an error",
        "runtime/influx_sink.py",
        "search, told = sift(len(lines), reason), None",
        "search = sift(len(lines), reason); told = None; next(search); search = sift(len(lines), reason)",
    ),
    Fault(
        "a resend gets new ordinals",
        "runtime/influx_sink.py",
        "return self.encoder.encode_stored(batch.parts, place=batch.place)",
        "import attrs as a; from trio_ticks.storage import payload as p; return self.encoder.encode_stored("
        "[(at, p.encode([a.evolve(item, ordinal=n % 7) if type(item).__name__ == 'Tick' else item for n, item in"
        " enumerate(p.decode(stored))])) for at, stored in batch.parts])",
    ),
    Fault(
        "retention ignores a cursor",
        "storage/journal/retention.py",
        "SELECT min(position) FROM cursor",
        "SELECT max(position) FROM cursor",
        test="tests/property/test_journal_machine.py",
    ),
    Fault(
        "marks not saved with the batch",
        "runtime/journaling.py",
        "            marks.update(entry.marks)",
        "            marks.update({})",
    ),
    Fault("a restart reads the journal from too late", "core/saving.py", "begun.behind", "begun.position + 3"),
    Fault(
        "the ordinal is off by one after a restart",
        "core/sequencer.py",
        ".size = tick.ordinal + 1",
        ".size = tick.ordinal",
    ),
    Fault(
        "the window is never evicted",
        "core/sequencer.py",
        "        while len(order) > 1:",
        "        while len(order) > 1 and limits.window_us < 0:",
    ),
    Fault(
        "the floor moves too early",
        "core/sequencer.py",
        "min(window.high_us, window.newest_us) - limits.window_us",
        "min(window.high_us, window.newest_us) - limits.window_us // 8",
    ),
    Fault(
        "a late tick that is dropped is not counted",
        "core/sequencer.py",
        "self._late_dropped += 1",
        "self._late_dropped += 0",
    ),
    Fault(
        "sessions are told apart by time alone",
        "core/identity.py",
        "return [tick.time_us, price, volume, tick.side]",
        "return [tick.time_us, 0.0, 0.0, None]",
    ),
    Fault(
        "a repeat in another session is a new trade",
        "core/window.py",
        "        if shown == accepted:",
        "        if shown != accepted:",
    ),
    Fault(
        "the end of a gap is wrong",
        "core/coverage.py",
        "start_us, end_us = sorted((past.until_us, again_us))",
        "start_us = end_us = past.until_us",
    ),
    Fault(
        "coverage starts at the connect",
        "runtime/reader.py",
        "await self._go_live(fresh, wakeup.received_us)",
        "await self._go_live(fresh, self.talk.opened_us)",
    ),
    Fault(
        "a link that died is covered until it is noticed",
        "runtime/line.py",
        "talk.covered_until_us(cause)",
        "self._setup.wiring.now_us()",
    ),
    Fault(
        "an unshielded close",
        "runtime/keeping.py",
        "with trio.CancelScope(shield=True):",
        "with trio.CancelScope(shield=False):",
    ),
    Fault(
        "a stop without a deadline",
        "runtime/engine.py",
        "self._drain.deadline = trio.current_time() + self._plan.grace_s",
        "pass",
    ),
    Fault(
        "silence is never noticed",
        "runtime/reader.py",
        "if trio.current_time() < due + STALLED_S:",
        "if trio.current_time() < due - STALLED_S:",
    ),
    Fault(
        "what the disk refuses is forgotten",
        "core/recording.py",
        "        self._entries.extendleft(reversed(self._taken))\n",
        "",
    ),
    Fault(
        "what is left out is not in the gap",
        "core/recording.py",
        "        self.ticks += entry.ticks\n        self.marks",
        "        self.marks",
    ),
    Fault(
        "the backoff is reset by a connect",
        "core/backoff.py",
        "if lasted_s is not None and lasted_s >= self._healthy_s:",
        "if lasted_s is not None:",
        test="tests/property/test_backoff_property.py",
    ),
)


def main() -> int:
    """Plant, look, and print the table; return 0 where every fault was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0:1000")
    parser.add_argument("--only", default="", help="faults whose name holds this word")
    parser.add_argument("--jobs", default="1")
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if options.only in fault.name]
    missed = 0
    print("| planted | found by | seconds |\n|---|---|---|", flush=True)
    for fault in chosen:
        began = time.monotonic()
        found = look_for(fault, options.seeds, options.jobs)
        missed += not found
        print(f"| {fault.name} | {found or '**nothing**'} | {time.monotonic() - began:.0f} |", flush=True)
    print(f"\n{len(chosen) - missed} of {len(chosen)} found")
    return 1 if missed else 0


def look_for(fault: Fault, seeds: str, jobs: str) -> str:
    """Return what found a fault, "" where nothing did."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for part in ("trio_ticks", "tests"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("pyproject.toml", "conftest.py"):
            shutil.copy(ROOT / file, copy / file)
        plant(fault, copy / "trio_ticks")
        if fault.test:
            return (
                f"`{fault.test}`" if run(copy, "pytest", "-q", "-x", "-p", "no:cacheprovider", fault.test)[0] else ""
            )
        code, said = run(copy, "trio_ticks.testing", "simulate", "--first", "--seeds", seeds, "--jobs", jobs)
        found = re.search(r"^seed (\d+): (?:AssertionError: )?(.{0,90})", said, re.MULTILINE)
        return f"seed {found[1]}: {found[2]}" if code and found else ""


def plant(fault: Fault, package: Path) -> None:
    """Put a fault into a copy of the package."""
    file = package / fault.path
    source = file.read_text()
    times = source.count(fault.old)
    if times != 1:
        raise SystemExit(f"{fault.name}: its place in {fault.path} is there {times} times, not once")
    file.write_text(source.replace(fault.old, fault.new))


def run(where: Path, *command: str) -> tuple[int, str]:
    """Run a module in a directory; return its exit code, 0 where it took too long, and what it said."""
    paths = {**os.environ, "PYTHONPATH": str(where)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=where,
            env=paths,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 0, ""
    return done.returncode, done.stdout


if __name__ == "__main__":
    sys.exit(main())
