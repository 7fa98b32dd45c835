"""What is written down is read back as it was."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.journal import recorded_trades
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


def _tick(exact: bool, **fields: Any) -> Tick:
    """A price that is exactly what its text says is not written at all."""
    if exact:
        with contextlib.suppress(ValueError):
            fields["price"] = float(fields["price_text"])
    return Tick(**fields)


@st.composite
def alike_ticks(draw: st.DrawFn) -> list[Record]:
    """Ticks as a feed sends them, among a few other records: what is written in columns."""
    whole = st.integers(-(2**70), 2**70) if draw(st.integers(0, 9)) == 0 else st.integers(0, 2**50)
    texts = st.sampled_from(draw(st.lists(st.text(max_size=4), min_size=1, max_size=3)))
    numbers = st.sampled_from([0.0, -0.0, 1.5, 0.1, float("inf")])
    digits = st.sampled_from(draw(st.sampled_from([["1.50", "0.1"], ["", "1.5"], ["-0", "0"], ["a\nb", "1.5"]])))
    ids = st.none() if draw(st.booleans()) else draw(st.sampled_from([whole, st.none() | whole]))
    one = st.builds(
        _tick,
        exact=st.just(draw(st.booleans())),
        price=numbers,
        price_text=digits,
        symbol=texts,
        time_us=st.integers(0, 10**6).map(lambda us: 1_700_000_000_000_000 + us),
        volume=numbers,
        volume_text=digits,
        side=st.sampled_from(["buy", "sell", None]),
        trade_id=ids,
        sequence=ids,
        feed=texts,
        received_us=whole,
        ordinal=st.integers(0, 3),
        late=st.booleans(),
        conditions=st.none() | st.just(("@", "T")),
    )
    return draw(st.lists(one | one | one | RECORDS, max_size=12))


@given(alike_ticks())
def test_ticks_in_columns_come_back_equal_and_in_order(records: list[Record]) -> None:
    """decode(encode(x)) is x to the last bit, whichever way its columns are written."""
    assert repr(decode(encode(records))) == repr(records)


@given(st.text(alphabet=st.characters(categories=["Cs", "Lu"]), max_size=3))
def test_broken_unicode_is_kept(text: str) -> None:
    """A vendor that sends half a character stops nothing."""
    record = Status(text, 1, text)
    assert decode(encode([record])) == [record]


def test_what_cannot_be_written_is_refused_by_name() -> None:
    """A strategy's own object in a signal is told, not pickled."""
    with pytest.raises(JournalError, match="a object cannot be written down"):
        encode([Signal("buy", "X", 1, {"why": object()})])  # type: ignore[dict-item] # the wrong type is the point


def test_recorded_trades_are_small() -> None:
    """The columns are what the compressor likes: 2,001 trades take less than a seventh of their rows."""
    trades = recorded_trades("btcusdt-2021-01-08.csv", symbol="BTCUSDT")
    assert len(encode(trades)) < 12 * len(trades)
    assert decode(encode(trades)) == trades


@given(st.data())
def test_changed_bytes_are_read_or_refused(data: st.DataObject) -> None:
    """A payload with one byte changed raises nothing but the declared error."""
    payload = bytearray(encode(recorded_trades("btcusdt-2021-01-08.csv", symbol="BTCUSDT")[:5]))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(JournalError):
        decode(bytes(payload))


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
