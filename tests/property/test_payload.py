"""What is written down is read back as it was."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ticks.errors import JournalError
from trio_ticks.model import Bar, Book, Clock, Gap, Record, Signal, Status, Tick
from trio_ticks.storage.payload import decode, encode

INSTANTS = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.floats(allow_nan=False)
TEXTS = st.text(max_size=12)
LEVELS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3).map(tuple)

RECORDS: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        Tick,
        TEXTS,
        INSTANTS,
        NUMBERS,
        NUMBERS,
        TEXTS,
        TEXTS,
        st.sampled_from(["buy", "sell", None]),
        st.none() | INSTANTS,
        st.none() | INSTANTS,
        TEXTS,
        INSTANTS,
        st.integers(0, 70_000),
        st.booleans(),
        st.none() | st.lists(TEXTS, max_size=2).map(tuple),
    ),
    st.builds(Book, TEXTS, INSTANTS, LEVELS, LEVELS, st.none() | INSTANTS, TEXTS, INSTANTS),
    st.builds(Bar, TEXTS, INSTANTS, INSTANTS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.integers(0, 9)),
    st.builds(Gap, INSTANTS, INSTANTS, TEXTS, st.none() | TEXTS, TEXTS, st.none() | st.integers(0, 10**9)),
    st.builds(Status, TEXTS, INSTANTS, TEXTS, TEXTS, st.none() | TEXTS, TEXTS),
    st.builds(Clock, INSTANTS, st.none(), TEXTS),
    st.builds(Signal, TEXTS, TEXTS, INSTANTS, st.dictionaries(TEXTS, st.none() | TEXTS | NUMBERS), TEXTS, TEXTS),
)


@given(st.lists(RECORDS, max_size=8))
def test_every_record_comes_back_equal_and_in_order(records: list[Record]) -> None:
    """decode(encode(x)) == x, for any mixture of kinds."""
    assert decode(encode(records)) == records


@given(st.lists(RECORDS, min_size=1, max_size=3), st.data())
def test_a_cut_payload_is_refused(records: list[Record], data: st.DataObject) -> None:
    """No proper prefix of a payload is taken for a payload."""
    payload = encode(records)
    cut = data.draw(st.integers(0, len(payload) - 1))
    with pytest.raises(JournalError):
        decode(payload[:cut])


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    """Foreign bytes raise nothing but the declared error."""
    with contextlib.suppress(JournalError):
        decode(payload)
