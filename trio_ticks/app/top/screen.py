"""What ``top`` shows: blocks of columns that give way, the least important first, where the terminal is narrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from trio_ticks.app.measuring import duration_text as age_text
from trio_ticks.app.tables import duration_text
from trio_ticks.app.top.status import EngineStatus, Symbol, ages_of

NARROW, WIDE = 60, 100
"""Columns of a terminal: below the first only what is needed most, from the second on everything."""

OLD_US = 10_000_000
"""A price older than that is shown in yellow: in an open market most symbols trade oftener."""

OWN = "trio-ticks "
"""What the names of the program's own consumers begin with: nobody's business while they do their work."""

_COLOURS = {
    "live": "green", "running": "green", "writing": "green", "draining": "green", "waiting": "green",
    "reading": "green", "finished": "dim", "ended": "dim", "stopped": "red", "stopping": "yellow",
    "connecting": "yellow", "open": "yellow", "restarting": "yellow",
}  # fmt: skip
"""By state; all others are red. A connection that is ``waiting`` is one that is lost, and told apart below."""


@attrs.frozen
class Screen:
    """One look, as rich draws it.

    Attributes:
        status: What the engine told.
        trouble: Why the picture is old; "" where it is not.
        is_live: It is drawn anew all the time, so it has to fit; otherwise all of it is printed.
    """

    status: EngineStatus
    trouble: str = ""
    is_live: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        rest = list(_rest(self.status, width))
        room = len(self.status.symbols)
        if self.is_live:
            below = Group(*rest)
            taken = len(console.render_lines(below, options.update(height=None), pad=False)) + 5
            room = max(3, (options.height or console.height) - taken)
        yield _title(self.status, self.trouble)
        yield from _symbols(self.status, width, room)
        yield from rest


def _rest(status: EngineStatus, width: int) -> Iterator[RenderableType]:
    for block in (_connections, _consumers, _storage):
        table = block(status, width)
        if table.row_count:
            yield Text()
            yield table
    yield Text()
    yield _ledger(status)
    ages = [f"{place} {age_text(p50_us)}, 99 % {age_text(p99_us)}" for place, p50_us, p99_us in ages_of(status.ages)]
    if ages and width >= NARROW:
        yield Text.assemble(("age    ", "bold"), " · ".join(ages))
    for feed, reason in status.failed_feeds.items():
        yield Text(f"feed {feed} is given up: {reason}", "red")


def _title(status: EngineStatus, trouble: str) -> Text:
    up_s = (status.now_us - status.started_us) / 1e6
    rate = sum(symbol.rate_per_s or 0.0 for symbol in status.symbols)
    name = f"trio-ticks {status.version}".strip()
    title = Text.assemble(
        (name, "bold"), "  ", (status.state, _COLOURS.get(status.state, "red")),
        f" for {duration_text(max(0.0, up_s))} · {len(status.symbols)} symbols · {rate:,.0f} ticks/s",
    )  # fmt: skip
    if trouble:
        title.append(f"\n{trouble}", "red")
    return title


def _table(what: str, *columns: tuple[str, str]) -> Table:
    """Return a table of what is named in the first column, and (name, side) columns."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    _add_words(table, what)
    for name, side in columns:
        is_text = side == "left"
        table.add_column(name, justify="left" if is_text else "right", no_wrap=True, overflow="ellipsis")
    return table


def _add_words(table: Table, name: str) -> None:
    """Add a column of names or reasons, which gives way to others: rich narrows those first that may be wrapped."""
    table.add_column(_words(name))


def _words(words: str, style: str = "") -> Text:
    return Text(words, style, no_wrap=True, overflow="ellipsis")


def _symbols(status: EngineStatus, width: int, room: int) -> Iterator[RenderableType]:
    if not status.symbols:
        return
    yield Text()
    table = _table("symbol", ("price", "right"), ("age", "right"))
    if width >= NARROW:
        table.add_column("rate", justify="right", no_wrap=True)
        table.add_column("ticks", justify="right", no_wrap=True)
        table.add_column("feed", no_wrap=True, overflow="ellipsis")
    for symbol in status.symbols[:room]:
        cells = [_words(symbol.symbol, "bold"), Text(symbol.price_text or "-"), _age(symbol, status.now_us)]
        if width >= NARROW:
            rate = "-" if symbol.rate_per_s is None else f"{symbol.rate_per_s:,.1f}/s"
            ticks = "-" if symbol.ticks is None else f"{symbol.ticks:,}"
            cells += [Text(rate), Text(ticks), Text(symbol.feed)]
        table.add_row(*cells)
    yield table
    if (hidden := len(status.symbols) - room) > 0:
        yield Text(f"and {hidden:,} more: a taller terminal, or --once, shows them", "dim")


