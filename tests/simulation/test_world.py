"""The whole engine in simulated worlds: one seed decides everything, and the laws hold in every one of them."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from trio_ticks.testing.world import simulate_seed
from trio_ticks.testing.world.command import main, seeds_of
from trio_ticks.testing.world.plan import plan_of

ROOT = Path(__file__).parents[2]

SEEDS = 300
TOGETHER = 20

FOUND: dict[int, str] = {
    6: "one line that the database refuses alone held its sink up for ever: the search for it ended before it began",
    865: "a full disk took from the journal what every sink had, and a restart would have read: a trade came twice",
    2103: "a tick that was held came by a session that was over, and spoke after a restart for one that was dead",
    3079: "a line that had just come took over from one that ended: what was on its way by that one was in no gap",
    5076: "the same, of two lines in full flow",
    5583: "the same, where both came back from a cut",
}
"""Seeds that ever found a bug of the engine's, and which."""


def check(seeds: range | list[int]) -> None:
    outcomes = [simulate_seed(seed) for seed in seeds]
    broken = [f"seed {outcome.seed}: {outcome.broken}" for outcome in outcomes if outcome.broken is not None]
    assert not broken, "\n".join([*broken, "replay: python -m trio_ticks.testing simulate --trace --seeds SEED"])


@pytest.mark.parametrize("first", range(0, SEEDS, TOGETHER))
def test_the_laws_hold_in_every_world(first: int) -> None:
    """Account, count, never twice, order, identity, coverage, database, memory, grace and progress; for any seed."""
    check(range(first, first + TOGETHER))


def test_what_was_found_once_stays_mended() -> None:
    """Seeds that found a bug are run for ever, also where the others change."""
    check([*FOUND])


def test_a_seed_is_one_story() -> None:
    """The same seed gives the same trace in another process, however Python hashes there."""
    digests = set()
    for hashing in ("1", "2"):
        command = [sys.executable, "-m", "trio_ticks.testing", "simulate", "--seeds", "0:6"]
        environment = {**os.environ, "PYTHONHASHSEED": hashing}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        digests.add(re.findall("trace digest (.*)", done.stdout)[0])
    assert len(digests) == 1


def test_a_seed_draws_a_plan_of_its_own() -> None:
    """Plans are the same for a seed and differ between seeds; what one part draws leaves the others alone."""
    assert plan_of(7) == plan_of(7)
    assert len({plan_of(seed).lives for seed in range(50)}) == 50
    plan = plan_of(7)
    first = plan.dice("market").random()
    plan.dice("vendor").random()
    assert plan.dice("market").random() == first


def test_a_broken_law_is_told_with_its_replay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The command fails, names the law and the seed, prints the trace where asked, and leaves the journals behind."""

    def broken(_world: object) -> None:
        raise AssertionError("a law\nis broken")

    monkeypatch.setattr("trio_ticks.testing.world.laws.check_database", broken)
    assert main(["simulate", "--seeds", "3", "--trace", "--keep", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "seed 3: AssertionError: a law is broken" in said
    assert "--seeds 3 --trace" in said
    assert "0.000000 life 1" in said
    assert [*(tmp_path / "3").glob("*.journal")]


def test_seeds_are_one_or_a_range() -> None:
    """``7`` is one seed, ``0:300`` are as many."""
    assert (seeds_of("7"), seeds_of("0:300")) == (range(7, 8), range(300))
    for text in ("", "seven", "5:3", "4:4", "1:", ":9", "-1", "1:2:3"):
        with pytest.raises(argparse.ArgumentTypeError, match="accepted is one seed such as 7, or FIRST:END"):
            seeds_of(text)
