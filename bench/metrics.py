"""What metrics and open pages cost the engine: ``python -m bench.metrics [--seconds N] [--rate N] [--rounds N]``.

What counting and serving cost in CPU time is told by pairs of runs: one without any of it, in which not even ages are
counted, and one that is scraped every second.

What lookers-on do to the age of ticks is told inside one run, since two processes differ by more than that: stretches
in which nobody looks, in which it is scraped every second, and in which ten pages are open besides take turns. Ages
are those of a strategy that runs inline. Those who look share the core of the server, not that of the engine: in life
they sit at another machine.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException

from rich import box
from rich.console import Console
from rich.table import Table

from bench.clients import OURS
from bench.plan import SERVER_CORE, Phase, Run, pin
from bench.runner import Measured, Result, RunError, perform
from bench.wire import codes
from trio_ticks.app.measuring import percentile, this_machine

START_S = 10.0
WARM_UP = Phase("warm-up", 2_000, rate=2_000)
SCRAPE_S = 1.0
PAGES = 10
LOOK_S = 0.05
"""Between two looks of somebody who does not look at pages now, whether to begin."""

ALONE, SCRAPED, PAGED = range(3)
STRETCHES = ("nobody looks", "scraped every second", f"and {PAGES} pages open")


class Audience:
    """Those who look at an engine: nobody, a scraper, a scraper and ten pages.

    Args:
        http: Where the engine serves, ``host:port``.
    """

    def __init__(self, http: str) -> None:
        self._http = http
        self._is_over = threading.Event()
        self._stretch = ALONE
        self.pages_read = 0

    def turn_to(self, stretch: int) -> None:
        """Be, from now on, those of this place in `STRETCHES`."""
        self._stretch = stretch

    @contextmanager
    def present(self) -> Iterator[None]:
        """Be there for as long as the block lasts."""
        threads = [threading.Thread(target=self._scrape)]
        threads += [threading.Thread(target=self._look, args=(symbol,)) for symbol in codes(PAGES)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def _scrape(self) -> None:
        while not self._is_over.wait(SCRAPE_S):
            if self._stretch >= SCRAPED:
                with _forgiving(), urllib.request.urlopen(f"http://{self._http}/metrics", timeout=5) as answer:
                    answer.read()

    def _look(self, symbol: str) -> None:
        url = f"http://{self._http}/stream?symbol=alltick/{symbol}"
        while not self._is_over.wait(LOOK_S):
            if self._stretch == PAGED:
                with _forgiving(), urllib.request.urlopen(url, timeout=2) as page:
                    while self._stretch == PAGED and not self._is_over.is_set() and page.read1(65_536):
                        self.pages_read += 1


def _forgiving() -> suppress:
    """Return what lets pass that the engine is not there yet, or no more."""
    return suppress(OSError, HTTPException)


def cpu_us(*, rate: float, seconds: float, http: str) -> float:
    """Return the CPU time of the process per tick, scraped every second if it serves.

    Raises:
        RunError: It failed, or lost a tick.
    """
    phases = (WARM_UP, Phase("sustained", round(rate * seconds), rate=rate))
    run = Run(OURS, phases, http=http, ages=bool(http), deadline_s=START_S + seconds)
    audience = Audience(http)
    audience.turn_to(SCRAPED if http else ALONE)
    with audience.present():
        return _checked(perform(run)).phases[-1].cpu_us


def stretches(*, rate: float, seconds: float, rounds: int) -> Sequence[Sequence[Measured]]:
    """Return, for each round, its stretches.

    Raises:
        RunError: It failed, or lost a tick, or no page was read.
    """
    plan = [Phase(name, round(rate * seconds), rate=rate) for _ in range(rounds) for name in STRETCHES]
    run = Run(OURS, (WARM_UP, *plan), http=_free(), timed=True, deadline_s=START_S + (seconds + 1) * len(plan))
    audience = Audience(run.http)
    with audience.present():
        result = perform(
            run, on_phase=lambda number: audience.turn_to((number - 1) % len(STRETCHES) if number else ALONE)
        )
    if not audience.pages_read:
        raise RunError("no page was read")
    found = _checked(result).phases
    return [found[first : first + len(STRETCHES)] for first in range(0, len(found), len(STRETCHES))]


def _checked(result: Result) -> Result:
    if result.faults:
        raise RunError("; ".join(result.faults))
    return result


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
    machine = this_machine()
    pin(SERVER_CORE)
    console = Console()
    pairs = [
        [cpu_us(rate=options.rate, seconds=options.seconds, http=http) for http in ("", _free())]
        for _ in range(options.rounds)
    ]
    ratio = statistics.median(scraped / without for without, scraped in pairs)
    least = [min(pair[place] for pair in pairs) for place in (0, 1)]
    console.print(
        f"{options.rate:,.0f} ticks/s, {options.rounds} pairs of runs: {least[0]:.2f} µs of CPU per tick without,"
        f" {least[1]:.2f} µs counted, served and scraped: {ratio:.3f}x"
    )
    console.print(_table(stretches(rate=options.rate, seconds=options.seconds, rounds=options.rounds), options.rate))
    console.print(str(machine))


def _table(rounds: Sequence[Sequence[Measured]], rate: float) -> Table:
    table = Table(title=f"{rate:,.0f} ticks/s, {len(rounds)} rounds of one run", box=box.SIMPLE_HEAD)
    for name in ("", "CPU per tick", "median age", "of alone", "99 %", "of alone"):
        table.add_column(name, justify="right" if name else "left")
    for place, name in enumerate(STRETCHES):
        cells = [name, f"{min(each[place].cpu_us for each in rounds):.2f} µs"]
        for share in (0.5, 0.99):
            ages = [[percentile(stretch.ages_us, share) for stretch in each] for each in rounds]
            ratio = statistics.median(each[place] / each[0] for each in ages)
            cells += [f"{statistics.median(each[place] for each in ages):.0f} µs", f"{ratio:.2f}x"]
        table.add_row(*cells)
    return table


if __name__ == "__main__":
    main()
