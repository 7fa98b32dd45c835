"""Which symbols share a connection.

The symbols are laid in a row in the order of a hash, and the row is cut into equal pieces. The cuts
follow from the number of symbols alone, which makes the pieces even; and when one symbol comes or goes
every cut shifts by at most one place, which makes them stable: of all other symbols at most ``shards -
1`` change their shard, one at each cut. The hash spreads symbols with similar names, which often trade
alike, over all connections.

A change of ``shards`` itself moves many symbols. It happens when the connections that exist are full.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

from trio_ticks.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable


def assign(symbols: Iterable[str], *, shards: int) -> tuple[tuple[str, ...], ...]:
    """Spread a set of symbols over shards.

    Args:
        symbols: In any order; one that is given twice counts once.
        shards: At least 1. Where it exceeds the number of symbols, some shards are empty.

    Returns:
        For each shard its symbols, sorted. Sizes differ by at most one, and the same set gives the same
        shards in every process.
    """
    row = sorted(set(symbols), key=_place)
    cuts = [len(row) * index // shards for index in range(shards + 1)]
    return tuple(tuple(sorted(row[start:end])) for start, end in pairwise(cuts))


def _place(symbol: str) -> tuple[bytes, str]:
    # Not hash(): it differs from process to process. Not a checksum: names that differ in one letter would
    # stay neighbours.
    return hashlib.blake2b(symbol.encode(), digest_size=8).digest(), symbol


def shard_count(symbols: int, *, connections: int, per_connection: int | None, lines: int) -> int:
    """Return how many shards carry so many symbols: as few as capacity demands.

    Args:
        symbols: How many there are; 0 needs no shard.
        connections: How many the plan allows at the same time.
        per_connection: How many symbols one connection carries; None: any number.
        lines: How many connections each shard takes.

    Raises:
        ConfigError: The plan does not allow so many connections.
    """
    shards = -(-symbols // (per_connection or max(symbols, 1)))
    if shards * lines <= connections:
        return shards
    each, most = "", ""
    if per_connection:
        each = f" of at most {per_connection} symbols each"
        most = f", for at most {connections // lines * per_connection} symbols"
    raise ConfigError(
        f"symbols: {symbols} of them with lines = {lines} need {shards * lines} connections{each}; "
        f"allowed: {connections}{most}"
    )
