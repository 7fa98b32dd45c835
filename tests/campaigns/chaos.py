"""Chaos for as long as wanted: ``python -m tests.campaigns.chaos --seed N --minutes M [--rate TICKS] [--write]``.

The same stage and the same checks as `tests.e2e.test_chaos`, with deeds drawn from the seed until the time is over.
``--write`` puts the result, with its date, at the head of the table in ``docs/chaos.md``.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import trio

from tests.support.chaos import Chaos, Found, check, open_chaos

PAGE = Path(__file__).parents[2] / "docs" / "chaos.md"
RULE = "|---|"


async def trouble_the_database(chaos: Chaos, until_s: float) -> None:
    """Kill, stall and misquote the database, in the order of the seed."""
    while trio.current_time() < until_s:
        deed = chaos.rng.choice([chaos.kill_influxd, chaos.stall_influxd, chaos.spoil_answers, chaos.spoil_answers])
        await chaos.do(deed)
        await trio.sleep(chaos.rng.uniform(0.0, 2.0))


async def trouble_the_program(chaos: Chaos, until_s: float) -> None:
    """Kill the program, and cut its feed."""
    while trio.current_time() < until_s:
        deed = chaos.rng.choice([chaos.kill_program, chaos.kill_program, chaos.cut_feed, chaos.shut_feed])
        await chaos.do(deed)
        await trio.sleep(chaos.rng.uniform(0.0, 8.0))


async def campaign(home: Path, *, seed: int, minutes: float, rate: float) -> tuple[Found, Counter[str], float]:
    """Run it; return what was found, what was done, and how many ticks a second were sent."""
    async with open_chaos(home, seed=seed, rate=rate) as chaos:
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trouble_the_database, chaos, began + minutes * 60)
            nursery.start_soon(trouble_the_program, chaos, began + minutes * 60)
        sent = chaos.sent.count / (trio.current_time() - began)
        await chaos.finish()
        return await trio.to_thread.run_sync(check, chaos), chaos.deeds, sent


def row(found: Found, deeds: Counter[str], *, sent: float, seed: int, minutes: float) -> str:
    """Return a result as a row of the table."""
    killed = ("kill program", "kill influxd", "stall influxd", "spoil answers")
    cells = [
        f"{datetime.now(UTC):%Y-%m-%d}",
        f"{seed}",
        f"{minutes:g} min, {sent:,.0f}/s",
        *(f"{deeds[name]:,}" for name in killed),
        f"{deeds['cut feed'] + deeds['shut feed']:,}",
        f"{found.sent:,}",
        f"{found.journaled:,}",
        f"{found.stored:,}",
        f"{found.in_gaps:,}",
        "0",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Read the command line, run, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=10_000.0)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        found, deeds, sent = trio.run(_campaign, Path(home), asked)
    line = row(found, deeds, sent=sent, seed=asked.seed, minutes=asked.minutes)
    sys.stdout.write(f"{line}\n{found}\n{platform.platform()}, Python {platform.python_version()}\n")
    if asked.write:
        head, rule, rows = PAGE.read_text().partition(RULE)
        first, _, rest = rows.partition("\n")
        PAGE.write_text(f"{head}{rule}{first}\n{line}\n{rest}")


async def _campaign(home: Path, asked: argparse.Namespace) -> tuple[Found, Counter[str], float]:
    return await campaign(home, seed=asked.seed, minutes=asked.minutes, rate=asked.rate)


if __name__ == "__main__":
    main()
