"""Records in a narrow stretch of time, so that what is asked for is some of them, and journals that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from hypothesis import strategies as st

from trio_ticks.model import Bar, Book, Clock, Gap, Record, Signal, Status, Tick, datetime_of
from trio_ticks.storage.journal import Journal
from trio_ticks.storage.layout import KINDS

DAY_US = 86_400_000_000
FIRST_US = 20_000 * DAY_US
"""2024-10-04."""

LAST_US = FIRST_US + 3 * DAY_US

# Few different ones, so that records lie just on, before and behind where a stretch begins and ends.
INSTANTS = st.builds(
    lambda quarter, us: FIRST_US + quarter * DAY_US // 4 + us, st.integers(0, 11), st.sampled_from([0, 0, 1])
)
SYMBOLS = st.sampled_from(["A", "B", "Ä B"])
NUMBERS = st.floats(allow_nan=False)
TEXTS = st.text(max_size=6)
LEVELS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=2).map(tuple)
WHOLE = st.none() | st.integers(-(2**63), 2**63 - 1)


@st.composite
def ticks(draw: st.DrawFn) -> Tick:
    """A tick whose price often is what its text says, as from a feed, and sometimes is not."""
    text = draw(st.sampled_from(["1.50", "0.1", "-0", "1_0", " 2", "", "Infinity"]))
    said = draw(st.booleans()) and text
    return Tick(
        draw(SYMBOLS),
        draw(INSTANTS),
        float(text) if said else draw(NUMBERS),
        draw(st.sampled_from([0.0, -0.0, 2.0])),
        text,
        draw(st.sampled_from(["", "2", "a\nb"])),
        draw(st.sampled_from(["buy", "sell", None])),
        draw(WHOLE),
        draw(WHOLE),
        draw(st.sampled_from(["", "coinbase"])),
        draw(INSTANTS),
        draw(st.integers(0, 3)),
        draw(st.booleans()),
        draw(st.none() | st.lists(TEXTS, max_size=2).map(tuple)),
    )


GAPS = st.builds(
    lambda start, length, *rest: Gap(start, start + length, *rest),
    INSTANTS,
    st.integers(0, DAY_US),
    st.sampled_from(["closed", "mute"]),
    st.none() | SYMBOLS,
    TEXTS,
    st.none() | st.integers(0, 9),
)
OTHERS: st.SearchStrategy[Record] = st.one_of(
    st.builds(Book, SYMBOLS, INSTANTS, LEVELS, LEVELS, WHOLE, TEXTS, INSTANTS),
    st.builds(Bar, SYMBOLS, INSTANTS, INSTANTS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.integers(0, 9)),
    st.builds(Status, TEXTS, INSTANTS, TEXTS, TEXTS, st.none() | SYMBOLS, TEXTS),
    st.builds(Clock, INSTANTS, st.none(), TEXTS),
    st.builds(
        Signal,
        TEXTS,
        SYMBOLS,
        INSTANTS,
        st.dictionaries(TEXTS, st.none() | TEXTS | NUMBERS | st.booleans(), max_size=2),
        TEXTS,
        TEXTS,
    ),
)
RECORDS: st.SearchStrategy[Record] = ticks() | ticks() | ticks() | GAPS | OTHERS
BATCHES = st.lists(st.lists(ticks(), min_size=1, max_size=8) | st.lists(RECORDS, min_size=1, max_size=8), max_size=8)
KIND_NAMES = st.sampled_from([*KINDS, "all"])


def write_journal(path: Path, batches: Iterable[Sequence[Record]], *, now_us: int = LAST_US) -> Path:
    """Make a journal, or go on with one; return its path."""
    with Journal.open(path, now_us=now_us, fsync="checkpoint") as journal:
        journal.commit(list(batches), now_us=now_us)
    return path


def naive(
    records: Iterable[Record], kind: str, symbols: Sequence[str], start_us: int | None, end_us: int | None
) -> list[Record]:
    """Return those records that a reading with these arguments has, said as simply as it can be."""
    found = []
    for item in records:
        first_us = item.start_us if isinstance(item, Gap) else item.time_us
        if (
            (kind == "all" or isinstance(item, KINDS[kind]))
            and (not symbols or item.symbol in {*symbols, None})
            and (start_us is None or item.time_us >= start_us)
            and (end_us is None or first_us < end_us)
        ):
            found.append(item)
    return found


def tick_row(tick: Tick) -> dict[str, object]:
    """Return a tick as a row of a table."""
    return {
        "symbol": tick.symbol,
        "time": datetime_of(tick.time_us),
        "ordinal": tick.ordinal,
        "price": tick.price,
        "volume": tick.volume,
        "side": tick.side,
        "trade_id": tick.trade_id,
        "sequence": tick.sequence,
        "feed": tick.feed,
        "received": datetime_of(tick.received_us),
        "late": tick.late,
        "price_text": tick.price_text,
        "volume_text": tick.volume_text,
        "conditions": None if tick.conditions is None else list(tick.conditions),
    }
