"""Shards: worked examples. The laws are in the property tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

from trio_ticks.core.sharding import assign, shard_count
from trio_ticks.errors import ConfigError

SYMBOLS = ("TSLA.US", "AAPL.US", "700.HK", "9988.HK", "BTCUSDT", "ETHUSDT", "GOLD")


def test_the_assignment_is_the_same_in_every_process() -> None:
    """Another interpreter, with another hash seed, gives the same shards: they survive a restart."""
    code = f"from trio_ticks.core.sharding import assign; print(assign({SYMBOLS!r}, shards=3))"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert printed.stdout.strip() == repr(assign(SYMBOLS, shards=3))


def test_the_assignment_is_the_same_in_every_version() -> None:
    """The shards of a release are those of the next: an upgrade moves no symbol."""
    assert assign(SYMBOLS, shards=3) == (
        ("700.HK", "GOLD"),
        ("9988.HK", "AAPL.US"),
        ("BTCUSDT", "ETHUSDT", "TSLA.US"),
    )


def test_symbols_with_similar_names_are_spread() -> None:
    """Neighbours by name do not share a shard more than chance has it: they often trade alike."""
    shards = assign([f"{number}.HK" for number in range(1, 1001)], shards=10)
    low = [sum(int(symbol.removesuffix(".HK")) <= 100 for symbol in shard) for shard in shards]
    assert sum(low) == 100
    assert max(low) <= 20  # of the first hundred; ten on average


@pytest.mark.parametrize(
    ("symbols", "connections", "per_connection", "lines", "shards"),
    [
        (0, 1, 5, 1, 0),
        (1, 1, 5, 1, 1),
        (5, 1, 5, 1, 1),
        (6, 3, 5, 1, 2),
        (15, 3, 5, 1, 3),
        (5, 2, 5, 2, 1),
        (9, 4, 5, 2, 2),
        (100_000, 1, None, 1, 1),
        (100_000, 2, None, 2, 1),
        (0, 1, None, 2, 0),
    ],
)
def test_as_few_shards_as_capacity_demands(
    symbols: int, connections: int, per_connection: int | None, lines: int, shards: int
) -> None:
    """A connection more is one more to pace and to lose; so none is opened before the others are full."""
    got = shard_count(symbols, connections=connections, per_connection=per_connection, lines=lines)
    assert got == shards


@pytest.mark.parametrize(
    ("symbols", "connections", "per_connection", "lines", "needs", "allowed"),
    [
        (6, 1, 5, 1, "2 connections of at most 5 symbols each", "1, for at most 5 symbols"),
        (5, 3, 2, 2, "6 connections of at most 2 symbols each", "3, for at most 2 symbols"),
        (1, 1, None, 2, "2 connections", "1"),
    ],
)
def test_more_than_the_plan_carries_is_refused_with_the_numbers(
    symbols: int, connections: int, per_connection: int | None, lines: int, needs: str, allowed: str
) -> None:
    """Whoever asks for too much reads what it would take, and what there is."""
    with pytest.raises(ConfigError) as caught:
        shard_count(symbols, connections=connections, per_connection=per_connection, lines=lines)
    assert str(caught.value) == (f"symbols: {symbols} of them with lines = {lines} need {needs}; allowed: {allowed}")
