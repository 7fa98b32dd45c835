"""What ``backtest`` takes on the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from trio_ticks.app.backtest import Backtesting, run_backtest
from trio_ticks.app.journal_commands import AsJson, End, Start, Symbols, Zone
from trio_ticks.app.recordings import Params, RecordingPath


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        "backtest",
        epilog="Example: [bold]trio-ticks backtest ticks.journal --strategy mine:momentum --param fast=20[/bold]",
    )(_backtest)


def _backtest(
    journal: RecordingPath,
    strategy: Annotated[
        str, typer.Option(metavar="MODULE:FUNCTION", help="An async function of Ticks, or a Strategy.")
    ],
    symbols: Symbols = None,
    param: Params = None,
    start: Start = None,
    end: End = None,
    tz: Zone = "UTC",
    seed: Annotated[int, typer.Option(metavar="N", help="Orders tasks that can run at the same instant.")] = 0,
    as_json: AsJson = False,  # noqa: FBT002 - typer's way to say that an option is off
    signals: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write its signals as JSON lines; -: standard output.")
    ] = None,
) -> None:
    """Run a strategy on recorded ticks in market time: its timers end between exactly the right two ticks."""
    run_backtest(
        Backtesting(
            journal=journal,
            strategy=strategy,
            symbols=symbols or (),
            params=param or (),
            start=start,
            end=end,
            tz=tz,
            seed=seed,
            as_json=as_json,
            signals=signals,
        )
    )
