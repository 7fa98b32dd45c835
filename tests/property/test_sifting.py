"""The search for bad lines."""

from __future__ import annotations

from math import ceil, log2

from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.storage.sifting import BadLine, sift


@given(st.data(), st.integers(1, 300), st.booleans())
def test_exactly_the_bad_lines_are_found_and_all_others_stored(data: st.DataObject, count: int, partly: bool) -> None:
    """Whether the server stores the good part of what it refuses or nothing of it, within the promised writes."""
    bad = data.draw(st.sets(st.integers(0, count - 1), min_size=1))
    stored = set(range(count)) - bad if partly else set()
    writes = 0
    search = sift(count, "all")
    found: list[BadLine] = []
    try:
        part = next(search)
        while True:
            writes += 1
            refused = bad & set(part)
            if partly or not refused:
                stored |= set(part) - bad
            part = search.send(f"{len(part)} refused" if refused else None)
    except StopIteration as end:
        found = end.value
    assert [item.index for item in found] == sorted(bad)
    assert all(item.reason == ("all" if count == 1 else "1 refused") for item in found)
    assert stored == set(range(count)) - bad
    assert writes <= 2 * len(bad) * ceil(log2(count)) if count > 1 else writes == 0


def test_a_refusal_that_does_not_repeat_condemns_no_line() -> None:
    """Lines that are stored when they are written again are not bad, whatever was said before."""
    search = sift(8, "busy")
    # Three writes halve eight lines down to one; the fourth is of the last line alone.
    assert [list(part) for part in search] == [[0, 1, 2, 3], [4, 5], [6], [7]]
