"""The laws of shards, for any set of symbols."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.core.sharding import assign, shard_count

SYMBOLS = st.sets(st.text(st.characters(codec="utf-8"), min_size=1, max_size=6), max_size=60)
SHARDS = st.integers(1, 12)


@given(SYMBOLS, SHARDS)
def test_every_symbol_is_in_one_shard_and_sizes_differ_by_one(symbols: set[str], shards: int) -> None:
    """Shards are a partition, and no connection carries two symbols more than another."""
    assigned = assign(symbols, shards=shards)
    assert len(assigned) == shards
    assert sorted(symbol for shard in assigned for symbol in shard) == sorted(symbols)
    sizes = [len(shard) for shard in assigned]
    assert max(sizes) - min(sizes) <= 1


@given(SYMBOLS, SHARDS, st.randoms(use_true_random=False))
def test_the_order_of_the_symbols_does_not_matter(symbols: set[str], shards: int, random: object) -> None:
    """The same set gives the same shards, in whatever order and however often it is written down."""
    shuffled = [*sorted(symbols), *sorted(symbols)]
    random.shuffle(shuffled)  # type: ignore[attr-defined] # Hypothesis' Random
    assert assign(shuffled, shards=shards) == assign(sorted(symbols), shards=shards)


@given(SYMBOLS, st.text(st.characters(codec="utf-8"), min_size=7, max_size=7), SHARDS)
def test_a_symbol_that_comes_or_goes_moves_at_most_one_per_cut(symbols: set[str], other: str, shards: int) -> None:
    """Of the symbols that stay, at most shards - 1 change their connection."""
    before = home(assign(symbols, shards=shards))
    after = home(assign(symbols | {other}, shards=shards))
    assert sum(before[symbol] != after[symbol] for symbol in symbols) <= shards - 1


def home(shards: tuple[tuple[str, ...], ...]) -> dict[str, int]:
    """Return the shard of each symbol."""
    return {symbol: index for index, shard in enumerate(shards) for symbol in shard}


@given(st.integers(1, 5_000), st.integers(1, 300), st.integers(1, 2))
def test_the_count_is_the_least_that_carries_all(symbols: int, per_connection: int, lines: int) -> None:
    """So many shards hold all symbols within each connection's room, and one less does not."""
    shards = shard_count(symbols, connections=10_000, per_connection=per_connection, lines=lines)
    assert (shards - 1) * per_connection < symbols <= shards * per_connection
