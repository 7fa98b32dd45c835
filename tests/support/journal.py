"""Ticks and batches to write down."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from trio_ticks.model import Tick

if TYPE_CHECKING:
    from trio_ticks.model import Record

DATA = Path(__file__).parents[1] / "data"
NOW_US = 1_700_000_000_000_000
SPARE_BYTES = 2**30


def memory() -> Path | None:
    """Return a directory in memory, where nothing waits for a disk; None where there is none, or little room.

    What a process leaves behind is the same there. A container may have less of it than a journal wants to stay free.
    """
    there = Path("/dev/shm")
    return there if there.is_dir() and shutil.disk_usage(there).free > SPARE_BYTES else None


def recorded_trades(name: str, *, symbol: str) -> list[Tick]:
    """Return the trades of a recording, received 35 ms after they happened."""
    with (DATA / name).open(newline="") as file:
        return [
            Tick(
                symbol,
                int(row["time_us"]),
                float(row["price"]),
                float(row["volume"]),
                row["price"],
                row["volume"],
                "buy" if row["side"] == "buy" else "sell",
                int(row["trade_id"]),
                None,
                "recorded",
                int(row["time_us"]) + 35_000,
            )
            for row in csv.DictReader(file)
        ]


def made_ticks(first: int, count: int, *, symbol: str = "X") -> list[Record]:
    """Return ticks that are numbered and one second apart."""
    numbers = range(first, first + count)
    return [Tick(symbol, NOW_US + n * 1_000_000, float(n), trade_id=n, received_us=NOW_US + n) for n in numbers]
