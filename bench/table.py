"""The standings on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.clients import OURS
from bench.summary import Speed, Standing, lag, lead
from trio_ticks.app.measuring import duration_text

NONE = "-"


def tables(standings: Sequence[Standing]) -> Group:
    """Return what there is to see: speed, then age, then what failed."""
    ours = next((standing for standing in standings if standing.contestant == OURS), None)
    parts: list[RenderableType] = []
    if any(standing.plain or standing.tls for standing in standings):
        parts.append(_speeds(standings, ours))
    if any(standing.ages for standing in standings):
        parts += [_medians(standings, ours), _tails(standings)]
    parts += [
        Text(f"FAILED  {standing.title}: {fault}", style="bold red")
        for standing in standings
        for fault in standing.faults
    ]
    return Group(*parts)


def _speeds(standings: Sequence[Standing], ours: Standing | None) -> Table:
    table = _table("At full speed, on one core: receive, decode, dedup, strategy, line protocol")
    with_tls = any(standing.tls for standing in standings)
    for name in ("ticks/s", "CPU/tick", "ours is", "peak MB", *(("wss ticks/s", "ours is") if with_tls else ())):
        table.add_column(name, justify="right", no_wrap=True)
    for standing in standings:
        cells = [
            _rate(standing.plain),
            f"{standing.plain.cpu_us:.2f} µs" if standing.plain else NONE,
            _times(lead(ours.plain, standing.plain) if ours else None, standing),
            f"{standing.peak_bytes / 1e6:.0f}" if standing.peak_bytes else NONE,
        ]
        if with_tls:
            cells += [_rate(standing.tls), _times(lead(ours.tls, standing.tls) if ours else None, standing)]
        table.add_row(_title(standing), *cells)
    return table


def _medians(standings: Sequence[Standing], ours: Standing | None) -> Table:
    table = _table("Age of a tick at the strategy: median, and ours as a multiple of it")
    phases = _phases(standings)
    for phase in phases:
        table.add_column(phase, justify="right", no_wrap=True)
        table.add_column("", justify="right", style="dim", no_wrap=True)
    for standing in standings:
        cells = []
        for phase in phases:
            age = standing.ages.get(phase)
            cells += [duration_text(age.p50_us) if age else NONE, _times(_lag(ours, standing, phase), standing)]
        table.add_row(_title(standing), *cells)
    return table


def _tails(standings: Sequence[Standing]) -> Table:
    table = _table("The same, 99th percentile: mostly the machine's noise")
    phases = _phases(standings)
    for phase in phases:
        table.add_column(phase, justify="right", style="dim")
    for standing in standings:
        ages = (standing.ages.get(phase) for phase in phases)
        table.add_row(_title(standing), *(duration_text(age.p99_us) if age else NONE for age in ages))
    return table


def _phases(standings: Sequence[Standing]) -> Sequence[str]:
    return list(dict.fromkeys(phase for standing in standings for phase in standing.ages))


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    return table


def _title(standing: Standing) -> Text:
    return Text(standing.title, style="bold green" if standing.contestant == OURS else "")


def _rate(speed: Speed | None) -> str:
    return f"{speed.ticks_per_s:,.0f}" if speed else NONE


def _times(ratio: float | None, standing: Standing) -> str:
    return "" if ratio is None or standing.contestant == OURS else f"{ratio:.2f}x"


def _lag(ours: Standing | None, standing: Standing, phase: str) -> float | None:
    return lag(ours, standing, phase) if ours else None
