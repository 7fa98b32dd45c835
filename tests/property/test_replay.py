"""A replay hands on what was recorded, in order, however it was cut into batches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from operator import attrgetter

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.reading import FIRST_US, INSTANTS, RECORDS, naive
from tests.support.replaying import keep_all, momentum
from trio_ticks import replay
from trio_ticks.errors import ConfigError
from trio_ticks.model import Gap, Record, Signal, Tick

SYMBOLS = st.none() | st.lists(st.sampled_from(["A", "B"]), min_size=1, unique=True)


@st.composite
def cut(draw: st.DrawFn, records: Sequence[Record]) -> list[Sequence[Record]]:
    """Cut records into batches, some of them empty."""
    places = sorted(draw(st.lists(st.integers(0, len(records)), max_size=6)))
    return [records[one:other] for one, other in pairwise([0, *places, len(records)])]


@settings(max_examples=60)
@given(data=st.data(), records=st.lists(RECORDS, min_size=1, max_size=20), symbols=SYMBOLS, start_us=INSTANTS)
def test_a_stream_is_what_was_recorded_and_asked_for(
    data: st.DataObject, records: list[Record], symbols: list[str] | None, start_us: int
) -> None:
    """Only the decisions of strategies are left out; no chunking changes anything, and the ledger adds up."""
    records.sort(key=attrgetter("time_us"))
    batches = data.draw(cut(records))
    expected = [item for item in naive(records, "all", symbols or [], start_us, None) if type(item) is not Signal]
    ask = partial(replay, keep_all, batches, symbols=symbols, start=start_us)
    ticks = sum(type(item) is Tick for item in expected)
    if not ticks:
        with pytest.raises(ConfigError, match="no tick"):
            trio.run(ask)
        return
    done = trio.run(ask)
    assert done.value == expected
    assert list(done.gaps) == [item for item in expected if type(item) is Gap]
    assert (done.ticks, done.ledger.offered, done.ledger.dropped, done.ledger.queued) == (ticks, ticks, 0, 0)


@settings(max_examples=40)
@given(data=st.data(), count=st.integers(1, 40), every=st.integers(1, 5))
def test_decisions_do_not_depend_on_the_batches(data: st.DataObject, count: int, every: int) -> None:
    """Nor do their times, which are those of the records."""
    ticks = [Tick("A", FIRST_US + (number * 7919) % 40, 1.0, late=True) for number in range(count)]
    one, other = (
        trio.run(partial(replay, momentum, batches, params={"every": every}))
        for batches in ([ticks], data.draw(cut(ticks)))
    )
    assert (one.value, one.signals) == (other.value, other.signals)
    assert len(one.signals) == count // every
