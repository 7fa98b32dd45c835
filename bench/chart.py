"""The standings as a picture for a page: two bar charts that read at a README's width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # before pyplot is imported: there need not be a screen

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from bench.clients import OURS
from bench.summary import Standing
from trio_ticks.app.measuring import Machine, duration_text

WIDTH_IN, HEIGHT_IN, DPI = 11.0, 4.4, 150
OUR_COLOUR, THEIR_COLOUR, INK = "#0b7a75", "#b8c4cc", "#22303a"


def draw(path: Path, standings: Sequence[Standing], *, phase: str, machine: Machine) -> None:
    """Write the picture; the ending of the path says in which format."""
    figure, (speeds, ages) = plt.subplots(1, 2, figsize=(WIDTH_IN, HEIGHT_IN), sharey=True, width_ratios=(1.15, 1))
    _bars(
        speeds,
        standings,
        [standing.plain.ticks_per_s / 1000 if standing.plain else None for standing in standings],
        lambda value: f"{value:,.0f}",
    )
    speeds.set_title("thousand ticks per second on one core", loc="left", fontsize=10, color=INK)
    _bars(
        ages,
        standings,
        [standing.ages[phase].p50_us if phase in standing.ages else None for standing in standings],
        duration_text,
    )
    ages.set_xscale("log")
    ages.set_title(f"median age of a tick at {phase} (log scale)", loc="left", fontsize=10, color=INK)
    speeds.invert_yaxis()  # the first one on top; the axis is shared
    figure.text(0.01, 0.015, f"{machine}. The same bytes, the same work, checked.", fontsize=7.5, color="#66757f")
    figure.tight_layout(rect=(0, 0.04, 1, 1))
    figure.savefig(path, dpi=DPI, facecolor="white")
    plt.close(figure)


def _bars(
    axes: Axes, standings: Sequence[Standing], values: Sequence[float | None], text: Callable[[float], str]
) -> None:
    """Draw one bar for each contestant, from the top, with its number behind it."""
    names = [standing.title for standing in standings]
    colours = [OUR_COLOUR if standing.contestant == OURS else THEIR_COLOUR for standing in standings]
    bars = axes.barh(names, [value or 0 for value in values], color=colours, height=0.68)
    axes.bar_label(bars, ["failed" if value is None else text(value) for value in values], padding=4, fontsize=8.5)
    axes.margins(x=0.18)
    axes.tick_params(axis="y", length=0, labelsize=9, labelcolor=INK)
    axes.tick_params(axis="x", which="both", bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
