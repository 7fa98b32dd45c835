"""The picture: on the left what each client took for the price, on the right how old that was on average."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.polling.experiment import Result
from bench.polling.measure import Learnt
from bench.polling.report import clients, duration, figure, streamed, title
from bench.polling.venue import CODES

SHOWN = CODES[0]
"""Of the busiest recording; of the others there is nothing to see within seconds."""

WINDOW_S = 6
STEP_S = 0.5
"""Shown are the seconds in which the price moves furthest, in steps of this: where one pays for age."""

COLOURS = {
    "streamed": "#0072b2",
    "free": "#8c564b",
    "basic": "#d55e00",
    "premium": "#e69f00",
    "professional": "#7f9f2f",
}
"""By client; told apart by the colour-blind too."""

_TRUTH = "#b8bcc2"


def draw(result: Result, path: Path) -> None:
    """Write the picture, in the format that the name of the file ends in."""
    with mpl.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        picture = Figure(figsize=(11, 4.3), dpi=130, layout="constrained", facecolor="white")
        left, right = picture.subplots(1, 2, width_ratios=(1.45, 1))
        _draw_prices(left, result)
        _draw_ages(right, result)
        picture.savefig(path)


def _draw_prices(axes: Axes, result: Result) -> None:
    start_us = _liveliest(result)
    end_us = start_us + WINDOW_S * 1_000_000
    _stairs(axes, result, 0, (start_us, end_us), color=_TRUTH, linewidth=4, label="the venue")
    for name, plan, width in (("polled", "free", 1.8), ("polled", "basic", 1.8), ("streamed", "basic", 1.5)):
        place = next(
            number for number, outcome in enumerate(result.outcomes) if (outcome.name, outcome.plan) == (name, plan)
        )
        label = "streamed" if name == "streamed" else f"polled, {plan}"
        colour = COLOURS["streamed" if name == "streamed" else plan]
        _stairs(axes, result, place, (start_us, end_us), color=colour, linewidth=width, label=label)
    axes.set_xlim(0, WINDOW_S)
    axes.set_xlabel("seconds")
    axes.set_title(f"What each takes for the price of {SHOWN}", loc="left", fontsize=11, pad=26)
    axes.ticklabel_format(axis="y", useOffset=False)
    legend = axes.legend(
        loc="lower left", bbox_to_anchor=(0, 0.99), ncols=4, frameon=False, fontsize=9, handlelength=1.5, borderpad=0
    )
    legend.set_in_layout(False)  # it may be as wide as it likes


def _stairs(
    axes: Axes, result: Result, place: int, window: tuple[int, int], *, color: str, linewidth: float, label: str
) -> None:
    """Draw what one client held in a window of time."""
    start_us, end_us = window
    held = _held(result.learnt[place][SHOWN])
    before = [each for each in held if each.time_us <= start_us][-1:]
    within = [each for each in held if start_us < each.time_us <= end_us]
    prices = [result.trades[SHOWN][each.trade].price for each in (*before, *within)]
    times = [max(0.0, (each.time_us - start_us) / 1e6) for each in (*before, *within)]
    axes.step([*times, WINDOW_S], [*prices, prices[-1]], where="post", color=color, linewidth=linewidth, label=label)


def _held(learnt: Sequence[Learnt]) -> Sequence[Learnt]:
    """Return what was newer than all before it when it was learnt, and the opening."""
    newest = [Learnt(0, 0)]
    for each in learnt:
        if each.trade > newest[-1].trade:
            newest.append(each)
    return newest


def _liveliest(result: Result) -> int:
    """Return where the window begins."""
    trades = result.trades[SHOWN]

    def reach(start_us: int) -> float:
        end_us = start_us + WINDOW_S * 1_000_000
        prices = [trade.price for trade in trades if start_us <= trade.time_us <= end_us]
        return max(prices, default=0.0) - min(prices, default=0.0)

    last_us = max(result.start_us, result.end_us - WINDOW_S * 1_000_000)
    return max(range(result.start_us, last_us + 1, int(STEP_S * 1e6)), key=reach)


def _draw_ages(axes: Axes, result: Result) -> None:
    best = streamed(result).behind_s.mean
    outcomes = list(reversed(clients(result)))
    ages = [outcome.behind_s.mean for outcome in outcomes]
    colours = [COLOURS["streamed" if outcome.name == "streamed" else outcome.plan] for outcome in outcomes]
    bars = axes.barh([title(outcome) for outcome in outcomes], ages, color=colours, height=0.62)
    labels = [
        duration(age) if outcome.name == "streamed" else f"{duration(age)}  ({figure(age / best)} x)"
        for age, outcome in zip(ages, outcomes, strict=True)
    ]
    axes.bar_label(bars, labels, padding=4, fontsize=9)
    axes.set_xscale("log")
    axes.set_xlim(1e-3, max(ages) * 60)
    axes.set_xticks([1e-3, 1e-2, 1e-1, 1, 10], ["1 ms", "10 ms", "100 ms", "1 s", "10 s"])
    axes.minorticks_off()
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e4e6e9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title("Mean age of the price held", loc="left", fontsize=11, pad=26)
