"""What metrics and open pages cost the engine: ``python -m bench.metrics [--seconds N] [--rate N] [--rounds N]``.

Each round is a run without, in which not even ages are counted, a run that is scraped every second, and one with ten
pages open besides. CPU time is the whole process's; of the pairs of a round the median counts, and ages are those of
a strategy that runs inline.
"""

from __future__ import annotations

import argparse
import dataclasses
import socket
import statistics
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException

import attrs
from rich import box
from rich.console import Console
from rich.table import Table

from bench.clients import OURS
from bench.plan import Phase, Run
from bench.runner import Result, RunError, perform
from bench.wire import codes
from trio_ticks.app.measuring import percentile, this_machine

START_S = 5.0
SCRAPE_S = 1.0
PAGES = 10


@attrs.frozen
class Cost:
    """What one run cost.

    Attributes:
        cpu_us: Of the process, per tick.
        p50_us: The middle age of a tick at an inline strategy.
    """

    cpu_us: float
    p50_us: float


def measure(*, rate: float, seconds: float, http: str, pages: int) -> Cost:
    """Run twice, once for the CPU time and once for the ages.

    Raises:
        RunError: It failed, or lost a tick.
    """
    phases = (Phase("warm-up", 2_000, rate=2_000), Phase("sustained", round(rate * seconds), rate=rate))
    run = Run(OURS, phases, http=http, ages=bool(http), deadline_s=START_S + seconds + START_S)
    with _watched(http, pages):
        plain = _checked(perform(run))
        timed = _checked(perform(dataclasses.replace(run, timed=True)))
    return Cost(plain.phases[-1].cpu_us, percentile(timed.ages_us(1), 0.5))


def _checked(result: Result) -> Result:
    if result.faults:
        raise RunError("; ".join(result.faults))
    return result


@contextmanager
def _watched(http: str, pages: int) -> Iterator[None]:
    """Scrape every second, and keep so many pages open, for as long as the block lasts."""
    over = threading.Event()
    threads = [threading.Thread(target=_scrape, args=(http, over))] if http else []
    threads += [threading.Thread(target=_look, args=(http, over, number)) for number in range(pages)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _scrape(http: str, over: threading.Event) -> None:
    while not over.wait(SCRAPE_S):
        with suppress(OSError, HTTPException), urllib.request.urlopen(f"http://{http}/metrics", timeout=5) as answer:
            answer.read()


def _look(http: str, over: threading.Event, number: int) -> None:
    """Be a page: take what comes, and come back when it ends."""
    url = f"http://{http}/stream?symbol=alltick/{codes(PAGES)[number]}"
    while not over.wait(0.2):
        with suppress(OSError, HTTPException), urllib.request.urlopen(url, timeout=2) as page:
            while not over.is_set() and page.read1(65_536):
                pass


def _free() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def main() -> None:
    """Measure, and show."""
    parser = argparse.ArgumentParser(prog="python -m bench.metrics", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=50_000.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rounds = []
    for _ in range(options.rounds):
        each = [("", 0), (_free(), 0), (_free(), PAGES)]
        rounds.append(
            [measure(rate=options.rate, seconds=options.seconds, http=http, pages=pages) for http, pages in each]
        )
    table = Table(title=f"{options.rate:,.0f} ticks/s, {options.rounds} rounds", box=box.SIMPLE_HEAD)
    for name in ("", "CPU per tick", "of without", "median age", "of without"):
        table.add_column(name, justify="right" if name else "left")
    for place, name in enumerate(("without", "scraped every second", f"and {PAGES} pages open")):
        costs = [each[place] for each in rounds]
        cpu = statistics.median(each[place].cpu_us / each[0].cpu_us for each in rounds)
        age = statistics.median(each[place].p50_us / each[0].p50_us for each in rounds)
        table.add_row(
            name,
            f"{min(cost.cpu_us for cost in costs):.2f} µs",
            f"{cpu:.3f}x",
            f"{min(cost.p50_us for cost in costs):.0f} µs",
            f"{age:.2f}x",
        )
    console = Console()
    console.print(table)
    console.print(str(this_machine()))


if __name__ == "__main__":
    main()
