"""Chaos for as long as wanted: ``python -m tests.campaigns.chaos --seed N --minutes M [--rate TICKS]``,
and with ``--through-redis`` with two programs and a Redis between them.

The same stage and the same checks as `tests.e2e.test_chaos`, with deeds drawn from the seed until the time is over.
``--write`` puts the result, with its date, at the head of its table in ``docs/chaos.md``.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import trio

from tests.support.chaos import Chaos, Found, check, open_chaos
from tests.support.chaos_redis import RedisChaos, check_with_redis

PAGE = Path(__file__).parents[2] / "docs" / "chaos.md"
RULE = "|---|"


async def trouble_the_database(chaos: Chaos, until_s: float, haste: float) -> None:
    """Kill, stall and misquote the database, in the order of the seed."""
    while trio.current_time() < until_s:
        deed = chaos.rng.choice([chaos.kill_influxd, chaos.stall_influxd, chaos.spoil_answers, chaos.spoil_answers])
        await chaos.do(deed)
        await trio.sleep(chaos.rng.uniform(0.0, 2.0) / haste)


async def trouble_the_program(chaos: Chaos, until_s: float, haste: float) -> None:
    """Kill the program, and cut its feed."""
    while trio.current_time() < until_s:
        deed = chaos.rng.choice([chaos.kill_program, chaos.kill_program, chaos.cut_feed, chaos.shut_feed])
        await chaos.do(deed)
        await trio.sleep(chaos.rng.uniform(0.0, 8.0) / haste)


async def trouble_redis(chaos: RedisChaos, until_s: float, haste: float) -> None:
    """Kill and stall what is between the programs, and kill the second one."""
    while trio.current_time() < until_s:
        await chaos.do(chaos.rng.choice([chaos.kill_reader, chaos.kill_redis, chaos.stall_redis]))
        await trio.sleep(chaos.rng.uniform(0.0, 4.0) / haste)


async def campaign(home: Path, table: Table, asked: argparse.Namespace) -> tuple[Found, Counter[str], float]:
    """Run it; return what was found, what was done, and how many ticks a second were sent."""
    async with open_chaos(home, table.stage, seed=asked.seed, rate=asked.rate) as chaos:
        began = trio.current_time()
        until_s = began + asked.minutes * 60
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trouble_the_database, chaos, until_s, asked.haste)
            nursery.start_soon(trouble_the_program, chaos, until_s, asked.haste)
            if isinstance(chaos, RedisChaos):
                nursery.start_soon(trouble_redis, chaos, until_s, asked.haste)
        sent = chaos.sent.count / (trio.current_time() - began)
        await chaos.finish()
        return await trio.to_thread.run_sync(table.check, chaos), chaos.deeds, sent


@attrs.frozen
class Table:
    """One way to run it, and the table of its results.

    Attributes:
        heading: Of the table's section on the page.
        stage: What runs.
        check: What has to be true at the end.
        deeds: What is counted, a column each, between how long it ran and how often the feed was cut.
    """

    heading: str
    stage: type[Chaos]
    check: Callable[[Any], Found]
    deeds: tuple[str, ...]

    def row(self, found: Found, deeds: Counter[str], *, sent: float, asked: argparse.Namespace) -> str:
        """Return a result as a row of the table."""
        cells = [
            f"{datetime.now(UTC):%Y-%m-%d}",
            f"{asked.seed}",
            f"{asked.minutes:g} min, {sent:,.0f}/s",
            *(f"{deeds[name]:,}" for name in self.deeds),
            f"{deeds['cut feed'] + deeds['shut feed']:,}",
            f"{found.sent:,}",
            f"{found.journaled:,}",
            f"{found.stored:,}",
            f"{found.in_gaps:,}",
            "0",
        ]
        return f"| {' | '.join(cells)} |"

    def write(self, line: str) -> None:
        """Put a row at the head of the table."""
        page = PAGE.read_text()
        head = page.index("\n", page.index(RULE, page.index(self.heading)))
        PAGE.write_text(f"{page[:head]}\n{line}{page[head:]}")


_DEEDS = ("kill influxd", "stall influxd", "spoil answers")
ALONE = Table("## Results", Chaos, check, ("kill program", *_DEEDS))
WITH_REDIS = Table(
    "## With Redis in between",
    RedisChaos,
    check_with_redis,
    ("kill program", "kill reader", "kill redis", "stall redis", *_DEEDS),
)


def main() -> None:
    """Read the command line, run, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=10_000.0)
    parser.add_argument("--haste", type=float, default=1.0, help="so many times shorter pauses between the deeds")
    parser.add_argument("--through-redis", action="store_true")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    table = WITH_REDIS if asked.through_redis else ALONE
    with tempfile.TemporaryDirectory() as home:
        found, deeds, sent = trio.run(campaign, Path(home), table, asked)
    line = table.row(found, deeds, sent=sent, asked=asked)
    sys.stdout.write(f"{line}\n{found}\n{platform.platform()}, Python {platform.python_version()}\n")
    if asked.write:
        table.write(line)


if __name__ == "__main__":
    main()
