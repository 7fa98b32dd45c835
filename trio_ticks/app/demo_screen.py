"""What the demo shows: one screen of 80 columns, or lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

WIDTH = 80
EVENTS_SHOWN = 5
"""As many as make the screen fit into 24 lines, with the shell's prompt above it."""

STALE_S = 1.0
"""An age beyond this is shown in red: at the demo's rates a price that old means a fault."""


@attrs.frozen
class Row:
    """A symbol as the engine sees it."""

    symbol: str
    price: float | None
    age_s: float | None
    rate: float


@attrs.frozen
class Side:
    """The engine or the recipe, in counts of ticks; ``missed`` is the sum of the three after it."""

    state: str
    delivered: int
    missed: int
    cut: int
    mute: int
    thrown_away: int
    told: int


@attrs.frozen
class Event:
    """Something that happened to the ``engine``, the ``recipe``, or both (``fault``)."""

    at_s: float
    who: str
    text: str


@attrs.frozen
class View:
    """Everything there is to see."""

    elapsed_s: float
    fault_in_s: float
    fault_next: str
    rows: Sequence[Row]
    engine: Side
    recipe: Side
    events: Sequence[Event]


_COLOURS = {"live": "green", "connected": "green", "fault": "yellow", "engine": "cyan", "recipe": "magenta"}


def screen(view: View) -> RenderableType:
    """Return the live screen."""
    return Group(
        _title(view),
        Text("Two clients get the same ticks; every 10 s their connections are cut or go mute.", "dim"),
        Text(),
        _prices(view.rows),
        Text(),
        _sides(view.engine, view.recipe),
        Text("recipe: one connection, drops equal (symbol, timestamp), sleeps 3 s, no watchdog", "dim"),
        Text(),
        *(_event(event) for event in view.events[-EVENTS_SHOWN:]),
        *[Text()] * (EVENTS_SHOWN - len(view.events)),
    )


def line(view: View) -> str:
    """Return the same in one line, for a pipe."""
    rate = sum(row.rate for row in view.rows)
    return (
        f"{view.elapsed_s:5.1f} s  {rate:4.0f} ticks/s · engine {view.engine.state}, missed {view.engine.missed:,}"
        f" · recipe {view.recipe.state}, missed {view.recipe.missed:,}"
    )


def event_line(event: Event) -> str:
    """Return an event as a line."""
    return f"{event.at_s:5.1f} s  {event.who}: {event.text}"


def _title(view: View) -> Table:
    title = Table.grid(expand=True)
    title.add_column()
    title.add_column(justify="right")
    left = Text.assemble(("trio-ticks demo", "bold"), "  recorded trades over real sockets")
    title.add_row(left, Text.assemble(f"{view.elapsed_s:.0f} s  ", (_next_fault(view), "yellow")))
    title.width = WIDTH
    return title


def _next_fault(view: View) -> str:
    return f"next: {view.fault_next} in {view.fault_in_s:2.0f} s" if view.fault_in_s else "over"


def _prices(rows: Sequence[Row]) -> Table:
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="dim")
    table.add_column("symbol", min_width=10)
    for name, width in (("price", 14), ("age", 10), ("rate", 10)):
        table.add_column(name, justify="right", min_width=width)
    for row in rows:
        price = "-" if row.price is None else f"{row.price:,.2f}"
        table.add_row(Text(row.symbol, "bold"), price, _age(row.age_s), f"{row.rate:,.0f}/s")
    return table


def _age(age_s: float | None) -> Text:
    if age_s is None:
        return Text("-")
    text = f"{age_s * 1000:,.0f} ms" if age_s < STALE_S else f"{age_s:,.1f} s"
    return Text(text, "red" if age_s >= STALE_S else "green")


def _sides(engine: Side, recipe: Side) -> Table:
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="bold")
    table.add_column("", min_width=42)
    table.add_column("this engine", justify="right", min_width=14)
    table.add_column("the recipe", justify="right", min_width=14)
    table.add_row("connection", _state(engine.state), _state(recipe.state))
    table.add_row("delivered to the strategy", f"{engine.delivered:,}", f"{recipe.delivered:,}")
    table.add_row(Text("MISSED", "bold"), _missed(engine), _missed(recipe))
    table.add_row("  while cut off", f"{engine.cut:,}", f"{recipe.cut:,}", style="dim")
    table.add_row("  while open but mute", f"{engine.mute:,}", f"{recipe.mute:,}", style="dim")
    table.add_row(
        "  real trades taken for repetitions", f"{engine.thrown_away:,}", f"{recipe.thrown_away:,}", style="dim"
    )
    told = f"{engine.told} gaps" if engine.told else "nothing yet"
    table.add_row("the strategy was told of", told, "nothing" if recipe.missed else "nothing yet")
    return table


def _state(state: str) -> Text:
    return Text(f"● {state}", _COLOURS.get(state, "red"))


def _missed(side: Side) -> Text:
    return Text(f"{side.missed:,}", "bold red" if side.missed else "bold green")


def _event(event: Event) -> Text:
    colour = _COLOURS[event.who]
    return Text.assemble(
        (f"{event.at_s:5.1f} s  ", "dim"), (f"{event.who:<7}", colour), event.text, no_wrap=True, overflow="ellipsis"
    )