def _age(symbol: Symbol, now_us: int) -> Text:
    if symbol.received_us is None:
        return Text("-")
    age_us = max(0, now_us - symbol.received_us)
    text = age_text(age_us) if age_us < 1_000_000 else duration_text(age_us / 1e6)  # noqa: PLR2004 - a second
    if symbol.stale:
        return Text(f"{text} stale", "red")
    return Text(text, "yellow" if age_us >= OLD_US else "green")


def _connections(status: EngineStatus, width: int) -> Table:
    table = _table("connection", ("state", "left"), ("symbols", "right"), ("lost", "right"))
    if width >= NARROW:
        table.add_column("last tick", justify="right", no_wrap=True)
    if width >= WIDE:
        _add_words(table, "last reason")
    for line in status.lines:
        quiet = "-" if line.tick_us is None else duration_text(max(0.0, (status.now_us - line.tick_us) / 1e6))
        state = Text(line.state, "red" if line.state == "waiting" else _COLOURS.get(line.state, "red"))
        carried = f"{line.symbols - len(line.refused)}/{line.symbols}" if line.refused else str(line.symbols)
        cells: list[str | Text] = [
            _words(line.name),
            state,
            carried,
            f"{sum(line.reconnects.values()):,}",
            quiet,
            _words(line.last_error),
        ]
        table.add_row(*cells[: len(table.columns)])
    for relay in status.relays:
        cells = [
            _words(relay.name),
            _state(relay.state),
            "-",
            "-",
            f"{relay.newest - relay.position:,} behind",
            _words(relay.last_error),
        ]
        table.add_row(*cells[: len(table.columns)])
    return table


def _consumers(status: EngineStatus, width: int) -> Table:
    table = _table("consumer", ("state", "left"), ("delivered", "right"), ("dropped", "right"))
    if width >= NARROW:
        table.add_column("queued", justify="right", no_wrap=True)
        table.add_column("signals", justify="right", no_wrap=True)
    if width >= WIDE:
        _add_words(table, "last failure")
    strategies = {strategy.name: strategy for strategy in status.strategies}
    for name, counts in status.ledger.consumers.items():
        strategy = strategies.get(name)
        dropped = counts.get("dropped", 0)
        if name.startswith(OWN) and not dropped:
            continue
        cells: list[str | Text] = [
            _words(name),
            Text("-") if strategy is None else _state(strategy.state),
            f"{counts.get('delivered', 0):,}",
            Text(f"{dropped:,}", "red" if dropped else ""),
            f"{counts.get('queued', 0):,}",
            "-" if strategy is None else f"{strategy.signals:,}",
            "" if strategy is None else _words(strategy.last_error),
        ]
        table.add_row(*cells[: len(table.columns)])
    return table


def _storage(status: EngineStatus, width: int) -> Table:
    table = _table("kept in", ("state", "left"), ("stored", "right"), ("waiting", "right"))
    if width >= NARROW:
        table.add_column("lost", justify="right", no_wrap=True)
        table.add_column("behind", justify="right", no_wrap=True)
    if width >= WIDE:
        _add_words(table, "last reason")
    rows: list[tuple[str, Text, int, int, int, str, str]] = []
    if status.journal is not None:
        counts, journal = status.ledger.journal or {}, status.journal
        figures = (counts.get("journaled", 0), counts.get("queued", 0), counts.get("gapped", 0))
        rows.append(("journal", _state(journal.state), *figures, "-", journal.last_error))
    for sink in status.sinks:
        counts = status.ledger.sinks.get(sink.name, {})
        lost = counts.get("dead_lettered", 0) + counts.get("discarded", 0)
        figures = (counts.get("stored", 0), counts.get("pending", 0), lost)
        rows.append((sink.name, _state(sink.state), *figures, duration_text(sink.lag_s), sink.last_error))
    for name, state, stored, waiting, lost, behind, reason in rows:
        red = Text(f"{lost:,}", "red" if lost else "")
        cells: Sequence[str | Text] = (
            _words(name),
            state,
            f"{stored:,}",
            f"{waiting:,}",
            red,
            behind,
            _words(reason),
        )
        table.add_row(*cells[: len(table.columns)])
    return table


def _state(state: str) -> Text:
    return Text(state, _COLOURS.get(state, "red"))


def _ledger(status: EngineStatus) -> Text:
    ledger, gaps = status.ledger, sum(status.gaps.values())
    parts = {
        "accepted": ledger.accepted, "duplicates": ledger.duplicates, "rejected": ledger.rejected,
        "expired": ledger.expired, "late": ledger.late_dropped, "held": ledger.held, "on the way": ledger.inbox,
    }  # fmt: skip
    told = " + ".join(f"{count:,} {name}" for name, count in parts.items() if count or name == "accepted")
    return Text.assemble(
        ("ledger ", "bold"),
        f"{ledger.received:,} received = {told}",
        (f" · {gaps:,} gaps", "yellow" if gaps else "dim"),
    )
